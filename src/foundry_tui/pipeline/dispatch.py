"""Dispatchers: who is told that a job waits. The tables decide who runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol


class Dispatcher(Protocol):
    """Carries job ids, nothing else; delivery at least once is enough, for ``run_step`` claims by fence."""

    async def enqueue(self, transaction: Any, job_ids: Sequence[int]) -> None:
        """Announce jobs inside the transaction that made them; ``transaction`` is the store's, opaque to others."""
        ...

    def committed(self) -> None:
        """The transaction holds: wake whoever sleeps in this process."""
        ...


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
