"""Committed rows reach the disk within a second, and only where there is something to sync."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from fakes.clocks import StandingClock
from foundry_tui.errors import DatabaseUnavailable
from foundry_tui.pipeline.journal import keep_on_disk
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.tables import books


class Journal:
    def __init__(self, troubles=()):
        self.synced, self.troubles = 0, list(troubles)

    async def sync(self):
        self.synced += 1
        if self.troubles:
            raise self.troubles.pop(0)


async def pass_time(clock, seconds):
    for _ in range(3):
        await asyncio.sleep(0)
    clock.move(seconds)
    for _ in range(3):
        await asyncio.sleep(0)


async def test_the_journal_is_synced_every_second_whatever_a_sync_says():
    journal, clock = Journal([OSError("gone"), DatabaseUnavailable("away")]), StandingClock()
    task = asyncio.create_task(keep_on_disk(journal, clock, 1.0))
    for _ in range(4):
        await pass_time(clock, 1.0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert journal.synced == 4


async def test_only_what_was_committed_since_is_synced(migrated_file, monkeypatch):
    synced: list[str] = []
    sync = os.fsync

    def noted(handle):
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        sync(handle)

    database = Database.connect(sqlite_url(str(migrated_file)))
    monkeypatch.setattr(os, "fsync", noted)
    await database.sync()
    assert synced == []
    async with database.write() as connection:
        await connection.execute(books.insert().values(id="1", book_id="a", book_name="A", language="eng"))
    await database.sync()
    assert synced == [f"{migrated_file}-wal"]
    await database.sync()
    with pytest.raises(RuntimeError):
        async with database.write() as connection:
            raise RuntimeError
    await database.sync()
    assert synced == [f"{migrated_file}-wal"], "nothing new to keep"
    await database.close()
