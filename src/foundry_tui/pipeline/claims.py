"""What a worker holds and how it comes by more, whether it looks for jobs itself or is handed them.

A worker that dies takes all its jobs with it, and from outside nobody can tell which of them it was. A job whose last
worker died, a suspect, therefore runs alone in its process until it has finished something: the next death is laid to
it and to no neighbour.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from foundry_tui.pipeline.clock import Clock, wait_for
from foundry_tui.pipeline.context import ClaimContext
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import step_turns
from foundry_tui.store import steps as step_rows
from foundry_tui.store.database import Database
from foundry_tui.store.jobs import Job
from foundry_tui.store.steps import ClaimedStep

_CONTENDED_S = 0.02  # a production is being changed: a transaction takes about as long


class Claims:
    """The jobs of one pool. Whose turn it is, is decided under the database's writer lock, so one at a time."""

    def __init__(
        self,
        database: Database,
        worker_id: str,
        settings: PoolSettings,
        clock: Clock,
        now: Callable[[], float],
        chance: random.Random,
    ) -> None:
        self.active: dict[int, ClaimContext] = {}
        self._database = database
        self._worker_id = worker_id
        self._settings = settings
        self._clock = clock
        self._now = now
        self._chance = chance
        self._fences: dict[int, int] = {}  # of every job in hand, from inside the claiming transaction on
        self._suspect: int | None = None  # the last claimed job, if its last worker died
        self._next: list[int] = []  # suspects handed in that wait until nothing is in hand, as they came
        self._calls: list[int] = []  # what each call was handed whose turn has not come

    def holds(self, job: Job) -> bool:
        """Whether that very claim is in hand here."""
        return self._fences.get(job.job_id) == job.fence

    def let_go(self, job: Job) -> None:
        """It has ended, or never began."""
        if self.holds(job):
            del self._fences[job.job_id]
            self.active.pop(job.job_id, None)

    @property
    def open(self) -> bool:
        """Whether one more may be claimed: a worker is free, and none of those at work has to be alone."""
        if len(self._fences) >= self._settings.workers:
            return False
        if self._suspect not in self._fences:
            return True
        context = self.active.get(self._suspect)
        return context is not None and context.made_durable

    async def first_in_line(self) -> ClaimedStep | None:
        """The next job of the queue, for a pool that looks itself; None when there is none. Raises Contended.

        A suspect whose turn it is holds up those behind it while anything is in hand.
        """
        return await self._claim(lambda one: job_rows.claim(one, *self._terms(), suspects=not self._fences))

    async def handed_in(self, job_id: int, changed: asyncio.Event, stopped: Callable[[], bool]) -> ClaimedStep | None:
        """That very job once its turn has come; None when it cannot be claimed, or its turn does not come in time.

        While a suspect waits until nothing is in hand, nobody else is claimed. If its own call has gone, another brings
        it in its own stead: a message is soon announced again, but at the end of a queue that may be long.
        """
        self._calls.append(job_id)
        try:
            return await self._in_turn(job_id, changed, stopped)
        finally:
            self._calls.remove(job_id)

    async def _in_turn(self, job_id: int, changed: asyncio.Event, stopped: Callable[[], bool]) -> ClaimedStep | None:
        until = self._clock.monotonic() + self._settings.turn_wait_s
        while not stopped() and self._clock.monotonic() < until:
            turn = self._turn(job_id)
            if turn is None:
                changed.clear()
                await wait_for(changed, self._clock, self._settings.poll_min_s)
                continue
            try:
                claimed = await self._claim(partial(self._by_id, job_id, turn))
            except step_rows.Contended:
                await self.contended()
                continue
            if claimed is not None or (turn == job_id and turn not in self._next):
                return claimed
        return None

    async def contended(self) -> None:
        """Wait about as long as a transaction takes."""
        await self._clock.sleep(_CONTENDED_S * self._chance.uniform(0.5, 1.5))

    async def forget(self) -> bool:
        """Wait no longer for suspects that may not be claimed now: done elsewhere, paused; whether there were any."""
        if not self._next:
            return False
        async with self._database.read() as connection:
            live = await job_rows.suspects(connection, self._next, self._now())
        gone = [job_id for job_id in self._next if job_id not in live]
        for job_id in gone:
            self._no_longer_next(job_id)
        return bool(gone)

    def _terms(self) -> tuple[str, float, float]:
        return self._worker_id, self._now(), self._settings.lease_s

    def _turn(self, job_id: int) -> int | None:
        """Which job may be claimed by whoever was handed ``job_id``; None: nothing yet."""
        if not self.open:
            return None
        if not self._next:
            return job_id
        first = self._next[0]
        return None if self._fences or (first != job_id and first in self._calls) else first

    async def _by_id(self, job_id: int, turn: int, connection: Any) -> Job | None:
        if self._turn(job_id) != turn:
            raise step_rows.Contended  # another call was quicker
        alone = not self._fences
        job = await job_rows.claim_by_id(connection, turn, *self._terms(), suspects=alone)
        if job is None and alone:
            self._no_longer_next(turn)
        elif job is None and await job_rows.suspects(connection, [turn], self._now()):
            self._next.append(turn)
        return job

    def _no_longer_next(self, job_id: int) -> None:
        self._next = [each for each in self._next if each != job_id]

    async def _claim(self, claim: Callable[[Any], Awaitable[Job | None]]) -> ClaimedStep | None:
        job: Job | None = None
        try:
            # Without room it is no time to begin: the ballast is for what is under way.
            async with self._database.write(may_wait=True) as connection:
                job = await claim(connection)
                if job is None:
                    return None
                held = await step_turns.start(connection, job, self._now())
                if held is None:
                    # A job nobody's step points to: a step that was forced meanwhile has a younger one.
                    await job_rows.cancel_held(connection, job, self._now(), reason="replaced")
                    return None
                self._fences[job.job_id] = job.fence
                self._suspect = job.job_id if job.deaths else None
                self._no_longer_next(job.job_id)
            async with self._database.read() as connection:
                return await step_rows.whole(connection, held)
        except BaseException:
            if job is not None:
                self.let_go(job)  # if the claim holds all the same, the reconciler gives it back
            raise
