"""Events read: followed as they come, or paged back through. Both tables as one story."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, select
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Level, Status
from foundry_tui.store.rows import containing
from foundry_tui.store.tables import app_events, audiobook_process_events

_LEVELS = tuple(Level)
_LOUD = sql("level IN ('warning', 'error')")  # word for word the condition of the index on loud events


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a reader is: the last ``seq`` seen of each table. For reading backwards, the first one."""

    production_seq: int = 0
    app_seq: int = 0


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are asked for: of one production, at least this loud, of this kind, with this text in them."""

    audiobook_id: str | None = None
    level: Level = Level.DEBUG
    kind: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in the order they happened, and where to read on."""

    events: tuple[Event, ...]
    cursor: Cursor


EVERYTHING = EventFilter()


async def newest(connection: AsyncConnection) -> Cursor:
    """The cursor behind everything there is now: follow from here to see only what is new."""
    numbers = [await connection.scalar(select(func.max(table.c.seq))) for table in (_PRODUCTION, _APP)]
    return Cursor(numbers[0] or 0, numbers[1] or 0)


async def page_after(
    connection: AsyncConnection, cursor: Cursor, limit: int = 500, wanted: EventFilter = EVERYTHING
) -> EventPage:
    """The next ``limit`` events after ``cursor``, of both tables. Empty, with the same cursor, when there are none.

    Pages by ``seq``, which is the order of commits, and merges the tables by time: a follower misses nothing and sees
    nothing twice, whatever the clock does.
    """
    production, app = await _read(connection, wanted, cursor, limit, forward=True)
    merged = list(heapq.merge(production, app, key=lambda event: event.timestamp or ""))[:limit]
    return EventPage(tuple(merged), _moved(cursor, merged))


async def page_before(
    connection: AsyncConnection, cursor: Cursor | None = None, limit: int = 500, wanted: EventFilter = EVERYTHING
) -> EventPage:
    """The ``limit`` events before ``cursor`` (None: the newest), oldest of them first; page on with its cursor."""
    production, app = await _read(connection, wanted, cursor, limit, forward=False)
    backwards = list(heapq.merge(production, app, key=lambda event: event.timestamp or "", reverse=True))[:limit]
    start = cursor or Cursor(*(number + 1 for number in await _ends(connection)))
    return EventPage(tuple(reversed(backwards)), _moved(start, backwards))


async def _ends(connection: AsyncConnection) -> tuple[int, int]:
    end = await newest(connection)
    return end.production_seq, end.app_seq


def _moved(cursor: Cursor, seen: Sequence[Event]) -> Cursor:
    production = [event.seq for event in seen if event.audiobook_id and event.seq]
    app = [event.seq for event in seen if not event.audiobook_id and event.seq]
    return Cursor(
        production[-1] if production else cursor.production_seq,
        app[-1] if app else cursor.app_seq,
    )


_PRODUCTION, _APP = audiobook_process_events, app_events


async def _read(
    connection: AsyncConnection, wanted: EventFilter, cursor: Cursor | None, limit: int, *, forward: bool
) -> tuple[list[Event], list[Event]]:
    seqs = (None, None) if cursor is None else (cursor.production_seq, cursor.app_seq)
    production = await _table_page(connection, _PRODUCTION, wanted, seqs[0], limit, forward=forward)
    if wanted.audiobook_id is not None:
        return production, []
    return production, await _table_page(connection, _APP, wanted, seqs[1], limit, forward=forward)


async def _table_page(
    connection: AsyncConnection, table: Table, wanted: EventFilter, seq: int | None, limit: int, *, forward: bool
) -> list[Event]:
    query: Select[Any] = select(table).limit(limit)
    query = query.order_by(table.c.seq if forward else table.c.seq.desc())
    if seq is not None:
        query = query.where(table.c.seq > seq if forward else table.c.seq < seq)
    query = query.where(*_conditions(table, wanted))
    return [_event(row) for row in (await connection.execute(query)).mappings()]


def _conditions(table: Table, wanted: EventFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.audiobook_id is not None:
        conditions.append(table.c.audiobook_id == wanted.audiobook_id)
    if wanted.level in {Level.WARNING, Level.ERROR}:
        conditions.append(_LOUD)  # type: ignore[arg-type]
    if wanted.level is not Level.DEBUG:
        louder = [level.value for level in _LEVELS[_LEVELS.index(wanted.level) :]]
        conditions.append(table.c.level.in_(louder))
    if wanted.kind is not None:
        conditions.append(table.c.kind == wanted.kind)
    if wanted.text:
        columns = [table.c.message, table.c.kind]
        if table is _PRODUCTION:
            columns += [table.c.step_name, table.c.audiobook_id]
        conditions.append(containing(wanted.text, *columns))
    return conditions


def _event(row: Any) -> Event:
    of_production = "audiobook_id" in row
    return Event(
        kind=row["kind"],
        message=row["message"] or "",
        level=_level(row["level"]),
        audiobook_id=row["audiobook_id"] if of_production else None,
        step_number=(row["step_number"] or None) if of_production else None,
        step_name=row["step_name"] if of_production else None,
        status=Status(row["status"]) if of_production else None,
        details=row["details"],
        attempt=row["attempt"] if of_production else None,
        worker_id=row["worker_id"] if of_production else None,
        timestamp=row["timestamp"],
        seq=row["seq"],
    )


def _level(typed: str) -> Level:
    try:
        return Level(typed)
    except ValueError:  # raw SQL may write any word
        return Level.INFO
