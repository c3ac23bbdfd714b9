"""Takes that cost money: each is on the disk before anything judges it, and none is paid for twice unawares."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Protocol

from foundry_tui.audio.take_file import KEY_TAG, TEXT_TAG, inspect_take, read_take, write_take
from foundry_tui.domain.money import Standing, Ticket, dollars, price_micros
from foundry_tui.errors import ArtifactBroken, SpeechRejected
from foundry_tui.steps.casting import Cast
from foundry_tui.steps.chunk_jobs import ChunkJob
from foundry_tui.steps.places import Places
from foundry_tui.voices.guard import OnRetry
from foundry_tui.voices.protocol import Speech, VoiceSettings
from foundry_tui.voices.till import Order, Till

BOUGHT_BEFORE = "bought_before"  # among an error's details: nothing was asked for, and nothing bought
_KEY_DIGITS = 40


class Purse(Till, Protocol):
    """The money ledger, as a step sees it. Caps in micros; None: no cap."""

    production_cap_micros: int | None

    async def found(self, request_key: str, input_key: str) -> None:
        """The sound of a request nobody knew the end of is there: it was paid."""
        ...

    async def delivered(self, input_key: str, prefix: str) -> None:
        """The take made of the requests with this prefix is recorded: if it is ever gone, the chunk is bought anew."""
        ...

    async def paid_requests(self, input_key: str) -> frozenset[str]:
        """The request keys under which a chunk was paid for, but for those whose take is recorded."""
        ...

    async def paid_keys(self, input_keys: Iterable[str]) -> frozenset[str]:
        """Which of these chunks something was paid for."""
        ...

    async def standing(self, audiobook_id: str, cap_micros: int | None) -> Standing:
        """How a production stands against its cap and today's."""
        ...


class PaidTakes:
    """Buys the pieces of one production's chunks; ``say`` hears sentences for the event log.

    A piece's file and its request are named by its chunk's key, the attempt and its place, so that a run after a crash
    finds what was bought, and asks again under the same name for what was on its way. Three attempts a chunk key are
    paid for at most, however often the step is begun anew: a retake has another key. Attempts that led to a
    recorded take do not count: if its sound is gone later, the chunk is bought anew.
    """

    def __init__(
        self,
        purse: Purse,
        places: Places,
        audiobook_id: str,
        cap_micros: int | None,
        say: Callable[[ChunkJob, str, str], Awaitable[None]],
    ) -> None:
        self._purse = purse
        self._places = places
        self._audiobook_id = audiobook_id
        self._cap = cap_micros
        self._say = say
        self.bought_now: set[tuple[int, int]] = set()  # chunks that something was asked for

    async def piece(
        self, voice: Cast, job: ChunkJob, text: str, attempt: int, number: int, settings: VoiceSettings, retry: OnRetry
    ) -> Speech:
        """The sound of one piece: found, or bought. Raises SpeechRejected where it was paid for and was no good."""
        name = f"{job.key[:_KEY_DIGITS]}-{attempt}-{number}"
        path = self._path(name)
        kept = await asyncio.to_thread(_kept, path, name)
        if kept is not None:
            await self._purse.found(name, job.key)
            await self._say(job, "paid_take_found", "was paid for before a stop; its sound is taken up again.")
            return kept
        if name in await self._purse.paid_requests(job.key):
            said = f"Attempt {attempt} was paid for before, and brought no sound that is kept."
            raise SpeechRejected(said, details={BOUGHT_BEFORE: True})

        async def keep(speech: Speech) -> None:
            tags = {KEY_TAG: name, TEXT_TAG: hashlib.sha256(text.encode("utf-8")).hexdigest()}
            await asyncio.to_thread(write_take, path, speech.pcm, speech.sample_rate, tags)

        async def on_repeat(ticket: Ticket) -> None:
            before = "was asked for before, and its sound never came or could not be stored"
            again = "it is asked for again under the same key, and counted once more"
            await self._say(job, "paid_again", f"{before}; {again}: {dollars(ticket.price_micros)}.")

        self.bought_now.add(job.place)
        order = Order(name, job.key, self._audiobook_id, self._cap, keep, on_repeat)
        return await voice.engine.synthesize(text, voice.voice, settings, on_retry=retry, order=order)

    async def bought(self, job: ChunkJob, attempt: int) -> bool:
        """Whether an attempt at the chunk has been paid for already, if only in part."""
        prefix = f"{job.key[:_KEY_DIGITS]}-{attempt}-"
        return any(name.startswith(prefix) for name in await self._purse.paid_requests(job.key))

    async def drop(self, job: ChunkJob, attempt: int) -> None:
        """The chunk's take is recorded: the same sound need not lie there twice. Refused attempts stay.

        The ledger hears of it first: a file that is gone under a request still to be judged would be a broken promise.
        """
        prefix = f"{job.key[:_KEY_DIGITS]}-{attempt}-"

        def unlink() -> None:
            for path in _folder(self._places).glob(f"{prefix}*.flac"):
                path.unlink(missing_ok=True)

        await self._purse.delivered(job.key, prefix)
        await asyncio.to_thread(unlink)

    def _path(self, name: str) -> Path:
        return _folder(self._places) / f"{name}.flac"


def bought_attempts(places: Places, keys: Iterable[str]) -> dict[str, int]:
    """The last attempt at each of these chunks that lies on the disk and was paid for: it is judged before more is."""
    last: dict[str, int] = {}
    for path in _folder(places).glob("*.flac"):
        begun, _, rest = path.name.partition("-")
        attempt = rest.partition("-")[0]
        if attempt.isdigit():
            last[begun] = max(last.get(begun, 0), int(attempt))
    return {key: last[key[:_KEY_DIGITS]] for key in keys if key[:_KEY_DIGITS] in last}


def _folder(places: Places) -> Path:
    return places.narrated / "paid"


def again_costs(voice: Cast, job: ChunkJob) -> int:
    """What speaking a chunk costs, in micros; 0 where the engine is free."""
    return price_micros(len(job.text), voice.engine.profile.cost_per_million_characters)


def _kept(path: Path, name: str) -> Speech | None:
    if not path.is_file():
        return None
    try:
        found = inspect_take(path)
        if found.tags.get(KEY_TAG) != name:
            return None
        return Speech(read_take(path, found.sha256).tobytes(), found.sample_rate)
    except ArtifactBroken:
        return None
