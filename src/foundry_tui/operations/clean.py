"""Space given back: what can be made again is deleted, what cost money only when it is named, what is needed never.

A folder is one narrator's of one book in one language; as long as any production in it is waiting, being made or failed
(and may be requeued), nothing in it is touched. What is deleted here was made by Foundry and can be made again by it,
which is why it does not go to the trash: the trash would give nothing back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundry_tui.audio.take_file import key_of_take
from foundry_tui.domain.events import Event
from foundry_tui.domain.ids import checked_book_id, checked_narrator_id
from foundry_tui.domain.languages import understood
from foundry_tui.domain.productions import Production
from foundry_tui.domain.status import Status
from foundry_tui.errors import FoundryError, UsageError
from foundry_tui.files import TEMP_MARK
from foundry_tui.storage import Library
from foundry_tui.store import cleaning as rows
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.spend import paid_keys

LEFTOVERS, CODED, FINISHED, CHUNKS, PAID = (
    "leftovers",
    "coded chapters",
    "finished files",
    "spoken chunks",
    "paid chunks",
)
_AGAIN = {
    LEFTOVERS: "nothing needs them",
    CODED: "coded again from the chunks",
    FINISHED: "published; compiled again",
    CHUNKS: "spoken again, which costs time",
    PAID: "spoken again, which costs money",
}
PAID_ENGINES = ("elevenlabs", "openai")  # whatever the ledger knows of: it is younger than some homes
_AT_REST = (Status.SUCCESS, Status.CANCELLED)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cleanable:
    """What one kind of files in one folder would give back. ``frees`` in bytes: a file linked elsewhere frees none."""

    book_id: str
    language: str
    narrator_id: str
    kind: str
    files: tuple[Path, ...]
    frees: int

    def to_json(self) -> dict[str, Any]:
        """As ``clean --json`` prints it."""
        return {
            "book_id": self.book_id,
            "language": self.language,
            "narrator_id": self.narrator_id,
            "kind": self.kind,
            "files": len(self.files),
            "frees_bytes": self.frees,
            "again": _AGAIN[self.kind],
        }


@dataclass(frozen=True, slots=True)
class CleanPlan:
    """What a cleaning would do; ``kept`` says what it leaves alone, and why."""

    items: tuple[Cleanable, ...]
    kept: tuple[str, ...] = ()

    @property
    def frees(self) -> int:
        """Bytes in all."""
        return sum(item.frees for item in self.items)

    def to_json(self) -> dict[str, Any]:
        """As ``clean --json`` prints it."""
        items = [item.to_json() for item in self.items]
        return {"frees_bytes": self.frees, "items": items, "kept": list(self.kept)}


class Clean:
    """Plans what can go, and lets it go."""

    def __init__(self, database: Database, home: Path, library: Callable[[], Library]) -> None:
        self._database = database
        self._home = home
        self._library = library

    async def plan(self, *, published: bool = False, paid: bool = False) -> CleanPlan:
        """What would go: leftovers and coded chapters of productions at rest; with ``published`` also the spoken chunks
        and doubled files of published ones, and with ``paid`` those that cost money too.

        Raises UsageError for ``paid`` without ``published``.
        """
        if paid and not published:
            raise UsageError("--paid alone means nothing.", next_action="Say --published --paid.")
        async with self._database.read() as connection:
            productions = await rows.every_production(connection)
            asked = [made.audiobook_id for made in productions if published and made.status in _AT_REST]
            paid_files = await rows.paid_artifacts(connection, asked, PAID_ENGINES)
        items: list[Cleanable] = []
        kept: list[str] = []
        for place, made in _by_folder(productions).items():
            folder = self._home / "foundry" / place[0] / place[1] / place[2]
            if not await asyncio.to_thread(folder.is_dir):
                continue
            busy = [production for production in made if production.status not in _AT_REST]
            if busy:
                kept.append(f"{'/'.join(place)}: {busy[0].audiobook_id} is {busy[0].status} and needs what is there.")
                continue
            stands = published and await asyncio.to_thread(self._all_stand, made)
            if published and not stands:
                kept.append(f"{'/'.join(place)}: {_missed(made)}, so its chunks stay.")
            found = await asyncio.to_thread(_found, folder, stands=stands)
            bought = await self._bought(found.pop(CHUNKS, []), paid_files)
            found |= {kind: files for kind, files in bought.items() if kind == CHUNKS or paid}
            if bought[PAID] and not paid:
                kept.append(f"{'/'.join(place)}: {len(bought[PAID])} paid chunks stay; --paid lets them go.")
            for kind, files in found.items():
                if files:
                    frees = await asyncio.to_thread(_frees, files)
                    items.append(Cleanable(*place, kind, tuple(files), frees))
        return CleanPlan(tuple(items), tuple(kept))

    async def carry_out(self, plan: CleanPlan) -> int:
        """Delete what was planned; a folder that somebody has begun to work in since is left alone. Gives the bytes."""
        freed = 0
        for item in plan.items:
            if not await self._at_rest(item):
                _log.info("left %s of %s alone: somebody works there now", item.kind, item.book_id)
                continue
            await asyncio.to_thread(_delete, item.files, self._home)
            freed += item.frees
        if plan.items:
            details = {"freed_bytes": freed, "items": [item.to_json() for item in plan.items]}
            async with self._database.write() as connection:
                await append(connection, [Event("cleaned", f"{freed / 1e6:,.1f} MB were freed.", details=details)])
        return freed

    async def _at_rest(self, item: Cleanable) -> bool:
        async with self._database.read() as connection:
            productions = await rows.every_production(connection)
        place = (item.book_id, item.language, item.narrator_id)
        return all(production.status in _AT_REST for production in _by_folder(productions).get(place, ()))

    def _all_stand(self, made: Sequence[Production]) -> bool:
        finished = [production for production in made if production.status is Status.SUCCESS]
        library = self._library()
        return bool(finished) and all(library.published(each.audiobook_id) is not None for each in finished)

    async def _bought(self, files: Sequence[Path], paid_files: frozenset[str]) -> dict[str, list[Path]]:
        """Chunk files by whether money was paid for them: by their row, or by the key in the file's own tags."""
        by_row = [path for path in files if path.relative_to(self._home).as_posix() in paid_files]
        others = [path for path in files if path not in set(by_row)]
        async with self._database.read() as connection:
            keys = {path: await asyncio.to_thread(key_of_take, path) for path in others}
            known = await paid_keys(connection, [key for key in keys.values() if key])
        bought = set(by_row) | {path for path, key in keys.items() if key in known or path.parent.name == "paid"}
        return {CHUNKS: [path for path in files if path not in bought], PAID: [p for p in files if p in bought]}


def _by_folder(productions: Iterable[Production]) -> Mapping[tuple[str, str, str], list[Production]]:
    folders: dict[tuple[str, str, str], list[Production]] = {}
    for made in productions:
        try:
            place = (checked_book_id(made.book_id), understood(made.language), checked_narrator_id(made.narrator_id))
        except FoundryError:
            continue  # raw SQL may hold what names no folder: nothing was made of it
        folders.setdefault(place, []).append(made)
    return folders


def _missed(made: Sequence[Production]) -> str:
    """Why what was spoken for these productions may still be needed."""
    if any(each.status is Status.SUCCESS for each in made):
        return "its audiobook is not in the library as it was published"
    return f"{made[-1].audiobook_id} is {made[-1].status} and not finished"


def _found(folder: Path, *, stands: bool) -> dict[str, list[Path]]:
    combined, chunks = folder / "combined", folder / "audio_chunks"
    leftovers = [*_files(folder.rglob(f"{TEMP_MARK}*")), *_files(combined.glob("*.packets.part*"))]
    found = {LEFTOVERS: leftovers, CODED: _files(combined.glob("*.packets"))}
    if stands:
        finished = _files(path for path in combined.rglob("*") if path.suffix not in {".json", ".packets"})
        # One that the library holds by the same link frees nothing, and would only have to be made again.
        found[FINISHED] = [path for path in finished if path.stat().st_nlink == 1 and path not in leftovers]
        found[CHUNKS] = [*_files(chunks.rglob("*.flac")), *_files((folder / "paid").rglob("*.flac"))]
    return found


def _files(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())


def _frees(files: Iterable[Path]) -> int:
    return sum(_size(path) for path in files)


def _size(path: Path) -> int:
    try:
        facts = path.stat()
    except OSError:
        return 0
    return facts.st_blocks * 512 if facts.st_nlink == 1 else 0


def _delete(files: Iterable[Path], home: Path) -> None:
    folders = set()
    for path in files:
        path.unlink(missing_ok=True)
        folders.add(path.parent)
    for folder in _deepest_first(folders):
        if folder.is_relative_to(home) and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _deepest_first(folders: Iterable[Path]) -> Iterator[Path]:
    yield from sorted(folders, key=lambda folder: -len(folder.parts))
