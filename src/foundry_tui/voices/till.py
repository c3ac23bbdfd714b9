"""Paying for speech: what a request is for, where its price is written down, and what an error says was charged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from foundry_tui.domain.money import Charge, SpendStatus, Ticket
from foundry_tui.errors import EngineUnreachable, FoundryError, SpeechRejected, VoiceError
from foundry_tui.voices.protocol import Speech

Keep = Callable[[Speech], Awaitable[None]]
CHARGED = "charged"  # an error's detail, where the engine's layer knows better than the error's class


@dataclass(frozen=True, slots=True)
class Order:
    """What a request is for. ``request_key`` is the same whenever the same take is asked for again.

    ``keep`` stores the paid sound before anything else is done with it; ``on_repeat`` hears of a request that was sent
    before and never came to an end.
    """

    request_key: str
    input_key: str
    audiobook_id: str = ""
    cap_micros: int | None = None
    keep: Keep | None = None
    on_repeat: Callable[[Ticket], Awaitable[None]] | None = None


class Till(Protocol):
    """The money ledger, as a guard sees it."""

    async def reserve(self, charge: Charge) -> Ticket:
        """Write the price down before the request is sent; raises SpendingCap."""
        ...

    async def settle(self, ticket: Ticket, status: SpendStatus) -> None:
        """Write down how it ended."""
        ...


def owed(error: FoundryError) -> SpendStatus:
    """What a failed request leaves: PAID where an answer came and was no good, VOID where it was refused, RESERVED
    where nobody knows (the line went silent, a gateway gave up).
    """
    known = error.details.get(CHARGED)
    if known is not None:
        return SpendStatus.PAID if known else SpendStatus.VOID
    if isinstance(error, SpeechRejected):
        return SpendStatus.PAID
    if isinstance(error, EngineUnreachable) and error.details.get("status") != 500:
        return SpendStatus.RESERVED
    refused = isinstance(error, VoiceError) or not error.retryable
    return SpendStatus.VOID if refused else SpendStatus.RESERVED
