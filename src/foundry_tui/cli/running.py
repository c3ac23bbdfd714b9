"""``--run-all``: the queue worked headless, watched by a face, stopped by signals without losing anything."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from foundry_tui.cli.globals import Globals
from foundry_tui.cli.opening import run_async
from foundry_tui.cli.out import give_up_stdout
from foundry_tui.cli.run_faces import Face, choose_face
from foundry_tui.cli.run_watch import Watch

if TYPE_CHECKING:
    from foundry_tui.pipeline.pool import WorkerPool
    from foundry_tui.settings import Settings

_INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_queue(state: Globals, *, workers: int | None, as_json: bool, fail_fast: bool, retry_failed: bool) -> int:
    """Work the whole queue and return the exit code."""
    settings = state.ready_settings(workers=workers)
    face = choose_face(as_json=as_json)
    return run_async(_run(settings, face, fail_fast=fail_fast, retry_failed=retry_failed))


async def _run(settings: Settings, face: Face, *, fail_fast: bool, retry_failed: bool) -> int:
    from foundry_tui.foundry import open_foundry

    brake = Brake(face.stopping)
    with brake.on_signals(asyncio.get_running_loop()):
        async with open_foundry(settings) as foundry:
            watch = Watch(foundry, face)

            def on_pool(pool: WorkerPool) -> None:
                brake.hold(pool)
                watch.begin(pool)

            try:
                report = await foundry.running.run_all(
                    workers=settings.workers,
                    fail_fast=fail_fast,
                    retry_failed=retry_failed,
                    on_pool=on_pool,
                    on_wait=watch.waiting,
                    on_room=watch.cramped,
                    stopped=lambda: brake.pulled,
                )
            finally:
                await watch.end()
    try:
        face.summary(report)
        sys.stdout.flush()
    except OSError:
        give_up_stdout()  # nobody reads any more; what was done is done all the same
    return report.exit_code


class Brake:
    """The first signal lets the chunks in hand be finished, the second ends the process at once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.pulled = False
        self._tell = tell
        self._pool: WorkerPool | None = None
        self._drain: asyncio.Task[None] | None = None

    def hold(self, pool: WorkerPool) -> None:
        """Stop this pool when a signal comes, or has come."""
        self._pool = pool
        if self.pulled:
            self._drain = asyncio.ensure_future(pool.drain())

    def on_signals(self, loop: asyncio.AbstractEventLoop) -> _Handlers:
        """A context in which SIGINT, SIGTERM and SIGHUP pull the brake."""
        return _Handlers(loop, self._pull)

    def _pull(self, number: int) -> None:
        if self.pulled:
            self._leave()
        self.pulled = True
        if self._pool is not None:
            self._drain = asyncio.ensure_future(self._pool.drain())
        self._say(f"{signal.Signals(number).name}: finishing the chunks in hand, nothing is lost. Again ends at once.")

    def _leave(self) -> None:
        self._say("Ending now; the next run takes up what was in hand.")
        os._exit(_INTERRUPTED)

    def _say(self, message: str) -> None:
        # After SIGHUP there may be nobody left to tell.
        with contextlib.suppress(OSError):
            self._tell(message)
            sys.stdout.flush()
            sys.stderr.flush()


class _Handlers:
    """Signal handlers of the loop for the length of a block."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pull: Callable[[int], None]) -> None:
        self._loop = loop
        self._pull = pull

    def __enter__(self) -> None:
        for number in _SIGNALS:
            self._loop.add_signal_handler(number, self._pull, number)

    def __exit__(self, *_exc: object) -> None:
        for number in _SIGNALS:
            self._loop.remove_signal_handler(number)
