"""Jobs: enqueue, claim, heartbeat and the fenced ways a claim ends. Knows no book.

Every function takes the connection of the caller's transaction, so that a job changes together with what it stands
for. ``now`` is in seconds since 1970 on the database's clock. After research on durable queues: one conditional
UPDATE … RETURNING a claim, never SELECT then UPDATE.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, text, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.status import Status
from foundry_tui.errors import LeaseLost
from foundry_tui.store.columns import JsonColumn
from foundry_tui.store.database import ANNOUNCED
from foundry_tui.store.tables import jobs

# Written out, not bound: SQLite uses a partial index only where the query repeats its condition word for word.
_PENDING = text("jobs.status = 'pending'")
_PROCESSING = text("jobs.status = 'processing'")


@dataclass(frozen=True, slots=True)
class Job:
    """A row of ``jobs``; times are seconds since 1970. (job_id, fence, worker_id) is what a claim holds."""

    job_id: int
    name: str
    status: Status
    paused: bool
    reason: str | None
    priority: int
    queue_key: str
    run_after: float
    attempt: int
    max_attempts: int
    deaths: int
    durable: bool
    fence: int
    worker_id: str | None
    lease_expires_at: float | None
    progress: Mapping[str, Any]
    error_code: str | None
    error_message: str | None
    error_trace: str | None
    payload: Mapping[str, Any]
    cancel_requested: bool
    created_at: float
    started_at: float | None
    finished_at: float | None

    @classmethod
    def from_row(cls, row: RowMapping) -> Job:
        """A job of a full row."""
        values = {name: row[name] for name in _FIELDS}
        values["status"] = Status(values["status"])
        return cls(**values)


_FIELDS = tuple(field.name for field in fields(Job))


@dataclass(frozen=True, slots=True)
class Beat:
    """One job's part of a heartbeat."""

    job_id: int
    fence: int
    progress: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Control:
    """What the operator wants of a running job."""

    cancel_requested: bool
    paused: bool


async def enqueue(
    connection: AsyncConnection,
    *,
    name: str,
    queue_key: str,
    payload: Mapping[str, Any],
    now: float,
    priority: int = 0,
    max_attempts: int = 3,
    run_after: float = 0.0,
    paused: bool = False,
    reason: str | None = None,
) -> int:
    """Insert a pending job and return its id."""
    statement = jobs.insert().values(
        name=name,
        queue_key=queue_key,
        payload=dict(payload),
        created_at=now,
        priority=priority,
        max_attempts=max_attempts,
        run_after=run_after,
        paused=paused,
        reason=reason,
    )
    job_id = await connection.scalar(statement.returning(jobs.c.job_id))
    assert job_id is not None
    announce(connection, int(job_id))
    return int(job_id)


def announce(connection: AsyncConnection, *job_ids: int) -> None:
    """These jobs wait to be claimed once the transaction holds: its database tells the dispatcher, if it has one."""
    connection.info.setdefault(ANNOUNCED, []).extend(job_ids)


def _claimable(now: float) -> ColumnElement[bool]:
    return and_(_PENDING, jobs.c.paused.is_(False), jobs.c.run_after <= now)


def _taken(worker_id: str, now: float, lease_s: float) -> dict[str, Any]:
    return {
        "status": Status.PROCESSING.value,
        "reason": None,
        "worker_id": worker_id,
        "lease_expires_at": now + lease_s,
        "attempt": jobs.c.attempt + 1,
        "fence": jobs.c.fence + 1,
        "durable": False,
        "started_at": now,
        "finished_at": None,
    }


async def claim(
    connection: AsyncConnection, worker_id: str, now: float, lease_s: float, *, suspects: bool = True
) -> Job | None:
    """Claim the next job: highest priority first, then by ``queue_key``. None when nothing can be claimed now.

    Without ``suspects`` a job whose last worker died is not claimed, nor is anything before its turn.
    """
    # FOR UPDATE SKIP LOCKED on PostgreSQL; SQLite, whose write transactions follow one another, leaves it out.
    candidate = (
        select(jobs.c.job_id)
        .where(_claimable(now))
        .order_by(jobs.c.priority.desc(), jobs.c.queue_key)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    next_one = jobs.c.job_id == candidate.scalar_subquery()
    condition = next_one if suspects else and_(next_one, jobs.c.deaths == 0)
    return await _claim(connection, condition, worker_id, now, lease_s)


async def claim_by_id(
    connection: AsyncConnection, job_id: int, worker_id: str, now: float, lease_s: float, *, suspects: bool = True
) -> Job | None:
    """Claim this very job, for dispatchers that deliver ids; None when it is held, done, paused or not yet due.

    Without ``suspects`` not if its last worker died.
    """
    condition = and_(jobs.c.job_id == job_id, jobs.c.paused.is_(False), jobs.c.run_after <= now)
    if not suspects:
        condition = and_(condition, jobs.c.deaths == 0)
    return await _claim(connection, condition, worker_id, now, lease_s)


async def suspects(connection: AsyncConnection, job_ids: Sequence[int], now: float) -> set[int]:
    """Those of ``job_ids`` that can be claimed now and whose last worker died."""
    mine = select(jobs.c.job_id).where(jobs.c.job_id.in_(list(job_ids)), _claimable(now), jobs.c.deaths > 0)
    return set((await connection.execute(mine)).scalars())


async def _claim(
    connection: AsyncConnection, condition: ColumnElement[bool], worker_id: str, now: float, lease_s: float
) -> Job | None:
    statement = update(jobs).where(condition, _PENDING).values(**_taken(worker_id, now, lease_s)).returning(*jobs.c)
    row = (await connection.execute(statement)).mappings().first()
    return Job.from_row(row) if row else None


def held(job: Job) -> ColumnElement[bool]:
    """The fence: true of the job's row only while this very claim still holds it."""
    return and_(jobs.c.job_id == job.job_id, jobs.c.fence == job.fence, jobs.c.worker_id == job.worker_id, _PROCESSING)


async def settle(connection: AsyncConnection, job: Job, values: Mapping[str, Any]) -> Control:
    """Change a held job's row; raises LeaseLost, and so rolls the transaction back, when the claim is stale."""
    statement = update(jobs).where(held(job)).values(**values).returning(jobs.c.cancel_requested, jobs.c.paused)
    row = (await connection.execute(statement)).first()
    if row is None:
        raise LeaseLost
    return Control(bool(row[0]), bool(row[1]))


async def finish(connection: AsyncConnection, job: Job, now: float) -> Control:
    """The work is done. Returns what the operator has asked for meanwhile."""
    values = {"status": Status.SUCCESS.value, "lease_expires_at": None, "finished_at": now, "deaths": 0}
    return await settle(connection, job, {**values, "error_code": None, "error_message": None, "error_trace": None})


async def fail(
    connection: AsyncConnection, job: Job, now: float, *, code: str, message: str, trace: str | None, reason: str
) -> None:
    """The work failed for good."""
    values = {"status": Status.FAILED.value, "lease_expires_at": None, "finished_at": now, "reason": reason}
    await settle(connection, job, {**values, "error_code": code, "error_message": message, "error_trace": trace})


async def release(
    connection: AsyncConnection,
    job: Job,
    *,
    reason: str,
    attempt: int,
    run_after: float = 0.0,
    error: tuple[str, str, str | None] | None = None,
) -> Control:
    """Give a held job back to be claimed again; ``attempt`` is how many are counted as used, ``error`` its last one."""
    values: dict[str, Any] = {
        "status": Status.PENDING.value,
        "lease_expires_at": None,
        "reason": reason,
        "attempt": attempt,
        "run_after": run_after,
        "deaths": case((jobs.c.durable, 0), else_=jobs.c.deaths),
    }
    if error is not None:
        values |= {"error_code": error[0], "error_message": error[1], "error_trace": error[2]}
    announce(connection, job.job_id)
    return await settle(connection, job, values)


async def cancel_held(connection: AsyncConnection, job: Job, now: float, *, reason: str = "cancelled") -> None:
    """End a held job without a result."""
    values = {"status": Status.CANCELLED.value, "lease_expires_at": None, "finished_at": now, "reason": reason}
    await settle(connection, job, values)


async def heartbeat(
    connection: AsyncConnection, worker_id: str, beats: Sequence[Beat], expires_at: float
) -> dict[int, Control]:
    """Renew the leases of all of a process's jobs in one UPDATE, which carries their progress out.

    Returns, by job id, what the operator wants of each. Of several jobs those are left out that somebody is changing
    at this moment (two who hold one row and want the other would wait for ever): beat for them one by one. A job
    missing from a beat of its own is lost to this process.
    """
    progress = case(
        *[(jobs.c.job_id == beat.job_id, literal(dict(beat.progress), JsonColumn)) for beat in beats],
        else_=jobs.c.progress,
    )
    mine = and_(_beating(beats), jobs.c.worker_id == worker_id, _PROCESSING)
    if len(beats) > 1 and connection.dialect.name == "postgresql":
        mine = jobs.c.job_id.in_(select(jobs.c.job_id).where(mine).with_for_update(skip_locked=True))
    statement = (
        update(jobs)
        .where(mine)
        .values(lease_expires_at=expires_at, progress=progress)
        .returning(jobs.c.job_id, jobs.c.cancel_requested, jobs.c.paused)
    )
    return _controls(await connection.execute(statement))


async def controls(connection: AsyncConnection, worker_id: str, beats: Sequence[Beat]) -> dict[int, Control]:
    """As ``heartbeat``, but only looks: renews nothing and writes nothing."""
    statement = select(jobs.c.job_id, jobs.c.cancel_requested, jobs.c.paused).where(
        _beating(beats), jobs.c.worker_id == worker_id, _PROCESSING
    )
    return _controls(await connection.execute(statement))


def _beating(beats: Sequence[Beat]) -> ColumnElement[bool]:
    return or_(*[and_(jobs.c.job_id == beat.job_id, jobs.c.fence == beat.fence) for beat in beats])


def _controls(rows: Any) -> dict[int, Control]:
    return {int(row[0]): Control(bool(row[1]), bool(row[2])) for row in rows}


async def load(connection: AsyncConnection, job_id: int) -> Job | None:
    """One job."""
    row = (await connection.execute(select(jobs).where(jobs.c.job_id == job_id))).mappings().first()
    return Job.from_row(row) if row else None


async def processing(connection: AsyncConnection) -> list[Job]:
    """Every job some worker holds, soonest lease first."""
    statement = select(jobs).where(_PROCESSING).order_by(jobs.c.lease_expires_at, jobs.c.job_id)
    return await _all(connection, statement)


async def listing(
    connection: AsyncConnection, *, statuses: Sequence[Status] = (), limit: int = 200, before: int | None = None
) -> list[Job]:
    """Jobs, newest first; page on with ``before`` = the last job id seen."""
    statement = select(jobs).order_by(jobs.c.job_id.desc()).limit(limit)
    if statuses:
        statement = statement.where(jobs.c.status.in_([status.value for status in statuses]))
    if before is not None:
        statement = statement.where(jobs.c.job_id < before)
    return await _all(connection, statement)


async def pull_back(connection: AsyncConnection, latest: float, now: float) -> int:
    """Jobs scheduled after ``latest``, which none ever is, may run now: the clock was set back. Returns how many."""
    astray = update(jobs).where(_PENDING, jobs.c.run_after > latest).values(run_after=now)
    return (await connection.execute(astray)).rowcount


async def last_due(connection: AsyncConnection) -> float | None:
    """When the last of the pending jobs may run; None when none is pending."""
    due = await connection.scalar(select(func.max(jobs.c.run_after)).where(_PENDING))
    return None if due is None else float(due)


async def clock(connection: AsyncConnection) -> float | None:
    """The database server's time in seconds since 1970; None on SQLite, which has only ours."""
    if connection.dialect.name == "sqlite":
        return None
    return float(await connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())")))


async def clock_offset(connection: AsyncConnection, ours: Callable[[], float]) -> float:
    """By how many seconds the database server's clock is ahead of ``ours``; 0 on SQLite."""
    theirs = await clock(connection)
    return 0.0 if theirs is None else theirs - ours()


async def present(connection: AsyncConnection, ours: Callable[[], float]) -> float:
    """The moment by which leases are judged: the clocks of the machines that share a database need not agree."""
    return ours() + await clock_offset(connection, ours)


async def next_due(connection: AsyncConnection) -> float | None:
    """When the next pending job may run (0 or past: now); None when none is pending or all are paused."""
    statement = select(func.min(jobs.c.run_after)).where(_PENDING, jobs.c.paused.is_(False))
    due = await connection.scalar(statement)
    return None if due is None else float(due)


async def _all(connection: AsyncConnection, statement: Select[Any]) -> list[Job]:
    return [Job.from_row(row) for row in (await connection.execute(statement)).mappings()]
