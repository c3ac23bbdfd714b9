"""The progress feed: in-process subscribers see the newest state at their own rate, never a queue of ticks."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from foundry_tui.pipeline.clock import Clock, SystemClock
from foundry_tui.pipeline.contract import Progress


@dataclass(frozen=True, slots=True)
class Running:
    """A step at work in this process, as it stood at ``at`` (monotonic seconds)."""

    job_id: int
    audiobook_id: str
    step_number: str
    step_name: str
    attempt: int
    begun: float
    at: float
    progress: Progress


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at work; ``version`` grows with every change."""

    version: int
    running: Mapping[int, Running]  # by job id


class ProgressFeed:
    """Written by the pool's loop, read from any thread; a slow reader skips states, and costs the writer nothing."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._running: dict[int, Running] = {}
        self._version = 0

    def put(self, state: Running) -> None:
        """The newest state of a step."""
        with self._lock:
            self._running[state.job_id] = state
            self._version += 1

    def drop(self, job_id: int) -> None:
        """A step is no longer at work here."""
        with self._lock:
            if self._running.pop(job_id, None) is not None:
                self._version += 1

    @property
    def version(self) -> int:
        """Grows with every change; cheap to look at."""
        return self._version

    def snapshot(self) -> Snapshot:
        """Everything at work now."""
        with self._lock:
            return Snapshot(self._version, MappingProxyType(dict(self._running)))

    async def follow(self, interval_s: float = 0.25) -> AsyncIterator[Snapshot]:
        """The newest state, at once and then whenever it has changed, at most every ``interval_s``."""
        seen = -1
        while True:
            if self._version != seen:
                state = self.snapshot()
                seen = state.version
                yield state
            await self._clock.sleep(interval_s)
