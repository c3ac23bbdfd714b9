"""The money ledger: a row before a paid request is sent, settled when its sound is stored or the engine refused.

A row without an end (the process died, the line went silent) counts as spent for ever: nobody knows what the vendor
made of it. The caps are checked in the very transaction that reserves, so that no number of processes passes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, case, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.money import Charge, SpendStatus, Spent, Standing, Ticket, dollars
from foundry_tui.errors import SpendingCap
from foundry_tui.store.tables import spend

_LOCK = 4_611_686_018_427_387  # of pg_advisory_xact_lock
_DELIVERED = "~"  # stands in the request keys of attempts whose take is recorded, before the row's number
_row = spend.c
_COUNTS = _row.status != SpendStatus.VOID.value


async def reserve(connection: AsyncConnection, charge: Charge, *, day_cap_micros: int | None, now: float) -> Ticket:
    """Reserve the price of one request, or raise SpendingCap with what is spent, what is left and how to raise it.

    A request whose earlier rows have no known end, or were paid, gets a row more: it counts again, for it may cost
    again. A refused one takes its row back, booked on the production that asks now: several may say the same words.
    """
    await _one_at_a_time(connection)
    before = await _earlier(connection, charge.request_key, charge.input_key)
    await _require_below_caps(connection, charge, day_cap_micros, now)
    void = next((spend_id for spend_id, status in before if status == SpendStatus.VOID), None)
    values = {
        "audiobook_id": charge.audiobook_id,
        "engine": charge.engine,
        "voice": charge.voice,
        "characters": charge.characters,
        "price_micros": charge.price_micros,
        "status": SpendStatus.RESERVED.value,
        "day": day_of(now),
        "created_at": now,
        "settled_at": None,
    }
    counted = len(before) - (void is not None)
    if void is not None:
        await connection.execute(update(spend).where(_row.spend_id == void).values(**values))
        return Ticket(void, charge.request_key, charge.price_micros, counted)
    values |= {
        "request_key": f"{charge.request_key}#{len(before) + 1}" if before else charge.request_key,
        "input_key": charge.input_key,
    }
    added = await connection.execute(insert(spend).values(**values).returning(_row.spend_id))
    return Ticket(int(added.scalar_one()), charge.request_key, charge.price_micros, counted)


async def _one_at_a_time(connection: AsyncConnection) -> None:
    """What is read here still holds when it is written: SQLite has one writer anyhow."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


async def _earlier(connection: AsyncConnection, request_key: str, input_key: str) -> list[tuple[int, str]]:
    """(spend_id, status) of this request's rows; the second and later ones have their number behind a ``#``."""
    query = select(_row.spend_id, _row.status, _row.request_key).where(_row.input_key == input_key)
    rows = (await connection.execute(query.order_by(_row.spend_id))).all()
    return [(int(row[0]), str(row[1])) for row in rows if _base(row[2]) == request_key]


def _base(request_key: str) -> str:
    return request_key.partition("#")[0]


async def _require_below_caps(
    connection: AsyncConnection, charge: Charge, day_cap_micros: int | None, now: float
) -> None:
    price = charge.price_micros
    if charge.cap_micros is not None and charge.audiobook_id:
        used = (await spent(connection, [charge.audiobook_id])).get(charge.audiobook_id, Spent()).micros
        if used + price > charge.cap_micros:
            raise over_production_cap(used, price, charge.cap_micros)
    if day_cap_micros is not None:
        today = await spent_on(connection, day_of(now))
        if today + price > day_cap_micros:
            raise SpendingCap(
                f"{dollars(today)} of {dollars(day_cap_micros)} is spent today (UTC), "
                f"{dollars(max(0, day_cap_micros - today))} is left; the next request costs {dollars(price)}.",
                next_action="Requeue it tomorrow, or raise per_day_usd under [money] in config.toml and requeue it.",
                details={"spent_micros": today, "cap_micros": day_cap_micros, "price_micros": price, "cap": "day"},
            )


def over_production_cap(used: int, price: int, cap: int, *, what: str = "the next request costs") -> SpendingCap:
    """The error of a production that would cost more than its cap."""
    return SpendingCap(
        f"{dollars(used)} of this production's {dollars(cap)} is spent, {dollars(max(0, cap - used))} is left; "
        f"{what} {dollars(price)}.",
        next_action="Raise its cap with `foundry-tui produce BOOK_ID --cap USD`, or per_production_usd under [money] "
        "in config.toml, then requeue it: everything paid for is kept.",
        details={"spent_micros": used, "cap_micros": cap, "price_micros": price, "cap": "production"},
    )


async def settle(connection: AsyncConnection, spend_id: int, status: SpendStatus, now: float) -> None:
    """Say how a reserved request ended."""
    mine = (_row.spend_id == spend_id, _row.status == SpendStatus.RESERVED.value)
    await connection.execute(update(spend).where(*mine).values(status=status.value, settled_at=now))


async def found(connection: AsyncConnection, request_key: str, input_key: str, now: float) -> None:
    """The sound of a request is on the disk: its last row was paid, if none is known to be."""
    rows = await _earlier(connection, request_key, input_key)
    waiting = [spend_id for spend_id, status in rows if status == SpendStatus.RESERVED]
    if waiting and all(status != SpendStatus.PAID for _, status in rows):
        await settle(connection, waiting[-1], SpendStatus.PAID, now)


async def delivered(connection: AsyncConnection, input_key: str, prefix: str) -> None:
    """The take made of the requests with this ``prefix`` is recorded: they stand for no attempt that is to be judged.

    Their rows stay and count, under names no request has, so that the chunk can be bought anew should its sound ever
    be gone. All rows of a request are renamed, whatever their end: the next one's number is how many there are.
    """
    await _one_at_a_time(connection)
    rows = await connection.execute(select(_row.spend_id, _row.request_key).where(_row.input_key == input_key))
    for spend_id, request_key in rows.all():
        base = _base(str(request_key))
        if base.startswith(prefix) and _DELIVERED not in base:
            named = update(spend).where(_row.spend_id == spend_id).values(request_key=f"{base}{_DELIVERED}{spend_id}")
            await connection.execute(named)


async def paid_requests(connection: AsyncConnection, input_key: str) -> frozenset[str]:
    """The idempotency keys under which this chunk was paid for, but for those whose take is recorded."""
    mine = (_row.input_key == input_key, _row.status == SpendStatus.PAID.value)
    rows = await connection.scalars(select(_row.request_key).where(*mine))
    return frozenset(_base(str(key)) for key in rows if _DELIVERED not in str(key))


async def spent(connection: AsyncConnection, audiobook_ids: Sequence[str]) -> dict[str, Spent]:
    """What these productions have cost; those that cost nothing are not in it."""
    if not audiobook_ids:
        return {}
    paid = func.sum(case((_row.status == SpendStatus.PAID.value, _row.price_micros), else_=0))
    query = (
        select(_row.audiobook_id, func.sum(_row.price_micros), paid, func.count())
        .where(_row.audiobook_id.in_(list(audiobook_ids)), _COUNTS)
        .group_by(_row.audiobook_id)
    )
    return {
        str(audiobook_id): Spent(int(settled), int(total) - int(settled), int(count))
        for audiobook_id, total, settled, count in await connection.execute(query)
    }


def spent_so_far(audiobook_id: ColumnElement[Any]) -> ScalarSelect[Any]:
    """Micros spent on the production of a column, as a column."""
    return select(func.sum(_row.price_micros)).where(_row.audiobook_id == audiobook_id, _COUNTS).scalar_subquery()


async def spent_on(connection: AsyncConnection, day: str) -> int:
    """Micros spent on a day (YYYY-MM-DD, UTC), auditions included."""
    return int(await connection.scalar(select(func.sum(_row.price_micros)).where(_row.day == day, _COUNTS)) or 0)


async def standing(
    connection: AsyncConnection, audiobook_id: str, *, cap_micros: int | None, day_cap_micros: int | None, now: float
) -> Standing:
    """How a production stands against its cap and today's."""
    used = (await spent(connection, [audiobook_id])).get(audiobook_id, Spent())
    return Standing(used, cap_micros, await spent_on(connection, day_of(now)), day_cap_micros)


async def paid_keys(connection: AsyncConnection, input_keys: Iterable[str]) -> frozenset[str]:
    """Which of these chunk keys money was paid for: their sound is not to be cleaned away unasked."""
    wanted = list(input_keys)
    kept: set[str] = set()
    for start in range(0, len(wanted), 500):
        mine = (_row.input_key.in_(wanted[start : start + 500]), _row.status == SpendStatus.PAID.value)
        kept.update(await connection.scalars(select(_row.input_key).where(*mine).distinct()))
    return frozenset(kept)


def day_of(now: float) -> str:
    """The UTC day of a moment in seconds since 1970."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
