"""How a verb gets at the house: opened, used and closed in one event loop. And the console, where there is one."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from foundry_tui.cli.globals import Globals
from foundry_tui.cli.out import on_terminal, warn

if TYPE_CHECKING:
    from foundry_tui.foundry import Foundry
    from foundry_tui.settings import Settings

Result = TypeVar("Result")
_CONSOLE = "foundry_tui.console.opening"
_USAGE = 2


def with_foundry(state: Globals, work: Callable[[Foundry], Awaitable[Result]]) -> Result:
    """``work(foundry)`` on an initialised home; the house is closed whatever happens."""
    return run_async(_opened(state.ready_settings(), work))


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Run ``work`` to its end on a loop of its own; Ctrl-C cancels it and lets it clean up."""
    return asyncio.run(work)


async def _opened(settings: Settings, work: Callable[[Foundry], Awaitable[Result]]) -> Result:
    from foundry_tui.foundry import open_foundry

    async with open_foundry(settings) as foundry:
        return await work(foundry)


def open_console(
    state: Globals,
    *,
    workers: int | None = None,
    readonly: bool = False,
    low_bandwidth: bool = False,
    theme: str | None = None,
) -> int:
    """Open the console and return its exit code; one honest sentence and 2 where it cannot be."""
    if importlib.util.find_spec(_CONSOLE) is None:
        warn("The console is not part of this version: work the queue with `foundry-tui --run-all`, see --help.")
        return _USAGE
    if not on_terminal():
        warn("The console needs a terminal: work the queue with `foundry-tui --run-all` instead.")
        return _USAGE
    settings = state.settings()
    code: int = importlib.import_module(_CONSOLE).run(
        settings, workers=workers, readonly=readonly, low_bandwidth=low_bandwidth, theme=theme
    )
    return code
