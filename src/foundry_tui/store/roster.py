"""The roster: narrators added, found, listed, changed and removed. Every call runs in the caller's transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.books import Narrator
from foundry_tui.domain.ids import checked_narrator_id
from foundry_tui.errors import Conflict, InUse, NotFound, UsageError
from foundry_tui.store.columns import moment_text, utc_now
from foundry_tui.store.rows import checked, columns_of, containing, in_language, noun
from foundry_tui.store.tables import audiobook_productions, narrators


class NarratorOrder(StrEnum):
    """What a list of narrators may be sorted by."""

    NARRATOR_ID = "narrator_id"
    NAME = "name"
    LANGUAGE = "language"
    ENGINE = "engine"


_ORDERS: dict[NarratorOrder, tuple[ColumnElement[Any], ...]] = {
    NarratorOrder.NARRATOR_ID: (narrators.c.narrator_id,),
    NarratorOrder.NAME: (func.lower(narrators.c.narrator_name), narrators.c.narrator_id),
    NarratorOrder.LANGUAGE: (narrators.c.language, narrators.c.narrator_id),
    NarratorOrder.ENGINE: (func.coalesce(narrators.c.engine, ""), narrators.c.narrator_id),
}
_COLUMNS = columns_of(Narrator, narrators)


async def add_narrator(
    connection: AsyncConnection, narrator: Narrator, *, now: Callable[[], datetime] = utc_now
) -> Narrator:
    """Insert a narrator. Raises Conflict for an id that is taken, UsageError for what the columns cannot hold."""
    checked_narrator_id(narrator.narrator_id)
    stamp = moment_text(now())
    values = {field.name: getattr(narrator, field.name) for field in dataclasses.fields(narrator)}
    values = {**checked(narrators, values), "settings": dict(narrator.settings)}
    if await find_narrator(connection, narrator.narrator_id) is not None:
        raise Conflict(f"The roster has a narrator {narrator.narrator_id!r} already.")
    try:
        await connection.execute(insert(narrators).values(**values, created_at=stamp, updated_at=stamp))
    except IntegrityError as error:
        raise _unknown_fallback(narrator.fallback_narrator_id) from error
    return narrator


async def find_narrator(connection: AsyncConnection, narrator_id: str) -> Narrator | None:
    """The narrator of that id, or None."""
    query = select(*_COLUMNS).where(narrators.c.narrator_id == narrator_id)
    row = (await connection.execute(query)).mappings().first()
    return noun(Narrator, row) if row else None


async def get_narrator(connection: AsyncConnection, narrator_id: str) -> Narrator:
    """The narrator of that id; raises NotFound."""
    narrator = await find_narrator(connection, narrator_id)
    if narrator is None:
        raise NotFound(f"There is no narrator {narrator_id!r} in the roster.")
    return narrator


async def list_narrators(
    connection: AsyncConnection,
    *,
    text: str | None = None,
    language: str | None = None,
    active: bool | None = None,
    order: NarratorOrder = NarratorOrder.NARRATOR_ID,
    descending: bool = False,
    offset: int = 0,
    limit: int = 1000,
) -> list[Narrator]:
    """A window into the roster, filtered by text, language (any spelling) and whether they are active."""
    columns = [column.desc() if descending else column.asc() for column in _ORDERS[order]]
    query = (await _filtered(connection, select(*_COLUMNS), text, language, active=active)).order_by(*columns)
    rows = (await connection.execute(query.offset(offset).limit(limit))).mappings()
    return [noun(Narrator, row) for row in rows]


async def count_narrators(
    connection: AsyncConnection, *, text: str | None = None, language: str | None = None, active: bool | None = None
) -> int:
    """How many narrators ``list_narrators`` would go through."""
    query = await _filtered(connection, select(func.count()).select_from(narrators), text, language, active=active)
    return int(await connection.scalar(query) or 0)


async def update_narrator(connection: AsyncConnection, narrator_id: str, /, **changes: Any) -> Narrator:
    """Change columns of a narrator (not the id) and return it. Raises NotFound and UsageError."""
    fixed = {"narrator_id", "created_at", "updated_at"} & changes.keys()
    if fixed:
        raise UsageError(f"The {', '.join(sorted(fixed))} of a narrator cannot be changed.")
    if changes.get("fallback_narrator_id") == narrator_id:
        raise UsageError("A narrator cannot stand in for itself.", next_action="Name another one.")
    if changes:
        values = checked(narrators, changes)
        if "settings" in values:
            values["settings"] = dict(values["settings"] or {})
        try:
            await connection.execute(update(narrators).where(narrators.c.narrator_id == narrator_id).values(**values))
        except IntegrityError as error:
            raise _unknown_fallback(changes.get("fallback_narrator_id")) from error
    return await get_narrator(connection, narrator_id)


async def remove_narrator(connection: AsyncConnection, narrator_id: str) -> Narrator:
    """Remove a narrator without productions; books and narrators that named it are left without.

    Raises NotFound, and InUse with the list where productions exist.
    """
    narrator = await get_narrator(connection, narrator_id)
    column = audiobook_productions.c.audiobook_id
    query = select(column).where(audiobook_productions.c.narrator_id == narrator_id).order_by(column)
    using = (await connection.execute(query)).scalars().all()
    if using:
        raise InUse(
            f"The narrator {narrator_id} has {len(using)} productions: {', '.join(using)}.",
            details={"productions": list(using)},
        )
    await connection.execute(delete(narrators).where(narrators.c.narrator_id == narrator_id))
    return narrator


async def _filtered(
    connection: AsyncConnection, query: Select[Any], text: str | None, language: str | None, *, active: bool | None
) -> Select[Any]:
    if text:
        query = query.where(containing(text, narrators.c.narrator_name, narrators.c.narrator_id, narrators.c.voice))
    if language:
        query = query.where(await in_language(connection, narrators.c.language, language))
    if active is not None:
        query = query.where(narrators.c.active.is_(active))
    return query


def _unknown_fallback(narrator_id: str | None) -> NotFound:
    return NotFound(f"There is no narrator {narrator_id!r} in the roster to stand in.")
