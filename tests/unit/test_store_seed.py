"""Seeds: what comes with Foundry, and that loading them never costs an operator an edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundry_tui.data import sample_folder, seeds_folder
from foundry_tui.domain.languages import understood
from foundry_tui.errors import UsageError
from foundry_tui.store.catalog import get_book, list_books, update_book
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.roster import get_narrator, list_narrators, remove_narrator, update_narrator
from foundry_tui.store.seed import SeedReport, load_seeds

LANGUAGES = {"eng", "fra", "deu", "spa", "ita", "por", "rus", "jpn", "zho"}


@pytest.fixture
async def database(migrated_file: Path):
    opened = Database.connect(sqlite_url(str(migrated_file)))
    yield opened
    await opened.close()


async def load(database: Database, folder: Path) -> SeedReport:
    async with database.write() as connection:
        return await load_seeds(connection, folder)


async def test_the_seeds_serve_every_language_with_both_engines(database: Database) -> None:
    report = await load(database, seeds_folder())
    async with database.read() as connection:
        books, narrators = await list_books(connection), await list_narrators(connection)
    assert (len(books), len(narrators)) == (len(report.books), len(report.narrators))
    for engine in ("edge", "espeak"):
        assert {understood(one.language) for one in narrators if one.engine == engine} == LANGUAGES
    assert all(one.voice for one in narrators)
    assert {understood(one.language) for one in books} == LANGUAGES
    sample = next(one for one in books if one.book_id == "tin_kettle")
    assert (sample.book_name, sample.author) == ("The Tin Kettle Line", "Foundry")
    assert sample.source_path == "foundry/tin_kettle/tin_kettle.html"
    assert (sample_folder() / "tin_kettle.html").is_file()
    async with database.read() as connection:
        assert (await get_narrator(connection, sample.narrator_id or "")).engine == "espeak"


def test_the_operators_own_rows_are_not_taken() -> None:
    everything = "".join(path.read_text(encoding="utf-8") for path in seeds_folder().iterdir())
    for theirs in ("pg74", "rowan_whitmore", "20250907120000", "20250907120100"):
        assert theirs not in everything


async def test_loading_again_adds_what_is_missing_and_keeps_every_edit(database: Database) -> None:
    await load(database, seeds_folder())
    async with database.write() as connection:
        await update_book(connection, "tin_kettle", book_name="Mine now")
        await update_narrator(connection, "sonia_edge", voice="en-GB-LibbyNeural", active=False)
        await remove_narrator(connection, "guy_edge")
    assert await load(database, seeds_folder()) == SeedReport((), ("guy_edge",))
    assert await load(database, seeds_folder()) == SeedReport((), ())
    async with database.read() as connection:
        assert (await get_book(connection, "tin_kettle")).book_name == "Mine now"
        assert (await get_narrator(connection, "sonia_edge")).voice == "en-GB-LibbyNeural"


async def test_stand_ins_may_be_named_before_they_come(database: Database, tmp_path: Path) -> None:
    (tmp_path / "narrators.toml").write_text(
        '[[narrators]]\nnarrator_id = "a"\nnarrator_name = "A"\nlanguage = "en"\nfallback_narrator_id = "b"\n'
        '[[narrators]]\nnarrator_id = "b"\nnarrator_name = "B"\nlanguage = "en"\nsettings = {rate = 1.2}\n'
    )
    assert await load(database, tmp_path) == SeedReport((), ("a", "b"))
    async with database.read() as connection:
        assert (await get_narrator(connection, "a")).fallback_narrator_id == "b"
        assert (await get_narrator(connection, "b")).settings == {"rate": 1.2}


@pytest.mark.parametrize(
    "content",
    [
        "[[books]\n",
        '[[books]]\nbook_id = "b"\ncolour = "red"\n',
        '[[books]]\nbook_id = "b"\n',
        'books = "none"\n',
        b"\xff\xfe",
    ],
)
async def test_a_broken_seed_file_is_named_and_nothing_is_added(
    database: Database, tmp_path: Path, content: str | bytes
) -> None:
    (tmp_path / "narrators.toml").write_text('[[narrators]]\nnarrator_id = "a"\nnarrator_name = "A"\nlanguage = "en"\n')
    (tmp_path / "books.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=r"books\.toml cannot be read"):
        await load(database, tmp_path)
    async with database.read() as connection:
        assert await list_narrators(connection) == []
