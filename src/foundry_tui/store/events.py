"""Events appended: two tables, never a lost or a merged one. Reading them is store.event_history's.

Within a production the operator's key (audiobook_id, timestamp) holds: an event whose millisecond is taken moves on to
the next free one. ``seq`` is the order of commits on both databases, so a follower that pages by it misses nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Status
from foundry_tui.store.columns import moment_text, parsed_moment, utc_now
from foundry_tui.store.tables import app_events, audiobook_process_events, audiobook_productions

_EVENT_LOCK = 7_046_029_254_386_355  # of pg_advisory_xact_lock
_MILLISECOND = timedelta(milliseconds=1)
_AT_ONCE = 256
_story = audiobook_process_events.c


async def append(
    connection: AsyncConnection, events: Sequence[Event], *, now: Callable[[], datetime] = utc_now
) -> list[Event]:
    """Append ``events`` in order, in the caller's write transaction; returns them with their seq and timestamp.

    Call it last in the transaction: on PostgreSQL it holds the event lock until the commit. An event of a production
    needs no step: without one it is filed under an empty step_number, without a status under ``processing``.
    """
    if not events:
        return []
    if connection.dialect.name == "postgresql":
        await _line_up(connection, events)
    moments = await _free_moments(connection, events, now())
    stamped = [dataclasses.replace(event, timestamp=moment) for event, moment in zip(events, moments, strict=True)]
    numbers: dict[int, int] = {}
    for table, chosen in (
        (audiobook_process_events, [(place, event) for place, event in enumerate(stamped) if event.audiobook_id]),
        (app_events, [(place, event) for place, event in enumerate(stamped) if not event.audiobook_id]),
    ):
        if chosen:
            statement = insert(table).returning(table.c.seq, sort_by_parameter_order=True)
            result = await connection.execute(statement, [_values(event) for _, event in chosen])
            numbers |= {place: seq for (place, _), seq in zip(chosen, result.scalars(), strict=True)}
    return [dataclasses.replace(event, seq=numbers[place]) for place, event in enumerate(stamped)]


async def _line_up(connection: AsyncConnection, events: Iterable[Event]) -> None:
    # Whoever numbers events first commits first, so no follower sees a number before a smaller one. The rows the
    # events point to are locked before that, always in this order, so that two transactions never wait for each other.
    ids = sorted({event.audiobook_id for event in events if event.audiobook_id})
    if ids:
        query = select(audiobook_productions.c.audiobook_id).where(audiobook_productions.c.audiobook_id.in_(ids))
        ordered = query.order_by(audiobook_productions.c.audiobook_id)
        await connection.execute(ordered.with_for_update(read=True, key_share=True))
    await connection.execute(text(f"SELECT pg_advisory_xact_lock({_EVENT_LOCK})"))


async def _free_moments(connection: AsyncConnection, events: Sequence[Event], now: datetime) -> list[str]:
    taken: dict[str, set[str]] = {}
    moments: list[str] = []
    for event in events:
        wanted = _whole(event.timestamp) if event.timestamp else moment_text(now)
        if event.audiobook_id:
            here = taken.setdefault(event.audiobook_id, set())
            wanted = await _next_free(connection, event.audiobook_id, wanted, here)
            here.add(wanted)
        moments.append(wanted)
    return moments


async def _next_free(connection: AsyncConnection, audiobook_id: str, wanted: str, here: set[str]) -> str:
    while True:
        query = select(_story.timestamp).where(_story.audiobook_id == audiobook_id, _story.timestamp >= wanted)
        stored = (await connection.execute(query.order_by(_story.timestamp).limit(_AT_ONCE))).scalars().all()
        known = set(stored) | here
        end = stored[-1] if len(stored) == _AT_ONCE else None
        while end is None or wanted <= end:
            if wanted not in known:
                return wanted
            wanted = moment_text(parsed_moment(wanted) + _MILLISECOND)


def _whole(moment: str) -> str:
    """With its milliseconds written out, so that equal moments are equal text."""
    return moment_text(parsed_moment(moment))


def _values(event: Event) -> dict[str, Any]:
    values: dict[str, Any] = {
        "timestamp": event.timestamp,
        "kind": event.kind,
        "message": event.message,
        "level": event.level.value,
        "details": dict(event.details),
    }
    if not event.audiobook_id:
        return values
    return values | {
        "audiobook_id": event.audiobook_id,
        "step_number": event.step_number or "",
        "step_name": event.step_name,
        "status": (event.status or Status.PROCESSING).value,
        "attempt": event.attempt,
        "worker_id": event.worker_id,
    }
