"""The worker pool: claims jobs, runs their steps side by side, and ends cleanly."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Level
from foundry_tui.pipeline.clock import Clock, SystemClock, wait_for
from foundry_tui.pipeline.context import ClaimContext
from foundry_tui.pipeline.contract import Recipe
from foundry_tui.pipeline.feed import ProgressFeed
from foundry_tui.pipeline.heartbeat import Heartbeat
from foundry_tui.pipeline.reconcile import Reconciler, Recovery
from foundry_tui.pipeline.runner import Ended, Runner
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.pipeline.worker_id import new_worker_id, spoken_name
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import requeue as requeue_rows
from foundry_tui.store import steps as step_rows
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.jobs import Job

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A job some other worker holds: what a run waits for."""

    job_id: int
    name: str
    audiobook_id: str
    worker: str  # as a person would call it
    lease_expires_at: float


@dataclass(slots=True)
class PoolSummary:
    """What a run of the pool did."""

    outcomes: dict[str, str] = field(default_factory=dict)  # audiobook_id -> finished, failed, cancelled, paused …
    messages: dict[str, str] = field(default_factory=dict)  # audiobook_id -> the last sentence about it
    requeued: tuple[str, ...] = ()
    recovered: list[str] = field(default_factory=list)  # sentences
    jobs_run: int = 0

    def took(self, ended: Ended) -> None:
        """Count one claim's end."""
        self.jobs_run += 1
        if ended.kind != "lost":
            self.outcomes[ended.audiobook_id] = ended.kind
            self.messages[ended.audiobook_id] = ended.message

    @property
    def failed(self) -> tuple[str, ...]:
        """The productions that ended in failure."""
        return tuple(sorted(made for made, kind in self.outcomes.items() if kind == "failed"))


class WorkerPool:
    """N jobs at once on the loop that runs it; assumes nothing about threads or signals."""

    def __init__(
        self,
        database: Database,
        recipes: Mapping[str, Recipe],
        *,
        settings: PoolSettings | None = None,
        clock: Clock | None = None,
        feed: ProgressFeed | None = None,
        worker_id: str | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.settings = settings or PoolSettings()
        self.clock = clock or SystemClock()
        self.feed = feed or ProgressFeed(self.clock)
        self.worker_id = worker_id or str(new_worker_id())
        self.summary = PoolSummary()
        self._database = database
        self._recipes = dict(recipes)
        self._chance = chance or random.Random()  # noqa: S311 - jitter, no secret
        self._runner = Runner(database, self.settings, self.clock, self._chance)
        self._active: dict[int, ClaimContext] = {}
        self._tasks: dict[asyncio.Task[Ended], int] = {}
        self._changed = asyncio.Event()
        self._draining = False
        self._offset_s = 0.0
        self._reconciler = Reconciler(database, self._recipes, self.worker_id, self.settings, self.now, self._holds)
        self._heartbeat = Heartbeat(database, self.worker_id, self._active.values, self.settings, self.clock, self.now)

    def now(self) -> float:
        """Seconds since 1970 on the database's clock."""
        return self.clock.time() + self._offset_s

    def wake(self) -> None:
        """Something was enqueued: look now. Call on the pool's loop (PoolThread.wake from elsewhere)."""
        self._changed.set()

    def _holds(self, job: Job) -> bool:
        context = self._active.get(job.job_id)
        return context is not None and context.claimed.job.fence == job.fence

    # -- ways to run --------------------------------------------------------------------------------------------

    async def run_until_idle(
        self,
        *,
        fail_fast: bool = False,
        retry_failed: bool = False,
        on_wait: Callable[[Sequence[Elsewhere]], None] | None = None,
    ) -> PoolSummary:
        """Work the queue until nothing can be claimed, nothing is scheduled and nobody else holds a job.

        ``retry_failed`` first requeues failed productions, never poisoned or cancelled ones. ``fail_fast`` stops at
        the first production that fails. ``on_wait`` hears, whenever it changes, what other workers still hold.
        """
        async with self._at_work():
            if retry_failed:
                self.summary.requeued = await self._retry_failed()
            waited: Sequence[Elsewhere] = ()
            while not self._draining:
                if fail_fast and self.summary.failed:
                    break
                if await self._claim_one():
                    continue
                waits = list(await self._held_elsewhere()) if not self._tasks else []
                if not self._tasks and not waits and not await self._scheduled():
                    break
                if waits != list(waited):
                    waited = waits
                    if on_wait is not None:
                        on_wait(waits)
                await self._rest()
        return self.summary

    async def run_forever(self, stop: asyncio.Event) -> PoolSummary:
        """Work until ``stop`` is set, then drain."""
        async with self._at_work():
            watcher = asyncio.create_task(self._wake_on(stop))
            try:
                while not stop.is_set() and not self._draining:
                    if not await self._claim_one():
                        await self._rest(stop)
            finally:
                watcher.cancel()
        return self.summary

    async def run_step(self, job_id: int) -> Ended | None:
        """Claim this very job and run it, for dispatchers; None when another holds it or it is not due."""
        async with self._database.write() as connection:
            job = await job_rows.claim_by_id(connection, job_id, self.worker_id, self.now(), self.settings.lease_s)
            claimed = await step_rows.start(connection, job, self.now()) if job else None
        if job is None or claimed is None:
            return None
        return await self._run(claimed)

    async def drain(self, grace_s: float | None = None) -> None:
        """Stop claiming, let every chunk in hand be finished for at most ``grace_s``, give the jobs back at no cost."""
        self._draining = True
        self._changed.set()
        for context in list(self._active.values()):
            context.drain()
        if self._tasks:
            patience = self.settings.drain_s if grace_s is None else grace_s
            await asyncio.wait(list(self._tasks), timeout=patience)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))

    # -- the inside ---------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _at_work(self) -> AsyncIterator[None]:
        self._draining = False
        await self._reconcile(starting=True)
        await self._tell("worker_started", f"A worker started: {spoken_name(self.worker_id)}.")
        helpers = [asyncio.create_task(self._heartbeat.run()), asyncio.create_task(self._reconcile_forever())]
        try:
            yield
        finally:
            await self.drain()
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self._tell("worker_stopped", f"A worker stopped: {spoken_name(self.worker_id)}.")

    async def _tell(self, kind: str, message: str) -> None:
        details = {"worker_id": self.worker_id, "workers": self.settings.workers}
        async with self._database.write() as connection:
            await append(connection, [Event(kind=kind, message=message, level=Level.INFO, details=details)])

    async def _claim_one(self) -> bool:
        """Start one job if a worker is free and a job claimable; True when another look is worth while at once."""
        self._changed.clear()
        if self._draining or len(self._tasks) >= self.settings.workers:
            return False
        async with self._database.read() as connection:
            due = await job_rows.next_due(connection)
        if due is None or due > self.now():
            return False
        async with self._database.write() as connection:
            job = await job_rows.claim(connection, self.worker_id, self.now(), self.settings.lease_s)
            claimed = await step_rows.start(connection, job, self.now()) if job else None
            if job is not None and claimed is None:
                await job_rows.cancel_held(connection, job, self.now(), reason="no_step")
        if job is None:
            return False
        if claimed is not None:
            task = asyncio.create_task(self._run(claimed))
            self._tasks[task] = job.job_id
            task.add_done_callback(self._ended)
        return True

    async def _run(self, claimed: step_rows.ClaimedStep) -> Ended:
        recipe = self._recipes[claimed.production.recipe]
        context = ClaimContext(
            self._database,
            claimed,
            recipe,
            settings=self.settings,
            clock=self.clock,
            feed=self.feed,
            offset_s=self._offset_s,
        )
        self._active[claimed.job.job_id] = context
        if self._draining:
            context.drain()
        try:
            ended = await self._runner.run(context, recipe)
        finally:
            self._active.pop(claimed.job.job_id, None)
        self.summary.took(ended)
        return ended

    def _ended(self, task: asyncio.Task[Ended]) -> None:
        self._tasks.pop(task, None)
        self._changed.set()
        if not task.cancelled() and task.exception() is not None:
            log.error("a claim ended in an error of the pipeline itself", exc_info=task.exception())

    async def _rest(self, stop: asyncio.Event | None = None) -> None:
        del stop
        await wait_for(self._changed, self.clock, self.settings.poll_min_s)

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._changed.set()

    async def _scheduled(self) -> bool:
        async with self._database.read() as connection:
            return await job_rows.next_due(connection) is not None

    async def _held_elsewhere(self) -> list[Elsewhere]:
        async with self._database.read() as connection:
            held = await job_rows.processing(connection)
        return [
            Elsewhere(
                job.job_id,
                job.name,
                str(job.payload.get("audiobook_id", "")),
                spoken_name(job.worker_id),
                job.lease_expires_at or 0.0,
            )
            for job in held
            if not self._holds(job)
        ]

    async def _retry_failed(self) -> tuple[str, ...]:
        async with self._database.write() as connection:
            return tuple(await requeue_rows.retry_failed(connection, self._reconciler.plans, self.now()))

    async def _reconcile(self, *, starting: bool = False) -> None:
        recovery: Recovery = await self._reconciler.once(starting=starting)
        self.summary.recovered.extend(recovery.sentences)
        if recovery.claimable:
            self._changed.set()

    async def _reconcile_forever(self) -> None:
        while True:
            await self.clock.sleep(self.settings.reconcile_s)
            try:
                await self._reconcile()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.warning("the queue could not be reconciled", exc_info=True)
