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

_JUMP = 0.3  # of the peak, from one sample to the next


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
    for taps in _TAPS:
        point = np.zeros(len(places))
        for offset, tap in enumerate(taps, start=-REACH + 1):
            point += samples[places + offset] * tap
        np.maximum(levels, np.abs(point), out=levels)
    return levels


def true_peak(samples: NDArray[Any], floor: float = 0.0) -> float:
    """Highest absolute level of the interpolated sound (full scale = 1.0); ``floor`` is a level already known.

    The highest point lies beside a sample no lower than its neighbours, or beside a jump: a steady tone, near its own
    peak all the time, costs no more than speech.
    """
    if not len(samples):
        return floor
    edge = np.zeros(REACH)
    sound = np.concatenate([edge, samples, edge])
    height = np.abs(sound)
    known = max(float(height.max()), floor)
    loud = height[1:-1] > known * _NEAR
    steep = np.abs(np.diff(sound)) > known * _JUMP
    crest = (height[1:-1] >= height[:-2]) & (height[1:-1] >= height[2:])
    beside = np.flatnonzero(loud & (crest | steep[1:] | steep[:-1])) + 1
    if not len(beside):
        return known
    places = np.concatenate([beside - 1, beside])
    return max(known, float(_levels(sound, places[places >= REACH - 1]).max()))
