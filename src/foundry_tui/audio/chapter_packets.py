"""One chapter, mastered and coded: the unit of work that many processes share and one retake repeats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from foundry_tui.audio.aac import CODER, CONTEXT, code_aac
from foundry_tui.audio.layout import ChapterPlan
from foundry_tui.audio.master import MasteringReport, master
from foundry_tui.audio.measure import decibels
from foundry_tui.audio.packet_file import PacketFile, open_packets, packets_valid, write_packets
from foundry_tui.audio.profiles import MasteringProfile

__all__ = ["ChapterJob", "CodedChapter", "code_chapter", "coding_version", "open_chapter", "packets_valid"]

BIT_RATE = 64_000


@dataclass(frozen=True, slots=True)
class ChapterJob:
    """Everything the mastering and coding of one chapter depends on; picklable, for a process pool.

    ``plan`` holds the takes (paths, hashes, places); ``book_id`` seeds the room tone; ``bit_rate`` in bits a second.
    """

    book_id: str
    plan: ChapterPlan
    gain_db: float
    profile: MasteringProfile
    out_path: Path
    bit_rate: int = BIT_RATE

    def key_parts(self) -> dict[str, Any]:
        """What the coded chapter depends on, JSON-able, free of paths; the same parts give the same packets."""
        takes = [
            [take.sha256, take.source_rate, take.source_offset, take.source_samples, take.start, take.samples]
            for take in self.plan.takes
        ]
        return {
            "book_id": self.book_id,
            "chapter_number": self.plan.number,
            "sample_rate": self.plan.sample_rate,
            "samples": self.plan.samples,
            "takes": takes,
            "gain_db": self.gain_db,
            "profile": self.profile.key_parts(),
            "bit_rate": self.bit_rate,
            "coding": coding_version(),
        }


@dataclass(frozen=True, slots=True)
class CodedChapter:
    """A coded chapter; ``samples`` at ``sample_rate`` Hz, ``levels`` with ``rms_db`` and ``peak_db`` as mastered."""

    number: int
    path: Path
    sha256: str
    size_bytes: int
    samples: int
    sample_rate: int
    bit_rate: int
    gain_db: float
    levels: dict[str, float]
    limited_samples: int
    reduction_db: float


def coding_version() -> str:
    """Names the coder and the mastering chain: another version may give other packets."""
    return f"master-1/aac-{'-'.join(CODER.values())}/av-{av.__version__}"


def code_chapter(job: ChapterJob) -> CodedChapter:
    """Master and code one chapter into ``job.out_path``, atomically. Runs in any process with the same result.

    Raises ArtifactBroken for a broken take, WriteFailed or DiskFull where the disk refuses.
    """
    plan = job.plan
    meter, report = _Meter(), MasteringReport()
    sound = master(plan, book_id=job.book_id, gain_db=job.gain_db, profile=job.profile, context=CONTEXT, report=report)
    header: dict[str, Any] = {
        "chapter_number": plan.number,
        "sample_rate": plan.sample_rate,
        "samples": plan.samples,
        "bit_rate": job.bit_rate,
        "gain_db": job.gain_db,
        "coding": coding_version(),
    }
    packets = code_aac(_metered(sound, meter, plan.samples), plan.sample_rate, job.bit_rate, plan.samples)
    file = write_packets(job.out_path, _with_levels(packets, header, meter, report), header)
    return _coded(file)


def open_chapter(path: Path) -> CodedChapter:
    """A coded chapter found on disk; raises ArtifactBroken. Cheap: the payload is proven when the book is written."""
    return _coded(open_packets(path))


def _coded(file: PacketFile) -> CodedChapter:
    header = file.header
    return CodedChapter(
        number=header["chapter_number"],
        path=file.path,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        samples=header["samples"],
        sample_rate=header["sample_rate"],
        bit_rate=header["bit_rate"],
        gain_db=header["gain_db"],
        levels=dict(header["levels"]),
        limited_samples=header["limited_samples"],
        reduction_db=header["reduction_db"],
    )


class _Meter:
    """RMS and peak as the sound passes; loudness and all else is measured of the finished file."""

    def __init__(self) -> None:
        self._squares = self._peak = 0.0

    def add(self, block: NDArray[np.float32]) -> None:
        if len(block):
            self._squares += float(np.einsum("i,i->", block, block))
            self._peak = max(self._peak, float(block.max()), -float(block.min()))

    def levels(self, samples: int) -> dict[str, float]:
        rms = math.sqrt(self._squares / samples)
        return {"rms_db": round(decibels(rms), 3), "peak_db": round(decibels(self._peak), 3)}


def _metered(blocks: Iterable[NDArray[np.float32]], meter: _Meter, samples: int) -> Iterator[NDArray[np.float32]]:
    position = -CONTEXT
    for block in blocks:
        meter.add(block[max(0, -position) : max(0, samples - position)])
        position += len(block)
        yield block


def _with_levels(
    packets: Iterable[bytes], header: dict[str, Any], meter: _Meter, report: MasteringReport
) -> Iterator[bytes]:
    yield from packets
    header["levels"] = meter.levels(header["samples"])
    header["limited_samples"], header["reduction_db"] = report.limited_samples, report.reduction_db
