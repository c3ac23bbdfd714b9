"""A look-ahead true-peak limiter whose output is the same to the last bit however the sound is cut into blocks.

The gain a peak asks for is held (minimum filter) and smoothed by two box filters, all symmetric about the peak, so the
gain is down before the peak comes and never steps. Reductions are whole numbers of 2^-30: sums of whole numbers do not
depend on where a block began. Blocks without peaks, nearly all of them in speech, pass untouched.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from foundry_tui.audio.true_peak import REACH, peaks_between

_BOX_MS = 3
_ONE = 1 << 30


class Limiter:
    """Feed blocks with :meth:`process`, then :meth:`finish`; ``delay`` samples of look-ahead are held back."""

    def __init__(self, sample_rate: int, ceiling_db: float) -> None:
        self.ceiling = 10 ** (ceiling_db / 20)
        self._box = sample_rate * _BOX_MS // 1000
        self._hold = 2 * self._box + 1
        self.delay = 2 * self._box + self._hold + REACH + 1
        self._held = np.zeros(2 * self.delay, dtype=np.float32)
        self._skip = self.delay
        self.limited_samples = 0
        self._deepest = 0.0

    @property
    def reduction_db(self) -> float:
        """The deepest reduction so far, as a positive number of dB."""
        return -20 * math.log10(1 - self._deepest) if self._deepest else 0.0

    def process(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Limited samples that are now certain; over all calls as many as went in, once finished."""
        sound = np.concatenate([self._held, block])
        self._held = sound[-2 * self.delay :]
        certain = sound[self.delay : len(sound) - self.delay]
        reduction = self._reduction(sound)
        if reduction is not None:
            self.limited_samples += int(np.count_nonzero(reduction))
            self._deepest = max(self._deepest, float(reduction.max()))
            certain = (certain * (1.0 - reduction)).astype(np.float32)
        skipped = min(self._skip, len(certain))
        self._skip -= skipped
        return certain[skipped:]

    def finish(self) -> NDArray[np.float32]:
        """The last samples."""
        return self.process(np.zeros(self.delay, dtype=np.float32))

    def _reduction(self, sound: NDArray[np.float32]) -> NDArray[np.float64] | None:
        places, levels = peaks_between(sound, self.ceiling)
        over = levels > self.ceiling
        if not over.any():
            return None
        wanted = np.zeros(len(sound), dtype=np.int64)
        wanted[places[over]] = np.ceil((1.0 - self.ceiling / levels[over]) * _ONE).astype(np.int64)
        held = _highest(wanted, self._hold)
        smooth = _box(_box(held, self._box), self._box)[self.delay : len(sound) - self.delay]
        size = (2 * self._box + 1) ** 2
        reduction: NDArray[np.float64] = smooth / float(size * _ONE)
        return reduction if reduction.any() else None


def _highest(values: NDArray[np.int64], half: int) -> NDArray[np.int64]:
    """The maximum over ``[i - half, i + half]`` of values >= 0, zeros beyond the ends; the reach doubles each round."""
    padded = np.concatenate([np.zeros(half, dtype=np.int64), values, np.zeros(half, dtype=np.int64)])
    window, reach = 2 * half + 1, 1
    while reach < window:
        step = min(reach, window - reach)
        padded = np.maximum(padded[:-step], padded[step:])
        reach += step
    return padded


def _box(values: NDArray[np.int64], half: int) -> NDArray[np.int64]:
    """Sums over ``[i - half, i + half]``, zeros beyond the ends."""
    sums = np.concatenate([np.zeros(half + 1, dtype=np.int64), np.cumsum(values), np.zeros(half, dtype=np.int64)])
    sums[half + 1 + len(values) :] = sums[half + len(values)]
    result: NDArray[np.int64] = sums[2 * half + 1 :] - sums[: len(values)]
    return result
