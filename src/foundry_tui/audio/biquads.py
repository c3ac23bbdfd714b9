"""Second-order filters that keep their state from block to block.

SciPy's compiled loop does the work, but without the rest of ``scipy.signal``: importing that package whole costs every
worker process more than a second of CPU and 70 MB, all for this one function. Where the module cannot be found by
itself (another SciPy), the public function is used, with the same result.
"""

from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Callable
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

_log = logging.getLogger(__name__)
_Loop = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], Any]
_loading = Lock()


class Biquads:
    """A chain of second-order ``sections`` (shape (n, 6), as SciPy's ``sos``), starting from rest."""

    def __init__(self, sections: NDArray[np.float64]) -> None:
        self._sections = np.ascontiguousarray(sections, dtype=np.float64)
        self._state = np.zeros((1, len(self._sections), 2))
        self._loop = _loop()

    def process(self, block: NDArray[Any]) -> NDArray[np.float64]:
        """The next samples, filtered; ``block`` itself is left alone."""
        sound = np.array(block, dtype=np.float64)[np.newaxis, :]
        self._loop(self._sections, sound, self._state)
        filtered: NDArray[np.float64] = sound[0]
        return filtered


def high_pass(corner_hz: float, sample_rate: int) -> NDArray[np.float64]:
    """A Butterworth high-pass of second order, by the bilinear transform; shape (1, 6)."""
    k = math.tan(math.pi * corner_hz / sample_rate)
    norm = 1 + math.sqrt(2) * k + k * k
    return np.array(
        [[1 / norm, -2 / norm, 1 / norm, 1.0, 2 * (k * k - 1) / norm, (1 - math.sqrt(2) * k + k * k) / norm]]
    )


def _loop() -> _Loop:
    # The module refuses to be initialised twice, and several threads measure the first chunks of a book.
    with _loading:
        return _chosen()


@cache
def _chosen() -> _Loop:
    try:
        return _compiled()
    except (ImportError, OSError, AttributeError, StopIteration) as error:
        _log.debug("scipy's loop was not found by itself: %s", error)
        return _public


def _compiled() -> _Loop:
    package = importlib.util.find_spec("scipy.signal")
    if package is None or package.origin is None:
        raise ImportError("scipy.signal is not installed")
    folder = Path(package.origin).parent
    path = next(found for suffix in EXTENSION_SUFFIXES if (found := folder / f"_sosfilt{suffix}").is_file())
    spec = importlib.util.spec_from_file_location("_sosfilt", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loop: _Loop = module._sosfilt  # noqa: SLF001 - public through scipy.signal.sosfilt only
    loop(np.array([[1.0, 0, 0, 1, 0, 0]]), np.ones((1, 4)), np.zeros((1, 1, 2)))  # raises where its shape is another
    return loop


def _public(sections: NDArray[np.float64], sound: NDArray[np.float64], state: NDArray[np.float64]) -> None:
    from scipy.signal import sosfilt

    sound[0], state[0] = sosfilt(sections, sound[0], zi=state[0])
