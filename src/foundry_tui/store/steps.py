"""The steps of productions: planned, read and started, each change with its job and event at once.

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
from foundry_tui.errors import StepRowGone
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import parts as part_rows
from foundry_tui.store.columns import moment_text
from foundry_tui.store.events import append
from foundry_tui.store.jobs import Job
from foundry_tui.store.rows import columns_of, noun
from foundry_tui.store.tables import audiobook_productions, books, jobs, narrators, production_steps

PRODUCTION = "PRODUCTION"  # step_number of events about the whole production


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


class _Results(dict[str, Mapping[str, Any]]):
    def __missing__(self, step_name: str) -> Mapping[str, Any]:
        raise StepRowGone(f"The row of the step {step_name} is gone from production_steps.")


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
    await set_step(connection, audiobook_id, step.number, {**changed, **(values or {})})
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


async def set_step(connection: AsyncConnection, audiobook_id: str, step_number: str, values: Mapping[str, Any]) -> None:
    """Write ``values`` into one step's row."""
    where = (production_steps.c.audiobook_id == audiobook_id, production_steps.c.step_number == step_number)
    await connection.execute(update(production_steps).where(*where).values(**values))


async def set_production(connection: AsyncConnection, audiobook_id: str, **values: Any) -> None:
    """Change a production's row."""
    where = audiobook_productions.c.audiobook_id == audiobook_id
    await connection.execute(update(audiobook_productions).where(where).values(**values))


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
    steps = await steps_of(connection, held.step.audiobook_id)
    before = _Results((each.step_name, each.result) for each in steps if each.position < held.step.position)
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


async def unfinished(connection: AsyncConnection) -> int:
    """How many productions are neither done, failed nor cancelled."""
    live = audiobook_productions.c.status.in_([Status.PENDING.value, Status.PROCESSING.value])
    return int(await connection.scalar(select(func.count()).where(live)) or 0)
