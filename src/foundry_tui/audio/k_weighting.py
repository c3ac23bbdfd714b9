"""K-weighting of ITU-R BS.1770-4 at any sample rate, and the sums every loudness is made of.

The coefficients are the standard's 48 kHz filters carried to other rates through their analogue prototypes, as
libebur128 does (De Man 2014, "Evaluation of implementations of the EBU R128 loudness measurement").
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foundry_tui.audio.biquads import Biquads

SUM_MS = 100  # energies are kept per 100 ms: the step of R128's 400 ms blocks at 75 % overlap
_PIECE = 6  # energies worked out at a time
OFFSET_DB = -0.691  # BS.1770-4, equation 2


@lru_cache(maxsize=16)
def k_filter(sample_rate: int) -> NDArray[np.float64]:
    """The two biquads (high shelf, then high-pass) as second-order sections of shape (2, 6)."""
    k = math.tan(math.pi * 1681.974450955533 / sample_rate)
    q = 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    norm = 1 + k / q + k * k
    shelf = [
        (high + band * k / q + k * k) / norm,
        2 * (k * k - high) / norm,
        (high - band * k / q + k * k) / norm,
        1.0,
        2 * (k * k - 1) / norm,
        (1 - k / q + k * k) / norm,
    ]
    k = math.tan(math.pi * 38.13547087602444 / sample_rate)
    q = 0.5003270373238773
    norm = 1 + k / q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / norm, (1 - k / q + k * k) / norm]
    return np.array([shelf, high_pass])


def sum_samples(sample_rate: int) -> int:
    """Samples in one stored energy."""
    return sample_rate * SUM_MS // 1000


class EnergyMeter:
    """K-weighted energies of a sound that arrives in blocks: sums of squares per 100 ms, the last one maybe shorter."""

    def __init__(self, sample_rate: int) -> None:
        self._filter = Biquads(k_filter(sample_rate))
        self._step = sum_samples(sample_rate)
        self._sums: list[NDArray[np.float64]] = []
        self._rest: NDArray[np.float64] = np.zeros(0)

    def add(self, block: NDArray[Any]) -> None:
        """Take in the next samples (full scale = 1.0), in pieces small enough to stay in the processor's cache."""
        start = 0
        while start < len(block):
            piece = block[start : start + self._step * _PIECE - len(self._rest)]
            start += len(piece)
            weighted = self._filter.process(piece)
            if len(self._rest):
                weighted = np.concatenate([self._rest, weighted])
            whole = len(weighted) // self._step
            rows = weighted[: whole * self._step].reshape(whole, self._step)
            self._sums.append(np.einsum("ij,ij->i", rows, rows))
            self._rest = weighted[whole * self._step :]

    def energies(self) -> NDArray[np.float64]:
        """All sums so far, that of the unfinished 100 ms last."""
        rest = [np.array([float(np.einsum("i,i->", self._rest, self._rest))])] if len(self._rest) else []
        return np.concatenate([*self._sums, *rest]) if self._sums or rest else np.zeros(0)
