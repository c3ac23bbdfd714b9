"""What an operator may ask of jobs: lists with what each job stands for, and one job tried again or cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.status import Status
from foundry_tui.errors import Conflict, NotFound
from foundry_tui.store import steering
from foundry_tui.store.jobs import Job
from foundry_tui.store.requeue import Plans, requeue
from foundry_tui.store.tables import audiobook_productions, books, jobs, production_steps

_step = production_steps.c


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job and what it stands for.

    ``current`` is False for a job of the past: its step has a younger one, or its production is gone (no book then).
    """

    job: Job
    audiobook_id: str | None
    step_name: str | None
    book_id: str | None
    book_name: str | None
    current: bool

    @property
    def poisoned(self) -> bool:
        """Whether it killed its workers, and waits for a human."""
        return self.job.reason == "poisoned"


async def list_jobs(
    connection: AsyncConnection,
    *,
    statuses: Sequence[Status] = (),
    reason: str | None = None,
    audiobook_id: str | None = None,
    before: int | None = None,
    limit: int = 200,
) -> list[JobRow]:
    """Jobs, newest first; page on with ``before`` = the last job id seen. ``reason`` is e.g. ``poisoned``."""
    query = _rows().order_by(jobs.c.job_id.desc()).limit(limit)
    if statuses:
        query = query.where(jobs.c.status.in_([status.value for status in statuses]))
    if reason is not None:
        query = query.where(jobs.c.reason == reason)
    if audiobook_id is not None:
        query = query.where(jobs.c.payload["audiobook_id"].as_string() == audiobook_id)
    if before is not None:
        query = query.where(jobs.c.job_id < before)
    return [_job_row(row) for row in (await connection.execute(query)).mappings()]


async def get_job(connection: AsyncConnection, job_id: int) -> JobRow:
    """One job; raises NotFound."""
    row = (await connection.execute(_rows().where(jobs.c.job_id == job_id))).mappings().first()
    if row is None:
        raise NotFound(f"There is no job {job_id}.", next_action="List them with `foundry-tui jobs list`.")
    return _job_row(row)


async def count_jobs(connection: AsyncConnection) -> dict[tuple[Status, str | None], int]:
    """How many jobs there are by (status, reason)."""
    query = select(jobs.c.status, jobs.c.reason, func.count()).group_by(jobs.c.status, jobs.c.reason)
    return {(Status(status), reason): count for status, reason, count in await connection.execute(query)}


async def retry_job(connection: AsyncConnection, job_id: int, plans: Plans, now: float) -> int:
    """Try a failed or cancelled job again, poisoned ones too: its step gets a new job, whose id is returned.

    Raises NotFound, and Conflict for one that waits, runs, is done, or is of the past.
    """
    row = await get_job(connection, job_id)
    if row.job.status not in {Status.FAILED, Status.CANCELLED} or not row.current or row.audiobook_id is None:
        state = str(row.job.status) if row.current else "of the past"
        raise Conflict(f"Job {job_id} is {state}: there is nothing to try again.", next_action="See `jobs show`.")
    made = await requeue(connection, row.audiobook_id, plans, now=now, why=f"job {job_id} was tried again")
    if made is None:
        raise Conflict(f"The production {row.audiobook_id} is in the queue already.", next_action="Wait for it.")
    return made


async def cancel_job(connection: AsyncConnection, job_id: int, now: float) -> bool:
    """Cancel a job and so its production: True at once, False when its worker stops at the next chunk border.

    Raises NotFound, and Conflict for one that neither waits nor runs.
    """
    row = await get_job(connection, job_id)
    if row.job.status not in {Status.PENDING, Status.PROCESSING} or row.audiobook_id is None:
        raise Conflict(f"Job {job_id} is {row.job.status}: there is nothing to cancel.", next_action="See `jobs show`.")
    return await steering.cancel(connection, row.audiobook_id, now)


def _rows() -> Select[tuple[object, ...]]:
    audiobook_id = jobs.c.payload["audiobook_id"].as_string()
    step_number = jobs.c.payload["step_number"].as_string()
    return (
        select(
            *jobs.c,
            audiobook_id.label("of_production"),
            _step.step_name,
            (_step.job_id == jobs.c.job_id).label("is_current"),
            books.c.book_id,
            books.c.book_name,
        )
        .select_from(jobs)
        .outerjoin(production_steps, (_step.audiobook_id == audiobook_id) & (_step.step_number == step_number))
        .outerjoin(audiobook_productions, audiobook_productions.c.audiobook_id == _step.audiobook_id)
        .outerjoin(books, books.c.book_id == audiobook_productions.c.book_id)
    )


def _job_row(row: RowMapping) -> JobRow:
    return JobRow(
        job=Job.from_row(row),
        audiobook_id=row["of_production"],
        step_name=row["step_name"],
        book_id=row["book_id"],
        book_name=row["book_name"],
        current=bool(row["is_current"]),
    )
