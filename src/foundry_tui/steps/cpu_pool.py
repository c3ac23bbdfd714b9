"""Heavy work in spawned processes: parsing, mastering, proving. Never on the event loop, never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

import psutil

from foundry_tui.errors import WorkerDied
from foundry_tui.memory import keep_freed_memory

Result = TypeVar("Result")
_log = logging.getLogger(__name__)
_PARENT_CHECK_S = 0.5
# A process that keeps more than this between two pieces of work is replaced; the largest book leaves about half.
MOST_RSS_BYTES = 768 * 1024 * 1024
# What stands as large as that after so little work was born so: replacing it again and again would help nobody.
_LEAST_PIECES = 8


class CpuPool:
    """At most ``processes`` pieces of heavy work at once, each in a process that does not outlive this one.

    A process that has grown past ``most_rss_bytes`` is replaced together with its neighbours: they take nothing new
    and end with what they have in hand, while fresh ones take what comes. No piece of work is lost or done twice.
    """

    def __init__(self, processes: int | None = None, most_rss_bytes: int = MOST_RSS_BYTES) -> None:
        self._processes = processes or os.cpu_count() or 1
        self._most_rss_bytes = most_rss_bytes
        self._executor: ProcessPoolExecutor | None = None
        self._retired: list[BaseProcess] = []
        self._pieces = 0  # done by the processes of now
        self.recycled = 0  # how often they were replaced

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
        finally:
            self._pieces += 1
            if self._executor is executor and self._pieces >= _LEAST_PIECES:
                self._replace_if_grown(executor)

    def _replace_if_grown(self, executor: ProcessPoolExecutor) -> None:
        children = _children(executor)
        largest = max(map(_rss_bytes, children), default=0)
        if largest <= self._most_rss_bytes:
            return
        _log.info("a process of the pool has grown to %d MB: fresh ones take over", largest // 1_000_000)
        self._executor, self._pieces = None, 0
        self.recycled += 1
        self._retired = [child for child in self._retired if child.is_alive()] + children
        # What they were handed is still done; then they end.
        executor.shutdown(wait=False)

    def close(self) -> None:
        """End every process now; unfinished work is dropped (its artifacts are whole or not there)."""
        executor, self._executor = self._executor, None
        children = self._retired
        if executor is not None:
            children = children + _children(executor)
            executor.shutdown(wait=False, cancel_futures=True)
        self._retired = []
        for child in children:
            child.kill()  # what it was writing has a temporary name
        for child in children:
            child.join()

    def _new(self) -> ProcessPoolExecutor:
        # No max_tasks_per_child: with it the executor of Python 3.11 and 3.12 can stand still for ever once a process
        # has done its share (gh-115634).
        self._pieces = 0
        return ProcessPoolExecutor(
            self._processes,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_settle_in,
            initargs=(os.getpid(),),
        )


def _children(executor: ProcessPoolExecutor) -> list[BaseProcess]:
    processes: Iterable[BaseProcess] = (executor._processes or {}).values()  # noqa: SLF001 - there is no public way
    return list(processes)


def _rss_bytes(child: BaseProcess) -> int:
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(child.pid).memory_info().rss)
    return 0


def _settle_in(parent: int) -> None:
    """In the child: leave signals sent to the whole group to the parent, who drains, and end when the parent does."""
    for sent in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(sent, signal.SIG_IGN)
    keep_freed_memory()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    # A child waits on a pipe whose other end it holds itself, so a parent killed outright would never wake it.
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_S)
    os._exit(1)
