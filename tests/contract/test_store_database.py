"""What a transaction promises: whole or not at all, whoever stops in the middle; troubles told in words."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import aiosqlite
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.errors import DatabaseUnavailable, DiskFull
from foundry_tui.store import database as database_module
from foundry_tui.store.database import Database, sqlite_url

INSERT = text("INSERT INTO app_events (message) VALUES (:message)")


async def put(connection: AsyncConnection, message: str) -> None:
    await connection.execute(INSERT, {"message": message})


async def messages(database: Database) -> list[str]:
    return [row["message"] for row in await database.fetch("SELECT message FROM app_events ORDER BY seq")]


async def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(KeyError):
        await _failing(database)
    async with database.write() as connection:
        await put(connection, "second")
    assert await messages(database) == ["second"]


async def _failing(database: Database) -> None:
    async with database.write() as connection:
        await put(connection, "first")
        raise KeyError


async def test_a_block_that_is_cancelled_leaves_nothing_and_lets_others_write(database: Database) -> None:
    inside = asyncio.Event()

    async def stays() -> None:
        async with database.write() as connection:
            await put(connection, "never")
            inside.set()
            await asyncio.Event().wait()

    for _ in range(10):
        inside.clear()
        task = asyncio.create_task(stays())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with asyncio.timeout(20), database.write() as connection:
        await put(connection, "after")
    assert await messages(database) == ["after"]


async def test_writers_cancelled_at_any_moment_leave_whole_transactions(database: Database) -> None:
    async def pair(number: int) -> None:
        async with database.write() as connection:
            await put(connection, f"{number} a")
            await put(connection, f"{number} b")

    for turns in range(25):
        task = asyncio.create_task(pair(turns))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(20):
        await pair(99)
    found = await messages(database)
    assert found[-2:] == ["99 a", "99 b"]
    assert [one[:-2] for one in found[::2]] == [one[:-2] for one in found[1::2]]


async def test_a_reader_of_sqlite_sees_one_moment(migrated_file: Path) -> None:
    url = sqlite_url(str(migrated_file))
    reader, writer = Database.connect(url), Database.connect(url)
    try:
        async with reader.read() as connection:
            before = (await connection.execute(text("SELECT count(*) FROM app_events"))).scalar()
            async with writer.write() as other:
                await put(other, "new")
            assert (await connection.execute(text("SELECT count(*) FROM app_events"))).scalar() == before
        assert await messages(reader) == ["new"]
    finally:
        await reader.close()
        await writer.close()


async def test_a_write_inside_a_write_is_a_mistake_not_a_hang(database: Database) -> None:
    with pytest.raises(RuntimeError, match="inside another"):
        await _nested(database)
    async with database.write() as connection:
        await put(connection, "free again")


async def _nested(database: Database) -> None:
    async with database.write(), database.write():
        pass


async def test_a_missing_table_says_what_to_do(empty_database: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="has not got Foundry's tables") as caught:
        await empty_database.fetch("SELECT * FROM books")
    assert "foundry-tui init" in caught.value.sentence()


async def test_a_full_disk_is_told_and_loses_nothing_committed(migrated_file: Path) -> None:
    database = Database.connect(sqlite_url(str(migrated_file)))
    async with database.write() as connection:
        await put(connection, "kept")
    with pytest.raises(DiskFull, match="database or disk is full"):
        await _fill(database)
    assert await messages(database) == ["kept"]
    await database.close()


async def test_only_what_may_not_wait_throws_the_ballast_overboard(migrated_file: Path) -> None:
    database = Database.connect(sqlite_url(str(migrated_file)))
    reserve = migrated_file.with_name("reserve")
    assert database.ballast is not None
    database.ballast.lay()
    with pytest.raises(DiskFull):
        await _fill(database, may_wait=True)
    assert reserve.exists()
    with pytest.raises(DiskFull):
        await _fill(database)
    assert not reserve.exists()
    await database.close()


async def _fill(database: Database, *, may_wait: bool = False) -> None:
    async with database.write(may_wait=may_wait) as connection:
        pages = (await connection.execute(text("PRAGMA page_count"))).scalar()
        await connection.execute(text(f"PRAGMA max_page_count={pages}"))  # SQLite's own way to run out of room
        for _ in range(1000):
            await put(connection, "x" * 5000)


async def test_a_database_somebody_keeps_locked_is_told(migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_PRAGMAS", ("PRAGMA busy_timeout=50",))
    database = Database.connect(sqlite_url(str(migrated_file)))
    with closing(sqlite3.connect(migrated_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await messages(database) == [], "reading goes on"
        with pytest.raises(DatabaseUnavailable, match="stayed locked by another program"):
            await _failing(database)
    await database.close()


async def test_a_new_file_that_another_is_making_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite answers "locked" at once to whoever turns WAL on second: no busy_timeout helps there."""
    file, refused, ask = tmp_path / "new.db", asyncio.Event(), database_module._answer

    async def answer(connection: aiosqlite.Connection, statement: str) -> object:
        try:
            return await ask(connection, statement)
        except sqlite3.OperationalError:
            refused.set()
            raise

    monkeypatch.setattr(database_module, "_answer", answer)
    database = Database.connect(sqlite_url(str(file)))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        opening = asyncio.create_task(database.fetch("PRAGMA journal_mode"))
        async with asyncio.timeout(60):
            await refused.wait()
        other.execute("COMMIT")
        assert await opening == [{"journal_mode": "wal"}]
    await database.close()


async def test_a_new_file_that_another_keeps_locked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_MS", 50)
    file = tmp_path / "new.db"
    database = Database.connect(sqlite_url(str(file)))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="stayed locked by another program"):
            await database.ping()
    await database.close()


async def test_a_lost_server_connection_is_made_anew(postgres_url: str) -> None:
    database, other = Database.connect(postgres_url), Database.connect(postgres_url)
    await database.ping()
    async with other.write() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    async with database.write() as connection:
        await put(connection, "again")
    assert await messages(database) == ["again"]
    await database.close()
    await other.close()


async def test_unreadable_json_of_raw_sql_closes_no_list(migrated_file: Path) -> None:
    database = Database.connect(sqlite_url(str(migrated_file)))
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO app_events (message, details) VALUES ('raw', 'not json')"))
    from foundry_tui.store.event_history import page_before

    async with database.read() as connection:
        (event,) = (await page_before(connection)).events
    assert event.details == {"unreadable": "not json"}
    await database.close()
