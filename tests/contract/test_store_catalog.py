"""Books and narrators: added, found, listed, changed, refused, removed; the same on both kinds of database."""

from __future__ import annotations

import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.errors import Conflict, InUse, NotFound, UsageError
from foundry_tui.store.catalog import (
    BookOrder,
    add_book,
    add_books,
    count_books,
    find_book,
    get_book,
    list_books,
    remove_book,
    update_book,
)
from foundry_tui.store.database import Database
from foundry_tui.store.productions import create_production, list_productions
from foundry_tui.store.removal import (
    remove_book_with_productions,
    remove_narrator_with_productions,
    remove_production,
)
from foundry_tui.store.roster import (
    add_narrator,
    find_narrator,
    get_narrator,
    list_narrators,
    remove_narrator,
    update_narrator,
)

NOON = datetime(2025, 9, 7, 12, 0, 0, tzinfo=UTC)


def at_noon() -> datetime:
    return NOON


def book(book_id: str, title: str = "A title", **more: object) -> Book:
    return Book(id="", book_id=book_id, book_name=title, language=str(more.pop("language", "eng")), **more)  # type: ignore[arg-type]


ANNE = Narrator("anne", "Anne Elliot", "eng", gender="female", engine="espeak", voice="en-gb", settings={"rate": 1.1})
BEN = Narrator("ben", "Ben", "deu", active=False)


async def test_a_book_comes_back_as_it_was_added(database: Database) -> None:
    given = book(
        "pg11",
        "Alice’s Adventures in Wonderland — ‘Ünïcode’ 本",
        author="Lewis Carroll",
        year_published=1865,
        genre="fiction",
        summary="A girl.\nA rabbit.",
        source_path="foundry/pg11/pg11.html",
        source_url="https://example.org/11",
        isbn="9780000000000",
    )
    async with database.write() as connection:
        added = await add_book(connection, given, now=at_noon)
    assert added.id == "20250907120000"
    async with database.read() as connection:
        assert await get_book(connection, "pg11") == added
        assert await find_book(connection, "pg12") is None
        with pytest.raises(NotFound, match="no book 'pg12'"):
            await get_book(connection, "pg12")


async def test_ids_are_the_next_free_calendar_seconds(database: Database) -> None:
    async with database.write() as connection:
        await add_book(connection, Book("20250907120001", "taken", "Taken", "eng"))
        await add_book(connection, Book("20991231235959", "far", "Far ahead", "eng"))
        added = await add_books(connection, [book("b1"), book("b2"), book("b3")], now=at_noon)
    assert [one.id for one in added] == ["20250907120000", "20250907120002", "20250907120003"]


async def test_the_same_book_id_twice_is_a_conflict(database: Database) -> None:
    async with database.write() as connection:
        await add_book(connection, book("pg11"))
    with pytest.raises(Conflict, match="pg11"):
        async with database.write() as connection:
            await add_books(connection, [book("new"), book("pg11")])
    async with database.read() as connection:
        assert await count_books(connection) == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (book("Pg 11"), "no book id"),
        (book("x" * 21), "no book id"),
        (book("../etc"), "no book id"),
        (book("b", "x" * 256), "The title has 256 characters; 255 is the most"),
        (book("b", "   "), "The title must not be empty"),
        (book("b", author="a" * 300), "The author has 300"),
        (book("b", genre="g" * 101), "The genre has 101"),
        (book("b", "nul\0"), "no text"),
        (book("b", "half a pair \ud83d"), "no text"),
        (book("b", language="klingonish"), "no language code"),
    ],
)
async def test_what_a_column_cannot_hold_is_refused_whole(database: Database, given: Book, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        async with database.write() as connection:
            await add_book(connection, given)


@pytest.mark.parametrize("typed", ["en", "eng", "fr-FR", "ger", "esp", "English"])
async def test_a_language_stays_as_typed(database: Database, typed: str) -> None:
    async with database.write() as connection:
        await add_book(connection, book("b", language=typed))
        await add_narrator(connection, Narrator("n", "N", typed))
        ordered = await create_production(connection, book_id="b", narrator_id="n", language=typed)
    assert ordered.production.language == typed
    async with database.read() as connection:
        assert (await get_book(connection, "b")).language == typed
        assert (await get_narrator(connection, "n")).language == typed


async def test_a_list_is_filtered_sorted_and_windowed(database: Database) -> None:
    titles = [("c", "Émile", None, 1762), ("a", "zebra", "Bob", None), ("b", "Apple 100%_", "alice", 1900)]
    async with database.write() as connection:
        for book_id, title, author, year in titles:
            await add_book(connection, book(book_id, title, author=author, year_published=year), now=at_noon)
    async with database.read() as connection:

        async def ids(**how: object) -> str:
            return "".join(one.book_id for one in await list_books(connection, **how))  # type: ignore[arg-type]

        assert await ids() == "cab"
        assert await ids(descending=True) == "bac"
        assert await ids(order=BookOrder.BOOK_ID) == "abc"
        assert (await ids(order=BookOrder.TITLE))[:2] == "ba"
        assert await ids(order=BookOrder.AUTHOR) == "cba"
        assert await ids(order=BookOrder.YEAR, descending=True) == "bca"
        assert await ids(offset=1, limit=1) == "a"
        assert await ids(text="ALICE") == "b"
        assert await ids(text="émile") == "c"
        assert await ids(text="0%_") == "b", "signs of LIKE are text"
        assert await ids(text="%") == "b"
        assert await ids(language="deu") == ""
        assert await count_books(connection, text="e") == 3
        assert await count_books(connection, language="eng") == 3
        assert await count_books(connection, language="English") == 3, "however it is spelled"


async def test_a_book_is_changed_but_not_its_ids(database: Database) -> None:
    async with database.write() as connection:
        await add_book(connection, book("b"), now=at_noon)
        await add_narrator(connection, ANNE)
        changed = await update_book(connection, "b", book_name="Other", narrator_id="anne")
    assert (changed.book_name, changed.narrator_id) == ("Other", "anne")
    updated = await database.fetch("SELECT count(*) AS n FROM books WHERE updated_at > '2025-10-01'")
    assert updated[0]["n"] == 1, "the trigger fired"
    for wrong, error in (
        ({"book_id": "c"}, UsageError),
        ({"colour": "red"}, UsageError),
        ({"author": "a" * 256}, UsageError),
        ({"year_published": 3_000_000_000}, UsageError),
    ):
        with pytest.raises(error):
            async with database.write() as connection:
                await update_book(connection, "b", **wrong)
    with pytest.raises(NotFound, match="nobody"):
        async with database.write() as connection:
            await update_book(connection, "b", narrator_id="nobody")


async def test_a_narrator_comes_back_as_it_was_added(database: Database) -> None:
    async with database.write() as connection:
        await add_narrator(connection, ANNE)
        await add_narrator(connection, BEN)
        with pytest.raises(Conflict, match="anne"):
            await add_narrator(connection, ANNE)
        changed = await update_narrator(connection, "anne", settings={"rate": 0.9}, fallback_narrator_id="ben")
    assert changed.settings == {"rate": 0.9}
    async with database.read() as connection:
        assert await get_narrator(connection, "anne") == changed
        assert [one.narrator_id for one in await list_narrators(connection, active=True)] == ["anne"]
        assert [one.narrator_id for one in await list_narrators(connection, language="ger")] == ["ben"]
        assert [one.narrator_id for one in await list_narrators(connection, text="elliot")] == ["anne"]
    with pytest.raises(NotFound, match="nobody"):
        async with database.write() as connection:
            await update_narrator(connection, "anne", fallback_narrator_id="nobody")
    with pytest.raises(UsageError, match="stand in for itself"):
        async with database.write() as connection:
            await update_narrator(connection, "anne", fallback_narrator_id="anne")


async def _stocked(database: Database) -> list[str]:
    async with database.write() as connection:
        await add_narrator(connection, ANNE)
        await add_narrator(connection, Narrator("cleo", "Cleo", "eng", fallback_narrator_id="anne"))
        await add_book(connection, book("b", narrator_id="anne"))
        await add_book(connection, book("c"))
        orders = [
            await create_production(connection, book_id=book_id, narrator_id=narrator_id, now=at_noon)
            for book_id, narrator_id in (("b", "anne"), ("b", "cleo"), ("c", "anne"))
        ]
        ids = [order.production.audiobook_id for order in orders]
        await connection.execute(
            text(
                "INSERT INTO jobs (job_id, name, created_at, status, lease_expires_at) "
                "VALUES (7, 'parsing', 0, 'processing', 1)"  # a lease long run out
            )
        )
        await connection.execute(
            text(
                "INSERT INTO production_steps (audiobook_id, step_number, step_name, position, job_id, result) "
                "VALUES (:id, 'STEP7_publishing', 'publishing', 6, 7, '{\"folder\": \"library/x\"}')"
            ),
            {"id": ids[0]},
        )
        await connection.execute(
            text(
                "INSERT INTO audio_chunks (audiobook_id, chapter_number, chunk_index, input_key) VALUES (:id, 1, 1, 'k')"
            ),
            {"id": ids[0]},
        )
        await connection.execute(
            text(
                "INSERT INTO audiobook_process_events (audiobook_id, step_number, status) VALUES (:id, 'STEP1', 'pending')"
            ),
            {"id": ids[0]},
        )
    return ids


async def test_what_productions_hang_on_is_not_removed(database: Database) -> None:
    ids = await _stocked(database)
    with pytest.raises(InUse, match=f"has 2 productions: {ids[0]}, {ids[1]}") as caught:
        async with database.write() as connection:
            await remove_book(connection, "b")
    assert caught.value.details == {"productions": ids[:2]}
    with pytest.raises(InUse, match=f"has 2 productions: {ids[0]}, {ids[2]}"):
        async with database.write() as connection:
            await remove_narrator(connection, "anne")


async def test_a_book_goes_with_all_that_hangs_on_it(database: Database) -> None:
    ids = await _stocked(database)
    async with database.write() as connection:
        removed = await remove_book_with_productions(connection, "b")
    assert [one.audiobook_id for one in removed.productions] == ids[:2]
    assert removed.folders == ("foundry/b",)
    assert removed.results == {(ids[0], "publishing"): {"folder": "library/x"}}
    for table in ("jobs", "production_steps", "audio_chunks", "audiobook_process_events"):
        assert (await database.fetch(f"SELECT count(*) AS n FROM {table}"))[0]["n"] == 0, table
    async with database.read() as connection:
        assert [one.audiobook_id for one in await list_productions(connection)] == ids[2:]
        assert await find_book(connection, "b") is None


async def test_a_narrator_goes_and_leaves_books_and_stand_ins_without(database: Database) -> None:
    ids = await _stocked(database)
    async with database.write() as connection:
        removed = await remove_narrator_with_productions(connection, "anne")
    assert removed.folders == ("foundry/b/eng/anne", "foundry/c/eng/anne")
    async with database.read() as connection:
        assert await find_narrator(connection, "anne") is None
        assert (await get_narrator(connection, "cleo")).fallback_narrator_id is None
        assert (await get_book(connection, "b")).narrator_id is None
        assert [one.audiobook_id for one in await list_productions(connection)] == [ids[1]]


async def test_sound_that_another_production_shares_stays(database: Database) -> None:
    ids = await _stocked(database)
    async with database.write() as connection:
        await connection.execute(
            text(
                "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language) "
                "VALUES ('20240101000000', 'b', 'anne', 'en')"
            )
        )
        assert (await remove_production(connection, ids[0])).folders == ()
        assert (await remove_production(connection, "20240101000000")).folders == ("foundry/b/eng/anne",)


async def test_what_a_worker_holds_is_not_removed(database: Database) -> None:
    ids = await _stocked(database)
    async with database.write() as connection:
        await connection.execute(text("UPDATE jobs SET lease_expires_at = 99999999999"))
    with pytest.raises(InUse, match=f"making {ids[0]} just now"):
        async with database.write() as connection:
            await remove_book_with_productions(connection, "b")
    async with database.read() as connection:
        assert len(await list_productions(connection, book_id="b")) == 2


async def test_a_lease_is_judged_by_the_servers_clock(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await _stocked(database)
    async with database.write() as connection:
        await connection.execute(text(f"UPDATE jobs SET lease_expires_at = {time.time() + 600}"))
    monkeypatch.setattr("foundry_tui.store.removal.utc_now", lambda: datetime.now(UTC) + timedelta(hours=1))
    # A file has no other clock than ours.
    with nullcontext() if database.is_sqlite else pytest.raises(InUse):
        async with database.write() as connection:
            await remove_book_with_productions(connection, "b")


async def test_ids_of_raw_sql_never_name_a_folder(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(
            text("INSERT INTO books (id, book_id, book_name, language) VALUES ('1', '../../etc', 'x', 'eng')")
        )
        await add_narrator(connection, ANNE)
        await connection.execute(
            text(
                "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language) "
                "VALUES ('1', '../../etc', 'anne', 'eng')"
            )
        )
        removed = await remove_book_with_productions(connection, "../../etc")
    assert removed.folders == ()
