"""When the console has done what a key asks: what its queues hold and what its house was asked, not what the CPU does.

Textual's pilot waits, twice a key, until the whole process has used less than a millisecond of CPU in 20, or a second
at most. The house works in a thread of the same process: beside it, or on a busy machine, a key costs up to two
seconds, and a quiet CPU says nothing about an answer that waits for a disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen

from foundry_tui.console.app import ConsoleApp
from foundry_tui.console.house import House, Result
from foundry_tui.console.inner import Inner

_STILL_FOR = 12  # looks in a row at which nothing was under way: an action in a worker pauses between two steps
_LOOK_S = 0.001
_AT_MOST_S = 1.0  # Textual's own: something may be under way that only the next key ends


class CountingHouse(House):
    """Knows how many of the screen's questions are not answered yet."""

    asked = 0

    async def call(self, work: Callable[[Inner], Awaitable[Result]]) -> Result:
        self.asked += 1
        try:
            return await super().call(work)
        finally:
            self.asked -= 1


def watch_queues(app: ConsoleApp, patch: Callable[[str, Any], None]) -> None:
    """Have every pilot wait for ``app`` itself: ``patch(name, value)`` is a monkeypatch's ``setattr``."""

    async def idle(_min_sleep: float = 0, max_sleep: float = _AT_MOST_S) -> None:
        await _idle(app, max_sleep)

    patch("textual.app.wait_for_idle", idle)
    patch("textual.pilot.wait_for_idle", idle)


async def _idle(app: ConsoleApp, max_sleep: float) -> None:
    ends = time.monotonic() + max_sleep
    await Pilot(app)._wait_for_screen()
    still = 0
    while still < _STILL_FOR and time.monotonic() < ends:
        if app.screen_stack and _to_paint(app.screen):
            app.screen._on_timer_update()  # what the next frame would do
        await asyncio.sleep(_LOOK_S)
        still = 0 if _under_way(app) else still + 1


def _to_paint(screen: Screen[Any]) -> bool:
    return bool(
        screen._layout_required
        or screen._scroll_required
        or screen._repaint_required
        or screen._recompose_required
        or screen._dirty_widgets
        or screen._callbacks  # what waits for the paint
    )


def _under_way(app: ConsoleApp) -> bool:
    if getattr(app.house, "asked", 0):
        return True
    if not app.screen_stack:
        return bool(app.message_queue_size)
    pumps = [app, *app.screen_stack, *app.screen.walk_children()]
    return _to_paint(app.screen) or any(pump.message_queue_size or pump._next_callbacks for pump in pumps)
