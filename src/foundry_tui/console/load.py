"""What the machine has to bear: the processor's load while work runs, and the room the queue will still need."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from foundry_tui.errors import FoundryError

_log = logging.getLogger(__name__)
_STEP = 5  # per cent: a figure that trembles is sent again and again
_APART_S = 1.0
_ROOM_EVERY_S = 30.0
_ROOM_APART_S = 3.0
_ROOM_RESTS = 50.0


def busy_and_total() -> tuple[float, float] | None:
    """Seconds the processors have been busy and have been there, since the machine started; None where untold."""
    try:
        with Path("/proc/stat").open(encoding="ascii") as file:
            fields = [float(each) for each in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    ticks = float(os.sysconf("SC_CLK_TCK"))
    idle = fields[3] + (fields[4] if len(fields) > 4 else 0.0)
    return (sum(fields) - idle) / ticks, sum(fields) / ticks


class CpuMeter:
    """Per cent of all processors, in steps of five."""

    def __init__(
        self,
        read: Callable[[], tuple[float, float] | None] = busy_and_total,
        load: Callable[[], tuple[float, float, float]] = os.getloadavg,
    ) -> None:
        self._read = read
        self._load = load
        self._before = read()
        self._last: int | None = None

    def percent(self) -> int | None:
        """Since it was last asked a second or more ago; the load where the kernel has no better."""
        now = self._read()
        if now is None:
            try:
                share = self._load()[0] / (os.cpu_count() or 1)
            except OSError:
                return None
            return min(100, _STEP * round(100 * share / _STEP))
        busy, total = (now[place] - (self._before or (0.0, 0.0))[place] for place in (0, 1))
        if total >= _APART_S:
            self._before = now
            self._last = max(0, min(100, _STEP * round(100 * busy / total / _STEP)))
        return self._last


class RoomFigure:
    """The bytes the queue will need, reckoned beside everything else and never waited for."""

    def __init__(
        self,
        reckon: Callable[[], Awaitable[int]],
        told: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reckon = reckon
        self._told = told
        self._clock = clock
        self._bytes: int | None = None
        self._of = -1
        self._at = float("-inf")
        self._took_s = 0.0
        self._task: asyncio.Task[None] | None = None

    def bytes_needed(self, undone: int) -> int | None:
        """As last reckoned; None until it was. ``undone`` productions wait or are being made."""
        if not undone:
            self._of = 0
            return 0
        age = self._clock() - self._at
        rest_s = _ROOM_RESTS * self._took_s  # a queue of ten thousand takes a second to reckon: not all the time
        due = age > max(_ROOM_EVERY_S, rest_s) or (undone != self._of and age > max(_ROOM_APART_S, rest_s))
        if due and (self._task is None or self._task.done()):
            self._of, self._at = undone, self._clock()
            self._task = asyncio.create_task(self._reckoned())
        return self._bytes

    async def _reckoned(self) -> None:
        before = self._bytes
        try:
            self._bytes = await self._reckon()
        except (FoundryError, OSError) as error:
            _log.warning("the room the queue needs could not be reckoned: %s", error)
            return
        finally:
            self._took_s = self._clock() - self._at
        if self._bytes != before:
            self._told()

    async def close(self) -> None:
        """Wait for no answer any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
