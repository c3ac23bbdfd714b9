"""A finished audiobook heard as a listener hears it: the published M4B, decoded, written down and held to the text.

    python benchmarks/listening.py HOME BOOK_ID [--seconds 120]     (extra `check`: moonshine-voice 0.1.0, English)

Of every chapter the first and the last stretch of up to SECONDS together are cut out of the *published* file by its
own marks and the timing table, and transcribed. Prints one JSON object: word error rate per chapter, marks by three readers
(ours, PyAV's, ffprobe's where there is one) and, from the production's reports, what was measured of every output.
Bars: every mark within 1 ms by every reader, no chapter further than 0.1 from the book's median rate. A plain voice is
misheard in about one word of eight with nothing wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from foundry_tui.audio.mp4_marks import quicktime_marks
from foundry_tui.domain.timing import PlacedChapter, PlacedChunk, TimingTable
from foundry_tui.steps.timing_file import load_timing
from foundry_tui.voices.recognisers import Recogniser, RecogniserOptions, open_recogniser
from foundry_tui.voices.word_errors import word_errors

STRETCH_S = 10.0  # what the recogniser is given at once


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("home", type=Path)
    reader.add_argument("book_id")
    reader.add_argument("--seconds", type=float, default=120.0)
    given = reader.parse_args()
    (folder,) = [path.parent for path in given.home.glob(f"foundry/{given.book_id}/*/*/audio_chunks")]
    m4b = next(iter(sorted(given.home.glob("library/**/*.m4b"))))
    timing = load_timing(next(iter(folder.glob("combined/*timing*.json"))))
    found = asyncio.run(transcribed(m4b, timing, texts_of(folder.parent / "chapters"), given.seconds))
    rates = {number: row["rate"] for number, row in found.items()}
    median = statistics.median(rates.values())
    marks = worst_marks(m4b, timing)
    told = {
        "benchmark": "listening",
        "book": given.book_id,
        "marks_worst_ms": marks,
        "word_error_rate": {"median": round(median, 3), "chapters": found},
        "reports": {path.stem: measured(path) for path in sorted((folder / "reports").glob("*.json"))},
    }
    print(json.dumps(told, indent=1))
    return 0 if max(marks.values()) <= 1 and max(rates.values()) <= median + 0.1 else 1


def texts_of(folder: Path) -> dict[tuple[int, int], str]:
    """What each chunk says; by chapter and chunk."""
    texts = {}
    for file in sorted(folder.glob("chapter_*.json")):
        chapter = json.loads(file.read_text(encoding="utf-8"))
        for chunk in chapter["chunks"]:
            texts[chapter["number"], chunk["index"]] = chunk.get("spoken") or chunk["text"]
    return texts


def stretches(chapter: PlacedChapter, rate: int, seconds: float) -> Iterator[list[PlacedChunk]]:
    """Runs of whole chunks of about STRETCH_S from the chapter's beginning, and as many from its end."""
    runs: list[list[PlacedChunk]] = [[]]
    for chunk in chapter.chunks:
        if runs[-1] and chunk.end - runs[-1][0].start > STRETCH_S * rate:
            runs.append([])
        runs[-1].append(chunk)
    half = max(1, round(seconds / 2 / STRETCH_S))
    yield from runs if len(runs) <= 2 * half else runs[:half] + runs[-half:]


async def transcribed(
    m4b: Path, timing: TimingTable, texts: dict[tuple[int, int], str], seconds: float
) -> dict[int, dict[str, Any]]:
    """Chapter by chapter: how much of what is heard is not what is written."""
    ears = open_recogniser(RecogniserOptions())
    rows: dict[int, dict[str, Any]] = {}
    try:
        for chapter in timing.chapters:
            errors = words = 0
            heard_s = 0.0
            for run in stretches(chapter, timing.sample_rate, seconds):
                wanted = " ".join(texts.get((chunk.chapter_number, chunk.chunk_index), "") for chunk in run)
                if not wanted.strip():
                    continue  # credits: spoken, and in no chapter file
                sound = cut_out(m4b, run[0].start, run[-1].end)
                counted = word_errors(wanted, await written_down(ears, sound, timing.sample_rate))
                errors, words = errors + counted.errors, words + counted.words
                heard_s += len(sound) / timing.sample_rate
            if words:
                row = {"title": chapter.title, "heard_s": round(heard_s), "words": words}
                rows[chapter.number] = {**row, "rate": round(errors / words, 3)}
    finally:
        await ears.close()
    return rows


async def written_down(ears: Recogniser, sound: np.ndarray, rate: int) -> str:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate)
            out.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
        return await ears.hear(Path(file.name), "eng")


def cut_out(m4b: Path, start: int, end: int) -> np.ndarray:
    """Samples ``[start, end)`` of the published file."""
    parts = []
    with av.open(str(m4b)) as container:
        stream = container.streams.audio[0]
        container.seek(max(0, start - 2048), stream=stream)
        for frame in container.decode(stream):
            if frame.pts + frame.samples > start:
                parts.append(frame.to_ndarray()[0][max(0, start - frame.pts) : max(0, end - frame.pts)])
            if frame.pts >= end:
                break
    return np.concatenate(parts)


def worst_marks(m4b: Path, timing: TimingTable) -> dict[str, float]:
    """How far the worst mark is off, by reader, in ms; a missing mark is an hour off."""
    wanted = [chapter.start / timing.sample_rate for chapter in timing.chapters]
    with av.open(str(m4b)) as container:
        by_av = [float(mark["start"] * mark["time_base"]) for mark in container.chapters()]
    read = {"own": [float(mark.start_s) for mark in quicktime_marks(m4b)], "pyav": by_av}
    if probe := shutil.which("ffprobe"):
        said = subprocess.run(
            [probe, "-v", "error", "-show_chapters", "-of", "json", m4b], check=True, capture_output=True, text=True
        )
        read["ffprobe"] = [float(mark["start_time"]) for mark in json.loads(said.stdout)["chapters"]]
    return {name: _worst_ms(found, wanted) for name, found in read.items()}


def _worst_ms(found: list[float], wanted: list[float]) -> float:
    if len(found) != len(wanted):
        return 3_600_000.0
    return round(1000 * max(abs(one - other) for one, other in zip(found, wanted, strict=True)), 3)


def measured(report: Path) -> dict[str, Any]:
    """A report in short: what passed, and every sentence that measures something."""
    read = json.loads(report.read_text(encoding="utf-8"))
    findings = read.get("findings") or read.get("clauses") or []
    return {
        "passed": read.get("passed"),
        "figures": read.get("figures", {}),
        "said": [
            f"{'' if finding.get('passed') else 'NOT '}{finding.get('name')}: {finding.get('sentence')}"
            for finding in findings
        ],
    }


if __name__ == "__main__":
    raise SystemExit(main())
