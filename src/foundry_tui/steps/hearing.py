"""The hearing check: a recogniser listens, and a take is judged against what it usually makes of this very voice.

A plain voice is misheard in one word of eight with nothing wrong, a natural one in one of a hundred: so no fixed rate
tells a garbled take, but its distance from the voice's own median does.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import tempfile
import wave
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from foundry_tui.audio.check import Flag
from foundry_tui.domain.takes import Take
from foundry_tui.errors import FoundryError
from foundry_tui.steps.chunk_jobs import ChunkJob
from foundry_tui.voices.protocol import Speech
from foundry_tui.voices.recognisers import Recogniser
from foundry_tui.voices.word_errors import WordErrors, word_errors, words_of

_log = logging.getLogger(__name__)
GARBLED = "garbled"
RATE = "word_error_rate"  # among a heard take's metrics
_ENOUGH = 8  # takes before a voice's median means anything
_USUAL = 0.15  # until then
_KEPT = 101
_OVER = 0.35  # over the median: whole-chunk divergence in use by speech projects
_RUN, _OVER_WITH_RUN = 8, 0.15  # so many words in a row: part of it is not the text
_FEWEST = 5  # words; of fewer a recogniser makes what it likes


@dataclass(frozen=True, slots=True)
class HearingSettings:
    """``which``: off, sample (flagged chunks and ``sample_percent`` of the others) or all."""

    which: str = "off"
    sample_percent: int = 5


class Hearing:
    """Hears the takes of one voice of one production; of ``kept`` takes that were heard before it knows the voice."""

    def __init__(
        self,
        settings: HearingSettings,
        recogniser: Recogniser,
        language: str,
        on_trouble: Callable[[FoundryError], Awaitable[None]],
        kept: Iterable[Take] = (),
    ) -> None:
        self._settings = settings
        self._recogniser = recogniser
        self._language = language
        self._on_trouble = on_trouble
        self._rates = [float(take.metrics[RATE]) for take in kept if RATE in take.metrics and GARBLED not in take.flags]
        del self._rates[:-_KEPT]
        self._one = asyncio.Lock()
        self._off = False
        self.heard = 0

    def wants(self, job: ChunkJob, flags: Sequence[Flag]) -> bool:
        """Whether this take is to be heard: by lot it is always the same chunks."""
        if self._off or not self._recogniser.knows(self._language) or len(words_of(job.text)) < _FEWEST:
            return False
        drawn = int(job.key[:8], 16) % 100 < self._settings.sample_percent
        return self._settings.which == "all" or bool(flags) or drawn

    async def judge(self, job: ChunkJob, speech: Speech) -> tuple[Flag | None, float | None]:
        """The flag of a garbled take, and its word error rate; (None, None) where nobody could listen."""
        async with self._one:
            if self._off:
                return None, None
            try:
                heard = await self._words(speech)
            except FoundryError as error:
                self._off = True
                await self._on_trouble(error)
                return None, None
            self.heard += 1
            errors = min((word_errors(text, heard) for text in job.readings), key=lambda found: found.rate)
            reason = self._garbled(errors)
            if reason is None:
                self._rates = [*self._rates, errors.rate][-_KEPT:]
            return (Flag(GARBLED, reason, fatal=True) if reason else None), round(errors.rate, 3)

    def median(self) -> float:
        """What this voice is usually misheard in."""
        return statistics.median(self._rates) if len(self._rates) >= _ENOUGH else _USUAL

    def _garbled(self, errors: WordErrors) -> str | None:
        usual = self.median()
        run = errors.longest_run >= _RUN and errors.rate > usual + _OVER_WITH_RUN
        if errors.rate <= usual + _OVER and not run:
            return None
        row = f", {errors.longest_run} of them in a row" if run else ""
        return f"{errors.errors} of {errors.words} words were not heard as written{row}; usual here: {usual:.0%}."

    async def _words(self, speech: Speech) -> str:
        path = await asyncio.to_thread(_as_wav, speech)
        try:
            return await self._recogniser.hear(path, self._language)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)


def _as_wav(speech: Speech) -> Path:
    place = tempfile.NamedTemporaryFile(prefix="foundry_heard_", suffix=".wav", delete=False)  # noqa: SIM115
    with place, wave.open(place, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(speech.sample_rate)
        file.writeframes(speech.pcm)
    return Path(place.name)
