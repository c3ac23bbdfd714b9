"""Waiting for what is seen, and reading the screen as a terminal would show it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from foundry_tui.console.app import ConsoleApp

PATIENCE_S = 20.0


async def until(pilot: Any, seen: Callable[[], object], what: str = "") -> None:
    """Let the app run until ``seen()``."""
    deadline = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < deadline, f"not seen: {what or seen}\n{screen_text(pilot.app)}"
        await pilot.pause(0.02)


def screen_text(app: ConsoleApp) -> str:
    """The screen as a terminal would show it."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())
