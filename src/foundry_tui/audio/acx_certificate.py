"""The ACX certificate: every clause a file can be measured for, on the coded MP3s themselves.

Clauses after ACX's published audio submission requirements. They are measured, not promised: ACX also has rules about
who may narrate. What no meter can hear (a spoken header, credits) is listed as such.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from foundry_tui.audio.quality_report import Finding, QualityReport
from foundry_tui.audio.sound_meter import SoundMeter

_RMS_DB = (-23.0, -18.0)
_PEAK_DB = -3.0
_FLOOR_DB = -60.0
_HEAD_S = (0.5, 1.0)
_TAIL_S = (1.0, 5.0)
_RATE = 44_100
_LEAST_KBPS = 192
_LONGEST_S = 120 * 60
_SPEECH_DB = -50.0
_FRAME_MS = 10
_GATHER = 1 << 16
_KBPS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # MPEG-1 Layer III


@dataclass(frozen=True, slots=True)
class Mp3Measures:
    """What one MP3 measures, decoded to its end; ``levels`` as SoundMeter gives them."""

    name: str
    seconds: float
    sample_rate: int
    channels: int
    kbps: tuple[int, ...]  # every bit rate that occurs
    head_s: float
    tail_s: float
    levels: dict[str, float]

    def row(self) -> dict[str, Any]:
        """Its line in a report."""
        return {
            "file": self.name,
            "seconds": round(self.seconds, 2),
            "rms_db": self.levels["rms_db"],
            "peak_db": self.levels["peak_db"],
            "floor_db": self.levels["floor_db"],
            "head_s": self.head_s,
            "tail_s": self.tail_s,
            "kbps": "/".join(map(str, self.kbps)),
        }


def acx_certificate(paths: Sequence[Path]) -> QualityReport:
    """Measure every MP3 in full; one finding a clause, pass or fail, naming the files that miss it."""
    files: list[Mp3Measures] = []
    findings: list[Finding] = []
    for path in paths:
        try:
            files.append(measure_mp3(path))
        except (OSError, ValueError, IndexError, av.error.FFmpegError) as error:
            findings.append(Finding("readable", passed=False, sentence=f"{path.name} cannot be read: {error}"))
    return certificate_of(files, findings)


def certificate_of(files: Sequence[Mp3Measures], findings: Sequence[Finding] = ()) -> QualityReport:
    """The certificate of what was measured, after ``findings`` made before."""
    rows = [file.row() for file in files]
    unheard = "Not measurable: a spoken header in every file, credits as files of their own, the narrator's licence."
    return QualityReport(
        "ACX certificate", (*findings, *_clauses(files)), rows, {"files": len(files), "note": unheard}, heading=""
    )


def _clauses(files: Sequence[Mp3Measures]) -> Iterator[Finding]:
    def clause(name: str, rule: str, missed: Sequence[str]) -> Finding:
        sentence = f"{rule}: all {len(files)} files." if not missed else f"{rule}: missed by {_listed(missed)}."
        return Finding(name, not missed and bool(files), sentence)

    low, high = _RMS_DB
    yield clause(
        "rms",
        f"RMS {low:g} to {high:g} dB",
        [f"{file.name} ({file.levels['rms_db']:.1f})" for file in files if not low <= file.levels["rms_db"] <= high],
    )
    yield clause(
        "peak",
        f"Peak at most {_PEAK_DB:g} dB",
        [f"{file.name} ({file.levels['peak_db']:.2f})" for file in files if file.levels["peak_db"] > _PEAK_DB],
    )
    yield clause(
        "noise_floor",
        f"Noise floor at most {_FLOOR_DB:g} dB RMS",
        [f"{file.name} ({file.levels['floor_db']:.1f})" for file in files if file.levels["floor_db"] > _FLOOR_DB],
    )
    yield clause(
        "head",
        f"Room tone of {_HEAD_S[0]:g} to {_HEAD_S[1]:g} s at the head",
        [f"{file.name} ({file.head_s:.2f} s)" for file in files if not _HEAD_S[0] <= file.head_s <= _HEAD_S[1]],
    )
    yield clause(
        "tail",
        f"Room tone of {_TAIL_S[0]:g} to {_TAIL_S[1]:g} s at the tail",
        [f"{file.name} ({file.tail_s:.2f} s)" for file in files if not _TAIL_S[0] <= file.tail_s <= _TAIL_S[1]],
    )
    yield clause(
        "bit_rate",
        f"MP3 of constant {_LEAST_KBPS} kb/s or more",
        [file.name for file in files if len(file.kbps) != 1 or file.kbps[0] < _LEAST_KBPS],
    )
    yield clause("sample_rate", f"{_RATE:,} Hz", [file.name for file in files if file.sample_rate != _RATE])
    channels = {file.channels for file in files}
    yield clause("channels", "All mono or all stereo", [file.name for file in files] if len(channels) > 1 else [])
    yield clause("length", "Shorter than 120 minutes", [file.name for file in files if file.seconds >= _LONGEST_S])


def measure_mp3(path: Path, name: str | None = None) -> Mp3Measures:
    """Decode the MP3 to its end; raises what a broken file raises (OSError, ValueError, FFmpegError)."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
        meter, envelope = SoundMeter(rate), []
        step = rate * _FRAME_MS // 1000
        rest = np.zeros(0, dtype=np.float32)
        for samples in _gathered(container, stream):
            meter.add(samples)
            joined = np.concatenate([rest, samples])
            whole = len(joined) // step * step
            rows = joined[:whole].reshape(-1, step)
            envelope.append(np.einsum("ij,ij->i", rows, rows) / step)
            rest = joined[whole:]
    loud = np.flatnonzero(np.concatenate(envelope) > 10 ** (_SPEECH_DB / 10))
    seconds = meter.samples / rate
    head = float(loud[0]) * _FRAME_MS / 1000 if len(loud) else seconds
    tail = seconds - (float(loud[-1]) + 1) * _FRAME_MS / 1000 if len(loud) else seconds
    return Mp3Measures(
        name or path.name, seconds, rate, channels, _bit_rates(path), round(head, 2), round(tail, 2), meter.levels()
    )


def _gathered(container: Any, stream: Any) -> Iterator[NDArray[np.float32]]:
    """The sound in blocks worth measuring: with an MP3's own short frames it would be all overhead."""
    parts, count = [], 0
    for frame in container.decode(stream):
        parts.append(_mono(frame.to_ndarray()))
        count += len(parts[-1])
        if count >= _GATHER:
            yield np.concatenate(parts)
            parts, count = [], 0
    if parts:
        yield np.concatenate(parts)


def _mono(samples: NDArray[Any]) -> NDArray[np.float32]:
    mixed: NDArray[np.float32] = samples.mean(axis=0, dtype=np.float32)
    return mixed


def _bit_rates(path: Path) -> tuple[int, ...]:
    """Every bit rate among the frames of an MPEG-1 Layer III file, in kb/s."""
    found = set()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place = 10 + _syncsafe(data[6:10]) if data[:3] == b"ID3" else 0
        while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] & 0xFE == 0xFA:
            kbps = _KBPS[data[place + 2] >> 4]
            rate = (44_100, 48_000, 32_000)[data[place + 2] >> 2 & 3]
            if not kbps:
                break
            found.add(kbps)
            place += 144_000 * kbps // rate + (data[place + 2] >> 1 & 1)
    return tuple(sorted(found))


def _syncsafe(four: bytes) -> int:
    return four[0] << 21 | four[1] << 14 | four[2] << 7 | four[3]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
