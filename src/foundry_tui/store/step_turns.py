"""A step's turn: it is started, and ends well, badly, cancelled or given back, with its job, production and events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.events import Event
from foundry_tui.domain.productions import Step
from foundry_tui.domain.status import Level, Status
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import parts as part_rows
from foundry_tui.store.events import append
from foundry_tui.store.jobs import Job
from foundry_tui.store.rows import noun
from foundry_tui.store.steps import (
    Contended,
    HeldStep,
    PlannedStep,
    make_pending,
    moment,
    production,
    set_production,
    set_step,
    told,
)
from foundry_tui.store.tables import audiobook_productions, production_steps


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
        audiobook_productions.c.status != Status.CANCELLED.value,
    )
    made = update(audiobook_productions).where(*live).values(status=Status.PROCESSING.value, error_message=None)
    if not (await connection.execute(made)).rowcount:
        await mark_cancelled(connection, held, now)
        return None
    again = f" again (attempt {job.attempt} of {job.max_attempts})" if job.attempt > 1 else ""
    message = f"{held.step.step_name} started{again}."
    await append(connection, [told(held, now, "step_started", message, status=Status.PROCESSING)])
    return held


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
    await set_step(
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
    await set_step(connection, step.audiobook_id, step.step_number, ended)
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
    await set_step(connection, held.step.audiobook_id, held.step.step_number, waiting)
    await append(connection, events)


async def cancel(connection: AsyncConnection, held: HeldStep, now: float) -> None:
    """End a step as the operator asked: everything finished is kept."""
    await production(connection, held.step.audiobook_id, lock=True)
    await job_rows.cancel_held(connection, held.job, now)
    await mark_cancelled(connection, held, now)


async def cancelled_meanwhile(connection: AsyncConnection, held: HeldStep, now: float) -> bool:
    """End a step that would wait or be made again, where the operator has asked for its end; whether that was so."""
    made = await production(connection, held.step.audiobook_id, lock=True)
    row = await job_rows.load(connection, held.job.job_id)
    asked = row is not None and row.cancel_requested
    if not asked and (made is None or made.status is not Status.CANCELLED):
        return False
    await job_rows.cancel_held(connection, held.job, now)
    await mark_cancelled(connection, held, now)
    return True


async def mark_cancelled(connection: AsyncConnection, held: HeldStep, now: float) -> None:
    """The rows and the event of a step whose job was cancelled."""
    audiobook_id = held.step.audiobook_id
    await part_rows.cancel(connection, audiobook_id, now)
    await cancel_rest(connection, audiobook_id)
    await set_production(connection, audiobook_id, status=Status.CANCELLED.value)
    event = told(held, now, "cancelled", "The production was cancelled.", status=Status.CANCELLED)
    await append(connection, [event])
