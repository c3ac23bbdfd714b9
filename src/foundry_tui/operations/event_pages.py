"""The event log as one reader sees it: the newest page, what comes after it, and what lies before it."""

from __future__ import annotations

from collections.abc import Sequence

from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Level
from foundry_tui.operations.event_log import EventLog
from foundry_tui.store.database import Database
from foundry_tui.store.event_history import Cursor, EventFilter, page_after, page_before

AT_ONCE = 2000  # a flood is handed over in slices of this many


class EventPages:
    """Follows from where its last page ended, so that nothing is missed and nothing is seen twice."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._log = EventLog(database)
        self._end: Cursor | None = None
        self._wanted = EventFilter()

    async def newest(
        self, count: int, *, audiobook_id: str | None = None, level: Level = Level.DEBUG, text: str | None = None
    ) -> list[Event]:
        """The newest ``count`` events that are wanted, oldest first; ``after`` goes on behind them."""
        self._wanted = EventFilter(audiobook_id=audiobook_id, level=level, text=text)
        events, self._end = await self._log.last(count, self._wanted)
        return events

    async def after(self) -> tuple[list[Event], bool]:
        """What has come since, at most ``AT_ONCE``, and whether there is more."""
        async with self._database.read() as connection:
            page = await page_after(connection, self._end or Cursor(), AT_ONCE, self._wanted)
        self._end = page.cursor
        return list(page.events), len(page.events) == AT_ONCE

    async def before(self, shown: Sequence[Event], count: int) -> list[Event]:
        """The ``count`` events before those ``shown``, oldest first; empty at the beginning of all."""
        end = self._end or Cursor()
        cursor = Cursor(
            next((event.seq for event in shown if event.audiobook_id and event.seq), end.production_seq + 1),
            next((event.seq for event in shown if not event.audiobook_id and event.seq), end.app_seq + 1),
        )
        async with self._database.read() as connection:
            return list((await page_before(connection, cursor, count, self._wanted)).events)
