"""Steps sent back to the start of their queue: by the operator, by a later step that found a piece broken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.productions import Step
from foundry_tui.domain.status import Status
from foundry_tui.errors import ArtifactBroken, NotFound
from foundry_tui.store import chunks as chunk_rows
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import steps as step_rows
from foundry_tui.store.events import append
from foundry_tui.store.steps import ClaimedStep, PlannedStep
from foundry_tui.store.tables import audiobook_productions, jobs, production_steps

_step = production_steps.c
_made = audiobook_productions.c


async def send_back(
    connection: AsyncConnection,
    claimed: ClaimedStep,
    target: PlannedStep,
    position: int,
    *,
    reason: str,
    places: Iterable[tuple[int, int]],
    now: float,
    most: int,
) -> int:
    """Make the earlier step ``target`` pending again and let everything after it wait; returns its job's id.

    Costs no attempt. Raises ArtifactBroken once it has happened ``most`` times since the operator last asked.
    """
    audiobook_id = claimed.step.audiobook_id
    made = await step_rows.production(connection, audiobook_id, lock=True)
    assert made is not None
    assert position < claimed.step.position
    await job_rows.cancel_held(connection, claimed.job, now, reason="sent_back")
    where = (_step.audiobook_id == audiobook_id, _step.step_number == target.number)
    before = int(await connection.scalar(select(_step.requeues).where(*where)) or 0)
    if before >= most:
        # Raised, it undoes this transaction: the claim still stands, and fails with this sentence.
        raise FruitlessSendBack(
            f"{target.name} was made again {before} times and is still not right: {reason}",
            next_action=f"Look for a failing disk or memory, then requeue {target.name}.",
        )
    await chunk_rows.make_pending(connection, audiobook_id, places)
    await wait_again(connection, audiobook_id, position)
    job_id, event = await step_rows.make_pending(
        connection,
        audiobook_id,
        target,
        position,
        now=now,
        priority=made.priority,
        paused=made.paused_at is not None,
        kind="sent_back",
        message=f"{target.name} is made again: {reason}",
        details={"from_step": claimed.step.step_number, "reason": reason},
        values={"requeues": before + 1, "input_key": None},
    )
    await append(connection, [event])
    return job_id


async def wait_again(connection: AsyncConnection, audiobook_id: str, position: int) -> None:
    """Every step after ``position`` waits for its turn again; what they made stands under its key."""
    await connection.execute(
        update(production_steps)
        .where(_step.audiobook_id == audiobook_id, _step.position > position)
        .values(status=Status.PENDING.value, job_id=None, started_at=None, finished_at=None)
    )


class FruitlessSendBack(ArtifactBroken):
    """An earlier step was made again and again, and its result is still broken."""

    retryable = False


async def retry_failed(
    connection: AsyncConnection, plans: Mapping[str, Sequence[PlannedStep]], now: float
) -> list[str]:
    """Requeue every failed production whose failure was no poison; returns their ids, oldest first."""
    statement = (
        select(_made.audiobook_id)
        .join(production_steps, _step.audiobook_id == _made.audiobook_id)
        .join(jobs, jobs.c.job_id == _step.job_id)
        .where(_made.status == Status.FAILED.value, _step.status == Status.FAILED.value)
        .where(or_(jobs.c.reason.is_(None), jobs.c.reason != "poisoned"))
        .order_by(_made.audiobook_id)
    )
    found = [str(made) for made in (await connection.scalars(statement)).all()]
    return [made for made in found if await requeue(connection, made, plans, now=now) is not None]


async def requeue(
    connection: AsyncConnection,
    audiobook_id: str,
    plans: Mapping[str, Sequence[PlannedStep]],
    *,
    position: int | None = None,
    now: float,
    why: str = "asked for",
) -> int | None:
    """Make the failed step (or the one at ``position``, forced) and everything after it pending; returns its job.

    A forced step forgets its key, so that it runs even where nothing has changed. None when the production has a
    live job already, so asking twice makes one job; ``position`` on a live production is a Conflict.
    """
    made = await step_rows.production(connection, audiobook_id, lock=True)
    if made is None:
        raise NotFound(f"There is no production {audiobook_id}.")
    plan = plans.get(made.recipe)
    if not plan:
        raise NotFound(f"This Foundry knows no recipe {made.recipe!r}.")
    steps = await step_rows.steps_of(connection, audiobook_id)
    if not steps:
        return None
    if await _live_job(connection, audiobook_id):
        return None
    place = position if position is not None else _resume_at(steps)
    target = plan[place]
    await chunk_rows.retry_failed(connection, [audiobook_id])
    await wait_again(connection, audiobook_id, place)
    values: dict[str, Any] = {"requeues": 0}
    if position is not None:
        values["input_key"] = None
    job_id, event = await step_rows.make_pending(
        connection,
        audiobook_id,
        target,
        place,
        now=now,
        priority=made.priority,
        paused=made.paused_at is not None,
        kind="requeued",
        message=f"{target.name} was requeued: {why}.",
        values=values,
    )
    await step_rows.set_production(connection, audiobook_id, status=Status.PENDING.value, error_message=None)
    await append(connection, [event])
    return job_id


def _resume_at(steps: Sequence[Step]) -> int:
    for step in steps:
        if step.status is not Status.SUCCESS:
            return step.position
    return 0


async def _live_job(connection: AsyncConnection, audiobook_id: str) -> bool:
    statement = (
        select(jobs.c.job_id)
        .join(production_steps, _step.job_id == jobs.c.job_id)
        .where(
            _step.audiobook_id == audiobook_id,
            jobs.c.status.in_([Status.PENDING.value, Status.PROCESSING.value]),
        )
        .limit(1)
    )
    return await connection.scalar(statement) is not None
