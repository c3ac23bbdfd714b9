"""A whole book as one Opus or FLAC file: for streaming, and for keeping. Mastered in one pass, bounded in memory.

Marks are the ``CHAPTERnnn`` comments of the Vorbis chapter extension, which FFmpeg, VLC and others read.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from mutagen import flac
from numpy.typing import NDArray

from foundry_tui.audio.assemble import BuiltFile
from foundry_tui.audio.chapter_packets import ChapterJob
from foundry_tui.audio.master import master
from foundry_tui.audio.tags import BookTags, mark_title, one_line, paragraphs
from foundry_tui.domain.timing import TimingTable
from foundry_tui.errors import UsageError
from foundry_tui.files import replacing

_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """A container and a coder; ``bit_rate`` in bits a second where the coder has one."""

    container: str
    codec: str
    sample_format: str
    bit_rate: int | None


FORMATS = {
    "opus": StreamFormat("ogg", "libopus", "flt", 32_000),
    "flac": StreamFormat("flac", "flac", "s16", None),
}


def write_stream(
    path: Path,
    kind: str,
    jobs: Sequence[ChapterJob],
    timing: TimingTable,
    tags: BookTags,
    cover: bytes | None = None,
) -> BuiltFile:
    """Master all chapters and write them as one ``opus`` or ``flac`` file, atomically; ``job.out_path`` is not used.

    Raises UsageError for another kind, ArtifactBroken for a broken take, WriteFailed or DiskFull where the disk
    refuses.
    """
    if kind not in FORMATS:
        raise UsageError(f"There is no output format {kind!r}; known: {', '.join(FORMATS)}.")
    how = FORMATS[kind]
    rate = next((known for known in _OPUS_RATES if known >= timing.sample_rate), 48_000)
    if how.codec == "flac":
        rate = timing.sample_rate
    with replacing(path) as temporary:
        try:
            samples = _write(temporary, how, rate, jobs, _comments(timing, tags) | _picture(kind, cover))
            if kind == "flac" and cover is not None:
                _lay_cover(temporary, cover)
        except av.error.FFmpegError as error:
            raise OSError(error.errno, error.strerror) from error
        with temporary.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        size_bytes = temporary.stat().st_size
    return BuiltFile(path, sha256, size_bytes, samples, rate)


def _picture(kind: str, cover: bytes | None) -> dict[str, str]:
    """The cover as Ogg files carry it, in a comment."""
    if kind != "opus" or cover is None:
        return {}
    return {"METADATA_BLOCK_PICTURE": base64.b64encode(_block(cover).write()).decode("ascii")}


def _lay_cover(path: Path, cover: bytes) -> None:
    mutagen: Any = flac  # untyped
    file = mutagen.FLAC(path)
    file.add_picture(_block(cover))
    file.save()


def _block(cover: bytes) -> Any:
    picture: Any = flac.Picture()  # type: ignore[no-untyped-call]
    picture.type, picture.data = 3, cover
    picture.mime = "image/png" if cover.startswith(b"\x89PNG") else "image/jpeg"
    return picture


def _write(path: Path, how: StreamFormat, rate: int, jobs: Sequence[ChapterJob], comments: dict[str, str]) -> int:
    samples = 0
    with av.open(str(path), "w", format=how.container) as container:
        container.metadata.update(comments)
        stream: Any = container.add_stream(how.codec, rate=rate)
        stream.codec_context.layout = "mono"
        stream.codec_context.format = how.sample_format
        if how.bit_rate:
            stream.codec_context.bit_rate = how.bit_rate
            stream.codec_context.options = {"application": "voip", "vbr": "on"}
        stream.codec_context.thread_count = 1
        container.start_encoding()
        size = stream.codec_context.frame_size or _BLOCK
        for block in _framed(_resampled(jobs, rate), size):
            frame = av.AudioFrame.from_ndarray(_as(how.sample_format, block), format=how.sample_format, layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, samples, Fraction(1, rate)
            samples += len(block)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return samples


def _resampled(jobs: Sequence[ChapterJob], rate: int) -> Iterator[NDArray[np.float32]]:
    source = jobs[0].plan.sample_rate
    stream = soxr.ResampleStream(source, rate, 1, dtype="float32", quality="HQ") if source != rate else None
    for job in jobs:
        for block in master(job.plan, book_id=job.book_id, gain_db=job.gain_db, profile=job.profile):
            yield stream.resample_chunk(block) if stream else block
    if stream:
        yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def _framed(blocks: Iterable[NDArray[np.float32]], size: int) -> Iterator[NDArray[np.float32]]:
    rest = np.zeros(0, dtype=np.float32)
    for block in blocks:
        sound = np.concatenate([rest, block])
        whole = len(sound) // size * size
        for start in range(0, whole, size):
            yield sound[start : start + size]
        rest = sound[whole:]
    if len(rest):
        yield rest


def _as(sample_format: str, block: NDArray[np.float32]) -> NDArray[Any]:
    if sample_format == "s16":
        whole: NDArray[np.int16] = np.clip(np.rint(block * 32767.0), -32768, 32767).astype(np.int16)
        return whole[np.newaxis, :]
    return block[np.newaxis, :]


def _comments(timing: TimingTable, tags: BookTags) -> dict[str, str]:
    comments = {
        "title": one_line(tags.title),
        "album": one_line(tags.title),
        "artist": one_line(tags.author or ""),
        "performer": one_line(tags.narrator or ""),
        "genre": one_line(tags.genre or "Audiobook"),
        "date": one_line(tags.year or ""),
        "description": paragraphs(tags.description or ""),
        "language": tags.language,
        "series": one_line(tags.series or ""),
        "series-part": one_line(tags.series_part or ""),
    }
    for place, chapter in enumerate(timing.chapters, start=1):
        total = round(chapter.start * 1000 / timing.sample_rate)
        clock = f"{total // 3_600_000:02d}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d}.{total % 1000:03d}"
        comments[f"CHAPTER{place:03d}"] = clock
        comments[f"CHAPTER{place:03d}NAME"] = mark_title(chapter.title, chapter.number)
    return {name: value for name, value in comments.items() if value}
