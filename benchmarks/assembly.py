"""Assembly and mastering against one ffmpeg process with the same coder; prints one JSON object.

    python benchmarks/assembly.py [--hours 1] [--cores 2] [--keep DIR]

Rows (wall per audio second, ours divided by ffmpeg's; the bars are those of the design):
  assembly   gain alone, then coding and muxing, on both sides                                      bar 0.5
  mastering  gain, high-pass and true-peak limiter (4x oversampled in ffmpeg), coding and muxing     bar 0.7
Ours adds pauses and room tone in both rows. Wall ratios mean something on an idle machine only: see `load_before`;
`cpu_ratio` (CPU seconds per audio hour, all processes) stands on a busy one too.
Without an ffmpeg binary the rows say so and only our own figures stand.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Self

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fakes.sounds import speech, take_sound
from foundry_tui.audio.assemble import write_m4b
from foundry_tui.audio.chapter_packets import ChapterJob, code_chapter
from foundry_tui.audio.layout import ChapterSound, plan_chapter, stack
from foundry_tui.audio.profiles import PROFILES, MasteringProfile
from foundry_tui.audio.tags import BookTags
from foundry_tui.audio.verify import Expected, verify_m4b

RATE = 24_000
CHUNK_S = 10.0
CHUNKS_A_CHAPTER = 90
UNIQUE_TAKES = 60
ACX = PROFILES["acx"]


class PeakRss:
    """Highest resident memory of a process and its children, sampled; shared pages counted in each."""

    def __init__(self, pid: int) -> None:
        self.mb = 0.0
        self.cpu_s = 0.0  # what the watching itself cost
        self._done = threading.Event()
        self._root = psutil.Process(pid)
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            total = 0
            try:
                for process in (self._root, *self._root.children(recursive=True)):
                    total += process.memory_info().rss
            except psutil.Error:
                continue
            self.mb = max(self.mb, total / 1e6)
            self.cpu_s = time.thread_time()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def make_takes(folder: Path, hours: float) -> list[ChapterSound]:
    """Chapters of linked copies of a few takes: as many files as a real book has, quickly made."""
    unique = [
        take_sound(folder / "unique", index, speech(CHUNK_S, RATE, seed=index), RATE) for index in range(UNIQUE_TAKES)
    ]
    total = round(hours * 3600 / CHUNK_S)
    chapters = []
    for start in range(0, total, CHUNKS_A_CHAPTER):
        takes = []
        for index in range(start, min(start + CHUNKS_A_CHAPTER, total)):
            original = unique[index % UNIQUE_TAKES]
            path = folder / "takes" / f"{index:06d}.flac"
            path.parent.mkdir(exist_ok=True)
            os.link(original.path, path)
            takes.append(
                type(original)(
                    index, path, original.sha256, original.samples, RATE, original.lead_ms, original.tail_ms, 400
                )
            )
        chapters.append(ChapterSound(len(chapters) + 1, f"Chapter {len(chapters) + 1}", tuple(takes)))
    return chapters


def ours(folder: Path, chapters: list[ChapterSound], cores: int, profile: MasteringProfile) -> dict[str, float]:
    plans = [plan_chapter(chapter, RATE, profile) for chapter in chapters]
    timing = stack(plans)
    jobs = [ChapterJob("bench", plan, -1.5, profile, folder / f"chapter_{plan.number}.aac") for plan in plans]
    with PeakRss(os.getpid()) as peak:
        before = os.times()
        started = time.perf_counter()
        with ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn")) as pool:
            coded = list(pool.map(code_chapter, jobs))
        coded_s = time.perf_counter() - started
        file = write_m4b(folder / "ours.m4b", coded, timing, BookTags("Bench"), None)
        wall = time.perf_counter() - started
        after = os.times()
    started = time.perf_counter()
    report = verify_m4b(file.path, Expected(timing, BookTags("Bench"), profile))
    audio_s = timing.samples / RATE
    cpu = sum(after[:4]) - sum(before[:4]) - peak.cpu_s
    return {
        "audio_s": round(audio_s, 1),
        "wall_s": round(wall, 2),
        "mux_s": round(wall - coded_s, 2),
        "cpu_s_per_audio_hour": round(cpu / audio_s * 3600, 2),
        "peak_rss_mb": round(peak.mb),
        "verify_s": round(time.perf_counter() - started, 2),
        "verified": report.passed,
        "wall_per_audio_s": wall / audio_s,
    }


def theirs(folder: Path, chapters: list[ChapterSound], filters: str, ffmpeg: str) -> dict[str, float]:
    listing = folder / "list.txt"
    takes = [take for chapter in chapters for take in chapter.takes]
    listing.write_text("".join(f"file '{take.path}'\n" for take in takes), encoding="utf-8")
    command = [
        ffmpeg,
        "-v",
        "error",
        "-y",
        "-f",
        "concat",
        "-safe",
        "0",
        "-i",
        str(listing),
        "-af",
        filters,
        "-ar",
        str(RATE),
    ]
    command += [
        "-c:a",
        "aac",
        "-aac_coder",
        "fast",
        "-b:a",
        "64k",
        "-movflags",
        "+faststart",
        "-f",
        "ipod",
        str(folder / "theirs.m4b"),
    ]
    before = os.times()
    started = time.perf_counter()
    process = subprocess.Popen(command)
    with PeakRss(process.pid) as peak:
        code = process.wait()
    wall = time.perf_counter() - started
    after = os.times()
    if code:
        raise SystemExit(f"ffmpeg ended with {code}")
    audio_s = sum(take.samples for take in takes) / RATE
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {
        "audio_s": round(audio_s, 1),
        "wall_s": round(wall, 2),
        "cpu_s_per_audio_hour": round(cpu / audio_s * 3600, 2),
        "peak_rss_mb": round(peak.mb),
        "wall_per_audio_s": wall / audio_s,
    }


def run(folder: Path, hours: float, cores: int) -> dict[str, object]:
    chapters = make_takes(folder, hours)
    result: dict[str, object] = {"hours": hours, "cores": cores, "load_before": os.getloadavg()[0]}
    ffmpeg = shutil.which("ffmpeg")
    gain = "volume=-1.5dB"
    chain = (
        f"{gain},highpass=f=65,aresample={4 * RATE},alimiter=limit=0.668:level=0:attack=5:release=50,aresample={RATE}"
    )
    bare = replace(ACX, name="bare", high_pass_hz=0.0, ceiling_db=0.0)
    highest = 0.0
    for name, profile, filters, bar in (("assembly", bare, gain, 0.5), ("mastering", ACX, chain, 0.7)):
        mine = ours(folder, chapters, cores, profile)
        highest = max(highest, mine["peak_rss_mb"])
        row: dict[str, object] = {"ours": mine, "bar": bar}
        if ffmpeg is None:
            row["skipped"] = "no ffmpeg binary on PATH to compare with"
        else:
            other = theirs(folder, chapters, filters, ffmpeg)
            ratio = mine["wall_per_audio_s"] / other["wall_per_audio_s"]
            cpu_ratio = mine["cpu_s_per_audio_hour"] / other["cpu_s_per_audio_hour"]
            row |= {"ffmpeg": other, "ratio": round(ratio, 3), "cpu_ratio": round(cpu_ratio, 3), "held": ratio <= bar}
        result[name] = row
    result["rss"] = {"mb": highest, "bar": 300, "held": highest <= 300}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="work in this folder and leave everything there")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
        print(json.dumps(run(options.keep, options.hours, options.cores), indent=2))
        return
    with tempfile.TemporaryDirectory(prefix="foundry_bench_") as folder:
        print(json.dumps(run(Path(folder), options.hours, options.cores), indent=2))


if __name__ == "__main__":
    main()
