"""The money ledger on both databases: reserved before it is sent, counted while its end is unknown, never over a cap."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime

import pytest

from foundry_tui.domain.money import Charge, SpendStatus, Spent, dollars, price_micros
from foundry_tui.errors import SpendingCap
from foundry_tui.operations.purse import Purse
from foundry_tui.store import spend
from foundry_tui.store.database import Database

MADE = "20250101000001"
NOON = datetime(2025, 1, 2, 12, tzinfo=UTC)


def charge(request: str = "a-1-1", micros: int = 4_000, **more: object) -> Charge:
    plain = Charge(request, MADE, request[:1] * 64, "openai", "nova", 200, micros)
    return dataclasses.replace(plain, **more)  # type: ignore[arg-type]


def purse(database: Database, day_cap: int | None = None, now: datetime = NOON) -> Purse:
    return Purse(database, lambda: now, day_cap_micros=day_cap)


async def cost(database: Database) -> Spent:
    async with database.read() as connection:
        return (await spend.spent(connection, [MADE])).get(MADE, Spent())


async def test_a_request_counts_until_it_is_refused(database: Database) -> None:
    till = purse(database)
    first = await till.reserve(charge())
    assert (await cost(database)).in_flight_micros == 4_000
    await till.settle(first, SpendStatus.VOID)
    assert await cost(database) == Spent()
    again = await till.reserve(charge())
    assert again.spend_id == first.spend_id, "a refused request takes its row back"
    assert again.repeats == 0
    await till.settle(again, SpendStatus.RESERVED)
    assert (await cost(database)).micros == 4_000, "nobody knows its end: it is spent"
    third = await till.reserve(charge())
    assert (third.request_key, third.repeats) == ("a-1-1", 1)
    await till.settle(third, SpendStatus.PAID)
    assert await cost(database) == Spent(4_000, 4_000, 2)
    await till.found("a-1-1", "a" * 64)
    assert await cost(database) == Spent(4_000, 4_000, 2), "one sound, one payment"
    lost = await till.reserve(charge("b-1-1"))
    await till.found(lost.request_key, "b" * 64)
    assert await cost(database) == Spent(8_000, 4_000, 3)
    assert await till.paid_requests("a" * 64) == {"a-1-1"}
    assert await till.paid_keys(["a" * 64, "c" * 64]) == {"a" * 64}


async def test_what_was_paid_stays_paid(database: Database) -> None:
    till = purse(database)
    ticket = await till.reserve(charge())
    await till.settle(ticket, SpendStatus.PAID)
    await till.settle(ticket, SpendStatus.VOID)
    assert (await cost(database)).paid_micros == 4_000


async def request_keys(database: Database) -> list[str]:
    rows = await database.fetch("SELECT request_key FROM spend ORDER BY spend_id")
    return [row["request_key"] for row in rows]


async def test_a_delivered_attempt_is_still_paid_and_may_be_bought_anew(database: Database) -> None:
    till = purse(database)
    key = "a" * 64
    await till.reserve(charge())
    for request in ("a-1-1", "a-1-2", "a-2-1", "a-11-1"):
        await till.settle(await till.reserve(charge(request)), SpendStatus.PAID)
    before = await cost(database)
    await till.delivered(key, "a-1-")
    await till.delivered(key, "a-1-")
    assert await request_keys(database) == ["a-1-1~1", "a-1-1~2", "a-1-2~3", "a-2-1", "a-11-1"]
    assert await cost(database) == before, "what was spent stays spent"
    assert await till.paid_keys([key]) == {key}
    assert await till.paid_requests(key) == {"a-2-1", "a-11-1"}, "these are still to be judged"
    anew = [await till.reserve(charge()) for _ in range(2)]
    assert [ticket.repeats for ticket in anew] == [0, 1]
    assert (await request_keys(database))[-2:] == ["a-1-1", "a-1-1#2"]
    await till.delivered(key, "a-1-")
    assert (await cost(database)).requests == 7


async def test_a_refused_row_is_booked_on_who_asks_now(database: Database) -> None:
    till = purse(database)
    await till.settle(await till.reserve(charge()), SpendStatus.VOID)
    other = "20250101000002"
    now = charge(audiobook_id=other, engine="elevenlabs", voice="rachel", characters=300, cap_micros=5_000)
    await till.settle(await till.reserve(now), SpendStatus.PAID)
    assert await cost(database) == Spent(), "the first production owes nothing"
    (row,) = await database.fetch("SELECT audiobook_id, engine, voice, characters FROM spend")
    assert dict(row) == {"audiobook_id": other, "engine": "elevenlabs", "voice": "rachel", "characters": 300}
    with pytest.raises(SpendingCap):
        await till.reserve(dataclasses.replace(now, request_key="a-1-2"))


async def test_caps_hold_to_the_micro(database: Database) -> None:
    till = purse(database, day_cap=20_000)
    for number in range(3):
        await till.reserve(charge(f"{number}-1-1", cap_micros=12_000))
    with pytest.raises(
        SpendingCap, match=r"\$0\.012 of this production's \$0\.012 is spent, \$0\.00 is left"
    ) as raised:
        await till.reserve(charge("x-1-1", 1, cap_micros=12_000))
    assert "--cap" in raised.value.action
    await till.reserve(charge("y-1-1", 8_000, audiobook_id="20250101000002"))
    with pytest.raises(SpendingCap, match="today") as raised:
        await till.reserve(charge("z-1-1", 1, audiobook_id="20250101000003"))
    assert "per_day_usd" in raised.value.action
    tomorrow = purse(database, day_cap=20_000, now=NOON.replace(day=3))
    await tomorrow.reserve(charge("z-1-1", 1, audiobook_id="20250101000003"))


async def test_a_hundred_at_once_do_not_pass_a_cap(database: Database) -> None:
    till = purse(database, day_cap=50_000)
    asked = (till.reserve(charge(f"{number}-1-1", 1_900)) for number in range(100))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, SpendingCap) for answer in answers) == 100 - 50_000 // 1_900
    assert (await cost(database)).micros == 50_000 // 1_900 * 1_900


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "$0.00"), (10_000, "$0.01"), (1_234, "$0.001234"), (4_500, "$0.0045"), (7_680_000, "$7.68"), (1_234_567_890, "$1,234.57")],
)  # fmt: skip
def test_amounts_are_readable(micros: int, text: str) -> None:
    assert dollars(micros) == text


def test_a_price_is_never_rounded_down() -> None:
    assert price_micros(1, 0.3) == 1
    assert price_micros(1_000_000, 15.0) == 15_000_000
    assert price_micros(250, 0.0) == 0
