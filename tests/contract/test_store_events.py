"""Events: nothing lost, nothing merged, followers miss nothing; the same on both kinds of database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Level, Status
from foundry_tui.store.catalog import add_book
from foundry_tui.store.database import Database
from foundry_tui.store.event_history import Cursor, EventFilter, newest, page_after, page_before
from foundry_tui.store.events import append
from foundry_tui.store.productions import create_production
from foundry_tui.store.roster import add_narrator

FIRST, SECOND = "20250907120000", "20250907120001"


def at_noon() -> datetime:
    return datetime(2025, 9, 7, 12, 0, 0, 5_999, tzinfo=UTC)


def event(message: str, audiobook_id: str | None = FIRST, **more: object) -> Event:
    return Event(kind="note", message=message, audiobook_id=audiobook_id, **more)  # type: ignore[arg-type]


async def stock(database: Database) -> None:
    async with database.write() as connection:
        await add_narrator(connection, Narrator("n", "N", "eng"))
        for book_id in ("a", "b"):
            await add_book(connection, Book("", book_id, book_id, "eng"))
            await create_production(connection, book_id=book_id, narrator_id="n", now=at_noon)


async def test_an_event_comes_back_as_it_was_appended(database: Database) -> None:
    await stock(database)
    given = Event(
        kind="chunk_retry",
        message="[/x] \x1b[2J “chunk” 3",
        level=Level.WARNING,
        audiobook_id=FIRST,
        step_number="STEP3_audio_generation",
        step_name="audio_generation",
        status=Status.PROCESSING,
        details={"chunk": 3, "why": ["429"]},
        attempt=2,
        worker_id="host:1",
    )
    async with database.write() as connection:
        (stored,) = await append(connection, [given], now=at_noon)
        assert await append(connection, []) == []
    assert stored.timestamp == "2025-09-07 12:00:00.005"
    async with database.read() as connection:
        assert (await page_after(connection, Cursor())).events == (stored,)


async def test_what_is_no_text_in_the_words_of_others_is_told_all_the_same(database: Database) -> None:
    await stock(database)
    said = event("a \0 b \ud83d c 🎙", details={"said": ["\0\x01", "\udc80", "🎙"], "\0": 1})
    async with database.write() as connection:
        await append(connection, [said, event("the next", None, details={"as written": r"\u0000"})])
    async with database.read() as connection:
        first, second = (await page_after(connection, Cursor())).events
    assert first.message == "a \ufffd b \ufffd c 🎙"
    assert first.details == {"said": ["\ufffd\x01", "\ufffd", "🎙"], "\ufffd": 1}
    assert second.details == {"as written": r"\u0000"}


async def test_events_of_one_millisecond_all_stay_in_order(database: Database) -> None:
    await stock(database)
    async with database.write() as connection:
        await append(connection, [event(f"{n}") for n in range(300)], now=at_noon)
        await append(connection, [event("elsewhere", SECOND), event("app", None)], now=at_noon)
    async with database.write() as connection:
        (late,) = await append(connection, [event("late")], now=at_noon)
        (whole,) = await append(connection, [event("given", timestamp="2025-09-07 12:00:00")], now=at_noon)
    assert late.timestamp == "2025-09-07 12:00:00.305"
    assert whole.timestamp == "2025-09-07 12:00:00.000"
    async with database.read() as connection:
        page = await page_after(connection, Cursor(), 1000, EventFilter(audiobook_id=FIRST))
    assert [one.message for one in page.events] == [*(f"{n}" for n in range(300)), "late", "given"]
    assert len({one.timestamp for one in page.events}) == 302
    others = await database.fetch(
        "SELECT count(*) AS n FROM audiobook_process_events WHERE audiobook_id = :id", {"id": SECOND}
    )
    assert others[0]["n"] == 1


async def test_raw_sql_events_take_their_place(database: Database) -> None:
    await stock(database)
    async with database.write() as connection:
        for _ in range(2):
            await connection.execute(
                text(
                    "INSERT INTO audiobook_process_events (audiobook_id, step_number, status) VALUES (:id, 'STEP1', 'pending')"
                ),
                {"id": FIRST},
            )
            await asyncio.sleep(0.002)  # the key is to the millisecond, and raw SQL has nobody to move it on
    twice = (
        "INSERT INTO audiobook_process_events (audiobook_id, timestamp, step_number, status) "
        "VALUES (:id, '2025-01-01 00:00:00', 'STEP1', 'pending'), (:id, '2025-01-01 00:00:00', 'STEP1', 'pending')"
    )
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await connection.execute(text(twice), {"id": FIRST})
    async with database.read() as connection:
        page = await page_after(connection, Cursor())
    assert [one.message for one in page.events] == ["", ""]
    assert {one.status for one in page.events} == {Status.PENDING}


async def test_an_event_of_no_production_is_refused(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await append(connection, [event("lost", "99990101000000")])


async def test_a_rolled_back_event_never_was(database: Database) -> None:
    await stock(database)
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await append(connection, [event("never"), event("never", None), event("lost", "99990101000000")])
    async with database.read() as connection:
        assert (await page_after(connection, Cursor())).events == ()


async def test_the_page_is_the_union_of_both_tables_in_order(database: Database) -> None:
    await stock(database)
    start = at_noon()
    for n in range(30):
        async with database.write() as connection:
            whose = (FIRST, SECOND, None)[n % 3]
            await append(connection, [event(str(n), whose)], now=lambda n=n: start + timedelta(milliseconds=10 * n))
    async with database.read() as connection:
        seen: list[str] = []
        cursor = Cursor()
        while (page := await page_after(connection, cursor, 7)).events:
            seen += [one.message for one in page.events]
            assert page.cursor != cursor
            cursor = page.cursor
        assert seen == [str(n) for n in range(30)]
        assert cursor == await newest(connection)
        assert (await page_after(connection, cursor)).cursor == cursor
        back: list[str] = []
        behind: Cursor | None = None
        while (page := await page_before(connection, behind, 7)).events:
            back = [*(one.message for one in page.events), *back]
            behind = page.cursor
        assert back == seen
        of_second = await page_after(connection, Cursor(), 100, EventFilter(audiobook_id=SECOND))
        assert [one.message for one in of_second.events] == [str(n) for n in range(1, 30, 3)]


async def test_history_is_filtered(database: Database) -> None:
    await stock(database)
    async with database.write() as connection:
        await append(
            connection,
            [
                event("quiet", level=Level.DEBUG),
                event("plain"),
                event("odd", level=Level.WARNING),
                event("bad", None, level=Level.ERROR),
                event("100% sure", None),
            ],
            now=at_noon,
        )
        await connection.execute(text("INSERT INTO app_events (level, message) VALUES ('shouting', 'raw')"))
    async with database.read() as connection:

        async def found(**how: object) -> set[str]:
            page = await page_before(connection, None, 100, EventFilter(**how))  # type: ignore[arg-type]
            return {one.message for one in page.events}

        assert await found() == {"quiet", "plain", "odd", "bad", "100% sure", "raw"}
        assert await found(level=Level.INFO) == {"plain", "odd", "bad", "100% sure"}
        assert await found(level=Level.WARNING) == {"odd", "bad"}
        assert await found(level=Level.ERROR) == {"bad"}
        assert await found(text="0% S") == {"100% sure"}
        assert await found(text=FIRST) == {"quiet", "plain", "odd"}
        assert await found(kind="nothing") == set()


async def test_a_follower_beside_many_writers_misses_nothing(database_url: str) -> None:
    writers = [Database.connect(database_url) for _ in range(4)]
    reader = Database.connect(database_url)
    seen: list[str] = []

    async def write(number: int) -> None:
        for n in range(40):
            async with writers[number].write() as connection:
                await append(connection, [event(f"{number}.{n}", (FIRST, SECOND, None)[n % 3])])

    async def follow() -> None:
        cursor = Cursor()
        while len(seen) < 160:
            async with reader.read() as connection:
                page = await page_after(connection, cursor, 9)
            seen.extend(one.message for one in page.events)
            cursor = page.cursor

    try:
        await stock(reader)
        await asyncio.wait_for(asyncio.gather(follow(), *(write(number) for number in range(4))), 60)
        assert sorted(seen) == sorted(f"{number}.{n}" for number in range(4) for n in range(40))
    finally:
        for database in (*writers, reader):
            await database.close()
