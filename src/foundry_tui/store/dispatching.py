"""What a dispatcher needs to know of jobs it is to announce. The tables decide who runs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.store.tables import audiobook_productions, jobs, narrators

_LOCK = 7_046_029_254_386_356  # of pg_try_advisory_xact_lock: one sweep at a time


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that may be claimed from ``run_after`` on (seconds since 1970); ``engine`` as its narrator names it."""

    job_id: int
    fence: int
    name: str
    priority: int
    run_after: float
    engine: str | None


async def waiting(connection: AsyncConnection, job_ids: Sequence[int] | None = None) -> list[Waiting]:
    """Those of ``job_ids`` (of all jobs) that wait to be claimed and are not paused."""
    made = audiobook_productions.c.audiobook_id == jobs.c.payload["audiobook_id"].as_string()
    query = (
        select(jobs.c.job_id, jobs.c.fence, jobs.c.name, jobs.c.priority, jobs.c.run_after, narrators.c.engine)
        .join_from(jobs, audiobook_productions, made, isouter=True)
        .join(narrators, narrators.c.narrator_id == audiobook_productions.c.narrator_id, isouter=True)
        .where(text("jobs.status = 'pending'"), jobs.c.paused.is_(False))
        .order_by(jobs.c.priority.desc(), jobs.c.queue_key)
    )
    if job_ids is not None:
        query = query.where(jobs.c.job_id.in_(list(job_ids)))
    return [Waiting(*row) for row in await connection.execute(query)]


async def in_order(connection: AsyncConnection, job_ids: Sequence[int]) -> list[int]:
    """Those of ``job_ids`` that are there, in the order in which they are to be done."""
    wanted = select(jobs.c.job_id).where(jobs.c.job_id.in_(list(job_ids)))
    return list(await connection.scalars(wanted.order_by(jobs.c.priority.desc(), jobs.c.queue_key)))


async def is_leader(connection: AsyncConnection) -> bool:
    """Whether this transaction may sweep: on PostgreSQL only one at a time."""
    if connection.dialect.name == "sqlite":
        return True
    return bool(await connection.scalar(text(f"SELECT pg_try_advisory_xact_lock({_LOCK})")))


async def driver(connection: AsyncConnection) -> Any:
    """The driver's own connection inside this transaction, for what speaks to PostgreSQL itself."""
    return (await connection.get_raw_connection()).driver_connection
