"""Several processes on one database: short write transactions, no "database is locked", nothing lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.store.catalog import add_book
from foundry_tui.store.database import Database
from foundry_tui.store.productions import create_production
from foundry_tui.store.roster import add_narrator

PROCESSES, LANES = 4, 5
WRITER = """
import asyncio, sys
from foundry_tui.domain.events import Event
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.productions import set_priority

async def main(url, who, production, writes, lanes):
    database = Database.connect(url)
    async def lane(number):
        for n in range(writes // lanes):
            async with database.write() as connection:
                await set_priority(connection, production, n)
                await append(connection, [Event("note", f"{who}.{number}.{n}", audiobook_id=production)])
            async with database.read() as connection:
                await connection.exec_driver_sql("SELECT count(*) FROM audiobook_process_events")
    await asyncio.gather(*(lane(number) for number in range(lanes)))
    await database.close()

asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
"""


@pytest.mark.parametrize("writes", [60, pytest.param(1500, marks=pytest.mark.torture)])
async def test_many_writers_lose_nothing_and_are_never_locked_out(
    database_url: str, tmp_path: Path, writes: int
) -> None:
    database = Database.connect(database_url)
    async with database.write() as connection:
        await add_narrator(connection, Narrator("n", "N", "eng"))
        await add_book(connection, Book("", "b", "B", "eng"))
        ordered = await create_production(connection, book_id="b", narrator_id="n")
    production = ordered.production.audiobook_id
    script = tmp_path / "writer.py"
    script.write_text(WRITER)
    writers = [
        subprocess.Popen(
            [sys.executable, script, database_url, str(who), production, str(writes), str(LANES)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for who in range(PROCESSES)
    ]
    complaints = [writer.communicate(timeout=1200)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * PROCESSES, complaints
    rows = await database.fetch("SELECT message, timestamp, seq FROM audiobook_process_events ORDER BY seq")
    await database.close()
    assert len({row["message"] for row in rows}) == len(rows) == PROCESSES * writes
    assert len({row["timestamp"] for row in rows}) == len(rows)
