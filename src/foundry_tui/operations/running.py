"""The whole queue worked headless: one pool, run until nothing is left, and a report of what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from foundry_tui.domain.events import Event
from foundry_tui.domain.money import Spent
from foundry_tui.domain.status import Level, Status
from foundry_tui.operations.event_log import EventLog
from foundry_tui.operations.run_report import Facts, ProductionReport, RunReport, report_of
from foundry_tui.store import catalog as book_rows
from foundry_tui.store import productions as rows
from foundry_tui.store import roster as narrator_rows
from foundry_tui.store.database import Database
from foundry_tui.store.event_history import Cursor, EventFilter
from foundry_tui.store.queue import queue
from foundry_tui.store.spend import spent

if TYPE_CHECKING:
    from foundry_tui.pipeline.pool import WorkerPool
    from foundry_tui.pipeline.summary import Elsewhere, PoolSummary
    from foundry_tui.store.disk_waits import DiskWait

_UNDONE = (Status.PENDING, Status.PROCESSING)
_UNFINISHED = (*_UNDONE, Status.FAILED)
_EVERY_WARNING = EventFilter(level=Level.WARNING)


class Running:
    """Works the queue of a home."""

    def __init__(
        self,
        database: Database,
        events: EventLog,
        make_pool: Callable[[int | None], WorkerPool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._events = events
        self._make_pool = make_pool
        self._monotonic = monotonic

    async def has_work(self, *, retry_failed: bool = True) -> bool:
        """Whether a run would find anything; asked before anything heavy is imported."""
        async with self._database.read() as connection:
            if await rows.count_productions(connection, statuses=_UNDONE):
                return True
            failed = await queue(connection, statuses=(Status.FAILED,)) if retry_failed else []
        return any(not row.poisoned for row in failed)

    async def run_all(
        self,
        *,
        workers: int | None = None,
        fail_fast: bool = False,
        retry_failed: bool = True,
        on_pool: Callable[[WorkerPool], None] | None = None,
        on_wait: Callable[[Sequence[Elsewhere]], None] | None = None,
        on_room: Callable[[Sequence[DiskWait]], None] | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> RunReport:
        """Work until nothing is left, and report.

        ``on_pool`` is handed the pool, to watch it or drain it; ``stopped`` says whether somebody has drained it.
        """
        began = self._monotonic()
        before = await self._events.end()
        summary: PoolSummary | None = None
        outcomes: dict[str, str] = {}  # what others finished while this run waited is part of what came of it

        def waiting(elsewhere: Sequence[Elsewhere]) -> None:
            outcomes.update({job.audiobook_id: "elsewhere" for job in elsewhere if job.audiobook_id})
            if on_wait is not None:
                on_wait(elsewhere)

        if await self.has_work(retry_failed=retry_failed) and not stopped():
            pool = self._make_pool(workers)
            if on_pool is not None:
                on_pool(pool)
            if not stopped():
                summary = await pool.run_until_idle(
                    fail_fast=fail_fast, retry_failed=retry_failed, on_wait=waiting, on_room=on_room
                )
                outcomes |= summary.outcomes
        wall_s = self._monotonic() - began
        return await self._report(summary, outcomes, before, wall_s=wall_s, interrupted=stopped())

    async def _report(
        self,
        summary: PoolSummary | None,
        outcomes: Mapping[str, str],
        before: Cursor,
        *,
        wall_s: float,
        interrupted: bool,
    ) -> RunReport:
        loud, _ = await self._events.after(before, _EVERY_WARNING) if outcomes else ([], before)
        touched = await self._reports(sorted(outcomes), loud, outcomes)
        async with self._database.read() as connection:
            waiting = [
                row.audiobook_id
                for row in await queue(connection, statuses=_UNFINISHED)
                if row.audiobook_id not in outcomes
            ]
        return RunReport(
            productions=touched,
            left_alone=await self._reports(waiting, [], {}),
            recovered=tuple(summary.recovered) if summary else (),
            jobs_run=summary.jobs_run if summary else 0,
            wall_s=round(wall_s, 3),
            interrupted=interrupted,
        )

    async def _reports(
        self, ids: Iterable[str], loud: Sequence[Event], outcomes: Mapping[str, str]
    ) -> tuple[ProductionReport, ...]:
        reports = []
        async with self._database.read() as connection:
            for audiobook_id in ids:
                made = await rows.find_production(connection, audiobook_id)
                if made is None:  # removed meanwhile
                    continue
                facts = Facts(
                    made,
                    await book_rows.get_book(connection, made.book_id),
                    await narrator_rows.get_narrator(connection, made.narrator_id),
                    await rows.list_steps(connection, audiobook_id),
                    [event for event in loud if event.audiobook_id == audiobook_id],
                    (await spent(connection, [audiobook_id])).get(audiobook_id, Spent()).micros,
                )
                reports.append(report_of(facts, outcomes.get(audiobook_id)))
        return tuple(reports)
