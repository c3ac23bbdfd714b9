"""One chapter, mastered and coded: the unit of work that many processes share and one retake repeats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from foundry_tui.audio.aac import CODER, CONTEXT, code_aac
from foundry_tui.audio.layout import FRAME, ChapterPlan
from foundry_tui.audio.master import MasteringReport, master
from foundry_tui.audio.measure import decibels
from foundry_tui.audio.packet_file import PacketFile, open_packets, packets_valid, read_packets, write_packets
from foundry_tui.audio.profiles import MasteringProfile

__all__ = [
    "ChapterJob",
    "CodedChapter",
    "PartJob",
    "code_chapter",
    "code_part",
    "coding_version",
    "join_parts",
    "open_chapter",
    "packets_valid",
    "parts_of",
]

BIT_RATE = 64_000
_WHOLE_S = 20 * 60  # a chapter up to this long is coded in one piece
_PART_S = 15 * 60


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


@dataclass(frozen=True, slots=True)
class PartJob:
    """Samples ``[start, end)`` of a chapter, to be coded by themselves; picklable."""

    job: ChapterJob
    number: int
    start: int
    end: int

    @property
    def path(self) -> Path:
        """Where the part's packets lie until the chapter is joined."""
        return self.job.out_path.with_name(f"{self.job.out_path.name}.part{self.number}")


def coding_version() -> str:
    """Names the coder and the mastering chain: another version may give other packets."""
    return f"master-2/aac-{'-'.join(CODER.values())}/av-{av.__version__}"


def code_chapter(job: ChapterJob) -> CodedChapter:
    """Master and code one chapter into ``job.out_path``, atomically. Runs in any process with the same result.

    Raises ArtifactBroken for a broken take, WriteFailed or DiskFull where the disk refuses.
    """
    parts = parts_of(job)
    found: list[dict[str, float]] = [{} for _part in parts]
    return _write(job, [_packets_of(part, figures) for part, figures in zip(parts, found, strict=True)], found)


def parts_of(job: ChapterJob) -> tuple[PartJob, ...]:
    """The stretches a chapter is coded in: one, or equal ones of at most a quarter of an hour for a long chapter.

    The timeline alone decides, never the number of cores, so a chapter gives the same packets coded here or there.
    """
    samples, rate = job.plan.samples, job.plan.sample_rate
    count = -(-samples // (_PART_S * rate)) if samples > _WHOLE_S * rate else 1
    frames = -(-samples // FRAME // count)
    borders = [min(number * frames * FRAME, samples) for number in range(count + 1)]
    return tuple(PartJob(job, number, *ends) for number, ends in enumerate(pairwise(borders)) if ends[0] < ends[1])


def code_part(part: PartJob) -> Path:
    """Master and code one stretch into ``part.path``, unless it lies there whole; raises as :func:`code_chapter`."""
    if not packets_valid(part.path, deep=True):
        header: dict[str, Any] = {"figures": {}}
        write_packets(part.path, _packets_of(part, header["figures"]), header)
    return part.path


def join_parts(job: ChapterJob) -> CodedChapter:
    """The chapter from all its coded parts, the same bytes :func:`code_chapter` gives; the parts are removed.

    Raises ArtifactBroken for a missing or broken part.
    """
    files = [open_packets(part.path) for part in parts_of(job)]
    chapter = _write(job, [read_packets(file) for file in files], [dict(file.header["figures"]) for file in files])
    for file in files:
        file.path.unlink(missing_ok=True)
    return chapter


def _packets_of(part: PartJob, figures: dict[str, float]) -> Iterator[bytes]:
    """The part's packets and the one after; ``figures`` are filled when the last is out."""
    job, meter, report = part.job, _Meter(), MasteringReport()
    sound = master(
        job.plan,
        book_id=job.book_id,
        gain_db=job.gain_db,
        profile=job.profile,
        context=CONTEXT,
        span=(part.start - CONTEXT, part.end + CONTEXT),
        report=report,
    )
    samples, rate = part.end - part.start, job.plan.sample_rate
    yield from code_aac(_metered(sound, meter, samples), rate, job.bit_rate, samples)
    figures |= {
        "squares": meter.squares,
        "peak": meter.peak,
        "limited_samples": report.limited_samples,
        "reduction_db": report.reduction_db,
    }


def _write(job: ChapterJob, parts: Sequence[Iterator[bytes]], figures: Sequence[Mapping[str, float]]) -> CodedChapter:
    plan = job.plan
    header: dict[str, Any] = {
        "chapter_number": plan.number,
        "sample_rate": plan.sample_rate,
        "samples": plan.samples,
        "bit_rate": job.bit_rate,
        "gain_db": job.gain_db,
        "coding": coding_version(),
    }

    def packets() -> Iterator[bytes]:
        for number, part in enumerate(parts, start=1):
            held: bytes | None = None
            for packet in part:
                if held is not None:
                    yield held
                held = packet
            if held is not None and number == len(parts):
                yield held  # a part's extra packet is the next part's first; only the last one's is kept
        rms = math.sqrt(sum(part["squares"] for part in figures) / plan.samples)
        peak = max(part["peak"] for part in figures)
        header["levels"] = {"rms_db": round(decibels(rms), 3), "peak_db": round(decibels(peak), 3)}
        header["limited_samples"] = int(sum(part["limited_samples"] for part in figures))
        header["reduction_db"] = max(part["reduction_db"] for part in figures)

    return _coded(write_packets(job.out_path, packets(), header))


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
        self.squares = self.peak = 0.0

    def add(self, block: NDArray[np.float32]) -> None:
        if len(block):
            self.squares += float(np.einsum("i,i->", block, block))
            self.peak = max(self.peak, float(block.max()), -float(block.min()))


def _metered(blocks: Iterable[NDArray[np.float32]], meter: _Meter, samples: int) -> Iterator[NDArray[np.float32]]:
    position = -CONTEXT
    for block in blocks:
        meter.add(block[max(0, -position) : max(0, samples - position)])
        position += len(block)
        yield block
