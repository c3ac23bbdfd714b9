"""Productions ordered and steered, and the queue of STEP 0; the same on both kinds of database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.status import Status
from foundry_tui.errors import NotFound, UsageError
from foundry_tui.store.catalog import add_book, add_books
from foundry_tui.store.database import Database
from foundry_tui.store.productions import (
    count_by_status,
    count_productions,
    create_production,
    find_production,
    get_production,
    list_productions,
    list_steps,
    pause_production,
    resume_production,
    set_priority,
    update_production,
)
from foundry_tui.store.queue import queue, queue_length
from foundry_tui.store.roster import add_narrator, update_narrator


def at_noon() -> datetime:
    return datetime(2025, 9, 7, 12, 0, 0, 123_000, tzinfo=UTC)


async def stock(database: Database, books: int = 3) -> None:
    async with database.write() as connection:
        await add_narrator(connection, Narrator("anne", "Anne Elliot", "eng"))
        await add_narrator(connection, Narrator("ben", "Ben", "eng"))
        await add_books(connection, [Book("", f"b{n}", f"Title {n}", "eng", author="A. Uthor") for n in range(books)])


async def order(database: Database, book_id: str = "b0", narrator_id: str = "anne", **more: object) -> str:
    async with database.write() as connection:
        ordered = await create_production(
            connection,
            book_id=book_id,
            narrator_id=narrator_id,
            now=at_noon,
            **more,  # type: ignore[arg-type]
        )
    return ordered.production.audiobook_id


async def test_a_production_comes_back_as_ordered(database: Database) -> None:
    await stock(database)
    async with database.write() as connection:
        ordered = await create_production(
            connection, book_id="b0", narrator_id="anne", priority=5, options={"mp3": True}, now=at_noon
        )
    made = ordered.production
    assert ordered.created
    assert (made.audiobook_id, made.status, made.language) == ("20250907120000", Status.PENDING, "eng")
    assert (made.recipe, made.priority, made.options) == ("audiobook", 5, {"mp3": True})
    assert made.created_at == "2025-09-07 12:00:00.123"
    async with database.read() as connection:
        assert await get_production(connection, made.audiobook_id) == made
        assert await find_production(connection, "1") is None
        with pytest.raises(NotFound):
            await get_production(connection, "1")


async def test_fifty_in_one_second_all_get_their_own_second(database_url: str) -> None:
    databases = [Database.connect(database_url) for _ in range(5)]  # five processes, as the database sees it
    try:
        await stock(databases[0], books=50)
        ids = await asyncio.gather(*(order(databases[n % 5], f"b{n}") for n in range(50)))
        assert sorted(ids) == [f"202509071200{second:02d}" for second in range(50)]
    finally:
        for database in databases:
            await database.close()


async def test_the_same_order_twice_is_answered_with_the_live_one(database_url: str) -> None:
    databases = [Database.connect(database_url) for _ in range(4)]
    try:
        await stock(databases[0])
        ids = await asyncio.gather(*(order(databases[n % 4]) for n in range(12)))
        assert len(set(ids)) == 1
        assert await order(databases[0], language="en") == ids[0], "the same language, spelled otherwise"
        assert await order(databases[0], language="deu") != ids[0]
        assert await order(databases[0], narrator_id="ben") != ids[0]
        assert await order(databases[0], recipe="other") != ids[0]
        for status, live in (("failed", True), ("processing", True), ("cancelled", False), ("success", False)):
            async with databases[0].write() as connection:
                await connection.execute(
                    text("UPDATE audiobook_productions SET status = :status WHERE audiobook_id = :id"),
                    {"status": status, "id": ids[0]},
                )
            again = await order(databases[0])
            assert (again == ids[0]) is live, status
            async with databases[0].write() as connection:
                await connection.execute(
                    text("DELETE FROM audiobook_productions WHERE audiobook_id = :id"),
                    {"id": "" if live else again},
                )
    finally:
        for database in databases:
            await database.close()


async def test_what_cannot_be_ordered_is_refused(database: Database) -> None:
    await stock(database)
    with pytest.raises(NotFound, match="no book 'b9'"):
        await order(database, "b9")
    with pytest.raises(NotFound, match="no narrator 'carl'"):
        await order(database, "b0", "carl")
    with pytest.raises(UsageError, match="no language code"):
        await order(database, language="x")
    with pytest.raises(UsageError, match="The recipe has 41"):
        await order(database, recipe="r" * 41)
    async with database.write() as connection:
        await update_narrator(connection, "ben", active=False)
    with pytest.raises(UsageError, match="ben is retired"):
        await order(database, "b0", "ben")
    async with database.read() as connection:
        assert await count_productions(connection) == 0


async def _step(database: Database, audiobook_id: str, position: int, status: str, job: int | None = None) -> None:
    async with database.write() as connection:
        await connection.execute(
            text(
                "INSERT INTO production_steps (audiobook_id, step_number, step_name, position, status, job_id) "
                "VALUES (:id, :number, :name, :position, :status, :job)"
            ),
            {
                "id": audiobook_id,
                "number": f"STEP{position + 1}_x",
                "name": f"x{position}",
                "position": position,
                "status": status,
                "job": job,
            },
        )


async def test_the_queue_tells_which_step_each_needs_next(database: Database) -> None:
    await stock(database)
    first, second, third = [await order(database, f"b{n}") for n in range(3)]
    done = await order(database, "b0", "ben")
    async with database.write() as connection:
        await connection.execute(
            text(
                "INSERT INTO jobs (job_id, name, created_at, status, attempt, worker_id, progress, lease_expires_at) "
                "VALUES (5, 'x1', 0, 'processing', 2, 'w', '{\"done\": 3}', 9)"
            )
        )
        await connection.execute(
            text("UPDATE audiobook_productions SET status = 'success' WHERE audiobook_id = :id"), {"id": done}
        )
        await connection.execute(
            text("UPDATE audiobook_productions SET status = 'failed' WHERE audiobook_id = :id"), {"id": third}
        )
    await _step(database, first, 0, "success")
    await _step(database, first, 1, "processing", job=5)
    await _step(database, first, 2, "pending")
    await _step(database, third, 0, "failed")
    async with database.read() as connection:
        rows = await queue(connection)
        assert [row.audiobook_id for row in rows] == [first, second, third]
        assert (rows[0].book_name, rows[0].author, rows[0].narrator_name) == ("Title 0", "A. Uthor", "Anne Elliot")
        assert (rows[0].step_number, rows[0].step_status, rows[0].steps_done, rows[0].steps_total) == (
            "STEP2_x",
            Status.PROCESSING,
            1,
            3,
        )
        assert (rows[0].job_id, rows[0].attempt, rows[0].worker_id, rows[0].progress) == (5, 2, "w", {"done": 3})
        assert (rows[1].step_number, rows[1].job_id, rows[1].progress) == (None, None, {})
        assert (rows[2].step_number, rows[2].step_status) == ("STEP1_x", Status.FAILED)
        assert await queue_length(connection) == 3
        assert [row.audiobook_id for row in await queue(connection, offset=1, limit=1)] == [second]
        assert [row.audiobook_id for row in await queue(connection, statuses=[Status.FAILED])] == [third]
        assert [row.audiobook_id for row in await queue(connection, audiobook_ids=[second])] == [second]
        assert await queue(connection, audiobook_ids=[]) == []
        assert [step.step_name for step in await list_steps(connection, first)] == ["x0", "x1", "x2"]
        assert await count_by_status(connection) == {
            Status.PENDING: 2,
            Status.PROCESSING: 0,
            Status.FAILED: 1,
            Status.SUCCESS: 1,
            Status.CANCELLED: 0,
        }


async def test_priority_and_pause_reach_the_job(database: Database) -> None:
    await stock(database)
    one = await order(database)
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO jobs (job_id, name, created_at) VALUES (5, 'x0', 0)"))
    await _step(database, one, 0, "pending", job=5)

    async def job() -> tuple[int, bool]:
        (row,) = await database.fetch("SELECT priority, paused FROM jobs")
        return row["priority"], bool(row["paused"])

    async with database.write() as connection:
        assert (await set_priority(connection, one, 9)).priority == 9
        paused = await pause_production(connection, one, now=at_noon)
    assert paused.paused_at == "2025-09-07 12:00:00.123"
    assert await job() == (9, True)
    async with database.write() as connection:
        assert (await resume_production(connection, one)).paused_at is None
    assert await job() == (9, False)
    with pytest.raises(NotFound):
        async with database.write() as connection:
            await set_priority(connection, "nothing", 1)
    async with database.write() as connection:
        await update_production(connection, one, status=Status.SUCCESS.value, totals={"chapters": 3})
    with pytest.raises(UsageError, match="nothing to pause"):
        async with database.write() as connection:
            await pause_production(connection, one)
    with pytest.raises(UsageError, match="cannot be changed"):
        async with database.write() as connection:
            await update_production(connection, one, book_id="b1")


async def test_productions_are_filtered_and_windowed(database: Database) -> None:
    await stock(database)
    async with database.write() as connection:
        await add_book(connection, Book("", "war", "War and Peace", "eng", author="Leo Tolstoy"))
    ids = [await order(database, book_id) for book_id in ("b0", "b1", "war")]
    async with database.read() as connection:

        async def found(**how: object) -> list[str]:
            return [one.audiobook_id for one in await list_productions(connection, **how)]  # type: ignore[arg-type]

        assert await found() == ids
        assert await found(descending=True, limit=2) == [ids[2], ids[1]]
        assert await found(offset=1) == ids[1:]
        assert await found(text="tolstoy") == [ids[2]]
        assert await found(text="elliot") == ids
        assert await found(text=ids[1]) == [ids[1]]
        assert await found(book_id="b1", statuses=[Status.PENDING]) == [ids[1]]
        assert await count_productions(connection, narrator_id="anne", text="title") == 2
