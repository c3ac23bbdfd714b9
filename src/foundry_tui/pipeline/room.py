"""Watches the disk for the steps that found it full, and lets them go on when there is room again."""

from __future__ import annotations

import asyncio
import errno
import logging
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from foundry_tui.errors import DiskFull
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.store import disk_waits
from foundry_tui.store.database import Database
from foundry_tui.store.disk_waits import DiskWait
from foundry_tui.store.steps import HeldStep

log = logging.getLogger(__name__)
FreeBytes = Callable[[Path], int]
_QUEUE = 0  # no job has this number


def free_bytes(place: Path) -> int:
    """Free space for us on the filesystem that holds ``place``, or will."""
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def wanted_room(error: DiskFull, margin_bytes: int, free: FreeBytes) -> tuple[str | None, int]:
    """(where, how many bytes must be free there) before the step that met ``error`` goes on; no place: just later.

    More than it asked for, or than there was: what goes on at the first freed byte only fails again.
    """
    named = error.details.get("path")
    if not named or error.details.get("errno") == errno.EDQUOT:
        return None, 0
    needed = int(error.details.get("needed_bytes") or 0)
    there = free(Path(str(named)))
    return str(named), max(needed + needed // 20, 0 if needed else there) + margin_bytes


class RoomWatch:
    """One look at every pass of the reconciler; any number of workers may do it at once."""

    def __init__(self, database: Database, now: Callable[[], float], free: FreeBytes = free_bytes) -> None:
        self._database = database
        self._now = now
        self._free = free
        self._looking = asyncio.Lock()
        self._written: tuple[DiskWait, ...] = ()  # that still want room, as of the last look
        self._unwritten: dict[int, DiskWait] = {}  # by job
        self.refusal: DiskFull | None = None  # what the last claim met

    @property
    def unwritable(self) -> bool:
        """Whether the database itself is out of room."""
        return bool(self._unwritten)

    @property
    def waits(self) -> tuple[DiskWait, ...]:
        """Whatever wants room."""
        known = [wait for wait in self._written if wait.job_id not in self._unwritten]
        return (*known, *self._unwritten.values())

    @property
    def audiobook_ids(self) -> frozenset[str]:
        """The productions that want it."""
        return frozenset(wait.audiobook_id for wait in self.waits if wait.audiobook_id)

    def hold(self, wait: DiskWait) -> None:
        """A wait that cannot be written down: the database's disk is full, and somebody took the ballast's room."""
        if wait.job_id not in self._unwritten:
            log.warning("%s waits for room, and not even that can be written down", wait.audiobook_id or "the queue")
        self._unwritten[wait.job_id] = wait

    def release(self, job_id: int) -> None:
        """It was written after all, or given up."""
        self._unwritten.pop(job_id, None)

    async def written(self, wait: DiskWait) -> None:
        """The table holds it now; the next look finds it there."""
        async with self._looking:
            self._written = (*(known for known in self._written if known.job_id != wait.job_id), wait)

    def hold_queue(self, error: DiskFull) -> None:
        """Nothing can be claimed: a claim is a write, too."""
        self.refusal = error
        self.hold(DiskWait(_QUEUE, "", "", "", error.details.get("path"), 0, 0.0))

    def release_queue(self) -> None:
        """A claim was written, or there is none to write."""
        self.refusal = None
        self.release(_QUEUE)

    def wait_for(self, error: DiskFull, held: HeldStep, settings: PoolSettings) -> DiskWait:
        """What a step waits for that met ``error``. Looks at the disk: call it in a thread."""
        place, wanted_bytes = wanted_room(error, settings.room_margin_bytes, self._free)
        job_id, step, again_at = held.job.job_id, held.step, self._now() + settings.room_again_s
        return DiskWait(job_id, step.audiobook_id, step.step_number, step.step_name, place, wanted_bytes, again_at)

    async def once(self) -> list[DiskWait]:
        """Let go on what has room now; returns those. One look at a time: an older one would overrule a newer."""
        async with self._looking:
            return await self._look()

    async def _look(self) -> list[DiskWait]:
        async with self._database.read() as connection:
            waits = await disk_waits.waiting(connection)
        ready = await asyncio.to_thread(self._ready, waits) if waits else set()
        resumed = await self._resume([wait for wait in waits if wait.job_id in ready]) if ready else []
        # Not before they may be claimed: what neither waits nor is due would look like the end of the queue.
        self._written = tuple(wait for wait in waits if wait.job_id not in ready)
        return resumed

    async def _resume(self, waits: Sequence[DiskWait]) -> list[DiskWait]:
        async with self._database.write() as connection:
            resumed = await disk_waits.resume(connection, waits, self._now())
        if self._database.ballast is not None:
            await asyncio.to_thread(self._database.ballast.lay)
        log.info("room again for %d productions", len(resumed))
        return resumed

    def _ready(self, waits: Iterable[DiskWait]) -> set[int]:
        """Those that have room, oldest first; what one of them will take is not promised to the next."""
        left: dict[int, int] = {}  # by filesystem
        ready = set()
        for wait in waits:
            if wait.place is None:
                ready |= {wait.job_id} if wait.again_at <= self._now() else set()
                continue
            try:
                place = _existing(Path(wait.place))
                disk = place.stat().st_dev
                there = left.setdefault(disk, self._free(place))
            except OSError:
                continue  # not to be seen from this machine
            if there >= wait.wanted_bytes:
                ready.add(wait.job_id)
                left[disk] = there - wait.wanted_bytes
        return ready


def _existing(place: Path) -> Path:
    while not place.exists():
        place = place.parent
    return place
