"""Dispatchers: who is told that a job waits. The tables decide who runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from foundry_tui.pipeline.pool import WorkerPool


class Dispatcher(Protocol):
    """Carries job ids, nothing else; delivery at least once is enough, for ``run_step`` claims by fence."""

    async def enqueue(self, transaction: Any, job_ids: Sequence[int]) -> None:
        """Announce jobs inside the transaction that made them; ``transaction`` is the store's, opaque to others."""
        ...

    def committed(self) -> None:
        """The transaction holds: wake whoever sleeps in this process."""
        ...


class WorkingDispatcher(Dispatcher, Protocol):
    """A dispatcher that also brings the jobs: what ``work --dispatcher`` runs."""

    async def work(self, pool: WorkerPool, queues: Sequence[str], stop: asyncio.Event) -> None:
        """Run what comes in ``queues`` through ``pool.run_step`` until ``stop`` is set, then drain."""
        ...

    async def close(self) -> None:
        """Let what was announced arrive, and leave no connection open."""
        ...


class LateDispatcher:
    """Made at first use: most commands announce nothing, and need not import what would do it."""

    def __init__(self, make: Callable[[], WorkingDispatcher | None]) -> None:
        self._make = make
        self._made: WorkingDispatcher | None = None

    async def enqueue(self, transaction: Any, job_ids: Sequence[int]) -> None:
        """As the one it makes."""
        if self._made is None:
            self._made = self._make()
        if self._made is not None:
            await self._made.enqueue(transaction, job_ids)

    def committed(self) -> None:
        """As the one it made."""
        if self._made is not None:
            self._made.committed()

    async def close(self) -> None:
        """As the one it made."""
        if self._made is not None:
            await self._made.close()


class EmbeddedDispatcher:
    """The pool of this process polls the table itself: announcing costs nothing, waking is one call."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    async def enqueue(self, transaction: Any, job_ids: Sequence[int]) -> None:
        """Nothing to do: the rows are the queue."""
        del transaction, job_ids

    def committed(self) -> None:
        """Wake the pool."""
        self._wake()
