"""A home's tables moved from SQLite to PostgreSQL and back: not a row, a digit or a letter is lost."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Level
from foundry_tui.errors import Conflict, UsageError
from foundry_tui.store import transfer
from foundry_tui.store.catalog import add_books
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.event_history import Cursor, page_after
from foundry_tui.store.events import append
from foundry_tui.store.productions import create_production
from foundry_tui.store.roster import add_narrator, get_narrator, update_narrator
from foundry_tui.store.tables import books, metadata
from foundry_tui.store.transfer import copy_database
from foundry_tui.store.upgrade import upgrade

SHORT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.fixture
async def on_sqlite(migrated_file: Path) -> AsyncIterator[Database]:
    database = Database.connect(sqlite_url(str(migrated_file)))
    yield database
    await database.close()


@pytest.fixture
async def on_postgresql(empty_postgres_url: str) -> AsyncIterator[Database]:
    database = Database.connect(empty_postgres_url)
    yield database
    await database.close()


async def stock(database: Database) -> None:
    async with database.write() as connection:
        await add_narrator(
            connection, Narrator("a", "Ána 🎙", "fr-FR", settings={"rate": 1.25, "deep": {"x": [1, None]}})
        )
        await add_narrator(connection, Narrator("b", "B", "eng", fallback_narrator_id="a", active=False))
        await update_narrator(connection, "a", fallback_narrator_id="b")
        await connection.execute(text("UPDATE narrators SET updated_at = '2020-02-02 02:02:02'"))
        await add_books(
            connection, [Book("", f"b{n}", f"Title “{n}” 本", "eng", summary="a\n\tb'\"\\") for n in range(1200)]
        )
        ordered = await create_production(connection, book_id="b7", narrator_id="a", options={"mp3": True})
        production = ordered.production.audiobook_id
        for statement in (
            "INSERT INTO jobs (job_id, name, created_at, status, progress) VALUES (41, 'x', 1700000000.123456, 'failed', '{\"done\": 0.1}')",
            f"INSERT INTO production_steps (audiobook_id, step_number, step_name, position, job_id) VALUES ('{production}', 'S', 's', 0, 41)",
            f"INSERT INTO audio_chunks (audiobook_id, chapter_number, chunk_index, input_key, samples, flags) VALUES ('{production}', 1, 1, 'k', 9007199254740993, '[\"a\"]')",
            "INSERT INTO books (id, book_id, book_name, language, created_at) VALUES ('1', 'raw', 'Raw', 'esp', '2024-02-29 23:59:59')",
        ):
            await connection.execute(text(statement))
        events = [Event("note", f"{n}", audiobook_id=production, level=Level.WARNING) for n in range(3)]
        await append(connection, [*events, Event("note", "house", details={"é": 1})])
        await connection.execute(text("DELETE FROM audiobook_process_events WHERE message = '2'"))


def told(row: Mapping[str, object]) -> str:
    """A row as text: keys of JSON in order, and milliseconds where raw SQL left them out."""
    whole = {key: f"{value}.000" if SHORT.fullmatch(str(value)) else value for key, value in row.items()}
    return json.dumps(whole, sort_keys=True)


async def rows(database: Database) -> dict[str, list[str]]:
    async with database.read() as connection:
        return {
            table.name: sorted(told(row) for row in (await connection.execute(table.select())).mappings())
            for table in metadata.sorted_tables
        }


async def test_there_and_back_again(on_sqlite: Database, on_postgresql: Database, tmp_path: Path) -> None:
    await stock(on_sqlite)
    before = await rows(on_sqlite)
    copied = await copy_database(on_sqlite, on_postgresql)
    assert copied.rows == {name: len(found) for name, found in before.items()}
    assert copied.rows["books"] == 1201
    back = Database.connect(sqlite_url(str(tmp_path / "back.db")))
    await copy_database(on_postgresql, back)
    after = await rows(back)
    assert after == before
    async with back.read() as connection:
        assert (await get_narrator(connection, "a")).fallback_narrator_id == "b"
    await back.close()


async def test_what_is_copied_goes_on_being_used(on_sqlite: Database, on_postgresql: Database, tmp_path: Path) -> None:
    await stock(on_sqlite)
    await copy_database(on_sqlite, on_postgresql)
    back = Database.connect(sqlite_url(str(tmp_path / "back.db")))
    await copy_database(on_postgresql, back)
    for database in (on_postgresql, back):
        async with database.write() as connection:
            before = (await page_after(connection, Cursor())).cursor
            await append(connection, [Event("note", "new", audiobook_id=None)])
            created = await create_production(connection, book_id="b8", narrator_id="a")
            await append(connection, [Event("note", "new", audiobook_id=created.production.audiobook_id)])
            assert len((await page_after(connection, before)).events) == 2
            job = await connection.scalar(text("INSERT INTO jobs (name, created_at) VALUES ('y', 0) RETURNING job_id"))
            assert job == 42
    await back.close()


async def test_work_is_judged_by_the_servers_clock(
    on_sqlite: Database, on_postgresql: Database, tmp_path: Path
) -> None:
    await stock(on_sqlite)
    async with on_sqlite.write() as connection:
        lease = f"UPDATE jobs SET status = 'processing', lease_expires_at = {time.time() + 600}"
        await connection.execute(text(lease))
    await copy_database(on_sqlite, on_postgresql, even_at_work=True)
    back = Database.connect(sqlite_url(str(tmp_path / "back.db")))
    with pytest.raises(Conflict, match="1 jobs are being worked on"):
        await copy_database(on_postgresql, back, now=lambda: datetime.now(UTC) + timedelta(hours=1))
    await back.close()


@pytest.mark.parametrize("forth", [True, False])
async def test_a_server_does_not_end_the_side_that_waits(
    on_sqlite: Database, empty_postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forth: bool
) -> None:
    await stock(on_sqlite)
    joint = "&" if "?" in empty_postgres_url else "?"
    patient = Database.connect(empty_postgres_url)
    hasty = Database.connect(f"{empty_postgres_url}{joint}options=-c idle_in_transaction_session_timeout=1000")
    back = Database.connect(sqlite_url(str(tmp_path / "back.db")))
    if forth:
        await upgrade(patient)
    else:
        await copy_database(on_sqlite, patient)
    await patient.close()

    async def slowly(connection: AsyncConnection, table: Table) -> tuple[int, int]:
        if table is books and connection.dialect.name == "sqlite":
            await asyncio.sleep(2.0)
        return await digest(connection, table)

    digest = transfer._digest
    monkeypatch.setattr(transfer, "_digest", slowly)
    copied = await copy_database(*((on_sqlite, hasty) if forth else (hasty, back)))
    assert copied.rows["books"] == 1201
    assert await hasty.fetch("SHOW idle_in_transaction_session_timeout") == [
        {"idle_in_transaction_session_timeout": "1s"}
    ]
    await hasty.close()
    await back.close()


async def test_only_an_empty_database_is_copied_into(on_sqlite: Database, on_postgresql: Database) -> None:
    await stock(on_sqlite)
    await copy_database(on_sqlite, on_postgresql)
    with pytest.raises(Conflict, match="holds rows already, in "):
        await copy_database(on_sqlite, on_postgresql)
    with pytest.raises(UsageError, match="the same database"):
        await copy_database(on_sqlite, on_sqlite)


async def test_a_home_that_is_being_worked_on_stays(on_sqlite: Database, on_postgresql: Database) -> None:
    await stock(on_sqlite)
    async with on_sqlite.write() as connection:
        await connection.execute(text("UPDATE jobs SET status = 'processing', lease_expires_at = 99999999999"))
    with pytest.raises(Conflict, match="1 jobs are being worked on"):
        await copy_database(on_sqlite, on_postgresql)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE books SET created_at = 'long ago' WHERE book_id = 'b1'", "A row of books cannot be copied"),
        ("UPDATE books SET year_published = 'about 1900' WHERE book_id = 'b1'", "A row of books cannot be copied"),
        ("UPDATE books SET book_name = replace(hex(zeroblob(200)), '00', 'xx') WHERE book_id = 'b1'", "A row of books cannot be copied: value too long"),
        ("UPDATE audiobook_productions SET book_id = 'gone'", "A row of audiobook_productions cannot be copied: .*foreign key"),
    ],
)  # fmt: skip
async def test_what_the_target_cannot_hold_is_named_and_nothing_is_kept(
    on_sqlite: Database, on_postgresql: Database, statement: str, says: str
) -> None:
    await stock(on_sqlite)
    with closing(sqlite3.connect(on_sqlite.sqlite_path or "")) as connection:  # foreign keys are off, as in the shell
        connection.execute(statement)
        connection.commit()
    with pytest.raises(UsageError, match=says):
        await copy_database(on_sqlite, on_postgresql)
    assert all(not found for found in (await rows(on_postgresql)).values())
