"""The M4B: coded chapters spliced packet by packet onto one timeline, with marks, cover and tags, written once.

The sound is not coded again and never held in memory. FFmpeg's muxer (through PyAV) writes a QuickTime chapter track
for all chapters and a Nero list for the first 255; the movie's clock ticks in samples, so marks are exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from mutagen import mp4

from foundry_tui.audio.aac import CODER
from foundry_tui.audio.chapter_packets import CodedChapter
from foundry_tui.audio.layout import FRAME
from foundry_tui.audio.mp4_atoms import moov_first
from foundry_tui.audio.packet_file import PacketFile, open_packets, read_packets
from foundry_tui.audio.tags import BookTags, mark_title, one_line, paragraphs
from foundry_tui.domain.timing import TimingTable
from foundry_tui.errors import ArtifactBroken, AudioError
from foundry_tui.files import replacing

_FREEFORM = "----:com.apple.iTunes:"


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A finished file: ``samples`` at ``sample_rate`` Hz."""

    path: Path
    sha256: str
    size_bytes: int
    samples: int
    sample_rate: int


def write_m4b(
    path: Path, chapters: Sequence[CodedChapter], timing: TimingTable, tags: BookTags, cover: bytes | None
) -> BuiltFile:
    """Write the audiobook to ``path`` atomically; ``cover`` is JPEG or PNG.

    Raises ArtifactBroken for a chapter whose packets changed on disk (its path in the details), AudioError where
    chapters and timing table disagree, WriteFailed or DiskFull where the disk refuses.
    """
    files = _agreeing(chapters, timing)
    with replacing(path) as finished:
        with _scratch(finished) as muxed:
            _mux(muxed, files, timing.sample_rate, _marks(timing), tags, chapters[0].bit_rate)
            _tag(muxed, tags, cover)
            sha256 = moov_first(muxed, finished)
        size_bytes = finished.stat().st_size
    return BuiltFile(path, sha256, size_bytes, timing.samples, timing.sample_rate)


def write_m4a(path: Path, chapter: CodedChapter, tags: BookTags) -> BuiltFile:
    """One coded chapter as a file of its own, without marks: what a read-along EPUB carries. Raises as write_m4b."""
    file = open_packets(chapter.path)
    if file.sha256 != chapter.sha256:
        raise ArtifactBroken(f"{chapter.path.name} is not the chapter that was coded.")
    with replacing(path) as finished:
        with _scratch(finished) as muxed:
            _mux(muxed, [file], chapter.sample_rate, [], tags, chapter.bit_rate, brand="M4A ")
            sha256 = moov_first(muxed, finished)
        size_bytes = finished.stat().st_size
    return BuiltFile(path, sha256, size_bytes, chapter.samples, chapter.sample_rate)


def cover_format(cover: bytes) -> int:
    """Mutagen's number for the picture's kind; raises AudioError for anything but JPEG and PNG."""
    if cover.startswith(b"\xff\xd8\xff"):
        return int(mp4.MP4Cover.FORMAT_JPEG)
    if cover.startswith(b"\x89PNG\r\n\x1a\n"):
        return int(mp4.MP4Cover.FORMAT_PNG)
    raise AudioError("The cover is neither JPEG nor PNG.")


def _agreeing(chapters: Sequence[CodedChapter], timing: TimingTable) -> list[PacketFile]:
    if not chapters or len(chapters) != len(timing.chapters):
        raise AudioError(f"{len(chapters)} chapters are coded, the timing table has {len(timing.chapters)}.")
    files = []
    for coded, placed in zip(chapters, timing.chapters, strict=True):
        facts = (coded.number, coded.samples, coded.sample_rate, coded.bit_rate)
        wanted = (placed.number, placed.end - placed.start, timing.sample_rate, chapters[0].bit_rate)
        if facts != wanted:
            raise AudioError(
                f"Chapter {placed.number} is coded as {facts}, the timing table wants {wanted}.",
                details={"chapter_number": placed.number},
            )
        file = open_packets(coded.path)
        if file.sha256 != coded.sha256 or file.packets != coded.samples // FRAME + 1:
            raise ArtifactBroken(
                f"{coded.path.name} is not the chapter that was coded.", details={"path": str(coded.path)}
            )
        files.append(file)
    return files


@contextmanager
def _scratch(beside: Path) -> Iterator[Path]:
    path = beside.with_name(f"{beside.name}.mux")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _mux(
    path: Path,
    files: Sequence[PacketFile],
    sample_rate: int,
    marks: list[Any],
    tags: BookTags,
    bit_rate: int,
    brand: str = "M4B ",
) -> None:
    clock = Fraction(1, sample_rate)
    options = {"brand": brand, "movie_timescale": str(sample_rate)}
    try:
        with av.open(str(path), "w", format="mp4", options=options) as container:
            stream = container.add_stream("aac", rate=sample_rate)
            _declare(stream, bit_rate, tags.language)
            container.set_chapters(marks)
            container.start_encoding()
            for number, data in enumerate(_all_packets(files)):
                packet = av.Packet(data)
                packet.stream = stream
                packet.time_base = clock
                packet.pts = packet.dts = (number - 1) * FRAME
                packet.duration = FRAME
                container.mux_one(packet)
    except av.error.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error


def _declare(stream: AudioStream, bit_rate: int, language: str) -> None:
    """Open an encoder like the chapters': the muxer takes decoder settings and priming from it."""
    codec = stream.codec_context
    codec.layout = "mono"
    codec.format = "fltp"
    codec.bit_rate = bit_rate
    codec.thread_count = 1
    codec.options = dict(CODER)
    stream.metadata["language"] = language


def _marks(timing: TimingTable) -> list[Any]:
    clock = Fraction(1, timing.sample_rate)
    return [
        {
            "id": index,
            "start": chapter.start,
            "end": chapter.end,
            "time_base": clock,
            "metadata": {"title": mark_title(chapter.title, chapter.number)},
        }
        for index, chapter in enumerate(timing.chapters)
    ]


def _all_packets(files: Sequence[PacketFile]) -> Iterator[bytes]:
    """Every chapter's own packets; the extra one that sounds a chapter out is used after the last alone."""
    for file in files:
        last = file.packets - 1
        for index, packet in enumerate(read_packets(file)):
            if index < last or file is files[-1]:
                yield packet


def _tag(path: Path, tags: BookTags, cover: bytes | None) -> None:
    mutagen: Any = mp4  # untyped
    file = mutagen.MP4(path)
    if file.tags is None:
        file.add_tags()
    title, author, narrator = one_line(tags.title), one_line(tags.author or ""), one_line(tags.narrator or "")
    lines = {
        "\xa9nam": title,
        "\xa9alb": one_line(tags.album or "") or title,
        "\xa9ART": author,
        "aART": author,
        "\xa9wrt": narrator,
        "\xa9nrt": narrator,
        "\xa9gen": one_line(tags.genre or "Audiobook"),
        "\xa9day": one_line(tags.year or ""),
        "desc": paragraphs(tags.description or ""),
        "\xa9pub": one_line(tags.publisher or ""),
        "cprt": one_line(tags.copyright or ""),
        "\xa9cmt": paragraphs(tags.comment or ""),
        f"{_FREEFORM}SERIES": one_line(tags.series or ""),
        f"{_FREEFORM}SERIES-PART": one_line(tags.series_part or ""),
    }
    for name, value in lines.items():
        if value:
            file[name] = [mutagen.MP4FreeForm(value.encode("utf-8"))] if name.startswith(_FREEFORM) else [value]
    if tags.volume:
        file["disk"] = file["trkn"] = [tags.volume]
    file["stik"] = [2]
    if cover is not None:
        file["covr"] = [mutagen.MP4Cover(cover, cover_format(cover))]
    file.save()
