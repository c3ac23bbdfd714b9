"""What an operator may ask of a production that is in the queue or at work: to be cancelled.

Pause, resume and priority are plain columns (store.productions); requeueing is store.requeue.
"""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Status
from foundry_tui.errors import NotFound, UsageError
from foundry_tui.store import parts as part_rows
from foundry_tui.store import step_turns
from foundry_tui.store import steps as step_rows
from foundry_tui.store.events import append
from foundry_tui.store.steps import PRODUCTION, moment
from foundry_tui.store.tables import jobs, production_steps

_step = production_steps.c


async def cancel(connection: AsyncConnection, audiobook_id: str, now: float) -> bool:
    """Cancel a production: True when it is cancelled now, False when its worker stops at the next chunk border.

    Everything finished is kept. Raises NotFound, and UsageError for one that is done already.
    """
    made = await step_rows.production(connection, audiobook_id, lock=True)
    if made is None:
        raise NotFound(f"There is no production {audiobook_id!r}.")
    if made.status is Status.SUCCESS:
        raise UsageError(f"The production {audiobook_id} is finished: there is nothing to cancel.")
    return await stop(connection, audiobook_id, now, already=made.status is Status.CANCELLED)


async def stop(connection: AsyncConnection, audiobook_id: str, now: float, *, already: bool) -> bool:
    """As ``cancel``; ``already`` when the row says cancelled (raw SQL) and only its jobs do not know."""
    await part_rows.cancel(connection, audiobook_id, now)
    mine = select(_step.job_id).where(_step.audiobook_id == audiobook_id)
    pending = (jobs.c.job_id.in_(mine), jobs.c.status == Status.PENDING.value)
    running = (jobs.c.job_id.in_(mine), jobs.c.status == Status.PROCESSING.value)
    ended = {"status": Status.CANCELLED.value, "reason": "cancelled", "finished_at": now, "cancel_requested": True}
    waiting = (await connection.execute(update(jobs).where(*pending).values(**ended))).rowcount
    asked = (await connection.execute(update(jobs).where(*running).values(cancel_requested=True))).rowcount
    if asked:
        event = _event(audiobook_id, now, "cancel_requested", "It stops at the next chunk border.", Status.PROCESSING)
        await append(connection, [event])
        return False
    if already and not waiting:
        return True
    await step_turns.cancel_rest(connection, audiobook_id)
    await step_rows.set_production(connection, audiobook_id, status=Status.CANCELLED.value)
    await append(
        connection, [_event(audiobook_id, now, "cancelled", "The production was cancelled.", Status.CANCELLED)]
    )
    return True


def _event(audiobook_id: str, now: float, kind: str, message: str, status: Status) -> Event:
    return Event(
        kind=kind,
        message=message,
        audiobook_id=audiobook_id,
        step_number=PRODUCTION,
        status=status,
        timestamp=moment(now),
    )
