"""True peak after ITU-R BS.1770-4 Annex 2: the highest point between the samples, by fourfold interpolation.

Interpolating everything is wasted on speech: only neighbourhoods that come near the level asked about are looked at.
All sums run tap by tap over whole arrays, so a sample's result does not depend on the block it arrived in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

REACH = 6  # samples on each side of the place that is interpolated
_NEAR = 10 ** (
    -4 / 20
)  # a point between samples stands at most about 4 dB above its neighbourhood in band-limited speech

_JUMP = 0.9  # of the peak, from one sample to the next: from 1.3 on, sound near the Nyquist limit is misjudged
_FEW = 8  # fewer than one loud sample in so many


def _interpolators() -> NDArray[np.float64]:
    """Three windowed-sinc phases of 12 taps for the points 1/4, 1/2 and 3/4 after a sample, unity gain at DC."""
    places = np.arange(-REACH + 1, REACH + 1)
    phases = []
    for fraction in (0.25, 0.5, 0.75):
        distance = places - fraction
        taps = np.sinc(distance) * np.cos(np.pi * distance / (2 * REACH + 1))
        phases.append(taps / taps.sum())
    return np.array(phases)


_TAPS = _interpolators()
_OFFSETS = np.arange(-REACH + 1, REACH + 1)


def peaks_between(samples: NDArray[Any], ceiling: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Places whose true level may pass ``ceiling``, and that level: the highest from sample ``i`` to ``i + 1``.

    ``samples`` needs REACH samples of context on both sides; places are indices into it, context excluded.
    """
    loud = np.flatnonzero((samples > ceiling * _NEAR) | (samples < -ceiling * _NEAR))
    if not len(loud):
        return loud, np.zeros(0)
    near = np.zeros(len(samples) + 4, dtype=bool)
    for step in range(5):
        near[loud + step] = True
    near[: REACH + 2] = False
    near[-REACH - 2 :] = False
    places = np.flatnonzero(near) - 2
    return places, _levels(samples, places)


def _levels(samples: NDArray[Any], places: NDArray[np.intp]) -> NDArray[np.float64]:
    """The highest level from each of ``places`` to the sample after it."""
    levels = np.abs(samples[places].astype(np.float64))
    neighbours = samples[places + _OFFSETS[:, np.newaxis]]
    for taps in _TAPS:
        point = np.zeros(len(places))
        for neighbour, tap in zip(neighbours, taps, strict=True):
            point += neighbour * tap
        np.maximum(levels, np.abs(point), out=levels)
    return levels


def true_peak(samples: NDArray[Any], floor: float = 0.0) -> float:
    """Highest absolute level of the interpolated sound (full scale = 1.0); ``floor`` is a level already known.

    Worked out in float32: 16 bit sound loses nothing by it.
    """
    if not len(samples):
        return floor
    edge = np.zeros(REACH, dtype=np.float32)
    sound = np.concatenate([edge, samples.astype(np.float32, copy=False), edge])
    height = np.abs(sound)
    known = max(float(height.max()), floor)
    beside = _crests(sound, height, known)
    if not len(beside):
        return known
    places = np.concatenate([beside - 1, beside])
    return max(known, float(_levels(sound, places[places >= REACH - 1]).max()))


def _crests(sound: NDArray[np.float32], height: NDArray[np.float32], known: float) -> NDArray[np.intp]:
    """Loud samples no lower than their neighbours, or beside a jump: the highest point lies next to one of them.

    Speech is loud in few places, and those are looked at one by one; a tone is loud all the time, and looking at
    everything at once is quicker there.
    """
    near, jump = np.float32(known * _NEAR), np.float32(known * _JUMP)
    loud = height[1:-1] > near
    if np.count_nonzero(loud) * _FEW > len(loud):
        steep = np.abs(np.diff(sound)) > jump
        loud &= ((height[1:-1] >= height[:-2]) & (height[1:-1] >= height[2:])) | steep[1:] | steep[:-1]
        return np.flatnonzero(loud) + 1
    places = np.flatnonzero(loud) + 1
    top, here = height[places], sound[places]
    crest = (top >= height[places - 1]) & (top >= height[places + 1])
    steep = (np.abs(here - sound[places - 1]) > jump) | (np.abs(sound[places + 1] - here) > jump)
    beside: NDArray[np.intp] = places[crest | steep]
    return beside
