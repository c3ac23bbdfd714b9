"""Whether anybody has written since one last looked: one cheap question, whatever the size of the tables."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.errors import DatabaseUnavailable
from foundry_tui.store.database import Database
from foundry_tui.store.notices import CHANNELS
from foundry_tui.store.wakeups import Wakeups

# SQLite's data_version changes when another connection, of this process or any other, commits. It is told per
# connection, so one is kept for the asking. PostgreSQL's write-ahead log only ever grows.
_SQLITE = text("PRAGMA data_version")
_POSTGRES = text("SELECT pg_current_wal_lsn()::text")


class ChangeWatch:
    """Holds one connection; ``changed`` answers since the last time it was asked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stack = AsyncExitStack()
        self._connection: AsyncConnection | None = None
        self._seen: object = None
        self._told = asyncio.Event()
        self._listening: Wakeups | None = None

    async def changed(self) -> bool:
        """Whether there was a commit since the last call; True the first time, and when it cannot be known."""
        try:
            if self._connection is None:
                self._connection = await self._stack.enter_async_context(self._database.read())
            now = await self._connection.scalar(_SQLITE if self._database.is_sqlite else _POSTGRES)
            # No snapshot is left open: the next question must see what others have done.
            await self._connection.rollback()
        except DatabaseUnavailable:
            await self._let_go()
            return True
        before, self._seen = self._seen, now
        return bool(now != before)

    async def wait(self, seconds: float) -> None:
        """Let ``seconds`` pass, or less where PostgreSQL tells at once that something happened."""
        if self._listening is None:
            self._listening = Wakeups(self._database, dict.fromkeys(CHANNELS, self._told.set))
            await self._listening.__aenter__()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._told.wait()
        self._told.clear()

    async def close(self) -> None:
        """Give the connections back."""
        if self._listening is not None:
            await self._listening.__aexit__(None, None, None)
            self._listening = None
        await self._let_go()

    async def _let_go(self) -> None:
        self._connection = None
        await self._stack.aclose()
