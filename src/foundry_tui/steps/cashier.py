"""What a production may cost and has cost: said before the first request, and stopped before the cap is passed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundry_tui.domain.money import MICROS, Spent, dollars, micros, price_micros
from foundry_tui.domain.status import Level
from foundry_tui.errors import EngineRefused, SpendingCap
from foundry_tui.pipeline.contract import StepContext
from foundry_tui.steps.booth import RETAKES
from foundry_tui.steps.casting import Cast
from foundry_tui.steps.chunk_jobs import ChunkJob
from foundry_tui.steps.paid_takes import PaidTakes, Purse, bought_attempts
from foundry_tui.steps.places import Places
from foundry_tui.steps.toolbox import Toolbox

CAP = "cap_usd"  # of a production's options; 0: no cap whatever the settings say


class Cashier:
    """Opens the ledger for a production whose voice costs money."""

    def __init__(self, tools: Toolbox) -> None:
        self._tools = tools

    async def open(
        self, context: StepContext, places: Places, voice: Cast, missing: Sequence[ChunkJob]
    ) -> PaidTakes | None:
        """The buyer of ``missing``; None where the voice is free.

        Raises SpendingCap before a cent is spent where the cap cannot hold what is still to be bought.
        """
        if voice.price <= 0:
            return None
        purse = self._tools.purse
        if purse is None:
            raise EngineRefused(f"{voice.engine_name} costs money, and no ledger is open here.")
        audiobook_id = context.production.audiobook_id
        cap = self._cap(context, purse)
        await self._quote(context, voice, purse, cap, await _needed(places, missing))

        async def say(job: ChunkJob, kind: str, sentence: str) -> None:
            place = {"chapter": job.chapter_number, "chunk": job.chunk_index}
            said = f"Chapter {job.chapter_number}, chunk {job.chunk_index} {sentence}"
            await context.event(kind, said, level=Level.WARNING if kind == "paid_again" else Level.INFO, details=place)

        return PaidTakes(purse, places, audiobook_id, cap, say)

    async def price(self, places: Places, voice: Cast, missing: Sequence[ChunkJob]) -> int:
        """What ``missing`` would cost, in micros; 0 where the voice is free."""
        return _price((await _needed(places, missing)).to_buy, voice) if voice.price > 0 else 0

    async def bill(self, context: StepContext, voice: Cast) -> dict[str, Any]:
        """What the production has cost, for its totals; ``free`` where its voice costs nothing."""
        used = Spent()
        if self._tools.purse is not None:
            used = (await self._tools.purse.standing(context.production.audiobook_id, None)).spent
        return {
            "engine": voice.engine_name,
            "free": voice.price <= 0 and not used.micros,
            "spent_usd": used.micros / MICROS,
            "requests": used.requests,
        }

    def _cap(self, context: StepContext, purse: Purse) -> int | None:
        told = context.production.options.get(CAP)
        return purse.production_cap_micros if told is None else micros(float(told))

    async def _quote(self, context: StepContext, voice: Cast, purse: Purse, cap: int | None, needed: _Needed) -> None:
        """Say what it will cost."""
        to_buy, price = needed.to_buy, _price(needed.to_buy, voice)
        standing = await purse.standing(context.production.audiobook_id, cap)
        used = standing.spent.micros
        capped = f" Its cap is {dollars(cap)}." if cap is not None else ""
        anew = _anew(len(await purse.paid_keys(to_buy)))
        judged = _judged(needed.to_judge, voice)
        await context.event(
            "price",
            f"{len(to_buy):,} chunks with {sum(to_buy.values()):,} characters are to be bought from "
            f"{voice.engine_name} for {dollars(price)}; {dollars(used)} is spent.{capped}{anew}{judged}",
            details={"price_micros": price, "spent_micros": used, "cap_micros": cap, "chunks": len(to_buy)},
        )
        if cap is not None and used + price > cap:
            raise SpendingCap(
                f"{dollars(used)} of this production's cap of {dollars(cap)} is spent, {dollars(max(0, cap - used))} "
                f"is left; what is still to be spoken costs {dollars(price)}. Nothing more was bought.",
                next_action=f"Order it again with a higher one (`foundry-tui produce {context.production.book_id} "
                f"--narrator {context.production.narrator_id} --cap USD`), then requeue it: what is paid for is kept.",
                details={"spent_micros": used, "cap_micros": cap, "price_micros": price, "cap": "production"},
            )


@dataclass(frozen=True, slots=True)
class _Needed:
    """Characters by chunk key: to be bought once, and of all the takes that may follow where sound was bought before,
    which is judged first.
    """

    to_buy: Mapping[str, int]
    to_judge: Mapping[str, int]


async def _needed(places: Places, missing: Sequence[ChunkJob]) -> _Needed:
    """The disk says what need not be bought: a row in the ledger brings no sound back."""
    characters = {job.key: len(job.text) for job in missing}
    bought = await asyncio.to_thread(bought_attempts, places, characters)
    return _Needed(
        to_buy={key: count for key, count in characters.items() if key not in bought},
        to_judge={
            key: count * (RETAKES + 1 - bought[key])
            for key, count in characters.items()
            if bought.get(key, RETAKES + 1) <= RETAKES
        },
    )


def _price(characters: Mapping[str, int], voice: Cast) -> int:
    return sum(price_micros(count, voice.price) for count in characters.values())


def _judged(characters: Mapping[str, int], voice: Cast) -> str:
    if not characters:
        return ""
    count, price = len(characters), dollars(_price(characters, voice))
    if count == 1:
        return f" Another one was bought before a stop; if it is no good, new takes cost up to {price} more."
    return f" {count:,} others were bought before a stop; where they are no good, new takes cost up to {price} more."


def _anew(count: int) -> str:
    if not count:
        return ""
    were, them = ("was", "it") if count == 1 else ("were", "them")
    return f" {count:,} of them {were} paid for before, and no sound of {them} is left."
