"""An engine in our own process for pipeline tests: sound from the text's hash, latency and failures as set."""

from __future__ import annotations

import asyncio
import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from foundry_tui.errors import VoiceMissing
from foundry_tui.voices.protocol import Boundary, EngineProfile, Speech, Voice, VoiceSettings, require_speakable

SAMPLE_RATE = 24_000
WORD_MS, GAP_MS = 60, 12


@dataclass
class StandinEngine:
    """``fail(text, nth)`` may return an exception for the nth request of a text (from 1); ``spoken`` counts requests."""

    latency_s: float = 0.0
    fail: Callable[[str, int], Exception | None] | None = None
    concurrency: int = 16
    seconds: float | None = None  # a fixed length of sound, else some per word
    any_voice: bool = True
    sleep: Callable[[float], object] = asyncio.sleep
    spoken: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    peak_in_flight: int = 0
    closed: bool = False

    def __post_init__(self) -> None:
        self.profile = EngineProfile(
            "standin", 4096, "characters", self.concurrency, SAMPLE_RATE, offline=True, deterministic=True
        )

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        require_speakable(text)
        if not self.any_voice and voice not in {known.voice for known in await self.voices()}:
            raise VoiceMissing(f"standin has no voice {voice!r}.")
        self.spoken[text] += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
        try:
            if self.latency_s:
                await self.sleep(self.latency_s)
            error = self.fail(text, self.spoken[text]) if self.fail else None
            if error:
                raise error
            return speech_of(f"{voice}\0{settings.take}\0{text}", text, self.seconds)
        finally:
            self.in_flight -= 1

    async def voices(self) -> Sequence[Voice]:
        return (
            Voice("standin", "one", "One", "eng", "en-US", "male"),
            Voice("standin", "two", "Two", "eng", "en-GB", "female"),
            Voice("standin", "drei", "Drei", "deu", "de-DE", "female"),
        )

    async def version(self) -> str:
        return "1"

    async def close(self) -> None:
        self.closed = True


def speech_of(seed: str, text: str, seconds: float | None = None) -> Speech:
    """A tone a word, its pitch and loudness from the seed: speech-like enough for checks, the same bytes every time."""
    words = text.split()
    each = int((seconds * SAMPLE_RATE / len(words)) if seconds else (WORD_MS + GAP_MS) * SAMPLE_RATE / 1000)
    gap = each * GAP_MS // (WORD_MS + GAP_MS)
    pcm = bytearray()
    boundaries = []
    for number, word in enumerate(words):
        digest = hashlib.sha256(f"{seed}\0{number}".encode()).digest()
        period, level = 80 + digest[0] % 64, 4000 + 16 * digest[1]
        wave = [level * (4 * abs(at - period // 2) - period) // period for at in range(period)]
        boundaries.append(Boundary(len(pcm) // 2, each - gap, word))
        pcm += (array("h", wave).tobytes() * (each // period + 1))[: 2 * (each - gap)]
        pcm += bytes(2 * gap)
    return Speech(bytes(pcm), SAMPLE_RATE, tuple(boundaries))
