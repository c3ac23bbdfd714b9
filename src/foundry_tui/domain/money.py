"""Money in millionths of a US dollar, so that adding it up loses nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

MICROS = 1_000_000


class SpendStatus(StrEnum):
    """How a request for paid speech stands."""

    RESERVED = "reserved"  # sent, or about to be: it counts as spent until the engine is known to have refused it
    PAID = "paid"
    VOID = "void"  # the engine refused: nothing is owed


@dataclass(frozen=True, slots=True)
class Charge:
    """A request before it is sent. ``request_key`` is the idempotency key; ``cap_micros`` that of its production."""

    request_key: str
    audiobook_id: str
    input_key: str
    engine: str
    voice: str
    characters: int
    price_micros: int
    cap_micros: int | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request that was reserved. ``repeats``: how often it was reserved before without a known end."""

    spend_id: int
    request_key: str
    price_micros: int
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """What a production has cost: paid for, and in flight or lost on the way (which counts as spent)."""

    paid_micros: int = 0
    in_flight_micros: int = 0
    requests: int = 0

    @property
    def micros(self) -> int:
        """All that counts against the caps."""
        return self.paid_micros + self.in_flight_micros


@dataclass(frozen=True, slots=True)
class Standing:
    """What is spent and what may be: of one production, and of today (UTC). None: no cap."""

    spent: Spent
    cap_micros: int | None
    today_micros: int
    day_cap_micros: int | None

    @property
    def left_micros(self) -> int | None:
        """What may still be spent on this production today; None where nothing limits it."""
        rests = []
        if self.cap_micros is not None:
            rests.append(self.cap_micros - self.spent.micros)
        if self.day_cap_micros is not None:
            rests.append(self.day_cap_micros - self.today_micros)
        return max(0, min(rests)) if rests else None


def price_micros(characters: int, usd_per_million: float) -> int:
    """The price of ``characters`` at so many dollars a million, never rounded down."""
    return math.ceil(round(characters * usd_per_million, 6))


def micros(usd: float | None) -> int | None:
    """A cap in dollars as micros; None and 0 are no cap."""
    return round(usd * MICROS) if usd else None


def dollars(amount_micros: int) -> str:
    """An amount as an operator reads it: ``$12.30``; small ones with what makes them more than nothing."""
    usd = amount_micros / MICROS
    return f"${usd:,.2f}" if amount_micros % 10_000 == 0 or usd >= 1 else f"${usd:,.6f}".rstrip("0")
