"""Being woken by PostgreSQL as soon as somebody has committed: LISTEN on a connection of its own.

SQLite has nothing of the kind: there nobody is woken, and everybody looks now and then, as on PostgreSQL too, where a
notice may be missed while the server is away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from foundry_tui.endings import end_all, rest
from foundry_tui.store.database import LIFELINES, Database

if TYPE_CHECKING:
    import psycopg

log = logging.getLogger(__name__)
_PROVE_S = 15.0  # a connection this quiet is asked whether it lives
_ANSWER_S = 10.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0


class Wakeups:
    """While entered, calls ``hears[channel]`` on this loop for every notice, and for each channel whenever the
    connection is made, or made anew: something may have been missed.
    """

    def __init__(self, database: Database, hears: Mapping[str, Callable[[], None]]) -> None:
        self._database = database
        self._hears = dict(hears)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to listen; nothing on SQLite."""
        if not self._database.is_sqlite:
            self._task = asyncio.create_task(self._listen_for_ever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._task is not None:
            await end_all([self._task])

    async def _listen_for_ever(self) -> None:
        # Imported where it is needed: a console over SQLite opens a tenth sooner without it.
        import psycopg
        from psycopg import sql

        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._address(), autocommit=True, **LIFELINES) as mine:
                    for channel in self._hears:
                        await mine.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    for hear in self._hears.values():
                        hear()
                    pause_s = _FIRST_PAUSE_S
                    await self._listen(mine)
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.info("notices are not heard for a moment: %s", error)
            await rest(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _listen(self, connection: psycopg.AsyncConnection) -> None:
        while True:
            async for notice in connection.notifies(timeout=_PROVE_S):
                self._hears[notice.channel]()
            async with asyncio.timeout(_ANSWER_S):
                await connection.execute("SELECT 1")

    def _address(self) -> str:
        return self._database.url.set(drivername="postgresql").render_as_string(hide_password=False)
