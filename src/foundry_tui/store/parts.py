"""Parts of a step: chunks handed out as jobs of their own, so that several workers speak one book at once.

A part belongs to the step that handed it out and changes nothing but takes. The step's own worker takes back what
nobody has begun, and answers for whatever a part leaves undone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.productions import Step
from foundry_tui.domain.status import Status
from foundry_tui.store import jobs as job_rows
from foundry_tui.store.jobs import Job
from foundry_tui.store.rows import noun
from foundry_tui.store.tables import audiobook_productions, jobs, production_steps

Place = tuple[int, int]  # (chapter number, chunk index)
PART = "part"  # of a payload: the places
_NAMED = "/part"
_PENDING = text("jobs.status = 'pending'")
_LIVE = text("jobs.status IN ('pending', 'processing')")
_STOPPED = (Status.CANCELLED.value, Status.FAILED.value, Status.SUCCESS.value)


def places_of(job: Job) -> tuple[Place, ...] | None:
    """The chunks a part is about; None for the job of a whole step."""
    given = job.payload.get(PART)
    return None if given is None else tuple((int(place[0]), int(place[1])) for place in given)


def is_part(job: Job) -> bool:
    """Whether a job is a part of a step, by its name: its payload may be anybody's."""
    return job.name.endswith(_NAMED)


def of(audiobook_id: str) -> ColumnElement[bool]:
    """True of the jobs that are parts of a production's steps."""
    mine = jobs.c.queue_key.startswith(f"{audiobook_id}:", autoescape=True)
    return and_(mine, jobs.c.name.endswith(_NAMED, autoescape=True))


async def hand_out(
    connection: AsyncConnection,
    step: Step,
    groups: Sequence[Sequence[Place]],
    *,
    brief: Mapping[str, Any],
    now: float,
    priority: int,
) -> list[int]:
    """Make a job of each group of places, in their order after the step itself; the caller has checked its fence."""
    made = []
    for group in groups:
        chapter, index = group[0]
        made.append(
            await job_rows.enqueue(
                connection,
                name=f"{step.step_number}{_NAMED}",
                queue_key=f"{step.audiobook_id}:{step.position:02d}.{chapter:04d}.{index:05d}",
                payload={
                    "audiobook_id": step.audiobook_id,
                    "step_number": step.step_number,
                    PART: [list(place) for place in group],
                    "brief": dict(brief),
                },
                now=now,
                priority=priority,
            )
        )
    return made


async def live(connection: AsyncConnection, audiobook_id: str) -> list[Job]:
    """The parts of a production that wait or are at work, in order."""
    query = select(jobs).where(of(audiobook_id), _LIVE).order_by(jobs.c.queue_key)
    return [Job.from_row(row) for row in (await connection.execute(query)).mappings()]


async def take_back(connection: AsyncConnection, audiobook_id: str, now: float) -> Job | None:
    """End the first part nobody has begun; its places are the caller's to speak. None when none waits."""
    first = select(jobs.c.job_id).where(of(audiobook_id), _PENDING).order_by(jobs.c.queue_key).limit(1)
    ended = {"status": Status.CANCELLED.value, "reason": "taken_back", "finished_at": now}
    chosen = first.with_for_update(skip_locked=True).scalar_subquery()
    statement = update(jobs).where(jobs.c.job_id == chosen, _PENDING).values(**ended).returning(*jobs.c)
    row = (await connection.execute(statement)).mappings().first()
    return Job.from_row(row) if row else None


async def cancel(connection: AsyncConnection, audiobook_id: str, now: float) -> None:
    """End the parts of a production: those at work stop at their next chunk border."""
    ended = {"status": Status.CANCELLED.value, "reason": "cancelled", "finished_at": now, "cancel_requested": True}
    await connection.execute(update(jobs).where(of(audiobook_id), _PENDING).values(**ended))
    running = text("jobs.status = 'processing'")
    await connection.execute(update(jobs).where(of(audiobook_id), running).values(cancel_requested=True))


async def step_of(connection: AsyncConnection, job: Job) -> Step | None:
    """The step a part claimed just now belongs to; None when its production no longer waits for it."""
    audiobook_id, step_number = str(job.payload.get("audiobook_id")), str(job.payload.get("step_number"))
    query = (
        select(production_steps)
        .join(audiobook_productions, audiobook_productions.c.audiobook_id == production_steps.c.audiobook_id)
        .where(production_steps.c.audiobook_id == audiobook_id, production_steps.c.step_number == step_number)
        .where(production_steps.c.status.not_in(_STOPPED), audiobook_productions.c.status.not_in(_STOPPED))
    )
    row = (await connection.execute(query)).mappings().first()
    return noun(Step, row) if row else None
