"""Watching a run: events and progress gathered at a calm rate and handed to whatever face there is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from foundry_tui.operations.event_log import event_filter
from foundry_tui.operations.pace import Pace

if TYPE_CHECKING:
    from foundry_tui.cli.run_faces import Face
    from foundry_tui.foundry import Foundry
    from foundry_tui.pipeline.feed import Running
    from foundry_tui.pipeline.pool import WorkerPool
    from foundry_tui.pipeline.summary import Elsewhere
    from foundry_tui.store.disk_waits import DiskWait
    from foundry_tui.store.event_history import Cursor

_EVERY_S = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """One step at work: what a face shows of it. ``left_s``, ``per_s`` and ``speed`` are None until they are known."""

    audiobook_id: str
    label: str
    step_name: str
    attempt: int
    done: int
    total: int
    unit: str
    audio_s: float
    message: str
    seconds: float
    per_s: float | None
    speed: float | None
    left_s: float | None
    stalled_s: float | None
    waits_for: str = ""


class Watch:
    """Follows one pool; ends with it."""

    def __init__(self, foundry: Foundry, face: Face) -> None:
        self._foundry = foundry
        self._face = face
        self._pool: WorkerPool | None = None
        self._task: asyncio.Task[None] | None = None
        self._labels: dict[str, str] = {}
        self._paces: dict[tuple[int, int], Pace] = {}
        self._done = asyncio.Event()

    def begin(self, pool: WorkerPool) -> None:
        """Watch ``pool`` from now on."""
        self._pool = pool
        self._face.begin()
        self._task = asyncio.ensure_future(self._follow())

    def waiting(self, elsewhere: Sequence[Elsewhere]) -> None:
        """Other workers hold these jobs, and the run waits for them."""
        self._face.waiting(elsewhere)

    def cramped(self, waits: Sequence[DiskWait]) -> None:
        """These productions wait for room on the disk; none when there is room again."""
        self._face.cramped(waits)

    async def end(self) -> None:
        """Show what is left to be shown."""
        self._done.set()
        if self._task is not None:
            await self._task
            self._face.end()

    async def _follow(self) -> None:
        cursor = await self._foundry.events.end()
        try:
            while not self._done.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_EVERY_S):
                        await self._done.wait()
                cursor = await self._show(cursor)
        except Exception:  # noqa: BLE001 - whatever the face ran into, the work goes on
            # A face that fails (a closed terminal, a full pipe) must not take the work with it.
            _log.exception("the run can no longer be shown")

    async def _show(self, cursor: Cursor) -> Cursor:
        events, cursor = await self._foundry.events.after(cursor, event_filter())
        for event in events:
            if event.audiobook_id and event.audiobook_id not in self._labels:
                await self._learn(event.audiobook_id)
            self._face.event(event, self._labels.get(event.audiobook_id or "", ""))
        if self._pool is not None:
            snapshot = self._pool.feed.snapshot()
            lines = [await self._line(running) for running in snapshot.running.values()]
            self._forget(snapshot.running)
            self._face.progress(lines)
        return cursor

    async def _line(self, running: Running) -> Line:
        if running.audiobook_id not in self._labels:
            await self._learn(running.audiobook_id)
        assert self._pool is not None
        now, made = self._pool.clock.monotonic(), running.progress
        pace = self._paces.setdefault((running.job_id, running.attempt), Pace())
        pace.saw(running.at, made.done, made.total, made.audio_s)
        return Line(
            audiobook_id=running.audiobook_id,
            label=self._labels.get(running.audiobook_id, running.audiobook_id),
            step_name=running.step_name,
            attempt=running.attempt,
            done=made.done,
            total=made.total,
            unit=made.unit,
            audio_s=made.audio_s,
            message=made.message,
            seconds=now - running.begun,
            per_s=pace.per_s(),
            speed=pace.speed(),
            left_s=pace.left_s(now),
            stalled_s=pace.stalled_s(now),
            waits_for=made.waits_for,
        )

    def _forget(self, running: Mapping[int, Running]) -> None:
        for job_id, attempt in list(self._paces):
            if job_id not in running:
                del self._paces[job_id, attempt]

    async def _learn(self, audiobook_id: str) -> None:
        self._labels[audiobook_id] = await self._foundry.productions.label(audiobook_id)
