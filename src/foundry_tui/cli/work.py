"""``work``: the pool as a daemon; consoles come and go beside it."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foundry_tui.cli.globals import Globals, Verb
from foundry_tui.cli.opening import run_async
from foundry_tui.cli.out import note, result, warn
from foundry_tui.endings import end_all

if TYPE_CHECKING:
    from foundry_tui.foundry import Foundry
    from foundry_tui.settings import Settings

_USAGE = 2
# What decides where a home is and how it works, if it was said by the environment: the unit must know it too.
_TOLD = (
    *("FOUNDRY_DATABASE_URL", "FOUNDRY_LIBRARY", "FOUNDRY_WORKERS", "FOUNDRY_DEFAULT_ENGINE"),
    *("FOUNDRY_DISTRIBUTED_DISPATCHER", "FOUNDRY_DISTRIBUTED_QUEUES", "FOUNDRY_DISTRIBUTED_REDIS_URL"),
)


@click.command(
    cls=Verb,
    examples=(
        "foundry-tui work",
        "foundry-tui work --workers 4",
        "foundry-tui work --dispatcher procrastinate",
        "foundry-tui work --install-unit",
    ),
)
@click.option("--workers", type=click.IntRange(1, 64), help="Steps worked on at once.")
@click.option(
    "--dispatcher",
    type=click.Choice(["embedded", "procrastinate", "arq"]),
    help="Who brings the jobs: this home's tables (embedded), PostgreSQL, or Redis; see the how-to on two machines.",
)
@click.option("--queues", help="The dispatcher's queues to work, with commas; untold, what this machine can do.")
@click.option("--install-unit", is_flag=True, help="Write a systemd user unit that runs it, say what to type, and end.")
@click.pass_obj
def work(state: Globals, workers: int | None, dispatcher: str | None, queues: str | None, install_unit: bool) -> None:
    """Work the queue until stopped, watch the inbox, and forget once a day what [retention] says.

    One daemon a home. It waits for work where there is none, and needs no terminal: an SSH connection may drop and
    come back, and the console shows what it does. SIGTERM or Ctrl-C lets the chunks in hand be finished, then it ends
    with 0; nothing is lost. Failed productions wait for `requeue`, and one that found the disk full for room.

    With a dispatcher any number of machines work together, each with its own `work`, on one PostgreSQL database and
    one shared folder; a book's chunks are spoken by all of them at once.

    With --install-unit it begins with the machine: the unit lies in ~/.config/systemd/user.
    """
    settings = _told(state.ready_settings(workers=workers), dispatcher, queues)
    if install_unit:
        _install(state, settings, workers)
        return
    from foundry_tui.operations.daemon import hold_lock, running_daemon

    together = settings.distributed.dispatcher != "embedded"
    with hold_lock(settings.home) as held:
        if not held and not together:
            warn(f"A daemon works this home already (pid {running_daemon(settings.home)}).")
            raise SystemExit(_USAGE)
        run_async(_work(settings, keeps_house=held))


def _told(settings: Settings, dispatcher: str | None, queues: str | None) -> Settings:
    changes: dict[str, Any] = {}
    if dispatcher is not None:
        changes["dispatcher"] = dispatcher
    if queues is not None:
        changes["queues"] = tuple(name.strip() for name in queues.split(",") if name.strip())
    return dataclasses.replace(settings, distributed=dataclasses.replace(settings.distributed, **changes))


def _install(state: Globals, settings: Settings, workers: int | None) -> None:
    from foundry_tui.operations.unit_file import NAME, Unit, install, next_commands, unit_folder

    top = settings.home.parent if settings.environment == "alpha" else settings.home
    program = [sys.executable, "-m", "foundry_tui", "--home", str(top), "--env", settings.environment]
    told = {name: os.environ[name] for name in _TOLD if os.environ.get(name)}
    if state.database_url:
        told["FOUNDRY_DATABASE_URL"] = state.database_url
    name = NAME if settings.environment == "production" else NAME.replace("foundry", f"foundry-{settings.environment}")
    path = install(Unit(settings.home, program, workers, told), unit_folder(), name)
    Path(path).chmod(0o600)  # an address may hold a password
    result(f"Wrote {path}")
    result("Now type:")
    for line in next_commands(name):
        result(f"  {line}")


async def _work(settings: Settings, *, keeps_house: bool) -> None:
    from foundry_tui.foundry import open_foundry

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    # The connection that started it may go: that is what a daemon is for.
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    async with open_foundry(settings) as foundry:
        where = str(settings.home)
        queues: tuple[str, ...] = ()
        if foundry.dispatcher is not None:
            queues = await foundry.own_queues()
            where += f" ({', '.join(queues)})"
        note(f"Working {where} with {settings.workers} workers; SIGTERM or Ctrl-C stops.")
        await _until(foundry, stop, queues, keeps_house=keeps_house)


async def _until(foundry: Foundry, stop: asyncio.Event, queues: Sequence[str], *, keeps_house: bool) -> None:
    """Work until ``stop``; of several workers of one home one watches the inbox and forgets what is old."""
    pool = foundry.pool()
    box = foundry.inbox
    box.on_produced = pool.wake
    helpers = []
    if keeps_house:
        helpers = [asyncio.create_task(box.watch()), asyncio.create_task(foundry.upkeep.daily())]
    try:
        if foundry.dispatcher is not None:
            await foundry.dispatcher.work(pool, queues, stop)
        else:
            await pool.run_forever(stop)
    finally:
        await end_all(helpers)
