"""Steps that found the disk full: put aside at no cost, and taken up again once somebody has seen room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Level, Status
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import step_turns
from foundry_tui.store import steps as step_rows
from foundry_tui.store.events import append
from foundry_tui.store.steps import HeldStep, moment
from foundry_tui.store.tables import audiobook_productions, jobs, production_steps

REASON = "disk_full"
_PLACE, _BYTES = "wants_room_in", "wants_bytes"
_step = production_steps.c


@dataclass(frozen=True, slots=True)
class DiskWait:
    """A job that waits until ``wanted_bytes`` are free where ``place`` is.

    Without an ``audiobook_id`` it is the queue that waits: a claim cannot be written. Without a ``place`` it lies on a
    disk, or within a quota, that cannot be measured; it is tried again at ``again_at`` (s since 1970).
    """

    job_id: int
    audiobook_id: str
    step_number: str
    step_name: str
    place: str | None
    wanted_bytes: int
    again_at: float


async def put_aside(
    connection: AsyncConnection,
    held: HeldStep,
    now: float,
    *,
    message: str,
    action: str,
    wait: DiskWait,
) -> bool:
    """Let a held step wait for room, fenced (LeaseLost); it costs no attempt.

    False where the operator has cancelled the production meanwhile: then it ends here.
    """
    audiobook_id = held.step.audiobook_id
    if await step_turns.cancelled_meanwhile(connection, held, now):
        return False
    sentence = f"{message} {action}".strip()
    values = {
        "status": Status.PENDING.value,
        "lease_expires_at": None,
        "reason": REASON,
        "paused": True,
        "run_after": wait.again_at,
        "attempt": max(held.job.attempt - 1, 0),
        "progress": {**held.job.progress, _PLACE: wait.place, _BYTES: wait.wanted_bytes},
        "error_code": REASON,
        "error_message": sentence,
        "error_trace": None,
    }
    await job_rows.settle(connection, held.job, values)
    await step_rows.set_production(connection, audiobook_id, status=Status.PENDING.value, error_message=sentence)
    details = {"code": REASON, "next_action": action, "place": wait.place, "wanted_bytes": wait.wanted_bytes}
    told = step_rows.told(held, now, REASON, sentence, status=Status.PENDING, level=Level.WARNING, details=details)
    await step_turns.step_back(connection, held, told)
    return True


async def waiting(connection: AsyncConnection) -> list[DiskWait]:
    """Every job that waits for room; not those whose production the operator has paused besides."""
    query = (
        select(jobs.c.job_id, jobs.c.progress, jobs.c.run_after, _step.audiobook_id, _step.step_number, _step.step_name)
        .join(production_steps, _step.job_id == jobs.c.job_id)
        .join(audiobook_productions, audiobook_productions.c.audiobook_id == _step.audiobook_id)
        .where(
            jobs.c.status == Status.PENDING.value,
            jobs.c.reason == REASON,
            jobs.c.paused,
            audiobook_productions.c.paused_at.is_(None),
        )
        .order_by(_step.audiobook_id)
    )
    found = []
    for job_id, progress, again_at, audiobook_id, number, name in await connection.execute(query):
        place, wanted = progress.get(_PLACE), progress.get(_BYTES) or 0
        found.append(DiskWait(int(job_id), audiobook_id, number, name, place, int(wanted), float(again_at)))
    return found


async def resume(connection: AsyncConnection, waits: Sequence[DiskWait], now: float) -> list[DiskWait]:
    """Let jobs go on for which there is room; those that somebody else has not let go on meanwhile."""
    resumed = []
    events = []
    for wait in waits:
        mine = (jobs.c.job_id == wait.job_id, jobs.c.status == Status.PENDING.value, jobs.c.reason == REASON)
        freed = update(jobs).where(*mine, jobs.c.paused).values(paused=False, reason="room_again", run_after=0.0)
        if not (await connection.execute(freed)).rowcount:
            continue
        await step_rows.set_production(connection, wait.audiobook_id, error_message=None)
        resumed.append(wait)
        events.append(
            Event(
                kind="room_again",
                message=f"There is room again: {wait.step_name} goes on where it stopped.",
                audiobook_id=wait.audiobook_id,
                step_number=wait.step_number,
                step_name=wait.step_name,
                status=Status.PENDING,
                timestamp=moment(now),
            )
        )
    await append(connection, events)
    return resumed
