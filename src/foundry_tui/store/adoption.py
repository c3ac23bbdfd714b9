"""Raw SQL made good: productions somebody inserted or changed by hand are taken in, requeued or cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, exists, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.events import Event
from foundry_tui.domain.productions import Production
from foundry_tui.domain.status import Level, Status
from foundry_tui.store import steering
from foundry_tui.store import steps as step_rows
from foundry_tui.store.events import append
from foundry_tui.store.requeue import Plans, requeue_many
from foundry_tui.store.rows import noun
from foundry_tui.store.steps import PRODUCTION, moment
from foundry_tui.store.tables import audiobook_productions, jobs, production_steps
from foundry_tui.store.twins import Likeness, likeness

AT_ONCE = 50  # productions a transaction: it must stay short
_LIVE = (Status.PENDING.value, Status.PROCESSING.value)
_made = audiobook_productions.c
_step = production_steps.c
_UNFINISHED = text("audiobook_productions.status <> 'success'")  # word for word the condition of its index


@dataclass(frozen=True, slots=True)
class Found:
    """What somebody left for us, by audiobook_id, oldest first."""

    strangers: tuple[str, ...] = ()  # live, and without steps
    reopened: tuple[str, ...] = ()  # live, with steps, and no job
    stopped: tuple[str, ...] = ()  # cancelled, and with a job that does not know

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.strangers or self.reopened or self.stopped)


async def look(connection: AsyncConnection) -> Found:
    """Find them by reading alone; nothing is wrong with most databases most of the time."""
    planned = exists().where(_step.audiobook_id == _made.audiobook_id)
    job_of_it = exists().where(_step.audiobook_id == _made.audiobook_id, _step.job_id == jobs.c.job_id, _live_job())
    live = select(_made.audiobook_id).where(_UNFINISHED, _made.status.in_(_LIVE)).order_by(_made.audiobook_id)
    unaware = (
        select(_made.audiobook_id)
        .join(production_steps, _step.audiobook_id == _made.audiobook_id)
        .join(jobs, _step.job_id == jobs.c.job_id)
        .where(_made.status == Status.CANCELLED.value, _live_job(), jobs.c.cancel_requested.is_(False))
    )
    strangers = await _ids(connection, live.where(~planned))
    younger = await _doubles(connection, strangers)
    return Found(
        tuple(made for made in strangers if made not in younger),
        await _ids(connection, live.where(planned, ~job_of_it)),
        await _ids(connection, unaware),
    )


def _live_job() -> ColumnElement[bool]:
    return jobs.c.status.in_(_LIVE)


async def _ids(connection: AsyncConnection, statement: Select[tuple[str]]) -> tuple[str, ...]:
    return tuple(await connection.scalars(statement))


async def _doubles(connection: AsyncConnection, strangers: Sequence[str]) -> set[str]:
    """Those that wait for an elder: a live production of the same book, narrator, recipe and language."""
    if not strangers:
        return set()
    columns = (_made.audiobook_id, _made.book_id, _made.narrator_id, _made.recipe, _made.language)
    rows = await connection.execute(
        select(*columns).where(_UNFINISHED, _made.status.in_(_LIVE)).order_by(_made.audiobook_id)
    )
    eldest: dict[Likeness, str] = {}
    waiting = set()
    for audiobook_id, book_id, narrator_id, recipe, language in rows:
        same = likeness(book_id, narrator_id, recipe, language)
        if eldest.setdefault(same, audiobook_id) != audiobook_id:
            waiting.add(audiobook_id)
    return waiting.intersection(strangers)


async def put_right(connection: AsyncConnection, found: Found, plans: Plans, now: float) -> list[str]:
    """Do what ``found`` asks for, at most AT_ONCE of each kind; returns the productions that have a job now."""
    reopened, stopped = found.reopened[:AT_ONCE], found.stopped[:AT_ONCE]
    await step_rows.lock(connection, [*found.strangers[:AT_ONCE], *reopened, *stopped])
    taken = await _adopt(connection, found.strangers[:AT_ONCE], plans, now)
    taken.extend(await requeue_many(connection, reopened, plans, now=now, why="its status was set by hand"))
    for audiobook_id in stopped:
        made = await step_rows.production(connection, audiobook_id, lock=True)
        if made is not None and made.status is Status.CANCELLED:
            await steering.stop(connection, audiobook_id, now, already=True)
    return taken


async def _adopt(connection: AsyncConnection, ids: Sequence[str], plans: Plans, now: float) -> list[str]:
    """Take strangers in: steps, first job, event. Whoever came first has done it; the others find steps there."""
    if not ids:
        return []
    rows = select(audiobook_productions).where(_made.audiobook_id.in_(ids)).order_by(_made.audiobook_id)
    live = rows.where(_made.status.in_(_LIVE)).with_for_update(key_share=True)
    found = [noun(Production, row) for row in (await connection.execute(live)).mappings()]
    planned = set(await connection.scalars(select(_step.audiobook_id).where(_step.audiobook_id.in_(ids))))
    events: list[Event] = []
    taken = []
    for made in found:
        if made.audiobook_id in planned:
            continue
        plan = plans.get(made.recipe)
        if not plan:
            events.append(await _refused(connection, made, sorted(plans), now))
            continue
        steps = [
            {"audiobook_id": made.audiobook_id, "step_number": step.number, "step_name": step.name, "position": place}
            for place, step in enumerate(plan)
        ]
        await connection.execute(insert(production_steps), steps)
        _, event = await step_rows.make_pending(
            connection,
            made.audiobook_id,
            plan[0],
            0,
            now=now,
            priority=made.priority,
            paused=made.paused_at is not None,
            kind="adopted",
            message="The production was found in the table and taken into the queue.",
        )
        events.append(event)
        taken.append(made.audiobook_id)
    await append(connection, events)
    return taken


async def _refused(connection: AsyncConnection, made: Production, known: Sequence[str], now: float) -> Event:
    message = f"This Foundry knows no recipe {made.recipe!r}."
    action = f"It knows {', '.join(known)}: set audiobook_productions.recipe to one of them and status to 'pending'."
    failed = {"status": Status.FAILED.value, "error_message": f"{message} {action}"}
    await step_rows.set_production(connection, made.audiobook_id, **failed)
    return Event(
        kind="recipe_unknown",
        message=message,
        level=Level.ERROR,
        audiobook_id=made.audiobook_id,
        step_number=PRODUCTION,
        status=Status.FAILED,
        details={"code": "recipe_unknown", "next_action": action},
        timestamp=moment(now),
    )
