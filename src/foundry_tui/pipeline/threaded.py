"""A pool with a loop and a thread of its own, for a face that must not be stalled and must not stall it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.pipeline.summary import PoolSummary

log = logging.getLogger(__name__)
OpenPool = Callable[[], AbstractAsyncContextManager[WorkerPool]]


class PoolThread:
    """Runs ``run_forever`` in a thread. ``open_pool`` is entered there: database and engines belong to that loop."""

    def __init__(self, open_pool: OpenPool, *, name: str = "foundry-pool") -> None:
        self._open_pool = open_pool
        self._name = name
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._pool: WorkerPool | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._summary: PoolSummary | None = None

    @property
    def pool(self) -> WorkerPool | None:
        """The pool while it runs: only its feed may be touched from other threads."""
        return self._pool

    @property
    def running(self) -> bool:
        """Whether the thread lives."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, timeout_s: float = 30.0) -> WorkerPool:
        """Start, and return once the pool is open; raises what opening it raised."""
        if self.running:
            raise RuntimeError("the pool thread runs already")
        self._ready.clear()
        self._error = None
        # No daemon: at exit Python waits for the drain rather than tearing the loop away from under it.
        self._thread = threading.Thread(target=self._main, name=self._name)
        self._thread.start()
        if not self._ready.wait(timeout_s):
            raise TimeoutError(f"the pool was not open after {timeout_s:.0f} s")
        if self._error is not None:
            self._thread.join()
            raise self._error
        assert self._pool is not None
        return self._pool

    def wake(self) -> None:
        """Something was enqueued; from any thread."""
        if self._loop is not None and self._pool is not None:
            self._call(self._pool.wake)

    def stop(self, timeout_s: float | None = None) -> PoolSummary | None:
        """Drain and end; returns what the run did. It blocks: call it through ``asyncio.to_thread`` from a loop."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._error is not None:
            raise self._error
        return self._summary

    def ask_to_stop(self) -> None:
        """Begin to drain, without waiting; from any thread."""
        if self._stop is not None:
            self._call(self._stop.set)

    def _call(self, function: Callable[[], None]) -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:  # the loop has just been closed: there is nothing left to tell
            log.debug("the pool's loop is closed already")

    def _main(self) -> None:
        try:
            asyncio.run(self._work())
        except BaseException as error:
            self._error = error
            log.exception("the pool thread ended in an error")
        finally:
            self._pool = None
            self._ready.set()

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self._open_pool() as pool:
            self._pool = pool
            self._ready.set()
            self._summary = await pool.run_forever(self._stop)
