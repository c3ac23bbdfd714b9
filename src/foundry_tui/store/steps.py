"""The steps of productions: planned, started, advanced and failed, each change with its job and event at once.

A job row is made only in the transaction that makes its step ``pending``; a step that is not yet its production's
turn is ``pending`` with no job.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.events import Event
from foundry_tui.domain.productions import Production, Step
from foundry_tui.domain.status import Level, Status
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import parts as part_rows
from foundry_tui.store.columns import moment_text
from foundry_tui.store.events import append
from foundry_tui.store.jobs import Job
from foundry_tui.store.rows import columns_of, noun
from foundry_tui.store.tables import audiobook_productions, books, jobs, narrators, production_steps

PRODUCTION = "PRODUCTION"  # step_number of events about the whole production
_CANCELLED = Status.CANCELLED.value


class Contended(Exception):
    """The production of a job just claimed is being changed by somebody else: undo the claim, look again soon."""


class PlannedStep(Protocol):
    """A step of a recipe, as far as the tables care."""

    @property
    def number(self) -> str:
        """``STEP1_parsing``."""
        ...

    @property
    def name(self) -> str:
        """``parsing``."""
        ...

    @property
    def max_attempts(self) -> int:
        """Attempts before a retryable error is final."""
        ...


@dataclass(frozen=True, slots=True)
class HeldStep:
    """A claimed job and the step it stands for."""

    job: Job
    step: Step


@dataclass(frozen=True, slots=True)
class ClaimedStep(HeldStep):
    """A held step with everything its work needs to know."""

    production: Production
    book: Book
    narrator: Narrator
    results: Mapping[str, Mapping[str, Any]]  # of the steps before, by step_name


def moment(now: float) -> str:
    """Seconds since 1970 as the text of a Moment column."""
    return moment_text(datetime.fromtimestamp(now, UTC))


async def production(connection: AsyncConnection, audiobook_id: str, *, lock: bool = False) -> Production | None:
    """One production; ``lock`` holds its row until the transaction ends, so that changes to it queue up.

    The order of locks on PostgreSQL, everywhere: productions, then jobs, then the rest, and the event lock last. The
    lock is the weaker FOR NO KEY UPDATE: a row that merely points to the production does not wait for it.
    """
    statement = select(audiobook_productions).where(audiobook_productions.c.audiobook_id == audiobook_id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    row = (await connection.execute(statement)).mappings().first()
    return noun(Production, row) if row else None


async def lock(connection: AsyncConnection, audiobook_ids: Sequence[str]) -> None:
    """Hold several productions and their live jobs before any of them is changed, always in the same order."""
    made = audiobook_productions.c.audiobook_id
    rows = select(made).where(made.in_(audiobook_ids)).order_by(made)
    await connection.execute(rows.with_for_update(key_share=True))
    mine = select(production_steps.c.job_id).where(production_steps.c.audiobook_id.in_(audiobook_ids))
    live = jobs.c.status.in_([Status.PENDING.value, Status.PROCESSING.value])
    theirs = or_(jobs.c.job_id.in_(mine), *(part_rows.of(audiobook_id) for audiobook_id in audiobook_ids))
    held = select(jobs.c.job_id).where(theirs, live).order_by(jobs.c.job_id)
    await connection.execute(held.with_for_update())


async def steps_of(connection: AsyncConnection, audiobook_id: str) -> list[Step]:
    """The steps of a production in order; none while it has not been adopted."""
    statement = (
        select(production_steps)
        .where(production_steps.c.audiobook_id == audiobook_id)
        .order_by(production_steps.c.position)
    )
    return [noun(Step, row) for row in (await connection.execute(statement)).mappings()]


def queue_key(audiobook_id: str, position: int) -> str:
    """Oldest production first, then in the order of its steps."""
    return f"{audiobook_id}:{position:02d}"


async def begin(
    connection: AsyncConnection,
    audiobook_id: str,
    plan: Sequence[PlannedStep],
    *,
    now: float,
    priority: int = 0,
    paused: bool = False,
    message: str = "The production was taken into the queue.",
) -> int:
    """Write a production's steps, its first job and that step's ``pending`` event; returns the job's id.

    Call it last in the transaction, as ``events.append``.
    """
    rows = [
        {"audiobook_id": audiobook_id, "step_number": step.number, "step_name": step.name, "position": place}
        for place, step in enumerate(plan)
    ]
    await connection.execute(production_steps.insert(), rows)
    job_id, event = await make_pending(
        connection, audiobook_id, plan[0], 0, now=now, priority=priority, paused=paused, message=message
    )
    await append(connection, [event])
    return job_id


async def make_pending(
    connection: AsyncConnection,
    audiobook_id: str,
    step: PlannedStep,
    position: int,
    *,
    now: float,
    priority: int,
    paused: bool = False,
    message: str,
    kind: str = "step_pending",
    details: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
) -> tuple[int, Event]:
    """Make a step's turn come: its row ``pending`` and its job; returns the job's id and the event to append last."""
    job_id = await job_rows.enqueue(
        connection,
        name=step.number,
        queue_key=queue_key(audiobook_id, position),
        payload={"audiobook_id": audiobook_id, "step_number": step.number},
        now=now,
        priority=priority,
        max_attempts=step.max_attempts,
        paused=paused,
    )
    changed = {"status": Status.PENDING.value, "job_id": job_id, "started_at": None, "finished_at": None}
    await _set_step(connection, audiobook_id, step.number, {**changed, **(values or {})})
    event = Event(
        kind=kind,
        message=message,
        audiobook_id=audiobook_id,
        step_number=step.number,
        step_name=step.name,
        status=Status.PENDING,
        details={"job_id": job_id, **(details or {})},
        timestamp=moment(now),
    )
    return job_id, event


async def _set_step(
    connection: AsyncConnection, audiobook_id: str, step_number: str, values: Mapping[str, Any]
) -> None:
    where = (production_steps.c.audiobook_id == audiobook_id, production_steps.c.step_number == step_number)
    await connection.execute(update(production_steps).where(*where).values(**values))


async def set_production(connection: AsyncConnection, audiobook_id: str, **values: Any) -> None:
    """Change a production's row."""
    where = audiobook_productions.c.audiobook_id == audiobook_id
    await connection.execute(update(audiobook_productions).where(where).values(**values))


async def start(connection: AsyncConnection, job: Job, now: float) -> HeldStep | None:
    """Mark the step of a job just claimed as ``processing``, with its event.

    None where no step points to the job, or where its production was cancelled by hand and the job had not been told:
    the production is put right then, and the job the caller's to end. Raises Contended.
    """
    if part_rows.places_of(job) is not None:
        step = await part_rows.step_of(connection, job)
        return HeldStep(job, step) if step is not None else None
    # A claim holds the job first and would wait for the production, against the order everywhere else: never wait.
    mine = select(production_steps.c.audiobook_id).where(production_steps.c.job_id == job.job_id)
    free = select(audiobook_productions.c.audiobook_id).where(audiobook_productions.c.audiobook_id.in_(mine))
    if not await connection.scalar(free.with_for_update(skip_locked=True, key_share=True)):
        if await connection.scalar(mine) is not None:
            raise Contended
        return None
    begun = {"status": Status.PROCESSING.value, "started_at": moment(now), "finished_at": None}
    changed = update(production_steps).where(production_steps.c.job_id == job.job_id).values(**begun)
    row = (await connection.execute(changed.returning(*production_steps.c))).mappings().first()
    if row is None:
        return None
    held = HeldStep(job, noun(Step, row))
    live = (
        audiobook_productions.c.audiobook_id == held.step.audiobook_id,
        audiobook_productions.c.status != _CANCELLED,
    )
    made = update(audiobook_productions).where(*live).values(status=Status.PROCESSING.value, error_message=None)
    if not (await connection.execute(made)).rowcount:
        await mark_cancelled(connection, held, now)
        return None
    again = f" again (attempt {job.attempt} of {job.max_attempts})" if job.attempt > 1 else ""
    message = f"{held.step.step_name} started{again}."
    await append(connection, [told(held, now, "step_started", message, status=Status.PROCESSING)])
    return held


async def whole(connection: AsyncConnection, held: HeldStep) -> ClaimedStep:
    """Load what a step's work needs; reading only, so outside the claiming transaction."""
    columns = [
        *columns_of(Production, audiobook_productions, "made_"),
        *columns_of(Book, books, "book_"),
        *columns_of(Narrator, narrators, "narrator_"),
    ]
    statement = (
        select(*columns)
        .join_from(audiobook_productions, books, books.c.book_id == audiobook_productions.c.book_id)
        .join(narrators, narrators.c.narrator_id == audiobook_productions.c.narrator_id)
        .where(audiobook_productions.c.audiobook_id == held.step.audiobook_id)
    )
    row = (await connection.execute(statement)).mappings().one()
    before = {
        other.step_name: other.result
        for other in await steps_of(connection, held.step.audiobook_id)
        if other.position < held.step.position
    }
    made, book = noun(Production, row, "made_"), noun(Book, row, "book_")
    return ClaimedStep(held.job, held.step, made, book, noun(Narrator, row, "narrator_"), before)


async def held_by(connection: AsyncConnection, job: Job) -> HeldStep | None:
    """The step a job stands for."""
    found = select(production_steps).where(production_steps.c.job_id == job.job_id)
    row = (await connection.execute(found)).mappings().first()
    return HeldStep(job, noun(Step, row)) if row else None


def told(
    held: HeldStep,
    now: float,
    kind: str,
    message: str,
    *,
    status: Status,
    level: Level = Level.INFO,
    details: Mapping[str, Any] | None = None,
    step_name: str | None = None,
) -> Event:
    """An event of a claimed step."""
    return Event(
        kind=kind,
        message=message,
        level=level,
        audiobook_id=held.step.audiobook_id,
        step_number=held.step.step_number,
        step_name=step_name or held.step.step_name,
        status=status,
        # An error's details may hold anything; an event that cannot be written must not undo what it tells of.
        details=json.loads(json.dumps(dict(details or {}), default=str)),
        attempt=held.job.attempt,
        worker_id=held.job.worker_id,
        timestamp=moment(now),
    )


async def advance(
    connection: AsyncConnection,
    held: HeldStep,
    now: float,
    *,
    input_key: str,
    key_parts: Mapping[str, Any],
    result: Mapping[str, Any],
    message: str,
    following: PlannedStep | None,
    totals: Mapping[str, Any] | None = None,
    published: bool = False,
    manifest_sha: str | None = None,
    kind: str = "step_succeeded",
    details: Mapping[str, Any] | None = None,
) -> int | None:
    """End a step well: it is ``success`` and the next ``pending`` with its job, or the production ``success``.

    All in the caller's one transaction, behind the fence (LeaseLost). Returns the next job's id.
    """
    step, audiobook_id = held.step, held.step.audiobook_id
    # The production's row first, everywhere: two transactions that want both rows never wait for each other.
    made = await production(connection, audiobook_id, lock=True)
    assert made is not None
    control = await job_rows.finish(connection, held.job, now)
    done = {"status": Status.SUCCESS.value, "input_key": input_key, "key_parts": dict(key_parts)}
    await _set_step(
        connection, audiobook_id, step.step_number, {**done, "result": dict(result), "finished_at": moment(now)}
    )
    took = {"seconds": round(now - (held.job.started_at or now), 3), **(details or {})}
    events = [told(held, now, kind, message, status=Status.SUCCESS, details=took)]
    await part_rows.cancel(connection, audiobook_id, now)
    changes: dict[str, Any] = {}
    if totals:
        changes["totals"] = {**made.totals, **totals}
    if published:
        changes["publish_date"] = moment(now)
    if manifest_sha is not None:
        changes["manifest_sha"] = manifest_sha
    next_job: int | None = None
    if following is None:
        changes |= {"status": Status.SUCCESS.value, "error_message": None}
        last = told(held, now, "production_success", "The audiobook is finished.", status=Status.SUCCESS)
        events.append(last)
    elif control.cancel_requested or made.status is Status.CANCELLED:
        changes["status"] = Status.CANCELLED.value
        await cancel_rest(connection, audiobook_id)
        events.append(told(held, now, "cancelled", "The production was cancelled.", status=Status.CANCELLED))
    else:
        next_job, event = await make_pending(
            connection,
            audiobook_id,
            following,
            step.position + 1,
            now=now,
            priority=made.priority,
            paused=made.paused_at is not None,
            message=f"{following.name} is next.",
        )
        events.append(event)
    if changes:
        await set_production(connection, audiobook_id, **changes)
    await append(connection, events)
    return next_job


async def cancel_rest(connection: AsyncConnection, audiobook_id: str) -> None:
    """Cancel every step that is not done and has not failed."""
    where = (
        production_steps.c.audiobook_id == audiobook_id,
        production_steps.c.status.in_([Status.PENDING.value, Status.PROCESSING.value]),
    )
    await connection.execute(update(production_steps).where(*where).values(status=Status.CANCELLED.value))


async def fail(
    connection: AsyncConnection,
    held: HeldStep,
    now: float,
    *,
    code: str,
    message: str,
    action: str,
    trace: str | None = None,
    reason: str = "error",
    details: Mapping[str, Any] | None = None,
) -> None:
    """End a step badly: step and production ``failed`` with the whole sentence, fenced; other productions go on."""
    await production(connection, held.step.audiobook_id, lock=True)
    sentence = f"{message} {action}".strip()
    await job_rows.fail(connection, held.job, now, code=code, message=sentence, trace=trace, reason=reason)
    await mark_failed(connection, held, now, code=code, message=message, action=action, details=details)


async def mark_failed(
    connection: AsyncConnection,
    held: HeldStep,
    now: float,
    *,
    code: str,
    message: str,
    action: str,
    details: Mapping[str, Any] | None = None,
    kind: str = "step_failed",
) -> None:
    """The rows and the event of a step whose job has failed."""
    step = held.step
    ended = {"status": Status.FAILED.value, "finished_at": moment(now)}
    await part_rows.cancel(connection, step.audiobook_id, now)
    await _set_step(connection, step.audiobook_id, step.step_number, ended)
    sentence = f"{message} {action}".strip()
    made = await production(connection, step.audiobook_id, lock=True)
    if made is not None and made.status is not Status.CANCELLED:  # by raw SQL, a moment ago: that stands
        await set_production(connection, step.audiobook_id, status=Status.FAILED.value, error_message=sentence)
    told_details = {"code": code, "next_action": action, **(details or {})}
    event = told(held, now, kind, message, status=Status.FAILED, level=Level.ERROR, details=told_details)
    await append(connection, [event])


async def step_back(connection: AsyncConnection, held: HeldStep, *events: Event) -> None:
    """The step of a job that was given back waits again."""
    waiting = {"status": Status.PENDING.value, "started_at": None}
    await _set_step(connection, held.step.audiobook_id, held.step.step_number, waiting)
    await append(connection, events)


async def cancel(connection: AsyncConnection, held: HeldStep, now: float) -> None:
    """End a step as the operator asked: everything finished is kept."""
    await production(connection, held.step.audiobook_id, lock=True)
    await job_rows.cancel_held(connection, held.job, now)
    await mark_cancelled(connection, held, now)


async def mark_cancelled(connection: AsyncConnection, held: HeldStep, now: float) -> None:
    """The rows and the event of a step whose job was cancelled."""
    audiobook_id = held.step.audiobook_id
    await part_rows.cancel(connection, audiobook_id, now)
    await cancel_rest(connection, audiobook_id)
    await set_production(connection, audiobook_id, status=Status.CANCELLED.value)
    event = told(held, now, "cancelled", "The production was cancelled.", status=Status.CANCELLED)
    await append(connection, [event])


async def unfinished(connection: AsyncConnection) -> int:
    """How many productions are neither done, failed nor cancelled."""
    live = audiobook_productions.c.status.in_([Status.PENDING.value, Status.PROCESSING.value])
    return int(await connection.scalar(select(func.count()).where(live)) or 0)
