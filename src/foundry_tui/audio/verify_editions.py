"""The finished editions beside the M4B, opened and held against what they should be.

A bad file is told in a fatal finding, never raised.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import av
import numpy as np
from mutagen import MutagenError, id3
from mutagen.flac import FLAC, Picture
from mutagen.oggopus import OggOpus

from foundry_tui.audio.acx_certificate import Mp3Measures, certificate_of, measure_mp3
from foundry_tui.audio.profiles import MasteringProfile
from foundry_tui.audio.quality_report import Finding, QualityReport
from foundry_tui.audio.sound_meter import SoundMeter
from foundry_tui.audio.tags import BookTags, mark_title, one_line
from foundry_tui.domain.timing import TimingTable

_LENGTH_S = 0.1  # LAME pads up to three frames of 26 ms
_MARK_S = Fraction(1, 1000)
_CLIP_S = 0.003  # three clips' rounding
_GATHER = 1 << 16
_JUDGED_S = 15  # a shorter chapter is mostly air, and is levelled by its speech
_SAMPLE_S = (60.0, 300.0)
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d\d)[.,](\d{2,3})")
_SMIL = "{http://www.w3.org/ns/SMIL}"
_XHTML = "{http://www.w3.org/1999/xhtml}"
_UNREADABLE = (OSError, ValueError, KeyError, IndexError, MutagenError, av.error.FFmpegError, ET.ParseError)


@dataclass(frozen=True, slots=True)
class ExpectedMp3:
    """One MP3: ``seconds`` long, called ``title``, track ``track``; published as ``name``."""

    path: Path
    name: str
    seconds: float
    title: str
    track: int


Heard = Sequence[Mp3Measures | None]  # what ``measured`` found, file by file: it may be asked in many processes


def verify_mp3s(
    name: str, files: Sequence[ExpectedMp3], profile: MasteringProfile, heard: Heard | None = None
) -> QualityReport:
    """Every MP3 decoded to its end: length, title, track, loudness and peak."""
    findings, good = _mp3_files(files, heard)
    low, high = profile.accepted_db
    key = "rms_db" if profile.measure == "rms" else "lufs"
    off = [file.name for file in good if file.seconds >= _JUDGED_S and not low <= file.levels[key] <= high]
    peak = max((file.levels["true_peak_db"] for file in good), default=0.0)
    findings += [
        _finding("loudness", f"{key} within {low:g}..{high:g}", off, len(good), fatal=False),
        Finding("peak", peak <= profile.peak_max_db, f"True peak {peak:.2f} dBTP.", fatal=False),
    ]
    return QualityReport(name, tuple(findings), [file.row() for file in good], {"files": len(files)})


def verify_acx(files: Sequence[ExpectedMp3], sample: ExpectedMp3 | None, heard: Heard | None = None) -> QualityReport:
    """The ACX certificate of the set and its sample: pass or fail per clause; ``heard`` of the set, then the sample."""
    findings, good = _mp3_files([*files, *([sample] if sample else [])], heard)
    report = certificate_of(good)
    findings += report.findings
    if sample is not None:
        findings.append(replace(_sample_length(sample.seconds), fatal=True))
    return replace(report, findings=tuple(findings))


def verify_sample(sample: ExpectedMp3) -> QualityReport:
    """The retail sample by itself."""
    findings = (*_mp3_files([sample])[0], _sample_length(sample.seconds))
    return QualityReport(sample.name, findings, figures={"seconds": round(sample.seconds, 2)})


def verify_stream(
    path: Path, timing: TimingTable, tags: BookTags, profile: MasteringProfile, cover: bytes | None
) -> QualityReport:
    """Opus or FLAC: decoded to the last sample, marks, tags and cover read back."""
    findings: list[Finding] = []
    try:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            rate = stream.codec_context.sample_rate
            said = {**container.metadata, **stream.metadata}
            marks = [
                (mark["start"] * Fraction(mark["time_base"] or 0), mark["metadata"].get("title", ""))
                for mark in container.chapters()
            ]
            levels, samples = _heard(container, stream, rate)
        wanted = round(timing.samples * rate / timing.sample_rate)
        exact = abs(samples - wanted) <= (0 if rate == timing.sample_rate else 2)
        findings.append(Finding("length", exact, f"{samples:,} samples decoded, {wanted:,} laid out at {rate} Hz."))
        findings.append(_marks(marks, timing))
        right = {name.lower(): value for name, value in said.items()}
        wrong = [
            name
            for name, value in (("title", tags.title), ("artist", tags.author), ("performer", tags.narrator))
            if value and right.get(name) != one_line(value)
        ]
        findings.append(Finding("tags", not wrong, f"Tags: {', '.join(wrong)} wrong." if wrong else "Tags as given."))
        if cover is not None:
            same = _cover_of(path) == hashlib.sha256(cover).digest()
            findings.append(Finding("cover", same, f"The cover {'reads' if same else 'does not read'} back."))
        low, high = profile.accepted_db
        key = "rms_db" if profile.measure == "rms" else "lufs"
        inside = low - 1 <= levels[key] <= high + 1
        findings.append(Finding("loudness", inside, f"{levels[key]:.1f} {key}, {profile.name}.", fatal=False))
        figures: dict[str, Any] = {"samples": samples, "sample_rate": rate, **levels}
    except _UNREADABLE as error:
        findings.insert(0, _unreadable(path, error))
        figures = {}
    return QualityReport(path.name, tuple(findings), figures=figures)


def verify_subtitles(path: Path, timing: TimingTable, texts: Mapping[tuple[int, int], str]) -> QualityReport:
    """SRT, VTT or LRC: cues in order, inside the book, and together every word of the text."""
    try:
        cues = list(_lrc_file(path) if path.suffix == ".lrc" else _cue_file(path))
    except _UNREADABLE as error:
        return QualityReport(path.name, (_unreadable(path, error),))
    starts = [start for start, _end, _text in cues]
    late = sum(end < start for start, end, _ in cues) + sum(b < a for a, b in pairwise(starts))
    last, length = max((end for _, end, _ in cues), default=0.0), timing.seconds(timing.samples)
    said = _letters(" ".join(text for _, _, text in cues))
    placed = {(chunk.chapter_number, chunk.chunk_index) for chapter in timing.chapters for chunk in chapter.chunks}
    wanted = _letters(" ".join(text for place, text in sorted(texts.items()) if place in placed))
    findings = (
        Finding("cues", bool(cues) and not late, f"{len(cues):,} cues" + (f", {late} out of order." if late else ".")),
        Finding("inside", last <= length + 0.01, f"The last ends at {last:,.2f} s of {length:,.2f}."),
        Finding("text", said == wanted, f"{len(said):,} letters shown, {len(wanted):,} in the text."),
    )
    return QualityReport(path.name, findings, figures={"cues": len(cues), "last_s": last})


def verify_epub(path: Path, timing: TimingTable) -> QualityReport:
    """The read-along EPUB: every entry whole, every clip's sentence there, clips in order and filling each chapter."""
    findings: list[Finding] = []
    clips = missing = unordered = 0
    total = worst = 0.0
    try:
        with zipfile.ZipFile(path) as book:
            broken = book.testzip()
            findings.append(Finding("entries", broken is None, broken or "Every entry is whole."))
            for chapter in timing.chapters:
                name = f"OEBPS/chapter_{chapter.number:03d}"
                if not chapter.chunks:
                    continue
                page = ET.fromstring(book.read(f"{name}.xhtml"))  # noqa: S314 - our own file
                ids = {element.get("id") for element in page.iter() if element.get("id")}
                ends = 0.0
                for pair in ET.fromstring(book.read(f"{name}.smil")).iter(f"{_SMIL}par"):  # noqa: S314
                    text, audio = pair.find(f"{_SMIL}text"), pair.find(f"{_SMIL}audio")
                    assert text is not None
                    assert audio is not None
                    missing += str(text.get("src")).rpartition("#")[2] not in ids
                    begin, end = (float(str(audio.get(side)).rstrip("s")) for side in ("clipBegin", "clipEnd"))
                    unordered += abs(begin - ends) > _CLIP_S or end < begin
                    ends, clips = end, clips + 1
                total += ends
                worst = max(worst, abs(ends - timing.seconds(chapter.end - chapter.start)))
    except (*_UNREADABLE, zipfile.BadZipFile, AssertionError) as error:
        findings.insert(0, _unreadable(path, error))
    findings += [
        Finding("sentences", clips > 0 and not missing, f"{clips:,} clips, {missing} without their sentence."),
        Finding("clips", not unordered and worst <= _CLIP_S, f"Clips fill the chapters to {worst * 1000:.1f} ms."),
    ]
    return QualityReport(path.name, tuple(findings), figures={"clips": clips, "seconds": round(total, 3)})


def _mp3_files(files: Sequence[ExpectedMp3], heard: Heard | None = None) -> tuple[list[Finding], list[Mp3Measures]]:
    lengths, tags, broken, good = [], [], [], []
    for file, found in zip(files, heard if heard is not None else map(measured, files), strict=True):
        if found is None:
            broken.append(file.name)
            continue
        good.append(found)
        if abs(found.seconds - file.seconds) > _LENGTH_S:
            lengths.append(f"{file.name} ({found.seconds:.2f} s of {file.seconds:.2f})")
        if _id3(file.path) != (mark_title(file.title, file.track), file.track):
            tags.append(file.name)
    findings = [
        _finding("readable", "Decoded to the end", broken, len(files)),
        _finding("whole", "As long as laid out", lengths, len(files)),
        _finding("tags", "Title and track as given", tags, len(files)),
    ]
    return findings, good


def _finding(name: str, rule: str, missed: Sequence[str], count: int, *, fatal: bool = True) -> Finding:
    shown = ", ".join(missed[:8]) + (f" and {len(missed) - 8} more" if len(missed) > 8 else "")
    return Finding(name, not missed, f"{rule}: {f'missed by {shown}' if missed else f'all {count} files'}.", fatal)


def _sample_length(seconds: float) -> Finding:
    low, high = _SAMPLE_S
    sentence = f"The sample runs {seconds:.0f} s, {low:.0f} to {high:.0f} are wanted."
    return Finding("sample", low <= seconds <= high, sentence, fatal=False)


def measured(file: ExpectedMp3) -> Mp3Measures | None:
    """What one MP3 measures, decoded to its end; None where it cannot be read."""
    try:
        return measure_mp3(file.path, file.name)
    except _UNREADABLE:
        return None


def _id3(path: Path) -> tuple[str, int]:
    mutagen: Any = id3  # untyped
    try:
        tags = mutagen.ID3(path)
        return str(tags["TIT2"].text[0]), int(str(tags["TRCK"].text[0]).split("/")[0])
    except (MutagenError, KeyError, ValueError, IndexError):
        return "", 0


def _heard(container: Any, stream: Any, rate: int) -> tuple[dict[str, float], int]:
    meter, parts, count = SoundMeter(rate), [], 0
    for frame in container.decode(stream):
        data = frame.to_ndarray().reshape(-1)
        parts.append(data.astype(np.float32) / 32768.0 if data.dtype.kind == "i" else data.astype(np.float32))
        count += len(data)
        if count >= _GATHER:
            meter.add(np.concatenate(parts))
            parts, count = [], 0
    if parts:
        meter.add(np.concatenate(parts))
    return meter.levels(), meter.samples


def _marks(found: Sequence[tuple[Fraction, str]], timing: TimingTable) -> Finding:
    clock = Fraction(1, timing.sample_rate)
    wanted = [(chapter.start * clock, mark_title(chapter.title, chapter.number)) for chapter in timing.chapters]
    if len(found) != len(wanted):
        return Finding("marks", passed=False, sentence=f"{len(found)} marks found, {len(wanted)} expected.")
    worst = max(abs(mark[0] - want[0]) for mark, want in zip(found, wanted, strict=True))
    wrong = sum(mark[1] != want[1] for mark, want in zip(found, wanted, strict=True))
    sentence = f"{len(found)} marks, worst error {float(worst) * 1000:.3f} ms, {wrong} wrong titles."
    return Finding("marks", worst <= _MARK_S and not wrong, sentence, figures={"worst_ms": float(worst) * 1000})


def _cover_of(path: Path) -> bytes | None:
    if path.suffix == ".flac":
        flac: Any = FLAC(path)  # type: ignore[no-untyped-call]
        pictures = flac.pictures
    else:
        opus: Any = OggOpus(path)  # type: ignore[no-untyped-call]
        pictures = [
            Picture(base64.b64decode(text))  # type: ignore[no-untyped-call]
            for text in opus.get("metadata_block_picture", [])
        ]
    return hashlib.sha256(pictures[0].data).digest() if pictures else None


def _cue_file(path: Path) -> Iterator[tuple[float, float, str]]:
    for block in re.split(r"\n\s*\n", path.read_text("utf-8")):
        lines = block.strip().splitlines()
        timed = next((place for place, line in enumerate(lines) if " --> " in line), None)
        if timed is None:
            continue
        start, end = (_seconds(part) for part in lines[timed].split(" --> "))
        text = " ".join(lines[timed + 1 :])
        if path.suffix == ".vtt":
            text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        yield start, end, text


def _lrc_file(path: Path) -> Iterator[tuple[float, float, str]]:
    for line in path.read_text("utf-8").splitlines():
        stamp, _, text = line[1:].partition("]")
        if _CLOCK.fullmatch(stamp):
            yield _seconds(stamp), _seconds(stamp), text


def _seconds(text: str) -> float:
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no time")
    hours, minutes, seconds, part = found.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(part) / 10.0 ** len(part)


def _letters(text: str) -> str:
    return "".join(sign for sign in text if sign.isalnum())


def _unreadable(path: Path, error: Exception) -> Finding:
    return Finding("readable", passed=False, sentence=f"{path.name} cannot be read: {error}")
