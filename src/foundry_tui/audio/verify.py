"""The finished M4B, opened as a listener's player opens it and held against everything it should be.

Nothing is believed from our own notes: the sound is decoded to its last sample, marks are read by two readers, tags
and cover are read back. Findings that only need a look (a chapter a little too loud) never stop a book.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from mutagen import MutagenError, mp4

from foundry_tui.audio.listen import UNREADABLE, Heard, listen
from foundry_tui.audio.loudness import integrated
from foundry_tui.audio.measure import SILENT_DB
from foundry_tui.audio.mp4_marks import Mark, nero_marks, quicktime_marks
from foundry_tui.audio.profiles import MasteringProfile
from foundry_tui.audio.quality_report import Finding, QualityReport
from foundry_tui.audio.tags import BookTags, mark_title, one_line, paragraphs
from foundry_tui.domain.timing import TimingTable
from foundry_tui.errors import ArtifactBroken

__all__ = ["Expected", "Finding", "QualityReport", "verify_m4b"]

_MARK_TOLERANCE_S = Fraction(1, 1000)
_QUIET_DB, _SPEECH_DB = -55.0, -45.0
_MAX_ZERO_MS, _HOLE_MS = 50.0, 500.0
_FAR_DB = 8.0  # gated loudness this far off means the wrong gain, whatever the voice
_NERO_MARKS = 255
_JUDGED_S = 15  # a shorter chapter is mostly air, and is levelled by its speech


@dataclass(frozen=True, slots=True)
class Expected:
    """What the finished file should be; ``cover`` as it was given to the writer."""

    timing: TimingTable
    tags: BookTags
    profile: MasteringProfile
    cover: bytes | None = None


def verify_m4b(path: Path, expected: Expected, heard: Sequence[Heard] | None = None) -> QualityReport:
    """Open, decode and judge the file. Never raises for a bad file: a fatal finding says what is wrong.

    ``heard`` is the whole book as :func:`listen` gave it, span by span, where others have listened already.
    """
    if heard is None:
        heard = [listen(path, expected.timing, (0, len(expected.timing.chapters)))]
    findings: list[Finding] = []
    chapters: list[dict[str, Any]] = []
    figures: dict[str, Any] = {}
    try:
        sound = _whole(heard)
        figures = {"samples": sound.samples, "sample_rate": sound.sample_rate, "lufs": sound.lufs}
        findings += [*_stream(sound, expected.timing), *_levels(sound, expected), *_borders(sound, expected)]
        chapters = [
            _row(chapter, levels) for chapter, levels in zip(expected.timing.chapters, sound.levels, strict=True)
        ]
        findings += [*_marks(path, expected.timing), *_tags(path, expected)]
    except (*UNREADABLE, MutagenError) as error:
        findings.insert(0, Finding("readable", passed=False, sentence=f"The file cannot be read: {error}"))
    else:
        findings.insert(0, Finding("readable", passed=True, sentence="The file opens and decodes to its end."))
    return QualityReport(path.name, tuple(findings), chapters, figures)


@dataclass(frozen=True, slots=True)
class _Sound:
    samples: int
    sample_rate: int
    channels: int
    codec: str
    lufs: float
    levels: list[dict[str, float]]
    heard: Sequence[Heard]

    def of_chapter(self, place: int) -> Heard:
        return next(heard for heard in self.heard if heard.span[0] <= place < heard.span[1])


def _whole(heard: Sequence[Heard]) -> _Sound:
    """All spans put together; raises ArtifactBroken with the reason where one could not be heard."""
    if broken := [part.error for part in heard if part.error]:
        raise ArtifactBroken(broken[0])
    first = heard[0]
    energies = np.concatenate([energies for part in heard for energies in part.energies])
    return _Sound(
        samples=sum(part.samples for part in heard),
        sample_rate=first.sample_rate,
        channels=first.channels,
        codec=first.codec,
        lufs=round(integrated(energies.astype(np.float64), first.sample_rate), 2),
        levels=[levels for part in heard for levels in part.levels],
        heard=heard,
    )


def _stream(sound: _Sound, timing: TimingTable) -> Iterator[Finding]:
    right = (sound.codec, sound.sample_rate, sound.channels) == ("aac", timing.sample_rate, 1)
    yield Finding("format", right, f"{sound.codec}, {sound.sample_rate} Hz, {sound.channels} channel.")
    yield Finding(
        "length",
        sound.samples == timing.samples,
        f"{sound.samples:,} samples decoded, {timing.samples:,} laid out ({timing.seconds(timing.samples):,.3f} s).",
        figures={"decoded": sound.samples, "expected": timing.samples},
    )


def _levels(sound: _Sound, expected: Expected) -> Iterator[Finding]:
    profile = expected.profile
    name = "rms_db" if profile.measure == "rms" else "lufs"
    low, high = profile.accepted_db
    judged = [
        (chapter.number, levels[name])
        for chapter, levels in zip(expected.timing.chapters, sound.levels, strict=True)
        if chapter.end - chapter.start >= _JUDGED_S * expected.timing.sample_rate
    ]
    off = [number for number, level in judged if not low <= level <= high]
    inside = f"{len(judged) - len(off)} of {len(judged)} chapters of {_JUDGED_S} s or more within {low:g}..{high:g}"
    yield Finding(
        "loudness",
        not off,
        f"{inside} ({name}, {profile.name})" + (f"; outside: {_numbers(off)}." if off else "."),
        fatal=False,
        figures={"chapters_outside": off, "book_lufs": sound.lufs},
    )
    far = abs(sound.lufs - profile.target_db) > _FAR_DB
    yield Finding(
        "target", not far, f"The book stands at {sound.lufs:.1f} LUFS, aimed at {profile.target_db:g} ({name})."
    )
    peak = max((levels["true_peak_db"] for levels in sound.levels), default=SILENT_DB)
    yield Finding(
        "peak",
        peak <= profile.peak_max_db,
        f"True peak {peak:.2f} dBTP, at most {profile.peak_max_db:g} wanted.",
        fatal=peak >= 0,
    )
    floor = max((levels["floor_db"] for levels in sound.levels), default=SILENT_DB)
    yield Finding(
        "floor", floor <= profile.floor_max_db, f"Quietest half seconds at most {floor:.1f} dBFS.", fatal=False
    )
    zero = max((levels["longest_zero_ms"] for levels in sound.levels), default=0.0)
    yield Finding(
        "digital_zero", zero <= _MAX_ZERO_MS, f"Longest digital silence {zero:.1f} ms.", fatal=zero > _HOLE_MS
    )


def _borders(sound: _Sound, expected: Expected) -> Iterator[Finding]:
    timing, profile = expected.timing, expected.profile
    loud, mute = [], []
    for place, chapter in enumerate(timing.chapters):
        heard = sound.of_chapter(place)
        before = heard.between(chapter.end - timing.sample_rate // 5 + heard.step, chapter.end)
        first = chapter.chunks[0] if chapter.chunks else None
        start = first.start if first else chapter.start
        after = heard.between(start, start + timing.sample_rate * 3 // 2)
        if len(before) and _db(before.mean()) > _QUIET_DB:
            loud.append(chapter.number)
        if not len(after) or _db(after.max()) < _SPEECH_DB:
            mute.append(chapter.number)
    yield Finding(
        "quiet_before_marks",
        not loud,
        f"All {len(timing.chapters)} chapters end quietly."
        if not loud
        else f"Sound runs into the next mark: {_numbers(loud)}.",
    )
    yield Finding(
        "speech_after_marks",
        not mute,
        f"Speech follows every mark within {profile.head_ms} ms and its first chunk's onset."
        if not mute
        else f"No speech after the mark of {_numbers(mute)}.",
    )


def _marks(path: Path, timing: TimingTable) -> Iterator[Finding]:
    clock = Fraction(1, timing.sample_rate)
    wanted = [Mark(chapter.start * clock, mark_title(chapter.title, chapter.number)) for chapter in timing.chapters]
    with av.open(str(path)) as container:
        by_ffmpeg = [
            Mark(mark["start"] * Fraction(mark["time_base"] or 0), mark["metadata"].get("title", ""))
            for mark in container.chapters()
        ]
    yield _compare("marks_quicktime", quicktime_marks(path), wanted)
    yield _compare("marks_ffmpeg", by_ffmpeg, wanted)
    yield _compare("marks_nero", nero_marks(path), wanted[:_NERO_MARKS])


def _compare(name: str, found: Sequence[Mark], wanted: Sequence[Mark]) -> Finding:
    if len(found) != len(wanted):
        return Finding(name, passed=False, sentence=f"{len(found)} marks found, {len(wanted)} expected.")
    worst = max(
        (abs(mark.start_s - want.start_s) for mark, want in zip(found, wanted, strict=True)), default=Fraction(0)
    )
    wrong = [index for index, (mark, want) in enumerate(zip(found, wanted, strict=True), 1) if mark.title != want.title]
    sentence = f"{len(found)} marks, worst error {float(worst) * 1000:.3f} ms"
    return Finding(
        name,
        worst <= _MARK_TOLERANCE_S and not wrong,
        f"{sentence}, all titles right." if not wrong else f"{sentence}, wrong titles at {_numbers(wrong)}.",
        figures={"marks": len(found), "worst_ms": float(worst) * 1000},
    )


def _tags(path: Path, expected: Expected) -> Iterator[Finding]:
    mutagen: Any = mp4
    found = mutagen.MP4(path).tags or {}
    tags = expected.tags
    wanted = {
        "title": ("\xa9nam", one_line(tags.title)),
        "author": ("\xa9ART", one_line(tags.author or "")),
        "narrator": ("\xa9nrt", one_line(tags.narrator or "")),
        "description": ("desc", paragraphs(tags.description or "")),
        "year": ("\xa9day", one_line(tags.year or "")),
        "series": ("----:com.apple.iTunes:SERIES", one_line(tags.series or "")),
    }
    wrong = [name for name, (key, value) in wanted.items() if value and _text(found.get(key)) != value]
    if found.get("stik") != [2]:
        wrong.append("media type")
    yield Finding("tags", not wrong, "Tags read back as given." if not wrong else f"Wrong tags: {', '.join(wrong)}.")
    if expected.cover is not None:
        covers = [bytes(cover) for cover in found.get("covr", [])]
        same = [hashlib.sha256(cover).digest() for cover in covers] == [hashlib.sha256(expected.cover).digest()]
        yield Finding("cover", same, "The cover reads back byte for byte." if same else "The cover does not read back.")


def _text(values: Any) -> str | None:
    if not values:
        return None
    return bytes(values[0]).decode("utf-8", "replace") if isinstance(values[0], bytes) else str(values[0])


def _row(chapter: Any, levels: dict[str, float]) -> dict[str, Any]:
    return {
        "number": chapter.number,
        "title": one_line(chapter.title, 80),
        "samples": chapter.end - chapter.start,
        **levels,
    }


def _db(mean_square: float) -> float:
    return 10 * float(np.log10(max(float(mean_square), 1e-12)))


def _numbers(values: Sequence[int]) -> str:
    shown = ", ".join(str(value) for value in values[:10])
    return shown if len(values) <= 10 else f"{shown} and {len(values) - 10} more"
