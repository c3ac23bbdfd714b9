"""One pass over a fresh take: everything the checks and the mastering will want to know, so nobody reads it again."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foundry_tui.audio.k_weighting import EnergyMeter
from foundry_tui.audio.true_peak import true_peak

FRAME_MS = 10
SILENT_DB = -120.0  # stands for minus infinity wherever a level in dB is stored
_EDGE_DB = -50.0  # lead and tail: frames this far under the loudest hold no speech, soft consonants included
_GAP_DB = -40.0  # inner gaps: speech is what comes within 40 dB of the loudest frame
_END_MS = 30


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured of one take. Levels in dBFS (``_db``) or full scale = 1.0; times in ms; see each name.

    ``energies``: K-weighted sums of squares per 100 ms (the last one may be shorter), for loudness without re-reading.
    """

    samples: int
    sample_rate: int
    finite: bool
    sum_squares: float
    peak: float
    true_peak: float
    dc: float
    lead_ms: int
    tail_ms: int
    longest_gap_ms: int
    clipped: int  # samples that stand flat at the take's own ceiling
    zero_crossing_rate: float  # crossings a sample, speech frames only
    floor_db: float  # 5th percentile of the 10 ms frame levels
    speech_db: float  # RMS of the speech frames
    end_db: float  # last 30 ms relative to the loudest frame
    energies: NDArray[np.float32]

    @property
    def duration_ms(self) -> int:
        """Length in milliseconds."""
        return round(self.samples * 1000 / self.sample_rate)

    @property
    def speech_ms(self) -> int:
        """Length without the silence at both ends."""
        return max(0, self.duration_ms - self.lead_ms - self.tail_ms)

    def to_json(self) -> dict[str, Any]:
        """Compact JSON: energies as base64 of little-endian float32."""
        data = {name: _rounded(value) for name, value in asdict(self).items() if name != "energies"}
        data["energies"] = base64.b64encode(self.energies.astype("<f4").tobytes()).decode("ascii")
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Measures:
        """The inverse of :meth:`to_json`; raises KeyError or ValueError for anything else."""
        fields = {name: data[name] for name in cls.__slots__ if name != "energies"}
        energies = np.frombuffer(base64.b64decode(data["energies"], validate=True), dtype="<f4")
        return cls(**fields, energies=energies)


def measure(pcm: bytes | NDArray[Any], sample_rate: int) -> Measures:
    """Measure s16le mono bytes, an int16 array, or floats at full scale 1.0."""
    samples, finite = _as_floats(pcm)
    if not len(samples):
        return _nothing(sample_rate, finite)
    dc = float(samples.mean())
    centred = samples - dc  # an offset would otherwise trip the floor and end rules too
    levels = _frame_levels(centred, sample_rate)
    loudest = float(levels.max())
    edge = np.flatnonzero(levels > loudest * 10 ** (_EDGE_DB / 20)) if loudest > 0 else np.zeros(0, dtype=np.intp)
    speech = levels > loudest * 10 ** (_GAP_DB / 20)
    lead, tail = (int(edge[0]), len(levels) - 1 - int(edge[-1])) if len(edge) else (len(levels), 0)
    peak = float(np.abs(samples).max())
    meter = EnergyMeter(sample_rate)
    meter.add(samples)
    end = centred[-max(1, sample_rate * _END_MS // 1000) :]
    return Measures(
        samples=len(samples),
        sample_rate=sample_rate,
        finite=finite,
        sum_squares=float(np.einsum("i,i->", samples, samples)),  # np.dot would start threads
        peak=peak,
        true_peak=true_peak(samples),
        dc=dc,
        lead_ms=min(lead * FRAME_MS, round(len(samples) * 1000 / sample_rate)),
        tail_ms=tail * FRAME_MS,
        longest_gap_ms=_longest_gap(np.flatnonzero(speech)) * FRAME_MS,
        clipped=_flat_at_the_top(samples, peak),
        zero_crossing_rate=_zero_crossing_rate(centred, speech, sample_rate),
        floor_db=decibels(float(np.percentile(levels, 5))),
        speech_db=decibels(float(np.sqrt(np.square(levels[speech]).mean()))) if speech.any() else SILENT_DB,
        end_db=decibels(float(np.sqrt(np.square(end).mean())) / loudest) if loudest > 0 else SILENT_DB,
        energies=meter.energies().astype(np.float32),
    )


def decibels(level: float) -> float:
    """``20 log10(level)``, never below SILENT_DB."""
    return max(SILENT_DB, 20 * math.log10(level)) if level > 0 else SILENT_DB


def _as_floats(pcm: bytes | NDArray[Any]) -> tuple[NDArray[np.float64], bool]:
    array = np.frombuffer(pcm[: len(pcm) // 2 * 2], dtype="<i2") if isinstance(pcm, bytes) else np.asarray(pcm)
    if array.dtype.kind == "i":
        return array.astype(np.float64) / 32768.0, True
    floats = array.astype(np.float64)
    finite = bool(np.isfinite(floats).all())
    return (floats if finite else np.nan_to_num(floats, nan=0.0, posinf=0.0, neginf=0.0)), finite


def _frame_levels(samples: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    step = max(1, sample_rate * FRAME_MS // 1000)
    whole = len(samples) // step
    if not whole:
        return np.array([float(np.sqrt(np.square(samples).mean()))])
    frames = samples[: whole * step].reshape(whole, step)
    levels: NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", frames, frames) / step)
    return levels


def _longest_gap(speech: NDArray[np.intp]) -> int:
    return int(np.diff(speech).max()) - 1 if len(speech) > 1 else 0


def _flat_at_the_top(samples: NDArray[np.float64], peak: float) -> int:
    if peak <= 0.5:
        return 0
    top = np.abs(samples) >= 0.985 * peak
    return int(np.count_nonzero(top[1:] & (samples[1:] == samples[:-1])))


def _zero_crossing_rate(centred: NDArray[np.float64], speech: NDArray[np.bool_], sample_rate: int) -> float:
    step = max(1, sample_rate * FRAME_MS // 1000)
    heard = np.repeat(speech, step)[: len(centred)]
    negative = np.signbit(centred[: len(heard)])
    crossings = (negative[1:] != negative[:-1]) & heard[1:]
    return float(np.sum(crossings)) / max(1.0, float(np.sum(heard)))


def _rounded(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _nothing(sample_rate: int, finite: bool) -> Measures:
    return Measures(
        samples=0,
        sample_rate=sample_rate,
        finite=finite,
        sum_squares=0.0,
        peak=0.0,
        true_peak=0.0,
        dc=0.0,
        lead_ms=0,
        tail_ms=0,
        longest_gap_ms=0,
        clipped=0,
        zero_crossing_rate=0.0,
        floor_db=SILENT_DB,
        speech_db=SILENT_DB,
        end_db=SILENT_DB,
        energies=np.zeros(0, dtype=np.float32),
    )
