"""Speech-like sound from numbers alone: voiced syllables with harmonics and formants, hiss for consonants, short pauses."""

from __future__ import annotations

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
    sound = np.zeros(count)
    place = round(lead_s * sample_rate)
    last = count - round(tail_s * sample_rate)
    pitch = rng.uniform(90, 200)
    while last - place > sample_rate // 20:
        length = min(int(sample_rate * rng.uniform(0.14, 0.26)), last - place)
        sound[place : place + length] = _syllable(rng, length, sample_rate, pitch * rng.uniform(0.9, 1.1), level)
        place += length
        if rng.random() < 0.12:
            place += int(sample_rate * rng.uniform(0.08, 0.25))
    sound += rng.normal(0, 2e-4, count)
    return np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16)


def _syllable(rng, length: int, sample_rate: int, pitch: float, level: float) -> NDArray[np.float64]:
    time = np.arange(length) / sample_rate
    phase = 2 * np.pi * pitch * (time + 0.004 * np.sin(2 * np.pi * 3 * time))
    formants = rng.uniform((300, 900, 2200), (800, 1800, 3000))
    voiced = np.zeros(length)
    for harmonic in range(1, int(min(4000, sample_rate / 2.2) / pitch)):
        frequency = harmonic * pitch
        gain = sum(1 / (1 + ((frequency - formant) / 120) ** 2) for formant in formants) + 0.02
        voiced += gain * np.sin(harmonic * phase + rng.uniform(0, 6))
    envelope = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.03 * sample_rate))
    voiced *= envelope
    voiced *= level / max(1e-9, float(np.sqrt(np.mean(voiced**2))))
    hiss = rng.normal(0, level * 0.15, length) * (np.arange(length) < length * 0.25) * envelope
    return voiced + hiss


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
