"""Levels of a sound that streams by in blocks: what a finished chapter really measures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foundry_tui.audio.k_weighting import EnergyMeter
from foundry_tui.audio.loudness import integrated
from foundry_tui.audio.measure import decibels
from foundry_tui.audio.true_peak import REACH, true_peak


class SoundMeter:
    """Loudness, RMS, peaks, quietest half second and longest digital silence of mono blocks at full scale 1.0."""

    def __init__(self, sample_rate: int) -> None:
        self.samples = 0
        self._rate = sample_rate
        self._energy = EnergyMeter(sample_rate)
        self._squares = 0.0
        self._peak = 0.0
        self._true_peak = 0.0
        self._before = np.zeros(2 * REACH, dtype=np.float32)
        self._window = np.zeros(0)
        self._floor = math.inf
        self._zeros = self._longest_zeros = 0

    def add(self, block: NDArray[Any]) -> None:
        """Take in the next samples."""
        if not len(block):
            return
        self.samples += len(block)
        self._energy.add(block)
        self._squares += float(np.einsum("i,i->", block, block, dtype=np.float64))
        self._peak = max(self._peak, float(block.max()), -float(block.min()))
        joined = np.concatenate([self._before, block])
        self._true_peak = max(self._true_peak, true_peak(joined, max(self._peak, self._true_peak)))
        self._before = joined[-2 * REACH :]
        self._find_floor(block)
        self._find_zeros(block)

    def levels(self) -> dict[str, float]:
        """``lufs``, ``rms_db``, ``peak_db``, ``true_peak_db``, ``floor_db`` (quietest 0.5 s), ``longest_zero_ms``."""
        return {
            "lufs": round(integrated(self._energy.energies(), self._rate), 3),
            "rms_db": round(decibels(math.sqrt(self._squares / max(1, self.samples))), 3),
            "peak_db": round(decibels(self._peak), 3),
            "true_peak_db": round(decibels(self._true_peak), 3),
            "floor_db": round(decibels(math.sqrt(self._floor)) if math.isfinite(self._floor) else 0.0, 3),
            "longest_zero_ms": round(max(self._longest_zeros, self._zeros) * 1000 / self._rate, 3),
        }

    def energies(self) -> NDArray[np.float64]:
        """The K-weighted sums so far, for joining several sounds."""
        return self._energy.energies()

    def _find_floor(self, block: NDArray[Any]) -> None:
        step = self._rate // 10
        squares = np.concatenate([self._window, np.square(block, dtype=np.float64)])
        whole = len(squares) // step
        if whole < 5:
            self._window = squares
            return
        means = squares[: whole * step].reshape(whole, step).mean(axis=1)
        self._floor = min(self._floor, float(np.convolve(means, np.full(5, 0.2), "valid").min()))
        self._window = squares[(whole - 4) * step :]

    def _find_zeros(self, block: NDArray[Any]) -> None:
        if block.all():
            self._longest_zeros, self._zeros = max(self._longest_zeros, self._zeros), 0
            return
        sounding = np.flatnonzero(block)
        if not len(sounding):
            self._zeros += len(block)
            return
        inner = int(np.diff(sounding).max()) - 1 if len(sounding) > 1 else 0
        self._longest_zeros = max(self._longest_zeros, self._zeros + int(sounding[0]), inner)
        self._zeros = len(block) - 1 - int(sounding[-1])
