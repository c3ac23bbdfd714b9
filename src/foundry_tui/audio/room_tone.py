"""Room tone: soft low-passed noise under everything, so no pause is digital zero and no splice is heard.

The noise is a periodic table (no click where it wraps) read at a place that book and chapter decide. Round every
chapter boundary all chapters of a book carry one and the same stretch, which runs on across the boundary: the coder of
a chapter therefore knows what its neighbours sound like there without knowing the neighbours.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

EDGE = 8192  # samples on each side of a boundary that all chapters of a book share
_FADE = 1024  # samples in which the shared stretch passes into the chapter's own
_PERIOD = 1 << 17
_CORNER_HZ = 900.0
_LOWEST_HZ = 60.0


class RoomTone:
    """The tone of one chapter of ``samples`` length; readable from -EDGE to samples + EDGE in blocks of any size."""

    def __init__(self, book_id: str, chapter_number: int, samples: int, sample_rate: int, level_db: float) -> None:
        self._table = _table(book_id, sample_rate, level_db)
        self._samples = samples
        self._offset = _number(f"{book_id}/{chapter_number}") % _PERIOD

    def block(self, start: int, count: int) -> NDArray[np.float32]:
        """``count`` samples from ``start`` on (0 is the chapter's first)."""
        tone = self._run(start + self._offset, count)
        for boundary in (0, self._samples):
            first, last = max(start, boundary - EDGE), min(start + count, boundary + EDGE)
            if first < last:
                self._lay_over(tone[first - start : last - start], first - boundary)
        return tone

    def _run(self, place: int, count: int) -> NDArray[np.float32]:
        place %= _PERIOD
        if place + count <= _PERIOD:
            return self._table[place : place + count].copy()
        return self._table[np.arange(place, place + count) % _PERIOD]

    def _lay_over(self, tone: NDArray[np.float32], place: int) -> None:
        """The shared stretch over ``tone``, which begins at ``place`` from the boundary."""
        inside = EDGE - np.abs(np.arange(place, place + len(tone)))
        shared = self._run(place + EDGE, len(tone))
        weight = np.minimum(inside / _FADE, 1.0) * (np.pi / 2)
        tone[:] = np.where(inside >= _FADE, shared, tone * np.cos(weight) + shared * np.sin(weight))


@lru_cache(maxsize=4)
def _table(book_id: str, sample_rate: int, level_db: float) -> NDArray[np.float32]:
    noise = np.random.Generator(np.random.PCG64(_number(book_id))).standard_normal(_PERIOD)
    spectrum = np.fft.rfft(noise)
    frequencies = np.fft.rfftfreq(_PERIOD, 1 / sample_rate)
    spectrum *= 1 / (1 + (frequencies / _CORNER_HZ) ** 2)
    spectrum[frequencies < _LOWEST_HZ] = 0
    shaped = np.fft.irfft(spectrum, _PERIOD)
    level = 10 ** (level_db / 20) / float(np.sqrt(np.square(shaped).mean()))
    table: NDArray[np.float32] = (shaped * level).astype(np.float32)
    return table


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode("utf-8")).digest()[:8], "big")
