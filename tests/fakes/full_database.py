"""A database whose own disk is full for as long as a test says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.errors import DiskFull
from foundry_tui.store.database import Database


class Writes:
    """Those of ``database``, in the place of which it stands: while ``refused`` none is taken, each is counted."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refused = False
        self.waiting: list[bool] = []  # of each that was refused: whether it may wait
        self._write = database.write
        monkeypatch.setattr(database, "write", self.write)

    @property
    def tries(self) -> int:
        """How many were refused."""
        return len(self.waiting)

    @asynccontextmanager
    async def write(self, *, synced: bool = False, may_wait: bool = False) -> AsyncIterator[AsyncConnection]:
        if self.refused:
            self.waiting.append(may_wait)
            raise DiskFull("The database cannot be written: database or disk is full.", details={"path": "/"})
        async with self._write(synced=synced, may_wait=may_wait) as connection:
            yield connection
