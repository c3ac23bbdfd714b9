"""Loudness from stored energies: no sound is read again to level a chapter.

Gating after EBU R128 / ITU-R BS.1770-4: 400 ms blocks at 75 % overlap, absolute gate -70 LUFS, relative gate -10 LU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foundry_tui.audio.k_weighting import OFFSET_DB, sum_samples
from foundry_tui.audio.layout import ChapterPlan, PlacedTake
from foundry_tui.audio.measure import SILENT_DB, Measures, decibels
from foundry_tui.audio.profiles import MasteringProfile

_BLOCK = 4  # energies in a 400 ms block
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0
_MAX_SPEECH_LIFT_DB = 3.7  # how far above the target speech may stand to make up for a short chapter's silence
_MAX_GAIN_DB = 40.0
_OVER_LIMITED_DB = 6.0


@dataclass(frozen=True, slots=True)
class Loudness:
    """Levels of a sound: ``lufs`` integrated, the rest in dBFS; ``speech_db`` is the RMS of the spoken parts alone."""

    lufs: float
    rms_db: float
    speech_db: float
    peak_db: float
    true_peak_db: float


@dataclass(frozen=True, slots=True)
class Gain:
    """A chapter's linear gain; ``over_limited_db`` is how far beyond a sane 6 dB the limiter will have to bite."""

    gain_db: float
    over_limited_db: float = 0.0


def integrated(energies: NDArray[np.float64], sample_rate: int) -> float:
    """Gated loudness in LUFS of K-weighted sums of squares per 100 ms; SILENT_DB where nothing passes the gates."""
    if len(energies) < _BLOCK:
        mean = float(energies.sum()) / (max(1, len(energies)) * sum_samples(sample_rate))
        return _lufs(mean) if mean > 0 and _lufs(mean) > _ABSOLUTE_GATE else SILENT_DB
    sums = np.concatenate([[0.0], np.cumsum(energies)])
    blocks = (sums[_BLOCK:] - sums[:-_BLOCK]) / (_BLOCK * sum_samples(sample_rate))
    heard = blocks[blocks > _power(_ABSOLUTE_GATE)]
    if not len(heard):
        return SILENT_DB
    relative = _lufs(float(heard.mean())) + _RELATIVE_GATE
    return _lufs(float(heard[heard > _power(relative)].mean()))


def chapter_energies(plan: ChapterPlan, measures: Sequence[Measures], tone_db: float) -> NDArray[np.float64]:
    """K-weighted sums per 100 ms of the laid-out chapter, from its takes' own sums (``measures`` in the plan's order).

    Each take's sums are taken as an even flow of energy and poured into the chapter's own 100 ms grid where it lies.
    """
    step = sum_samples(plan.sample_rate)
    edges = np.arange(0, plan.samples + step, step, dtype=np.float64)
    total = np.full(len(edges) - 1, step * 10 ** (tone_db / 10))
    for take, measured in zip(plan.takes, measures, strict=True):
        own_step = sum_samples(take.source_rate)
        own_edges = np.minimum(np.arange(len(measured.energies) + 1) * own_step, measured.samples).astype(np.float64)
        scale = take.samples / take.source_samples
        placed = (own_edges - take.source_offset) * scale + take.start
        flow = np.concatenate([[0.0], np.cumsum(measured.energies.astype(np.float64))]) * scale
        first, last = take.start // step, min(len(total), (take.start + take.samples) // step + 2)
        bounds = np.clip(edges[first : last + 1], take.start, take.start + take.samples)
        total[first:last] += np.diff(np.interp(bounds, placed, flow))
    return total


def chapter_loudness(plan: ChapterPlan, measures: Sequence[Measures], profile: MasteringProfile) -> Loudness:
    """What the laid-out chapter measures before any gain."""
    tone = 10 ** (profile.tone_db / 10)
    squares = speech_squares = 0.0
    speech_samples = 0.0
    for take, measured in zip(plan.takes, measures, strict=True):
        squares += measured.sum_squares * take.samples / take.source_samples
        speech_squares += measured.sum_squares * take.samples / take.source_samples
        speech_samples += _speech_samples(take, measured, plan.sample_rate)
    return Loudness(
        lufs=integrated(chapter_energies(plan, measures, profile.tone_db), plan.sample_rate),
        rms_db=decibels(math.sqrt(squares / plan.samples + tone)),
        speech_db=decibels(math.sqrt(speech_squares / max(1.0, speech_samples))),
        peak_db=decibels(max((measured.peak for measured in measures), default=0.0)),
        true_peak_db=decibels(max((measured.true_peak for measured in measures), default=0.0)),
    )


def gain_for(loudness: Loudness, profile: MasteringProfile) -> Gain:
    """The gain that brings a chapter to its profile's target.

    By RMS, a very short chapter would be lifted for its silence: speech never goes more than 3.7 dB above the target.
    """
    measured = loudness.rms_db if profile.measure == "rms" else loudness.lufs
    if measured <= _ABSOLUTE_GATE:
        return Gain(0.0)
    gain_db = profile.target_db - measured
    if profile.measure == "rms":
        gain_db = min(gain_db, profile.target_db + _MAX_SPEECH_LIFT_DB - loudness.speech_db)
    gain_db = max(-_MAX_GAIN_DB, min(_MAX_GAIN_DB, round(gain_db, 3)))
    excess = loudness.true_peak_db + gain_db - profile.ceiling_db - _OVER_LIMITED_DB
    return Gain(gain_db, over_limited_db=max(0.0, round(excess, 2)))


def _speech_samples(take: PlacedTake, measured: Measures, sample_rate: int) -> float:
    return min(float(take.samples), measured.speech_ms * sample_rate / 1000)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - OFFSET_DB) / 10))


def _lufs(mean_square: float) -> float:
    return OFFSET_DB + 10 * math.log10(mean_square)
