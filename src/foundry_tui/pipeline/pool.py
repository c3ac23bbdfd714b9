"""The worker pool: claims jobs, runs their steps side by side, and ends cleanly."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from foundry_tui.domain.events import Event
from foundry_tui.endings import end_all, heed_cancel
from foundry_tui.errors import FoundryError
from foundry_tui.pipeline.claims import Claims
from foundry_tui.pipeline.clock import Clock, SystemClock, wait_for
from foundry_tui.pipeline.context import ClaimContext, Ended
from foundry_tui.pipeline.contract import Recipe
from foundry_tui.pipeline.feed import ProgressFeed
from foundry_tui.pipeline.heartbeat import Heartbeat
from foundry_tui.pipeline.journal import keep_on_disk
from foundry_tui.pipeline.part_runner import PartRunner
from foundry_tui.pipeline.patience import Patience
from foundry_tui.pipeline.reconcile import Reconciler, Recovery
from foundry_tui.pipeline.room import FreeBytes, RoomWatch, free_bytes
from foundry_tui.pipeline.runner import Runner
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.pipeline.summary import Elsewhere, PoolSummary
from foundry_tui.pipeline.worker_id import new_worker_id, spoken_name
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import notices
from foundry_tui.store import requeue as requeue_rows
from foundry_tui.store import steps as step_rows
from foundry_tui.store.database import Database
from foundry_tui.store.disk_waits import DiskWait
from foundry_tui.store.events import append
from foundry_tui.store.steps import ClaimedStep
from foundry_tui.store.wakeups import Wakeups

log = logging.getLogger(__name__)
_GATHER_S = 0.05


class WorkerPool:
    """N jobs at once on the loop that runs it; assumes nothing about threads or signals. One run at a time."""

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
        free: FreeBytes = free_bytes,
    ) -> None:
        self.settings = settings or PoolSettings()
        self.clock = clock or SystemClock()
        self.feed = feed or ProgressFeed(self.clock)
        self.worker_id = worker_id or str(new_worker_id())
        self.summary = PoolSummary()
        self._database = database
        self._recipes = dict(recipes)
        self._chance = chance or random.Random()  # noqa: S311 - jitter, no secret
        self._room = RoomWatch(database, self.now, free)
        self._runner = Runner(database, self.settings, self.clock, self._chance, self._room)
        self._part_runner = PartRunner(database, self.settings, self._chance)
        self._patience = Patience(self._room, self.settings, self.clock)
        self._claims = Claims(database, self.worker_id, self.settings, self.clock, self.now, self._chance)
        self._tasks: dict[asyncio.Task[Ended], ClaimedStep] = {}
        self._changed = asyncio.Event()
        self._look_in = asyncio.Event()  # something was put in that the reconciler takes up
        self.accepting = True  # False: what is in hand goes on to its end, and nothing new is claimed
        self._draining = self._drained = False
        self._offset_s = 0.0
        self._pause_s = self.settings.poll_min_s
        self._dry = True  # the last look found nothing to claim
        self._held_up = False  # something is due, but may not be claimed beside what is in hand
        holds = self._claims.holds
        self._reconciler = Reconciler(database, self._recipes, self.worker_id, self.settings, self.now, holds)
        active = self._claims.active.values
        self._heartbeat = Heartbeat(database, self.worker_id, active, self.settings, self.clock, self.now, self._end)

    def now(self) -> float:
        """Seconds since 1970 on the database's clock."""
        return self.clock.time() + self._offset_s

    def wake(self) -> None:
        """Something was enqueued: look now. Call on the pool's loop (from elsewhere: PoolThread.wake)."""
        self._changed.set()

    @property
    def busy(self) -> int:
        """How many jobs are at work here."""
        return len(self._claims.active)

    # -- ways to run --------------------------------------------------------------------------------------------

    async def run_until_idle(
        self,
        *,
        fail_fast: bool = False,
        retry_failed: bool = False,
        on_wait: Callable[[Sequence[Elsewhere]], None] | None = None,
        on_room: Callable[[Sequence[DiskWait]], None] | None = None,
    ) -> PoolSummary:
        """Work the queue until nothing can be claimed, nothing is scheduled and nobody else holds a job.

        ``retry_failed`` first requeues failed productions, never poisoned or cancelled ones. ``fail_fast`` stops at
        the first production that fails. ``on_wait`` hears, whenever it changes, what other workers still hold, and
        ``on_room`` what waits for room on the disk; with nothing else to do that is waited for ``room_patience_s``.
        """
        async with self._at_work():
            if retry_failed:
                async with self._database.write() as connection:
                    requeued = await requeue_rows.retry_failed(connection, self._reconciler.plans, self.now())
                self.summary.requeued = tuple(requeued)
            waited: list[Elsewhere] = []
            cramped: tuple[DiskWait, ...] = ()
            while not self._draining and not (fail_fast and self.summary.failed):
                if await self._patience.ask(self._claim_one, otherwise=False):
                    continue
                if self._free():
                    waits, idle = await self._patience.ask(self._rest_of_the_queue, otherwise=(waited, False))
                    if idle:
                        break
                    if waits != waited and on_wait is not None:
                        on_wait(waits)
                    waited = waits
                if self._room.waits != cramped:
                    cramped = self._room.waits
                    if on_room is not None:
                        on_room(cramped)
                if self._patience.past_writing():
                    break
                await self._rest()
            if cramped and not self._room.waits and on_room is not None:
                on_room(())
            self.summary.outcomes |= dict.fromkeys(self._room.audiobook_ids, "disk_full")
        return self.summary

    async def run_forever(self, stop: asyncio.Event) -> PoolSummary:
        """Work until ``stop`` is set, then drain."""
        async with self._at_work():
            watcher = asyncio.create_task(self._wake_on(stop))
            try:
                while not stop.is_set() and not self._draining:
                    try:
                        if not await self._claim_one():
                            await self._rest()
                    except Exception:
                        # A full disk, a server gone for the night: whoever mends it finds the daemon still there.
                        log.warning("no job could be claimed; it is tried again", exc_info=True)
                        await wait_for(stop, self.clock, self.settings.poll_max_s)
            finally:
                watcher.cancel()
        return self.summary

    async def run_step(self, job_id: int) -> Ended | None:
        """Claim this very job and run it, for dispatchers; None when another holds it or it is not due.

        It waits for its turn, for at most ``turn_wait_s``; then, too, None: announce it again. Call it inside
        ``at_work()``, which keeps the lease alive. Cancelled, it gives the job back first.
        """
        claimed = await self._claims.handed_in(job_id, self._changed, lambda: self._draining)
        if claimed is None:
            return None
        task = self._begin(claimed)
        if claimed.job.job_id != job_id:
            return None  # one that had to go first; a message must not stand for a job that it does not bring
        try:
            return await task
        except asyncio.CancelledError:
            if not task.cancelled() or _is_cancelled():
                raise
            return None  # the pool has ended it

    def _begin(self, claimed: ClaimedStep) -> asyncio.Task[Ended]:
        task = asyncio.create_task(self._run(claimed))
        self._tasks[task] = claimed
        task.add_done_callback(self._done)
        return task

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Heartbeat and reconciler without a claim loop: for dispatchers that hand jobs in one by one."""
        async with self._at_work():
            yield

    async def drain(self, grace_s: float | None = None) -> None:
        """Stop claiming, let every chunk in hand be finished for at most ``grace_s``, give the jobs back at no cost.

        A pool that was drained stays so: one that had not begun to run ends at once.
        """
        self._drained = True
        await self._empty(grace_s)

    async def _empty(self, grace_s: float | None = None) -> None:
        self._draining = True
        self._changed.set()
        for context in list(self._claims.active.values()):
            context.hold.drain()
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
        self._draining = self._drained
        self.summary = PoolSummary()
        await self._reconcile()
        await self._tell("worker_started", f"A worker started: {spoken_name(self.worker_id)}.")
        sync = keep_on_disk(self._database, self.clock, self.settings.sync_s)
        helpers = [asyncio.create_task(work) for work in (self._heartbeat.run(), self._reconcile_forever(), sync)]
        hears = {notices.JOBS: self.wake, notices.PRODUCTIONS: self._look_in.set}
        try:
            async with Wakeups(self._database, hears):
                yield
        finally:
            await self._empty()
            await end_all(helpers)
            await self._tell("worker_stopped", f"A worker stopped: {spoken_name(self.worker_id)}.")

    async def _tell(self, kind: str, message: str) -> None:
        details = {"worker_id": self.worker_id, "workers": self.settings.workers}
        if kind == "worker_stopped":
            details["jobs_run"] = self.summary.jobs_run
        try:
            async with self._database.write() as connection:
                await append(connection, [Event(kind=kind, message=message, details=details)])
        except FoundryError:
            log.warning("%s (the database could not be told)", message)

    def _end(self, context: ClaimContext) -> None:
        """A step that was told to stop and does not heed."""
        for task, claimed in self._tasks.items():
            if claimed.job.job_id == context.claimed.job.job_id and not task.cancelling():
                log.warning("%s does not stop by itself; it is ended", context.step.step_number)
                task.cancel()

    def _free(self) -> bool:
        return len(self._tasks) < self.settings.workers

    async def _claim_one(self) -> bool:
        """Start one job if a worker is free and a job claimable; True when another look is worth while at once."""
        self._changed.clear()
        self._held_up = not self._claims.open
        if self._draining or not self.accepting or self._held_up:
            return False
        if self._dry:
            # Reading first spares an empty queue the write lock.
            due = await self._next_due()
            if due is None or due > self.now():
                self._room.release_queue()
                return False
        try:
            claimed = await self._claims.first_in_line()
        except step_rows.Contended:
            await self._claims.contended()
            return True
        self._room.release_queue()
        self._dry = self._held_up = claimed is None
        if claimed is None:
            return False
        self._pause_s = self.settings.poll_min_s
        self._patience.worked()
        self._begin(claimed)
        return True

    async def _run(self, claimed: ClaimedStep) -> Ended:
        context = ClaimContext(
            self._database,
            claimed,
            self._recipes.get(claimed.production.recipe) or Recipe(claimed.production.recipe, ()),
            settings=self.settings,
            clock=self.clock,
            feed=self.feed,
            now=self.now,
        )
        self._claims.active[claimed.job.job_id] = context
        if self._draining:
            context.hold.drain()
        runner = self._runner if context.part is None else self._part_runner
        try:
            ended = await runner.run(context)
        except asyncio.CancelledError:
            if context.torn is not None:
                self.summary.took(context.torn)
            raise
        finally:
            self._claims.let_go(claimed.job)
        self.summary.took(ended)
        return ended

    def _done(self, task: asyncio.Task[Ended]) -> None:
        self._claims.let_go(self._tasks.pop(task).job)  # cancelled before it began, it has not done so itself
        self._changed.set()
        if not task.cancelled() and task.exception() is not None:
            # Its job is still marked as held: the next pass of the reconciler gives it back.
            log.error("a claim ended in an error of the pipeline itself", exc_info=task.exception())

    async def _next_due(self) -> float | None:
        async with self._database.read() as connection:
            return await job_rows.next_due(connection)

    async def _rest(self) -> None:
        """Sleep until something changes here, or long enough to look whether something has changed elsewhere."""
        full = not self._free()
        pause_s = self.settings.poll_max_s if full else self._pause_s * self._chance.uniform(0.75, 1.25)
        if not full:
            self._pause_s = min(self._pause_s * 2, self.settings.poll_max_s)
            due = await self._patience.ask(self._next_due, otherwise=None)
            if due is not None and not (self._held_up and due <= self.now()):
                pause_s = min(pause_s, max(due - self.now(), 0.01))
        if await wait_for(self._changed, self.clock, pause_s):
            self._pause_s = self.settings.poll_min_s

    async def _wake_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._changed.set()

    async def _rest_of_the_queue(self) -> tuple[list[Elsewhere], bool]:
        """What other workers hold, and whether nothing at all is left to be done or to be waited for."""
        if self._tasks:
            return [], False
        if await self._reconcile():
            return [], False
        async with self._database.read() as connection:
            held = await job_rows.processing(connection)
            scheduled = await job_rows.next_due(connection) is not None
        waits = [
            Elsewhere(job.job_id, job.name, str(job.payload.get("audiobook_id", "")), spoken_name(job.worker_id))
            for job in held
        ]
        return waits, not waits and not scheduled and not self._patience.waits_for_room()

    async def _reconcile(self) -> Recovery:
        async with self._database.read() as connection:
            self._offset_s = await job_rows.clock_offset(connection, self.clock.time)
        recovery = await self._reconciler.once()
        if await self._room.once() or await self._claims.forget():
            self._changed.set()
        self.summary.recovered.extend(recovery.sentences)
        self.summary.adopted.extend(recovery.queued)
        for each in recovery.recovered:
            if each.audiobook_id and each.kind != "released":
                self.summary.outcomes[each.audiobook_id] = "cancelled" if each.kind == "cancelled" else "failed"
                self.summary.messages[each.audiobook_id] = each.sentence
        if recovery:
            self._changed.set()
        return recovery

    async def take_in(self) -> None:
        """Something was ordered: take it in at once rather than at the next look. Call on the pool's loop."""
        await self._reconcile()
        self._changed.set()

    async def _reconcile_forever(self) -> None:
        while True:
            heed_cancel()
            await wait_for(self._look_in, self.clock, self.settings.reconcile_s)
            await self.clock.sleep(_GATHER_S)  # what is put in by hand often comes in many statements
            self._look_in.clear()
            try:
                await self._reconcile()
            except Exception:
                log.warning("the queue could not be reconciled", exc_info=True)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
