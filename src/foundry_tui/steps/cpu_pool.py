"""Heavy work in spawned processes: parsing, mastering, proving. Never on the event loop, never left behind."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from foundry_tui.errors import WorkerDied

Result = TypeVar("Result")
_PARENT_CHECK_S = 0.5


class CpuPool:
    """At most ``processes`` pieces of heavy work at once, each in a process that does not outlive this one."""

    def __init__(self, processes: int | None = None) -> None:
        self._processes = processes or os.cpu_count() or 1
        self._executor: ProcessPoolExecutor | None = None

    @property
    def processes(self) -> int:
        """How many run at once."""
        return self._processes

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """``work(*arguments)`` in a process of the pool, all picklable. Raises what it raises, or WorkerDied."""
        executor = self._executor = self._executor or self._new()
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work, *arguments)
        except BrokenProcessPool as error:
            if self._executor is executor:
                self._executor = None
                executor.shutdown(wait=False)
            raise WorkerDied from error

    def close(self) -> None:
        """End every process now; unfinished work is dropped (its artifacts are whole or not there)."""
        executor, self._executor = self._executor, None
        if executor is None:
            return
        children = list((executor._processes or {}).values())  # noqa: SLF001 - there is no public way to end them
        executor.shutdown(wait=False, cancel_futures=True)
        for child in children:
            child.kill()  # what it was writing has a temporary name
        for child in children:
            child.join()

    def _new(self) -> ProcessPoolExecutor:
        # No max_tasks_per_child: with it the executor of Python 3.11 and 3.12 can stand still for ever once a process
        # has done its share (gh-115634).
        return ProcessPoolExecutor(
            self._processes,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_settle_in,
            initargs=(os.getpid(),),
        )


def _settle_in(parent: int) -> None:
    """In the child: leave signals sent to the whole group to the parent, who drains, and end when the parent does."""
    for sent in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(sent, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    # A child waits on a pipe whose other end it holds itself, so a parent killed outright would never wake it.
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_S)
    os._exit(1)
