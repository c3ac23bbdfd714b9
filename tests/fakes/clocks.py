"""A clock that stands until it is moved."""

from __future__ import annotations

import asyncio


class StandingClock:
    """Time moves by ``move`` alone; a sleeper wakes once it has passed."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._start = start
        self._passed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def time(self) -> float:
        return self._start + self._passed

    def monotonic(self) -> float:
        return 1000.0 + self._passed

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._passed + seconds, woken))
        await woken

    def move(self, seconds: float) -> None:
        self._passed += seconds
        due = [woken for at, woken in self._sleepers if at <= self._passed]
        self._sleepers = [(at, woken) for at, woken in self._sleepers if at > self._passed]
        for woken in due:
            if not woken.done():
                woken.set_result(None)
