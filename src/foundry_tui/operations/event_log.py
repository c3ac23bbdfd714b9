"""The event log: the newest page of it, and following it as it grows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Level
from foundry_tui.store.change_watch import ChangeWatch
from foundry_tui.store.database import Database
from foundry_tui.store.event_history import Cursor, EventFilter, newest, page_after, page_before

_PAGE = 500


class EventLog:
    """What a face may ask of the events: of productions and of the house, as one story."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def end(self) -> Cursor:
        """The place behind everything there is now."""
        async with self._database.read() as connection:
            return await newest(connection)

    async def last(self, count: int, wanted: EventFilter) -> tuple[list[Event], Cursor]:
        """The newest ``count`` events that are ``wanted``, oldest of them first, and the place to follow on from."""
        async with self._database.read() as connection:
            after = await newest(connection)
            found: list[Event] = []
            cursor = Cursor(after.production_seq + 1, after.app_seq + 1)
            while len(found) < count:
                page = await page_before(connection, cursor, min(_PAGE, count - len(found)), wanted)
                if not page.events:
                    break
                found[:0] = page.events
                cursor = page.cursor
        return found, after

    async def after(self, cursor: Cursor, wanted: EventFilter) -> tuple[list[Event], Cursor]:
        """Everything ``wanted`` after ``cursor``, and the place to go on from."""
        found: list[Event] = []
        async with self._database.read() as connection:
            while True:
                page = await page_after(connection, cursor, _PAGE, wanted)
                if not page.events:
                    return found, cursor
                found += page.events
                cursor = page.cursor

    async def follow(self, cursor: Cursor, wanted: EventFilter, every_s: float = 0.5) -> AsyncIterator[Event]:
        """Every ``wanted`` event after ``cursor``, from this process and others, as long as it is asked for."""
        watch = ChangeWatch(self._database)
        try:
            while True:
                async with self._database.read() as connection:
                    page = await page_after(connection, cursor, _PAGE, wanted)
                cursor = page.cursor
                for event in page.events:
                    yield event
                if not page.events:
                    await watch.wait(every_s)
        finally:
            await watch.close()


def event_filter(
    *, audiobook_id: str | None = None, level: str = Level.DEBUG, kind: str | None = None, text: str | None = None
) -> EventFilter:
    """A filter of plain words."""
    return EventFilter(audiobook_id=audiobook_id, level=Level(level), kind=kind, text=text)


def event_json(event: Event) -> dict[str, Any]:
    """An event as ``events --json`` prints it."""
    return {name: value for name, value in asdict(event).items() if value is not None}
