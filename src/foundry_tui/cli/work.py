"""``work``: the pool as a daemon; consoles come and go beside it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

import click

from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import run_async
from foundry_tui.cli.out import note, warn

if TYPE_CHECKING:
    from foundry_tui.foundry import Foundry
    from foundry_tui.settings import Settings

_USAGE = 2


@click.command(cls=Verb, examples=("foundry-tui work", "foundry-tui work --workers 4", "nohup foundry-tui work &"))
@click.option("--workers", type=click.IntRange(1, 64), help="Steps worked on at once.")
@click.pass_obj
def work(state: Globals, workers: int | None) -> None:
    """Work the queue until stopped, and watch the inbox.

    One daemon a home. It waits for work where there is none, and needs no terminal: an SSH connection may drop and
    come back, and the console shows what it does. SIGTERM or Ctrl-C lets the chunks in hand be finished, then it ends
    with 0; nothing is lost. Failed productions wait for `requeue`.
    """
    settings = state.ready_settings(workers=workers)
    from foundry_tui.operations.daemon import hold_lock, running_daemon

    with hold_lock(settings.home) as held:
        if not held:
            warn(f"A daemon works this home already (pid {running_daemon(settings.home)}).")
            raise SystemExit(_USAGE)
        run_async(_work(settings))


async def _work(settings: Settings) -> None:
    from foundry_tui.foundry import open_foundry

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # The connection that started it may go: that is what a daemon is for.
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    async with open_foundry(settings) as foundry:
        note(f"Working {settings.home} with {settings.workers} workers; SIGTERM or Ctrl-C stops.")
        await _until(foundry, stop)


async def _until(foundry: Foundry, stop: asyncio.Event) -> None:
    pool = foundry.pool()
    box = foundry.inbox
    box.on_produced = pool.wake
    watching = asyncio.create_task(box.watch())
    try:
        await pool.run_forever(stop)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await watching
