"""Raw SQL made good: productions somebody inserted or changed by hand are taken in, requeued or cancelled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.events import Event
from foundry_tui.domain.productions import Production
from foundry_tui.domain.status import Level, Status
from foundry_tui.store import steps as step_rows
from foundry_tui.store.events import append
from foundry_tui.store.rows import noun
from foundry_tui.store.steps import PRODUCTION, PlannedStep, moment
from foundry_tui.store.tables import audiobook_productions, production_steps

_LIVE = (Status.PENDING.value, Status.PROCESSING.value)
_made = audiobook_productions.c


async def strangers(connection: AsyncConnection) -> list[Production]:
    """Live productions without steps, oldest first: somebody inserted them beside us."""
    known = exists().where(production_steps.c.audiobook_id == _made.audiobook_id)
    statement = select(audiobook_productions).where(_made.status.in_(_LIVE), ~known).order_by(_made.audiobook_id)
    return [noun(Production, row) for row in (await connection.execute(statement)).mappings()]


async def _elder(connection: AsyncConnection, made: Production) -> str | None:
    """The live production this one doubles: same book, narrator, language and recipe, and older."""
    statement = (
        select(_made.audiobook_id)
        .where(
            _made.book_id == made.book_id,
            _made.narrator_id == made.narrator_id,
            _made.language == made.language,
            _made.recipe == made.recipe,
            _made.status.in_(_LIVE),
            _made.audiobook_id < made.audiobook_id,
        )
        .order_by(_made.audiobook_id)
        .limit(1)
    )
    return await connection.scalar(statement)


async def adopt(
    connection: AsyncConnection, made: Production, plans: Mapping[str, Sequence[PlannedStep]], now: float
) -> bool:
    """Take a stranger in: its steps, first job and event. False where it waits for an elder or was taken already."""
    current = await step_rows.production(connection, made.audiobook_id, lock=True)
    if current is None or current.status.value not in _LIVE or await step_rows.steps_of(connection, made.audiobook_id):
        return False
    plan = plans.get(current.recipe)
    if not plan:
        await _refuse(connection, current, sorted(plans), now)
        return False
    if await _elder(connection, current) is not None:
        return False
    await step_rows.begin(
        connection,
        current.audiobook_id,
        plan,
        now=now,
        priority=current.priority,
        paused=current.paused_at is not None,
        message="The production was found in the table and taken into the queue.",
    )
    return True


async def _refuse(connection: AsyncConnection, made: Production, known: Sequence[str], now: float) -> None:
    message = f"This Foundry knows no recipe {made.recipe!r}."
    action = f"It knows {', '.join(known)}: set audiobook_productions.recipe to one of them and status to 'pending'."
    sentence = f"{message} {action}"
    await step_rows.set_production(connection, made.audiobook_id, status=Status.FAILED.value, error_message=sentence)
    event = Event(
        kind="recipe_unknown",
        message=message,
        level=Level.ERROR,
        audiobook_id=made.audiobook_id,
        step_number=PRODUCTION,
        status=Status.FAILED,
        details={"code": "recipe_unknown", "next_action": action},
        timestamp=moment(now),
    )
    await append(connection, [event])
