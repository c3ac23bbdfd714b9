"""Speech-like sound from numbers alone: voiced syllables with harmonics and formants, hiss for consonants, short pauses."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foundry_tui.audio.layout import ChapterSound, TakeSound
from foundry_tui.audio.measure import measure
from foundry_tui.audio.take_file import write_take


def speech(
    seconds: float,
    sample_rate: int = 24_000,
    *,
    seed: int = 0,
    level: float = 0.12,
    lead_s: float = 0.1,
    tail_s: float = 0.2,
) -> NDArray[np.int16]:
    """Int16 mono; ``level`` is the RMS of the voiced parts at full scale 1.0. About 4 syllables a second."""
    rng = np.random.default_rng(seed)
    count = round(seconds * sample_rate)
    sound = rng.normal(0, 2e-4, count)
    place = round(lead_s * sample_rate)
    last = count - round(tail_s * sample_rate)
    voice = _syllables(sample_rate, int(rng.integers(0, 4)))
    while last - place > sample_rate // 20:
        syllable = voice[int(rng.integers(0, len(voice)))]
        length = min(len(syllable), last - place)
        fade = np.minimum(1, np.arange(length)[::-1] / (0.02 * sample_rate))
        sound[place : place + length] += level * rng.uniform(0.8, 1.2) * syllable[:length] * fade
        place += length
        if rng.random() < 0.12:
            place += int(sample_rate * rng.uniform(0.08, 0.25))
    return np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16)


@lru_cache(maxsize=32)
def _syllables(sample_rate: int, voice: int) -> tuple[NDArray[np.float64], ...]:
    rng = np.random.default_rng(voice)
    pitch = rng.uniform(90, 200)
    return tuple(
        _syllable(rng, int(sample_rate * rng.uniform(0.14, 0.26)), sample_rate, pitch * rng.uniform(0.9, 1.1))
        for _ in range(12)
    )


def _syllable(rng, length: int, sample_rate: int, pitch: float) -> NDArray[np.float64]:
    """RMS 1.0: a hiss, then harmonics of ``pitch`` shaped by three formants."""
    time = np.arange(length) / sample_rate
    phase = 2 * np.pi * pitch * (time + 0.004 * np.sin(2 * np.pi * 3 * time))
    formants = rng.uniform((300, 900, 2200), (800, 1800, 3000))
    harmonics = np.arange(1, int(min(4000, sample_rate / 2.2) / pitch))
    gains = sum(1 / (1 + ((harmonics * pitch - formant) / 120) ** 2) for formant in formants) + 0.02
    voiced = gains @ np.sin(np.outer(harmonics, phase) + rng.uniform(0, 6, (len(harmonics), 1)))
    envelope = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.03 * sample_rate))
    voiced *= envelope / np.sqrt(np.mean(voiced**2))
    return voiced + rng.normal(0, 0.15, length) * (np.arange(length) < length * 0.25) * envelope


def take_sound(
    folder: Path, index: int, samples: NDArray[np.int16], sample_rate: int, pause_after_ms: int = 400
) -> TakeSound:
    """``samples`` as a take file in ``folder``, ready for the layout."""
    file = write_take(
        folder / f"take_{index:05d}_{sample_rate}.flac",
        samples.astype("<i2").tobytes(),
        sample_rate,
        {"foundry_key": f"{index:064x}"},
    )
    return TakeSound.of(index, file, measure(samples, sample_rate), pause_after_ms)


def chapter_sound(
    folder: Path, number: int, seconds: list[float], sample_rate: int = 24_000, *, title: str | None = None
) -> ChapterSound:
    """A chapter of spoken chunks of these lengths, seeded by its number."""
    takes = tuple(
        take_sound(
            folder / f"chapter_{number}", index, speech(length, sample_rate, seed=number * 1000 + index), sample_rate
        )
        for index, length in enumerate(seconds, start=1)
    )
    return ChapterSound(number, title or f"Chapter {number}", takes)
