"""Leaving with work running: finish it, stop and resume later, hand it over to a daemon, or stay."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from foundry_tui.console.screens.choice import Choice, ChoiceScreen

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp


async def leave(app: ConsoleApp) -> None:
    """Leave at once where nothing runs here, else ask."""
    busy = await _busy(app)
    if not busy:
        await app.leave(0)
        return
    words = (
        f"{busy} step{'s' if busy != 1 else ''} of this console {'are' if busy != 1 else 'is'} at work.\n"
        "Nothing is lost either way: finished chunks are kept."
    )
    choices = [
        Choice("s", "Stay", ""),
        Choice("n", "Stop now, resume later", "stop"),
        Choice("f", "Finish these steps first", "finish"),
        Choice("h", "Hand over to a daemon", "hand"),
    ]
    answer = await app.push_screen_wait(ChoiceScreen("Leave?", words, choices))
    if answer == "stop":
        app.say("Finishing the chunks in hand …", stays=True)
        await app.leave(0, drain_s=30.0)
    elif answer == "finish":
        await _finish(app)
    elif answer == "hand":
        await hand_over(app, stay=False)


async def _busy(app: ConsoleApp) -> int:
    if not app.house.is_open:
        return 0
    snapshot = app.house.snapshot()
    return len(snapshot.running) if snapshot is not None else 0


async def _finish(app: ConsoleApp) -> None:
    """Begin no other step, leave when those in hand are done. Keys go on being heard; q asks again."""
    app.say("No new step is begun; the console leaves when these are done. q asks again.", stays=True)
    before = set(_jobs(app))
    await app.ask(lambda inner: inner.begin_nothing_new())
    while before & set(_jobs(app)):  # noqa: ASYNC110 - the feed is read, not awaited
        await asyncio.sleep(0.2)
    await app.leave(0, drain_s=30.0)


def _jobs(app: ConsoleApp) -> list[int]:
    snapshot = app.house.snapshot()
    return list(snapshot.running) if snapshot is not None else []


async def hand_over(app: ConsoleApp, *, stay: bool) -> None:
    """Stop the own workers and start a daemon that goes on; ``stay`` keeps this console open beside it."""
    from foundry_tui.operations.daemon import running_daemon, start_daemon

    pid = running_daemon(app.settings.home)
    if pid is None:
        app.say("A daemon takes the work over …", stays=True)
        await app.ask(lambda inner: inner.stop_workers(30.0))
        try:
            settings = app.settings
            top = settings.home.parent if settings.environment == "alpha" else settings.home
            pid = await asyncio.to_thread(
                partial(
                    start_daemon,
                    settings.home,
                    top=top,
                    environment=settings.environment,
                    database_url=settings.database_url,
                    workers=settings.workers,
                )
            )
        except OSError as error:
            app.say(f"The daemon did not start: {error}.", "bad")
            return
    else:
        await app.ask(lambda inner: inner.stop_workers(30.0))
    if pid is None:
        app.say(f"The daemon did not start: see {app.settings.home / 'logs' / 'foundry.log'}.", "bad")
        return
    app.house.note_change()
    if stay:
        app.say(f"A daemon (pid {pid}) works on; this console may come and go.", "ok")
    else:
        await app.leave(0)
