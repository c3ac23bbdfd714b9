"""Productions ordered, found, listed and steered. Every call runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.productions import Production, Step
from foundry_tui.domain.queue import Ordered
from foundry_tui.domain.status import Status
from foundry_tui.errors import NotFound, UsageError
from foundry_tui.store import parts
from foundry_tui.store.catalog import get_book
from foundry_tui.store.columns import moment_text, utc_now
from foundry_tui.store.roster import get_narrator
from foundry_tui.store.rows import checked, columns_of, containing, free_calendar_ids, noun, same_language
from foundry_tui.store.tables import audiobook_productions, books, jobs, narrators, production_steps

# A failed production is live: it is still in the queue, and requeueing it is what goes on with it.
LIVE = (Status.PENDING, Status.PROCESSING, Status.FAILED)
_COLUMNS = columns_of(Production, audiobook_productions)
_STEP_COLUMNS = columns_of(Step, production_steps)


async def create_production(
    connection: AsyncConnection,
    *,
    book_id: str,
    narrator_id: str,
    language: str | None = None,
    recipe: str = "audiobook",
    priority: int = 0,
    options: Mapping[str, Any] | None = None,
    now: Callable[[], datetime] = utc_now,
) -> Ordered:
    """Order a production under the next free calendar second, or answer with the live one that is the same.

    The same means book, narrator, recipe and language (however spelled; the book's own where none is given). Raises
    NotFound for an unknown book or narrator, UsageError for a retired narrator or what the columns cannot hold.
    """
    book = await get_book(connection, book_id)
    narrator = await get_narrator(connection, narrator_id)
    if not narrator.active:
        raise UsageError(f"The narrator {narrator_id} is retired.", next_action="Name another, or activate this one.")
    moment = now()
    # First of all, for its lock: two orders at once must see each other.
    (audiobook_id,) = await free_calendar_ids(connection, audiobook_productions.c.audiobook_id, moment)
    language = language or book.language
    live = await _live(connection, book_id, narrator_id, language, recipe)
    if live is not None:
        return Ordered(live, created=False)
    stamp = moment_text(moment)
    values = {
        "audiobook_id": audiobook_id,
        "book_id": book_id,
        "narrator_id": narrator_id,
        "language": language,
        "recipe": recipe,
        "priority": priority,
        "options": dict(options or {}),
        "created_at": stamp,
        "updated_at": stamp,
    }
    await connection.execute(insert(audiobook_productions).values(**checked(audiobook_productions, values)))
    return Ordered(await get_production(connection, audiobook_id), created=True)


async def _live(
    connection: AsyncConnection, book_id: str, narrator_id: str, language: str, recipe: str
) -> Production | None:
    query = select(*_COLUMNS).where(
        audiobook_productions.c.book_id == book_id,
        audiobook_productions.c.narrator_id == narrator_id,
        audiobook_productions.c.recipe == recipe,
        audiobook_productions.c.status.in_([status.value for status in LIVE]),
    )
    for row in (await connection.execute(query.order_by(audiobook_productions.c.audiobook_id))).mappings():
        if same_language(row["language"], language):
            return noun(Production, row)
    return None


async def find_production(connection: AsyncConnection, audiobook_id: str) -> Production | None:
    """The production of that id, or None."""
    query = select(*_COLUMNS).where(audiobook_productions.c.audiobook_id == audiobook_id)
    row = (await connection.execute(query)).mappings().first()
    return noun(Production, row) if row else None


async def get_production(connection: AsyncConnection, audiobook_id: str) -> Production:
    """The production of that id; raises NotFound."""
    production = await find_production(connection, audiobook_id)
    if production is None:
        raise NotFound(f"There is no production {audiobook_id!r}.")
    return production


async def list_productions(
    connection: AsyncConnection,
    *,
    statuses: Sequence[Status] = (),
    book_id: str | None = None,
    narrator_id: str | None = None,
    text: str | None = None,
    descending: bool = False,
    offset: int = 0,
    limit: int = 100,
) -> list[Production]:
    """A window into all productions, oldest first unless ``descending``; ``text`` is sought in book and narrator."""
    order = audiobook_productions.c.audiobook_id
    query = _filtered(select(*_COLUMNS), statuses, book_id, narrator_id, text)
    query = query.order_by(order.desc() if descending else order).offset(offset).limit(limit)
    return [noun(Production, row) for row in (await connection.execute(query)).mappings()]


async def count_productions(
    connection: AsyncConnection,
    *,
    statuses: Sequence[Status] = (),
    book_id: str | None = None,
    narrator_id: str | None = None,
    text: str | None = None,
) -> int:
    """How many productions ``list_productions`` would go through."""
    query = select(func.count(audiobook_productions.c.audiobook_id))
    return int(await connection.scalar(_filtered(query, statuses, book_id, narrator_id, text)) or 0)


async def count_by_status(connection: AsyncConnection) -> dict[Status, int]:
    """How many productions are in each state; states nobody is in are 0."""
    query = select(audiobook_productions.c.status, func.count()).group_by(audiobook_productions.c.status)
    counts = {row[0]: row[1] for row in await connection.execute(query)}
    return {status: counts.get(status.value, 0) for status in Status}


async def list_steps(connection: AsyncConnection, audiobook_id: str) -> list[Step]:
    """The steps of a production in their order; none until it was adopted."""
    query = select(*_STEP_COLUMNS).where(production_steps.c.audiobook_id == audiobook_id)
    rows = (await connection.execute(query.order_by(production_steps.c.position))).mappings()
    return [noun(Step, row) for row in rows]


async def set_priority(connection: AsyncConnection, audiobook_id: str, priority: int) -> Production:
    """Set the priority (higher is claimed first) of a production and of its job. Raises NotFound."""
    await _set(connection, audiobook_id, priority=priority)
    await _set_jobs(connection, audiobook_id, priority=priority)
    return await get_production(connection, audiobook_id)


async def pause_production(
    connection: AsyncConnection, audiobook_id: str, *, now: Callable[[], datetime] = utc_now
) -> Production:
    """Let nobody claim its job until resumed; a worker that has it stops at the next chunk border. Raises NotFound."""
    production = await get_production(connection, audiobook_id)
    if production.status in {Status.SUCCESS, Status.CANCELLED}:
        raise UsageError(f"The production {audiobook_id} is {production.status}: there is nothing to pause.")
    if production.paused_at is None:
        await _set(connection, audiobook_id, paused_at=moment_text(now()))
        await _set_jobs(connection, audiobook_id, paused=True)
    return await get_production(connection, audiobook_id)


async def resume_production(connection: AsyncConnection, audiobook_id: str) -> Production:
    """Take a pause back. Raises NotFound."""
    await _set(connection, audiobook_id, paused_at=None)
    await _set_jobs(connection, audiobook_id, paused=False)
    return await get_production(connection, audiobook_id)


async def update_production(connection: AsyncConnection, audiobook_id: str, /, **changes: Any) -> Production:
    """Change ``options``, ``totals`` or other columns that are not what the production is. Raises NotFound."""
    fixed = {"audiobook_id", "book_id", "narrator_id", "language", "recipe"} & changes.keys()
    if fixed:
        raise UsageError(f"The {', '.join(sorted(fixed))} of a production cannot be changed: order another one.")
    if changes:
        await _set(connection, audiobook_id, **checked(audiobook_productions, changes))
    return await get_production(connection, audiobook_id)


async def _set(connection: AsyncConnection, audiobook_id: str, **values: Any) -> None:
    mine = audiobook_productions.c.audiobook_id == audiobook_id
    changed = await connection.execute(update(audiobook_productions).where(mine).values(**values))
    if not changed.rowcount:
        raise NotFound(f"There is no production {audiobook_id!r}.")


async def _set_jobs(connection: AsyncConnection, audiobook_id: str, **values: Any) -> None:
    mine = select(production_steps.c.job_id).where(production_steps.c.audiobook_id == audiobook_id)
    unfinished = jobs.c.status.in_([Status.PENDING.value, Status.PROCESSING.value])
    theirs = or_(jobs.c.job_id.in_(mine), parts.of(audiobook_id))
    await connection.execute(update(jobs).where(theirs, unfinished).values(**values))


def _filtered(
    query: Select[Any], statuses: Sequence[Status], book_id: str | None, narrator_id: str | None, text: str | None
) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    if statuses:
        conditions.append(audiobook_productions.c.status.in_([status.value for status in statuses]))
    if book_id:
        conditions.append(audiobook_productions.c.book_id == book_id)
    if narrator_id:
        conditions.append(audiobook_productions.c.narrator_id == narrator_id)
    if text:
        query = query.join(books, books.c.book_id == audiobook_productions.c.book_id)
        query = query.join(narrators, narrators.c.narrator_id == audiobook_productions.c.narrator_id)
        of_book = containing(text, books.c.book_name, books.c.author, books.c.book_id)
        of_narrator = containing(text, narrators.c.narrator_name, narrators.c.narrator_id)
        conditions.append(
            or_(of_book, of_narrator, audiobook_productions.c.audiobook_id.startswith(text, autoescape=True))
        )
    return query.where(and_(*conditions)) if conditions else query
