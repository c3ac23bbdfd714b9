"""STEP 0: every production that is not yet successful, and the step it needs next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select, text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.productions import Production
from foundry_tui.domain.queue import QueueRow
from foundry_tui.domain.status import Status
from foundry_tui.store.rows import columns_of, noun
from foundry_tui.store.spend import spent_so_far
from foundry_tui.store.tables import audiobook_productions, books, jobs, narrators, production_steps

# Written out, not bound: SQLite uses a partial index only where the query repeats its condition word for word.
_UNFINISHED = text("audiobook_productions.status <> 'success'")
_ALL = 10**9
_JOB_FIELDS = (
    jobs.c.attempt,
    jobs.c.max_attempts,
    jobs.c.run_after,
    jobs.c.reason,
    jobs.c.worker_id,
    jobs.c.lease_expires_at,
    jobs.c.cancel_requested,
    jobs.c.progress,
)


async def queue(
    connection: AsyncConnection,
    *,
    statuses: Sequence[Status] = (),
    audiobook_ids: Sequence[str] | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> list[QueueRow]:
    """Productions not yet successful, oldest first, each with what it needs next; all of them without ``limit``.

    ``statuses`` narrows it (cancelled ones are in it by default: they are not successful either), ``audiobook_ids``
    asks for these only.
    """
    if audiobook_ids is not None and not audiobook_ids:
        return []
    query = _rows(_window(statuses, audiobook_ids, offset, limit))
    return [_queue_row(row) for row in (await connection.execute(query)).mappings()]


async def queue_length(connection: AsyncConnection, *, statuses: Sequence[Status] = ()) -> int:
    """How many productions are not yet successful."""
    query = select(func.count()).select_from(_window(statuses, None, 0, None).subquery())
    return int(await connection.scalar(query) or 0)


def _window(
    statuses: Sequence[Status], audiobook_ids: Sequence[str] | None, offset: int, limit: int | None
) -> Select[Any]:
    key = audiobook_productions.c.audiobook_id
    query = select(key).where(_UNFINISHED).order_by(key)
    if statuses:
        query = query.where(audiobook_productions.c.status.in_([status.value for status in statuses]))
    if audiobook_ids is not None:
        query = query.where(key.in_(audiobook_ids))
    if offset:
        query = query.offset(offset)
    # A limit even where none is asked for: it keeps SQLite from folding the window into the join, where it would go
    # through every production there ever was instead of the index of the unfinished ones.
    return query.limit(_ALL if limit is None else limit)


def _rows(window: Select[Any]) -> Select[Any]:
    wanted = window.subquery("wanted")
    step = production_steps.alias("step")
    every = production_steps.alias("every")
    mine = every.c.audiobook_id == audiobook_productions.c.audiobook_id
    done = every.c.status == Status.SUCCESS.value
    counted = select(func.count()).select_from(every).where(mine)
    next_position = select(func.min(every.c.position)).where(mine, ~done)
    return (
        select(
            *columns_of(Production, audiobook_productions),
            books.c.book_name,
            books.c.author,
            narrators.c.narrator_name,
            step.c.step_number,
            step.c.step_name,
            step.c.position.label("step_position"),
            step.c.status.label("step_status"),
            counted.where(done).scalar_subquery().label("steps_done"),
            counted.scalar_subquery().label("steps_total"),
            step.c.job_id,
            spent_so_far(audiobook_productions.c.audiobook_id).label("spent_micros"),
            *(column.label(f"job_{column.name}") for column in _JOB_FIELDS),
        )
        .select_from(wanted)
        .join(audiobook_productions, audiobook_productions.c.audiobook_id == wanted.c.audiobook_id)
        .join(books, books.c.book_id == audiobook_productions.c.book_id)
        .join(narrators, narrators.c.narrator_id == audiobook_productions.c.narrator_id)
        .outerjoin(
            step,
            (step.c.audiobook_id == audiobook_productions.c.audiobook_id)
            & (step.c.position == next_position.scalar_subquery()),
        )
        .outerjoin(jobs, jobs.c.job_id == step.c.job_id)
        .order_by(audiobook_productions.c.audiobook_id)
    )


def _queue_row(row: RowMapping) -> QueueRow:
    step_status = row["step_status"]
    return QueueRow(
        production=noun(Production, row),
        book_name=row["book_name"],
        author=row["author"],
        narrator_name=row["narrator_name"],
        step_number=row["step_number"],
        step_name=row["step_name"],
        step_position=row["step_position"],
        step_status=None if step_status is None else Status(step_status),
        steps_done=row["steps_done"],
        steps_total=row["steps_total"],
        job_id=row["job_id"],
        attempt=row["job_attempt"] or 0,
        max_attempts=row["job_max_attempts"] or 0,
        run_after=row["job_run_after"],
        reason=row["job_reason"],
        worker_id=row["job_worker_id"],
        lease_expires_at=row["job_lease_expires_at"],
        cancel_requested=bool(row["job_cancel_requested"]),
        progress=row["job_progress"] or {},
        spent_micros=row["spent_micros"] or 0,
    )
