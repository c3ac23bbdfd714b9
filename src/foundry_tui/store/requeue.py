"""Productions put back into the queue: by the operator, by raw SQL, by a later step that found a piece broken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.events import Event
from foundry_tui.domain.productions import Production, Step
from foundry_tui.domain.status import Status
from foundry_tui.errors import ArtifactBroken, ChunksFailed, Conflict, NotFound
from foundry_tui.store import chunks as chunk_rows
from foundry_tui.store import jobs as job_rows
from foundry_tui.store import step_turns
from foundry_tui.store import steps as step_rows
from foundry_tui.store.events import append
from foundry_tui.store.rows import noun
from foundry_tui.store.steps import HeldStep, PlannedStep
from foundry_tui.store.tables import audiobook_productions, jobs, production_steps
from foundry_tui.store.twins import at_work, likeness_of, lock_with_siblings

Plans = Mapping[str, Sequence[PlannedStep]]  # by recipe

_step = production_steps.c
_made = audiobook_productions.c
_AT_ONCE = 200  # productions a statement
_LIVE = (Status.PENDING.value, Status.PROCESSING.value)


class FruitlessSendBack(ArtifactBroken):
    """An earlier step was made again and again, and its result is still broken."""

    retryable = False


async def send_back(
    connection: AsyncConnection,
    held: HeldStep,
    target: PlannedStep,
    position: int,
    *,
    reason: str,
    places: Iterable[tuple[int, int]],
    now: float,
    most: int,
) -> int | None:
    """Make the earlier step ``target`` pending again and let everything after it wait; returns its job's id.

    None where the operator has cancelled the production meanwhile: then it ends here.

    Costs no attempt. Raises FruitlessSendBack once it has happened ``most`` times since the operator last asked.
    """
    audiobook_id = held.step.audiobook_id
    made = await step_rows.production(connection, audiobook_id, lock=True)
    assert made is not None
    assert position < held.step.position
    if await step_turns.cancelled_meanwhile(connection, held, now):
        return None
    await job_rows.cancel_held(connection, held.job, now, reason="sent_back")
    where = (_step.audiobook_id == audiobook_id, _step.step_number == target.number)
    before = int(await connection.scalar(select(_step.requeues).where(*where)) or 0)
    if before >= most:
        # Raised, it undoes this transaction: the claim still stands, and fails with this sentence.
        raise FruitlessSendBack(
            f"{target.name} was made again {before} times and is still not right: {reason}",
            next_action=f"Look for a failing disk or memory, then requeue {target.name}.",
        )
    await chunk_rows.make_pending(connection, audiobook_id, places)
    await connection.execute(
        update(production_steps)
        .where(_step.audiobook_id == audiobook_id, _step.position > position)
        .values(status=Status.PENDING.value, job_id=None, started_at=None, finished_at=None)
    )
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
        details={"from_step": held.step.step_number, "reason": reason},
        values={"requeues": before + 1, "input_key": None},
    )
    await append(connection, [event])
    return job_id


async def requeue(
    connection: AsyncConnection,
    audiobook_id: str,
    plans: Plans,
    *,
    position: int | None = None,
    now: float,
    why: str = "it was asked for",
) -> int | None:
    """``requeue_many`` for one production, which must exist (NotFound); its new job, or None where it is live.

    Conflict with ``position`` on a production that a worker holds right now, and where its twin is at work.
    """
    made = await step_rows.production(connection, audiobook_id, lock=True)
    if made is None:
        raise NotFound(f"There is no production {audiobook_id!r}.")
    if position is not None:
        await _take_from_queue(connection, audiobook_id, now)
    twin = (await at_work(connection, [made.book_id])).get(likeness_of(made), audiobook_id)
    if twin != audiobook_id:
        raise Conflict(
            f"{twin} makes the same book with the same narrator just now, in the same folder.",
            next_action=f"Wait for it, or cancel it first: `foundry-tui cancel {twin}`.",
        )
    return (await requeue_many(connection, [audiobook_id], plans, position=position, now=now, why=why)).get(
        audiobook_id
    )


async def _take_from_queue(connection: AsyncConnection, audiobook_id: str, now: float) -> None:
    """A step is forced: the job that waits is replaced by that step's; one that runs is not torn away."""
    mine = select(_step.job_id).where(_step.audiobook_id == audiobook_id)
    live = select(jobs.c.status).where(jobs.c.job_id.in_(mine), jobs.c.status.in_(_LIVE)).with_for_update()
    found = set(await connection.scalars(live))
    if Status.PROCESSING.value in found:
        raise Conflict(
            f"A worker is making {audiobook_id} just now.", next_action="Cancel or pause it first, or wait for it."
        )
    replaced = {"status": Status.CANCELLED.value, "reason": "replaced", "finished_at": now}
    waiting = (jobs.c.job_id.in_(mine), jobs.c.status == Status.PENDING.value)
    await connection.execute(update(jobs).where(*waiting).values(**replaced))


@dataclass(frozen=True, slots=True)
class _Target:
    made: Production
    step: PlannedStep
    position: int


async def requeue_many(
    connection: AsyncConnection,
    audiobook_ids: Sequence[str],
    plans: Plans,
    *,
    position: int | None = None,
    now: float,
    why: str = "it was asked for",
    even_poisoned: bool = True,
) -> dict[str, int]:
    """Make the first unfinished step (or the one at ``position``, forced) and all after it pending, in bulk.

    Returns the new jobs by production. One with a live job, without steps or of an unknown recipe is left alone, so
    asking twice makes one job; so is one whose twin (see store.twins) is at work: they would write the same
    files. A step whose row somebody deleted gets it back, and is unfinished. A forced step forgets its key: it runs
    even where nothing has changed; one that stands behind an unfinished step waits for its turn, for it works on what
    that step makes.
    """
    made: dict[str, int] = {}
    for start in range(0, len(audiobook_ids), _AT_ONCE):
        targets = await _targets(connection, audiobook_ids[start : start + _AT_ONCE], plans, position)
        if targets:
            found = [target.made.audiobook_id for target in targets]
            await chunk_rows.retry_failed(connection, found, even_poisoned=even_poisoned)
            made |= await _put_back(connection, targets, forced=position is not None, now=now, why=why)
    return made


async def _targets(
    connection: AsyncConnection, ids: Sequence[str], plans: Plans, position: int | None
) -> list[_Target]:
    found = await lock_with_siblings(connection, ids)
    busy = dict(await at_work(connection, (production.book_id for production in found)))
    steps: dict[str, list[Step]] = {}
    ordered = select(production_steps).where(_step.audiobook_id.in_(ids)).order_by(_step.position)
    for row in (await connection.execute(ordered)).mappings():
        steps.setdefault(row["audiobook_id"], []).append(noun(Step, row))
    targets, lost = [], []
    for production in found:
        plan, own = plans.get(production.recipe), steps.get(production.audiobook_id)
        if plan and own and likeness_of(production) not in busy:
            busy[likeness_of(production)] = production.audiobook_id
            gone = _gone(own, plan, production.audiobook_id)
            lost += gone
            own = sorted([*own, *gone], key=lambda step: step.position)
            place = _resume_at(own) if position is None else min(position, _resume_at(own, otherwise=position))
            targets.append(_Target(production, plan[place], place))
    if lost:
        columns = ("audiobook_id", "step_number", "step_name", "position")
        await connection.execute(
            insert(production_steps), [{name: getattr(step, name) for name in columns} for step in lost]
        )
    return targets


def _gone(steps: Sequence[Step], plan: Sequence[PlannedStep], audiobook_id: str) -> list[Step]:
    there = {step.step_number for step in steps}
    if not all(step.position < len(plan) and plan[step.position].number == step.step_number for step in steps):
        return []  # of an older recipe: its steps are not these
    return [
        Step(audiobook_id, step.number, step.name, place, Status.PENDING)
        for place, step in enumerate(plan)
        if step.number not in there
    ]


def _resume_at(steps: Sequence[Step], *, otherwise: int = 0) -> int:
    return next((step.position for step in steps if step.status is not Status.SUCCESS), otherwise)


async def _put_back(
    connection: AsyncConnection, targets: Sequence[_Target], *, forced: bool, now: float, why: str
) -> dict[str, int]:
    ids = [target.made.audiobook_id for target in targets]
    rows = [
        {
            "name": target.step.number,
            "queue_key": step_rows.queue_key(target.made.audiobook_id, target.position),
            "payload": {"audiobook_id": target.made.audiobook_id, "step_number": target.step.number},
            "created_at": now,
            "priority": target.made.priority,
            "max_attempts": target.step.max_attempts,
            "paused": target.made.paused_at is not None,
        }
        for target in targets
    ]
    inserted = await connection.scalars(insert(jobs).returning(jobs.c.job_id, sort_by_parameter_order=True), rows)
    new_jobs = dict(zip(ids, (int(job_id) for job_id in inserted), strict=True))
    job_rows.announce(connection, *new_jobs.values())
    cleared: dict[str, Any] = {"status": Status.PENDING.value, "started_at": None, "finished_at": None, "requeues": 0}
    later = (_step.audiobook_id == bindparam("of"), _step.position > bindparam("place"))
    here = (_step.audiobook_id == bindparam("of"), _step.position == bindparam("place"))
    places = [{"of": target.made.audiobook_id, "place": target.position} for target in targets]
    await connection.execute(update(production_steps).where(*later).values(**cleared, job_id=None), places)
    if forced:
        cleared["input_key"] = None
    named = [{**place, "new_job": new_jobs[str(place["of"])]} for place in places]
    await connection.execute(
        update(production_steps).where(*here).values(**cleared, job_id=bindparam("new_job")), named
    )
    fresh = {"status": Status.PENDING.value, "error_message": None}
    await connection.execute(update(audiobook_productions).where(_made.audiobook_id.in_(ids)).values(**fresh))
    await append(connection, [_event(target, new_jobs[target.made.audiobook_id], now, why) for target in targets])
    return new_jobs


def _event(target: _Target, job_id: int, now: float, why: str) -> Event:
    return Event(
        kind="requeued",
        message=f"{target.step.name} was put back into the queue: {why}.",
        audiobook_id=target.made.audiobook_id,
        step_number=target.step.number,
        step_name=target.step.name,
        status=Status.PENDING,
        details={"job_id": job_id},
        timestamp=step_rows.moment(now),
    )


async def retry_failed(connection: AsyncConnection, plans: Plans, now: float) -> list[str]:
    """Requeue every failed production whose failure was no poison, a chunk's neither; their ids, oldest first."""
    statement = (
        select(_made.audiobook_id)
        .join(production_steps, _step.audiobook_id == _made.audiobook_id)
        .join(jobs, jobs.c.job_id == _step.job_id)
        .where(_made.status == Status.FAILED.value, _step.status == Status.FAILED.value)
        .where(or_(jobs.c.reason.is_(None), jobs.c.reason != "poisoned"))
        .where(
            or_(jobs.c.error_code.is_distinct_from(ChunksFailed.code), ~chunk_rows.only_poisoned(_made.audiobook_id))
        )
        .order_by(_made.audiobook_id)
    )
    found = [str(made) for made in await connection.scalars(statement)]
    return sorted(
        await requeue_many(connection, found, plans, now=now, why="failed ones are tried again", even_poisoned=False)
    )
