"""Making a home: folders, configuration, database, seeds and the sample book. Run again it makes what is missing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundry_tui.data import SAMPLE_BOOK, sample_folder, seeds_folder
from foundry_tui.errors import HomeUnusable, WriteFailed
from foundry_tui.files import write_bytes
from foundry_tui.store.catalog import find_book
from foundry_tui.store.database import Database
from foundry_tui.store.roster import list_narrators
from foundry_tui.store.seed import load_seeds
from foundry_tui.store.upgrade import upgrade

CONFIG = "config.toml"
_SAMPLE_PICTURES = "kettle.*"


@dataclass(frozen=True, slots=True)
class SetUpReport:
    """What was made now, in sentences, and the commands that come next."""

    home: Path
    made: tuple[str, ...]
    next_commands: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``init --json`` prints it."""
        return {"home": str(self.home), "made": list(self.made), "next": list(self.next_commands)}


TABLES_GONE = (
    "Restore a backup into an empty folder (the verb `restore`), or put a copy of the database back. "
    "`foundry-tui init` begins with empty tables: a book added and ordered again takes up its chunks by their tags."
)


def has_spoken_books(home: Path) -> bool:
    """Whether a narrator's chunks lie in ``home``."""
    return next(home.glob("foundry/*/*/*/audio_chunks"), None) is not None


def require_tables(home: Path, file: Path) -> None:
    """Raise HomeUnusable where books were spoken in ``home`` and the database that knew of them is gone."""
    if not file.is_file() and has_spoken_books(home):
        raise HomeUnusable(f"{file} is gone, and spoken books lie in {home / 'foundry'}.", next_action=TABLES_GONE)


async def set_up(
    home: Path,
    *,
    database_url: str,
    folders: tuple[str, ...],
    config: str,
    sample: bool = True,
    seeds: bool = True,
) -> SetUpReport:
    """Make the home at ``home`` with ``config`` as its config.toml; raises HomeUnusable, DatabaseUnavailable."""
    made: list[str] = []
    try:
        made += await asyncio.to_thread(_folders_and_config, home, folders, config)
    except WriteFailed as error:
        raise HomeUnusable(error.message) from error
    database = Database.connect(database_url)
    try:
        report = await upgrade(database, backup_folder=home / "database")
        if report.changed:
            made.append(f"database {database.where}" if report.before is None else f"schema {report.after}")
        if report.backup is not None:
            made.append(f"backup {report.backup}")
        if seeds:
            await _load_seeds(database, made)
        if sample:
            await asyncio.to_thread(_copy_sample, home, made)
        book, narrator = await _sample_and_narrator(database)
    finally:
        await database.close()
    return SetUpReport(home, tuple(made), _next_commands(book, narrator))


def _folders_and_config(home: Path, folders: tuple[str, ...], config: str) -> list[str]:
    made = []
    for folder in (home, *(home / name for name in folders)):
        if not folder.is_dir():
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise HomeUnusable(f"{folder} cannot be made: {error.strerror}.") from error
            made.append(f"folder {folder}")
    if not (home / CONFIG).exists():
        write_bytes(home / CONFIG, config.encode("utf-8"))
        made.append(f"configuration {home / CONFIG}")
    return made


async def _load_seeds(database: Database, made: list[str]) -> None:
    async with database.write() as connection:
        report = await load_seeds(connection, seeds_folder())
    if report.narrators:
        made.append(f"narrators {', '.join(report.narrators)}")
    if report.books:
        made.append(f"books {', '.join(report.books)}")


def _copy_sample(home: Path, made: list[str]) -> None:
    """Copy the sample book as it came, not what a run in a checkout has made of it."""
    origin, place = sample_folder(), home / "foundry" / SAMPLE_BOOK
    files = [origin / f"{SAMPLE_BOOK}.html", *sorted((origin / "images").glob(_SAMPLE_PICTURES))]
    for file in files:
        target = place / file.relative_to(origin)
        if not target.exists():
            write_bytes(target, file.read_bytes())
            made.append(f"sample book {target}")


async def _sample_and_narrator(database: Database) -> tuple[str | None, str | None]:
    """The sample book if it is in the catalog, and a narrator to read it: its own, else any of its language."""
    async with database.read() as connection:
        book = await find_book(connection, SAMPLE_BOOK)
        if book is None:
            return None, None
        others = await list_narrators(connection, language=book.language, active=True, limit=1)
    return book.book_id, book.narrator_id or next((narrator.narrator_id for narrator in others), None)


def _next_commands(book: str | None, narrator: str | None) -> tuple[str, ...]:
    order = f"foundry-tui produce {book or 'BOOK_ID'} --narrator {narrator or 'NARRATOR'}"
    first = () if book else ("foundry-tui book add YOUR_BOOK",)
    return (*first, order, "foundry-tui --run-all")
