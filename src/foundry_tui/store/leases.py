"""Leases whose holder is gone: what a worker's death costs, and to whom it is laid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Level, Status
from foundry_tui.store import chunks as chunk_rows
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import parts as part_rows
from foundry_tui.store import step_turns
from foundry_tui.store import steps as step_rows
from foundry_tui.store.events import append
from foundry_tui.store.jobs import Job
from foundry_tui.store.steps import HeldStep
from foundry_tui.store.tables import jobs

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many deaths are too many."""

    job_deaths: int = 3
    chunk_deaths: int = chunk_rows.POISONED


@dataclass(frozen=True, slots=True)
class Recovered:
    """A job taken from a worker that is gone. ``kind``: released, poisoned, failed or cancelled."""

    job: Job
    kind: str
    sentence: str
    audiobook_id: str | None = None
    poisoned: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class _Verdict:
    kind: str
    attempt: int
    deaths: int
    poisoned: tuple[Place, ...] = ()


async def recover(
    connection: AsyncConnection, job: Job, now: float, *, who: str, why: str, limits: Limits, died: bool = True
) -> Recovered | None:
    """Take ``job`` (as read a moment ago) from its holder ``who``; None when it has changed hands or ended meanwhile.

    ``why`` says what became of the holder. With ``died`` the loss costs an attempt unless something durable was
    finished since the claim; without, it costs nothing.
    """
    held = await step_rows.held_by(connection, job)
    if held is not None:
        await step_rows.production(connection, held.step.audiobook_id, lock=True)
    current = await _same(connection, job)
    if current is None:
        return None
    places = [(int(place[0]), int(place[1])) for place in current.progress.get("in_hand", ())]
    verdict = await _verdict(connection, current, held, places, limits) if died else _for_nothing(current)
    await _apply(connection, current, verdict, now)
    if held is None:
        return Recovered(current, verdict.kind, f"{job.name} was recovered: {who} {why}.")
    return await _tell(connection, current, held, verdict, places, now, f"{who} {why}")


async def _same(connection: AsyncConnection, job: Job) -> Job | None:
    statement = select(jobs).where(job_rows.held(job)).with_for_update()
    row = (await connection.execute(statement)).mappings().first()
    current = Job.from_row(row) if row else None
    # A heartbeat since we looked: it lives after all.
    return current if current is not None and current.lease_expires_at == job.lease_expires_at else None


def _for_nothing(job: Job) -> _Verdict:
    kind = "cancelled" if job.cancel_requested else "released"
    return _Verdict(kind, 0 if job.durable else max(job.attempt - 1, 0), 0 if job.durable else job.deaths)


async def _verdict(
    connection: AsyncConnection, job: Job, held: HeldStep | None, places: Sequence[Place], limits: Limits
) -> _Verdict:
    if job.cancel_requested:
        return _for_nothing(job)
    blame = chunk_rows.Blame()
    part = part_rows.places_of(job) is not None
    spoken = str(job.payload.get("audiobook_id")) if part else (held.step.audiobook_id if held else None)
    if spoken is not None and places:
        blame = await chunk_rows.lay_death(connection, spoken, places, limits.chunk_deaths)
    if job.durable:
        return _Verdict("released", 0, 0, blame.poisoned)
    deaths = job.deaths + 1
    # A death that told which chunk may be the killer is not yet the job's fault, but that cannot go on for ever.
    most = limits.job_deaths * (2 if blame.told_more else 1)
    if deaths >= most and part:
        return _Verdict("failed", job.attempt, deaths, blame.poisoned)  # the step itself takes over what is left
    if deaths >= most:
        return _Verdict("poisoned", job.attempt, deaths, blame.poisoned)
    if blame.told_more:
        return _Verdict("released", max(job.attempt - 1, 0), deaths, blame.poisoned)
    if job.attempt >= job.max_attempts:
        return _Verdict("failed", job.attempt, deaths)
    return _Verdict("released", job.attempt, deaths)


async def _apply(connection: AsyncConnection, job: Job, verdict: _Verdict, now: float) -> None:
    values: dict[str, Any] = {"lease_expires_at": None, "attempt": verdict.attempt, "deaths": verdict.deaths}
    if verdict.kind == "released":
        values |= {"status": Status.PENDING.value, "reason": "recovered", "run_after": 0.0}
    elif verdict.kind == "cancelled":
        values |= {"status": Status.CANCELLED.value, "reason": "cancelled", "finished_at": now}
    else:
        poisoned = verdict.kind == "poisoned"
        values |= {
            "status": Status.FAILED.value,
            "reason": "poisoned" if poisoned else "attempts",
            "finished_at": now,
            "error_code": "poisoned" if poisoned else "worker_died",
            "error_message": _said(verdict),
        }
    await connection.execute(update(jobs).where(jobs.c.job_id == job.job_id).values(**values))
    if verdict.kind == "released":
        job_rows.announce(connection, job.job_id)


def _said(verdict: _Verdict) -> str:
    if verdict.kind == "poisoned":
        return f"{verdict.deaths} workers in a row died on it without getting anywhere."
    return "The worker died, and no attempt is left."


async def _tell(
    connection: AsyncConnection,
    job: Job,
    held: HeldStep,
    verdict: _Verdict,
    places: Sequence[Place],
    now: float,
    what: str,
) -> Recovered:
    step = held.step
    if verdict.kind in {"poisoned", "failed"}:
        action = "It is not run again by itself: see the log, then requeue the step."
        details = {"worker_id": job.worker_id, "deaths": verdict.deaths}
        code = "poisoned" if verdict.kind == "poisoned" else "worker_died"
        message = f"{step.step_name}: {what}. {_said(verdict)}"
        await step_turns.mark_failed(connection, held, now, code=code, message=message, action=action, details=details)
        return Recovered(job, verdict.kind, message, step.audiobook_id)
    if verdict.kind == "cancelled":
        await step_turns.mark_cancelled(connection, held, now)
        return Recovered(job, "cancelled", f"{step.step_name} was cancelled: {what}.", step.audiobook_id)
    done = int(job.progress.get("done") or 0)
    total = int(job.progress.get("total") or 0)
    far = f" at {done:,} of {total:,} {job.progress.get('unit', '')}".rstrip() if total else ""
    message = f"{step.step_name} was recovered{far}: {what}; it goes on where it stopped."
    events = [_recovery_event(held, verdict, places, now, message)]
    for chapter, index in verdict.poisoned:
        text = f"Chapter {chapter}, chunk {index} is given up: workers died while speaking it."
        lost = {"chapter": chapter, "chunk": index, "code": "poisoned"}
        events.append(
            step_rows.told(held, now, "chunk_poisoned", text, status=Status.PENDING, level=Level.ERROR, details=lost)
        )
    await step_turns.step_back(connection, held, *events)
    return Recovered(job, "released", message, step.audiobook_id, verdict.poisoned)


def _recovery_event(held: HeldStep, verdict: _Verdict, places: Sequence[Place], now: float, message: str) -> Event:
    details = {"in_hand": [list(place) for place in places], "attempt": verdict.attempt, "deaths": verdict.deaths}
    return step_rows.told(held, now, "recovered", message, status=Status.PENDING, level=Level.WARNING, details=details)


async def tell_house(connection: AsyncConnection, recovered: Sequence[Recovered], worker_id: str) -> None:
    """One app event for all that a pass has recovered."""
    count = len(recovered)
    jobs_text = "1 job" if count == 1 else f"{count} jobs"
    details = {
        "jobs": [{"job_id": each.job.job_id, "kind": each.kind, "was_with": each.job.worker_id} for each in recovered],
        "worker_id": worker_id,
    }
    message = f"{jobs_text} recovered from workers that are gone."
    await append(connection, [Event(kind="recovered", message=message, level=Level.WARNING, details=details)])
