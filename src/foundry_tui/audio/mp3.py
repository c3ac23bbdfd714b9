"""A chapter as MP3, 192 kb/s constant, 44.1 kHz mono: what shops ask for. Mastered like the M4B, coded by LAME."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import lameenc
import numpy as np
import soxr
from mutagen import id3
from numpy.typing import NDArray

from foundry_tui.audio.assemble import BuiltFile
from foundry_tui.audio.chapter_packets import ChapterJob
from foundry_tui.audio.master import master
from foundry_tui.audio.tags import BookTags, mark_title, one_line, paragraphs
from foundry_tui.files import replacing

RATE = 44_100
BIT_RATE_KBPS = 192
_QUALITY = 5  # LAME's scale: 2 is 1.8 times slower and no better for one voice at this rate
CODING = f"lame-{BIT_RATE_KBPS}-q{_QUALITY}/1"  # names the coder: another gives other files


def write_mp3_chapter(
    job: ChapterJob,
    tags: BookTags,
    cover: bytes | None,
    out: Path,
    *,
    track: int | None = None,
    tracks: int | None = None,
    fade_ms: int = 0,
) -> BuiltFile:
    """Master ``job``'s chapter and write it to ``out`` atomically, tagged ID3v2.3; ``job.out_path`` is not used.

    ``track`` of ``tracks`` numbers the file (the chapter's own number where not given); its first and last
    ``fade_ms`` are faded. Raises ArtifactBroken for a
    broken take, WriteFailed or DiskFull where the disk refuses.
    """
    samples = 0
    with replacing(out) as temporary:
        with temporary.open("wb") as file:
            encoder = _encoder()
            for block in _resampled(job, fade_ms):
                samples += len(block)
                file.write(encoder.encode(block.tobytes()))
            file.write(encoder.flush())
        _tag(temporary, job, tags, cover, samples, (track or job.plan.number, tracks))
        sha256, size_bytes = _sha256(temporary), temporary.stat().st_size
    return BuiltFile(out, sha256, size_bytes, samples, RATE)


def _encoder() -> Any:
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(BIT_RATE_KBPS)
    encoder.set_in_sample_rate(RATE)
    encoder.set_out_sample_rate(RATE)
    encoder.set_channels(1)
    encoder.set_quality(_QUALITY)
    encoder.silence()
    return encoder


def _resampled(job: ChapterJob, fade_ms: int) -> Iterator[NDArray[np.int16]]:
    stream = soxr.ResampleStream(job.plan.sample_rate, RATE, 1, dtype="float32", quality="HQ")
    blocks = master(job.plan, book_id=job.book_id, gain_db=job.gain_db, profile=job.profile)
    for block in _faded(blocks, job.plan.samples, job.plan.sample_rate * fade_ms // 1000):
        yield _int16(stream.resample_chunk(block))
    yield _int16(stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True))


def _faded(blocks: Iterable[NDArray[np.float32]], samples: int, fade: int) -> Iterator[NDArray[np.float32]]:
    """A raised-cosine fade over the first and last ``fade`` of ``samples``."""
    fade, start = min(fade, samples // 2), 0
    for block in blocks:
        end = start + len(block)
        if fade and (start < fade or end > samples - fade):
            places = np.arange(start, end)
            inside = np.clip(np.minimum(places + 0.5, samples - places - 0.5) / fade, 0.0, 1.0)
            yield (block * (0.5 - 0.5 * np.cos(np.pi * inside))).astype(np.float32)
        else:
            yield block
        start = end


def _int16(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    whole: NDArray[np.int16] = np.clip(np.rint(sound * 32767.0), -32768, 32767).astype("<i2")
    return whole


def _tag(
    path: Path,
    job: ChapterJob,
    tags: BookTags,
    cover: bytes | None,
    samples: int,
    place: tuple[int, int | None],
) -> None:
    mutagen: Any = id3  # untyped
    title = mark_title(job.plan.title, job.plan.number)
    track, tracks = place
    lines = {
        "TIT2": title,
        "TALB": one_line(tags.title),
        "TPE1": one_line(tags.author or ""),
        "TPE2": one_line(tags.author or ""),
        "TCOM": one_line(tags.narrator or ""),
        "TCON": one_line(tags.genre or "Audiobook"),
        "TDRC": one_line(tags.year or ""),
        "TPUB": one_line(tags.publisher or ""),
        "TCOP": one_line(tags.copyright or ""),
        "TLAN": tags.language if tags.language != "und" else "",
        "TRCK": f"{track}/{tracks}" if tracks else str(track),
        "TLEN": str(round(samples * 1000 / RATE)),
    }
    frames = mutagen.ID3()
    for name, value in lines.items():
        if value:
            frames.add(getattr(mutagen, name)(encoding=3, text=[value]))
    if tags.series:
        frames.add(mutagen.TXXX(encoding=3, desc="SERIES", text=[one_line(tags.series)]))
    if tags.series_part:
        frames.add(mutagen.TXXX(encoding=3, desc="SERIES-PART", text=[one_line(tags.series_part)]))
    if tags.description:
        frames.add(mutagen.COMM(encoding=3, lang=tags.language[:3], desc="", text=[paragraphs(tags.description)]))
    if cover is not None:
        mime = "image/png" if cover.startswith(b"\x89PNG") else "image/jpeg"
        frames.add(mutagen.APIC(encoding=0, mime=mime, type=3, desc="", data=cover))
    end_ms = round(samples * 1000 / RATE)
    frames.add(
        mutagen.CHAP(
            element_id="chp1",
            start_time=0,
            end_time=end_ms,
            start_offset=0xFFFFFFFF,
            end_offset=0xFFFFFFFF,
            sub_frames=[mutagen.TIT2(encoding=3, text=[title])],
        )
    )
    frames.add(mutagen.CTOC(element_id="toc", flags=3, child_element_ids=["chp1"], sub_frames=[]))
    frames.update_to_v23()
    frames.save(path, v1=0, v2_version=3)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
