"""Puts right what nobody else will: dead neighbours' jobs, expired leases, rows somebody wrote by hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from foundry_tui.pipeline.contract import Recipe, StepSpec
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.pipeline.worker_id import is_dead, spoken_name
from foundry_tui.store import adoption
from foundry_tui.store import jobs as job_rows
from foundry_tui.store.database import Database
from foundry_tui.store.jobs import Job
from foundry_tui.store.leases import Limits, Recovered, recover, tell_house

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What one pass put right."""

    recovered: tuple[Recovered, ...] = ()
    queued: tuple[str, ...] = ()  # productions that raw SQL had put there, and that have a job now
    pulled: int = 0  # jobs that a clock set back had left in the future

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was recovered, as a person would say it."""
        return tuple(each.sentence for each in self.recovered)

    def __bool__(self) -> bool:
        """Whether anything has changed."""
        return bool(self.recovered or self.queued or self.pulled)


@dataclass(frozen=True, slots=True)
class _Lost:
    job: Job
    why: str
    died: bool


class Reconciler:
    """One pass at a worker's start and every few seconds; any number of workers may do it at once."""

    def __init__(
        self,
        database: Database,
        recipes: Mapping[str, Recipe],
        worker_id: str,
        settings: PoolSettings,
        now: Callable[[], float],
        holds: Callable[[Job], bool],
    ) -> None:
        self.plans: dict[str, Sequence[StepSpec]] = {name: recipe.steps for name, recipe in recipes.items()}
        self._database = database
        self._worker_id = worker_id
        self._settings = settings
        self._now = now
        self._holds = holds
        self._limits = Limits(settings.deaths_before_poison, settings.chunk_deaths_before_poison)

    async def once(self) -> Recovery:
        """Look without the write lock; take it, briefly, only for what was found."""
        async with self._database.read() as connection:
            held = await job_rows.processing(connection)
            found = await adoption.look(connection)
            last_due = await job_rows.last_due(connection)
        recovered = await self._recover(await asyncio.to_thread(self._lost, held))
        queued: list[str] = []
        if found:
            async with self._database.write() as connection:
                queued = await adoption.put_right(connection, found, self.plans, self._now())
        pulled = await self._pull_back(last_due)
        return Recovery(tuple(recovered), tuple(queued), pulled)

    async def _pull_back(self, last_due: float | None) -> int:
        """A clock that was set back has left retries in a far future."""
        latest = self._now() + self._settings.longest_wait_s
        if last_due is None or last_due <= latest:
            return 0
        async with self._database.write() as connection:
            pulled = await job_rows.pull_back(connection, latest, self._now())
        log.warning("%d jobs were scheduled in a far future: the clock was set back", pulled)
        return pulled

    def _lost(self, held: Sequence[Job]) -> list[_Lost]:
        """Whose holder is gone; asks the process table, so it runs in a thread."""
        gone: dict[str, bool] = {}
        lost = []
        now = self._now()
        for job in held:
            worker = job.worker_id or ""
            if worker == self._worker_id:
                # A claim of ours that ended without the database hearing of it.
                if not self._holds(job):
                    lost.append(_Lost(job, "let go of it", died=False))
                continue
            if worker not in gone:
                gone[worker] = is_dead(worker)
            if gone[worker]:
                lost.append(_Lost(job, "is no longer there", died=True))
            elif (job.lease_expires_at or 0.0) <= now:
                lost.append(_Lost(job, "was not heard from in time", died=True))
        return lost

    async def _recover(self, lost: Sequence[_Lost]) -> list[Recovered]:
        recovered: list[Recovered] = []
        for each in lost:
            who = spoken_name(each.job.worker_id)
            async with self._database.write() as connection:
                if each.job.worker_id == self._worker_id and self._holds(each.job):
                    continue  # claimed between the look and now
                done = await recover(
                    connection, each.job, self._now(), who=who, why=each.why, limits=self._limits, died=each.died
                )
            if done is not None:
                log.warning("%s", done.sentence)
                recovered.append(done)
        if recovered:
            async with self._database.write() as connection:
                await tell_house(connection, recovered, self._worker_id)
        return recovered
