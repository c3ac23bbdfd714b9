"""A book spoken by several workers at once: its chunks are handed out in parts, and what nobody takes is spoken here.

Whatever becomes of the others, this run ends with every chunk spoken or failed: a part that ends undone, or whose
worker cannot speak with this voice, comes back as chunks still missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from foundry_tui.domain.keys import key_of
from foundry_tui.domain.status import Status
from foundry_tui.domain.takes import Take
from foundry_tui.endings import end_all
from foundry_tui.errors import EngineMissing
from foundry_tui.pipeline.contract import Parts
from foundry_tui.steps.booth import Booth
from foundry_tui.steps.casting import Cast
from foundry_tui.steps.chunk_jobs import ChunkJob

_VOICE = "voice"


class FanOut:
    """One run's chunks, here and elsewhere."""

    def __init__(self, parts: Parts, booth: Booth, checkpoint: Callable[[], None]) -> None:
        self._parts = parts
        self._booth = booth
        self._checkpoint = checkpoint
        self._missing: dict[tuple[int, int], ChunkJob] = {}
        self._failed: list[Take] = []

    async def speak(
        self, missing: Sequence[ChunkJob], voice: Cast, *, total: int, on_take: Callable[[Take], None]
    ) -> list[Take]:
        """As Booth.speak."""
        self._missing = {job.place: job for job in missing}

        def done() -> int:
            return total - len(self._missing)

        def mine(take: Take) -> None:
            self._missing.pop(take.place, None)
            on_take(take)

        async def more() -> Sequence[ChunkJob]:
            places = await self._parts.take_back()
            return [self._missing[place] for place in places if place in self._missing]

        await self._parts.hand_out([job.place for job in missing], {_VOICE: voice_key(voice)})
        listening = asyncio.create_task(self._listen(total, on_take))
        try:
            while True:
                self._note(await self._booth.speak([], total=total, on_take=mine, more=more, done=done()))
                self._checkpoint()
                if not self._parts.open:
                    break
                if listening.done():
                    await listening  # raises what ended it
                await self._parts.wait()
        finally:
            await end_all([listening])
        rest = list(self._missing.values())
        self._note(await self._booth.speak(rest, total=total, on_take=mine, done=done()))
        return sorted(self._failed, key=lambda take: take.place)

    async def _listen(self, total: int, on_take: Callable[[Take], None]) -> None:
        """Take in what others have made while this run speaks on."""
        while True:
            await self._parts.wait()
            for take in await self._parts.ended():
                job = self._missing.get(take.place)
                if job is None or take.input_key != job.key:
                    continue
                if take.status is Status.SUCCESS:
                    del self._missing[take.place]
                    self._booth.heard(take, total)
                    on_take(take)
                elif take.status is Status.FAILED:
                    self._note([take])
                    self._booth.heard(take, total)

    def _note(self, failed: Sequence[Take]) -> None:
        for take in failed:
            self._missing.pop(take.place, None)
        self._failed += failed


def voice_key(voice: Cast) -> str:
    """What tells one voice from another, as chunks' keys do."""
    return key_of(voice.key_parts())


def require_same_voice(voice: Cast, brief: Mapping[str, Any]) -> None:
    """Raise EngineMissing where this machine would speak a part with another voice than the rest of the book."""
    if brief.get(_VOICE) != voice_key(voice):
        raise EngineMissing(
            f"This machine would speak with {voice.engine_name}, voice {voice.voice}, not as the rest of the book.",
            next_action="Give every machine the same engines, models and settings.",
        )
