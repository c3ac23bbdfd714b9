"""Keeping the screen true: what own workers do, what others wrote, the header, and a bell where one is wanted."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from foundry_tui.console.contract import ScopedScreen
from foundry_tui.console.header_facts import facts_of
from foundry_tui.domain.status import Status

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp
    from foundry_tui.console.inner import Glance

_DISK_EVERY_S = 15.0
_BELL_EVERY_S = 30.0


class KeepingUp:
    """Nothing has changed, nothing is read or painted. ``rings`` lets a failure and the queue's end be heard."""

    def __init__(self, app: ConsoleApp, *, rings: bool) -> None:
        self._app = app
        self.rings = rings
        self.glance: Glance | None = None
        self._rang_at = 0.0
        self._feed_seen = -1
        self._glanced_at = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._again = False

    def tick(self) -> None:
        """Take up what has changed since the last time."""
        app = self._app
        if not app.house.is_open:
            return
        version = app.house.feed_version
        moved = version != self._feed_seen
        self._feed_seen = version
        if moved or app.queue.at_work:
            app.queue.tick()
            self.show_header()
        stale = time.monotonic() - self._glanced_at > _DISK_EVERY_S
        if app.house.take_change() or stale:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(app.look())
            else:
                self._again = True

    async def look(self) -> None:
        """Read every pane, the header's facts and the opened screens again."""
        app = self._app
        self._glanced_at = time.monotonic()
        for pane in app.panes:
            pane.refresh_rows()
        glance = await app.ask(lambda inner: inner.glance())
        if glance is not None:
            self._ring(self.glance, glance)
            self.glance = glance
            self.show_header()
        for screen in app.screen_stack[1:]:
            if isinstance(screen, ScopedScreen):
                screen.tables_changed()
        if self._again:
            self._again = False
            app.house.note_change()

    def show_header(self) -> None:
        """What the header says now."""
        app, queue = self._app, self._app.queue
        facts = facts_of(app.settings, self.glance, queue.lines_here(), queue.paces, readonly=app.readonly)
        app.header.show(facts)

    def _ring(self, before: Glance | None, now: Glance) -> None:
        """Something has failed, or the queue is done: once in half a minute at most, and only where it is wanted."""
        if not self.rings or before is None or time.monotonic() - self._rang_at < _BELL_EVERY_S:
            return
        was, has = before.counts.by_status, now.counts.by_status
        failed = has[Status.FAILED] > was[Status.FAILED]
        undone = (Status.PENDING, Status.PROCESSING)
        done = any(was[each] for each in undone) and not any(has[each] for each in undone)
        if failed or done:
            self._rang_at = time.monotonic()
            self._app.bell()
