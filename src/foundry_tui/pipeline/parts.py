"""Chunks of a step handed out in parts (store.parts), as the step's own run sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from foundry_tui.domain.takes import Take
from foundry_tui.pipeline.clock import Clock
from foundry_tui.store import chunks as chunk_rows
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import parts as part_rows
from foundry_tui.store.database import Database
from foundry_tui.store.steps import ClaimedStep

Place = tuple[int, int]
LOOK_S = 0.5
Answer = TypeVar("Answer")


class Durably(Protocol):
    """Tries a write again while the database is away, for as long as the lease holds."""

    async def __call__(self, write: Callable[[], Awaitable[Answer]], /) -> Answer:
        """What ``write`` answers; raises LeaseLost."""
        ...


class OpenParts:
    """The parts of one run; every change to them is behind the fence of the step's job."""

    def __init__(
        self,
        database: Database,
        claimed: ClaimedStep,
        *,
        size: int,
        clock: Clock,
        now: Callable[[], float],
        durably: Durably,
    ) -> None:
        self._database = database
        self._claimed = claimed
        self._size = size
        self._clock = clock
        self._now = now
        self._durably = durably
        self._open: dict[int, tuple[Place, ...]] = {}  # by job

    @property
    def open(self) -> bool:
        """Whether a part has not ended yet, as far as ``ended`` last saw."""
        return bool(self._open)

    async def hand_out(self, places: Sequence[Place], brief: Mapping[str, Any]) -> None:
        """Offer chunks in parts, in order; a failed row of an earlier attempt is forgotten first."""
        await self._durably(lambda: self._hand_out(places, brief))

    async def _hand_out(self, places: Sequence[Place], brief: Mapping[str, Any]) -> None:
        step = self._claimed.step
        async with self._database.write(may_wait=True) as connection:
            await job_rows.settle(connection, self._claimed.job, {"worker_id": self._claimed.job.worker_id})
            for job in await part_rows.live(connection, step.audiobook_id):
                self._open[job.job_id] = part_rows.places_of(job) or ()
            taken = {place for group in self._open.values() for place in group}
            fresh = [place for place in places if place not in taken]
            groups = [fresh[at : at + self._size] for at in range(0, len(fresh), self._size)]
            await chunk_rows.forget_failures(connection, step.audiobook_id, fresh)
            made = await part_rows.hand_out(
                connection, step, groups, brief=brief, now=self._now(), priority=self._claimed.production.priority
            )
        self._open |= {job_id: tuple(group) for job_id, group in zip(made, groups, strict=True)}

    async def take_back(self) -> Sequence[Place]:
        """The chunks of the first part nobody has begun."""
        return await self._durably(self._take_back)

    async def _take_back(self) -> Sequence[Place]:
        async with self._database.write(may_wait=True) as connection:
            await job_rows.settle(connection, self._claimed.job, {"worker_id": self._claimed.job.worker_id})
            job = await part_rows.take_back(connection, self._claimed.step.audiobook_id, self._now())
        if job is None:
            return ()
        self._open.pop(job.job_id, None)
        return part_rows.places_of(job) or ()

    async def ended(self) -> Sequence[Take]:
        """The takes of parts that have ended elsewhere since this was last asked."""
        return await self._durably(self._ended) if self._open else ()

    async def _ended(self) -> Sequence[Take]:
        audiobook_id = self._claimed.step.audiobook_id
        async with self._database.read() as connection:
            alive = {job.job_id for job in await part_rows.live(connection, audiobook_id)}
            over = [job_id for job_id in self._open if job_id not in alive]
            places = [place for job_id in over for place in self._open[job_id]]
            takes = await chunk_rows.at(connection, audiobook_id, places)
        for job_id in over:
            del self._open[job_id]
        return takes

    async def wait(self) -> None:
        """Let the time pass after which it is worth while to ask again."""
        await self._clock.sleep(LOOK_S)
