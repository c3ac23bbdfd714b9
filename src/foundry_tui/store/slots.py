"""What processes and machines share: so many uses of a resource at once, and so many a minute.

A row a slot, held under a fence and a lease; the row of slot 0 also carries the pace. ``now`` is in seconds since 1970
on the database's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.store.tables import resource_slots

_slot = resource_slots.c
_FURTHEST_S, _FURTHEST_TURNS = 60.0, 200


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot held: (resource, slot, fence) is the claim."""

    resource: str
    slot: int
    fence: int
    holder: str
    lease_expires_at: float


async def make(connection: AsyncConnection, resource: str, slots: int) -> None:
    """Have rows for ``slots`` slots (at least one, which carries the pace); those that are there stay as they are."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    rows = [{"resource": resource, "slot": number} for number in range(max(slots, 1))]
    await connection.execute(insert(resource_slots).on_conflict_do_nothing(), rows)


async def take(
    connection: AsyncConnection, resource: str, slots: int, holder: str, now: float, lease_s: float
) -> Slot | None:
    """Hold a free slot, or one whose lease has run out; None when all ``slots`` of them are held."""
    free = or_(_slot.holder.is_(None), _slot.lease_expires_at <= now)
    candidate = (
        select(_slot.slot)
        .where(_slot.resource == resource, _slot.slot < slots, free)
        .order_by(_slot.slot)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(resource_slots)
        .where(_slot.resource == resource, _slot.slot == candidate.scalar_subquery())
        .values(holder=holder, fence=_slot.fence + 1, lease_expires_at=now + lease_s)
        .returning(*_slot)
    )
    row = (await connection.execute(statement)).mappings().first()
    if row is None:
        return None
    return Slot(resource, int(row["slot"]), int(row["fence"]), holder, float(row["lease_expires_at"]))


async def give_back(connection: AsyncConnection, slot: Slot) -> bool:
    """Free a slot; False where it is somebody else's by now."""
    mine = and_(_slot.resource == slot.resource, _slot.slot == slot.slot, _slot.fence == slot.fence)
    freed = update(resource_slots).where(mine, _slot.holder == slot.holder)
    return bool((await connection.execute(freed.values(holder=None, lease_expires_at=0.0))).rowcount)


async def renew(connection: AsyncConnection, holder: str, expires_at: float) -> int:
    """Renew every lease of one holder; returns how many it still has."""
    statement = update(resource_slots).where(_slot.holder == holder).values(lease_expires_at=expires_at)
    return (await connection.execute(statement)).rowcount


async def held(connection: AsyncConnection, resource: str | None = None) -> list[Slot]:
    """Every slot somebody holds."""
    query = select(resource_slots).where(_slot.holder.is_not(None)).order_by(_slot.resource, _slot.slot)
    if resource is not None:
        query = query.where(_slot.resource == resource)
    rows = (await connection.execute(query)).mappings()
    return [Slot(row["resource"], row["slot"], row["fence"], row["holder"], row["lease_expires_at"]) for row in rows]


async def free(connection: AsyncConnection, holders: Sequence[str]) -> int:
    """Take their slots from holders that are gone; returns how many there were."""
    gone = update(resource_slots).where(_slot.holder.in_(list(holders)))
    return (await connection.execute(gone.values(holder=None, lease_expires_at=0.0))).rowcount


async def book_turn(connection: AsyncConnection, resource: str, interval_s: float, now: float, burst: int = 1) -> float:
    """Book the next turn of a pace of one request every ``interval_s``; returns the moment it may be made.

    The generic cell rate algorithm (ITU-T I.371), as a booking: whoever comes later is given a later moment, so that
    nobody has to ask twice and nobody is passed over. Up to ``burst`` turns may be saved up. What is booked further
    ahead than so many can be waiting was booked by a clock that has been set back since, and is let go.
    """
    earliest = now - (burst - 1) * interval_s
    greatest = func.max if connection.dialect.name == "sqlite" else func.greatest
    furthest = now + max(_FURTHEST_S, _FURTHEST_TURNS * interval_s)
    booked = case((_slot.free_at > furthest, now), else_=_slot.free_at)
    after = greatest(booked, earliest) + interval_s
    statement = (
        update(resource_slots)
        .where(_slot.resource == resource, _slot.slot == 0)
        .values(free_at=after)
        .returning(_slot.free_at)
    )
    free_at = float(await connection.scalar(statement) or 0.0)
    return max(now, free_at - interval_s)
