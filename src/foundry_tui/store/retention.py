"""Forget the small talk of long ago, a little at a time, and never the story itself.

Of a finished production each step keeps the first and the last event of every status it was in, and everything loud.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.status import Level, Status
from foundry_tui.store.columns import moment_text, utc_now
from foundry_tui.store.database import Database
from foundry_tui.store.tables import (
    app_events,
    audiobook_process_events,
    audiobook_productions,
    jobs,
    production_steps,
)

_EVER = 365 * 1000  # days
_SEQS_AT_ONCE = 5_000  # looked at in one transaction: some 20 ms of the write lock
_QUIET = (Level.DEBUG.value, Level.INFO.value)
_FINISHED = (Status.SUCCESS.value, Status.CANCELLED.value)
_ENDED = (*_FINISHED, Status.FAILED.value)


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were deleted of each kind."""

    production_events: int = 0
    app_events: int = 0
    jobs: int = 0


async def prune(
    database: Database, *, keep_days: int, jobs_days: int | None = None, now: Callable[[], datetime] = utc_now
) -> Pruned:
    """Delete what is older than ``keep_days``: quiet events of finished productions, of the house, jobs of no step.

    ``jobs_days`` says otherwise for the jobs; 0 keeps for ever. Short transactions with a breath between them: workers
    get their turn. Stopped half way it just goes on next time.
    """
    production_events, house_events = await _prune_events(database, now() - timedelta(days=keep_days or _EVER))
    jobs_days = keep_days if jobs_days is None else jobs_days
    cutoff = (now() - timedelta(days=jobs_days or _EVER)).timestamp()
    async with database.write() as connection:
        forgotten = await _prune_jobs(connection, cutoff)
    return Pruned(production_events, house_events, forgotten)


async def _prune_events(database: Database, cutoff: datetime) -> tuple[int, int]:
    before = moment_text(cutoff)
    production_events = house_events = 0
    after = 0
    while True:
        async with database.write() as connection:
            end = await _window_end(connection, after)
            if end is None:
                break
            production_events += await _prune_window(connection, after, end, before)
        after = end
        await asyncio.sleep(0)
    while True:
        async with database.write() as connection:
            gone = await _prune_house(connection, before)
        house_events += gone
        if gone < _SEQS_AT_ONCE:
            break
        await asyncio.sleep(0)
    return production_events, house_events


async def _window_end(connection: AsyncConnection, after: int) -> int | None:
    seq = audiobook_process_events.c.seq
    window = select(seq).where(seq > after).order_by(seq).limit(_SEQS_AT_ONCE).subquery()
    end = await connection.scalar(select(func.max(window.c.seq)))
    return None if end is None else int(end)


async def _prune_window(connection: AsyncConnection, after: int, end: int, before: str) -> int:
    event = audiobook_process_events.c
    earlier, later = audiobook_process_events.alias("earlier"), audiobook_process_events.alias("later")
    same = [
        and_(
            other.c.audiobook_id == event.audiobook_id,
            other.c.step_number == event.step_number,
            other.c.status == event.status,
        )
        for other in (earlier, later)
    ]
    finished = select(audiobook_productions.c.audiobook_id).where(audiobook_productions.c.status.in_(_FINISHED))
    statement = delete(audiobook_process_events).where(
        event.seq > after,
        event.seq <= end,
        event.timestamp < before,
        event.level.in_(_QUIET),
        event.audiobook_id.in_(finished),
        exists().where(same[0], earlier.c.seq < event.seq),
        exists().where(same[1], later.c.seq > event.seq),
    )
    return (await connection.execute(statement)).rowcount


async def _prune_house(connection: AsyncConnection, before: str) -> int:
    old = (
        select(app_events.c.seq).where(app_events.c.timestamp < before).order_by(app_events.c.seq).limit(_SEQS_AT_ONCE)
    )
    return (await connection.execute(delete(app_events).where(app_events.c.seq.in_(old)))).rowcount


async def _prune_jobs(connection: AsyncConnection, before: float) -> int:
    of_a_step = exists().where(production_steps.c.job_id == jobs.c.job_id)
    statement = delete(jobs).where(jobs.c.status.in_(_ENDED), jobs.c.finished_at < before, ~of_a_step)
    return (await connection.execute(statement)).rowcount
