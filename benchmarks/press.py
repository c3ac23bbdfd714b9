"""Whole books from source to proven M4B through edge's protocol: undisturbed, with errors, and killed at half.

    python benchmarks/press.py [BOOK …] [--way clean|errors|killed …] [--no-floor] [--standin FILE] [--floor FILE]

Prints one JSON object a book, the ways to run it beside the floor (the same text through edge-tts and one ffmpeg, nothing
else) in the same run. The stand-in is a loopback service that prints its port as JSON and logs what it was sent.
Bars: at most 40 CPU s an audio hour, wall at most 1.2 x CPU / cores, tree at most 450 MB, no word lost; with 5 % errors
exit 0, no cut piece kept and at most 10 % more requests; after the kill the first new chunk within 5 s, no more requests
repeated than in the clean run and those in flight, no chunk made again, no process left, and the same sound.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from fakes.press import Press, decoded, kill_group, marks  # noqa: E402

SHARED = ROOT.parent / "shared"
BOOKS = ("pg1342-pride-and-prejudice.html", "pg16-peter-pan.epub")
LANES = 16
LATENCY_S = 0.3
VOICE = "en-US-AndrewNeural"
WAYS = ("clean", "errors", "killed")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("books", type=Path, nargs="*", default=[SHARED / "corpus" / name for name in BOOKS])
    parser.add_argument("--way", action="append", choices=WAYS)
    parser.add_argument("--standin", type=Path, default=SHARED / "tools" / "edge_standin.py")
    parser.add_argument("--floor", type=Path, default=SHARED / "tools" / "floor_edge.py")
    parser.add_argument("--no-floor", action="store_true")
    given = parser.parse_args()
    for wanted in (*given.books, given.standin):
        if not wanted.is_file():
            print(json.dumps({"benchmark": "press", "skipped": f"no {wanted.name} here"}))
            return 0
    met = True
    for book in given.books:
        told, held = _one_book(book, given)
        met &= held
        print(json.dumps(told, indent=1), flush=True)
    return 0 if met else 1


def _one_book(book: Path, given: argparse.Namespace) -> tuple[dict[str, Any], bool]:
    told: dict[str, Any] = {"benchmark": "press", "book": book.name, "load_before": round(os.getloadavg()[0], 2)}
    sounds: dict[str, str] = {}
    held = []
    for way in given.way or WAYS:
        with tempfile.TemporaryDirectory(prefix="foundry_bench_") as folder:
            run = _Run(Path(folder), book, given.standin, 0.05 if way == "errors" else 0.0)
            figures = run.killed() if way == "killed" else run.whole()
            sounds[way] = str(figures.pop("sound"))
            if way == "killed" and "clean" in told:
                # Retakes of takes that failed their checks are asked for with or without a kill.
                figures["requests_repeated_by_kill"] = figures["requests_repeated"] - told["clean"]["requests_repeated"]
            figures["held"] = _held(way, figures, sounds)
            held.append(bool(figures["held"]))
            told[way] = figures
            print(json.dumps({way: figures}), file=sys.stderr, flush=True)
            plain = run.plain_text()
            if given.no_floor or not given.floor.is_file() or "floor" in told:
                continue
            told["floor"] = {unit: _floor(given.floor, plain, unit) for unit in ("chunk", "sentence")}
    told["same_sound"] = len(set(sounds.values())) == 1
    return told, all(held) and told["same_sound"]


def _held(way: str, figures: dict[str, Any], sounds: dict[str, str]) -> bool:
    right = figures["exit"] == 0 and not figures["words_lost"] and not figures["words_extra"]
    right = right and figures["worst_mark_ms"] <= 1 and figures["peak_tree_pss_mb"] <= 450
    if way == "killed":
        return bool(
            right
            and figures["first_new_chunk_s"] <= 5
            and figures.get("requests_repeated_by_kill", figures["requests_repeated"]) <= LANES
            and not figures["chunks_made_again"]
            and not figures["orphans"]
            and sounds.get("clean", sounds[way]) == sounds[way]
        )
    right = right and figures["cpu_s_per_audio_h"] <= 40 and figures["wall_over_cpu_share"] <= 1.2
    return bool(right and figures["requests_extra_percent"] <= 10)


def _floor(script: Path, plain: str, unit: str) -> dict[str, Any]:
    """The same words through edge-tts and one ffmpeg."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(plain)
        file.flush()
        words = [sys.executable, script, file.name, "--concurrency", str(LANES), "--latency", str(LATENCY_S)]
        words += ["--unit", unit, "--encode", "aac" if unit == "chunk" else "none"]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    found["cpu_s_per_audio_h"] = round(found["cpu_s"] / found["audio_s"] * 3600, 2)
    kept = ("wall_s", "cpu_s", "cpu_s_per_audio_h", "rss_mb", "audio_s", "x_realtime", "net_wall_s", "net_cpu_s")
    return {name: found[name] for name in (*kept, "requests", "characters")}


class _Run:
    """One home, one book ordered, one stand-in that logs what it hears."""

    def __init__(self, folder: Path, book: Path, standin: Path, error_rate: float) -> None:
        self._log = folder / "requests.jsonl"
        self._log.touch()
        self._standin = standin
        self._error_rate = error_rate
        self.press = Press(folder / "home")
        self._book = book

    @contextmanager
    def _served(self) -> Iterator[None]:
        words = [sys.executable, self._standin, "--port", "0", "--latency", str(LATENCY_S), "--log", self._log]
        words += ["--error-rate", str(self._error_rate)]
        service = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        try:
            assert service.stdout is not None
            port = json.loads(service.stdout.readline())["port"]
            self.press.environment |= {
                "FOUNDRY_EDGE_URL": f"ws://127.0.0.1:{port}/edge/v1?TrustedClientToken=x",
                "FOUNDRY_EDGE_VOICES_URL": f"http://127.0.0.1:{port}/voices/list",
            }
            yield
        finally:
            service.terminate()
            service.wait()

    def _order(self) -> None:
        self.press.run("init")
        self.press.run("book", "add", str(self._book), "--book-id", "bench")
        narrator = ("--name", "Bench", "--language", "eng", "--engine", "edge", "--voice", VOICE)
        self.press.run("narrator", "add", "bench", *narrator)
        self.press.run("produce", "bench", "--narrator", "bench")

    def whole(self) -> dict[str, Any]:
        """From order to finished file, undisturbed."""
        with self._served():
            self._order()
            watch = _Watch()
            code = watch.through(self.press.start("--run-all"))
            return {"exit": code, **watch.figures(), **self._result(watch)}

    def killed(self) -> dict[str, Any]:
        """Killed when half of the chunks are there, then run again."""
        with self._served():
            self._order()
            first = self.press.start("--run-all")
            chunks = self._half(first)
            kill_group(first)
            time.sleep(2.5)
            orphans = len(self.press.processes())
            kept = self.press.finished_chunks()
            finished = "SELECT count(*) AS n FROM audio_chunks WHERE status = 'success'"
            before = self.press.rows(finished)[0]["n"]
            watch = _Watch(until=lambda: self.press.rows(finished)[0]["n"] > before)
            code = watch.through(self.press.start("--run-all"))
            now = self.press.finished_chunks()
            figures = {
                "exit": code,
                "chunks_at_kill": f"{len(kept)} of {chunks}",
                "orphans": orphans,
                "first_new_chunk_s": watch.seen_after_s,
                "chunks_made_again": sum(now.get(name) != identity for name, identity in kept.items()),
                **watch.figures(),
            }
            return {**figures, **self._result(watch)}

    def _half(self, process: subprocess.Popen[bytes]) -> int:
        while True:
            time.sleep(0.2)
            assert process.poll() is None, "it ended before it could be killed"
            rows = self.press.rows("SELECT details FROM audiobook_process_events WHERE kind = 'speaking'")
            if not rows:
                continue
            chunks = int(json.loads(rows[0]["details"])["chunks"])
            if self._requests() >= chunks / 2:
                return chunks

    def _requests(self) -> int:
        with self._log.open("rb") as file:
            return sum(1 for _ in file)

    def _texts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]

    def _chapters(self) -> list[dict[str, Any]]:
        files = sorted(self.press.home.glob("foundry/bench/*/chapters/chapter_*.json"))
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    def plain_text(self) -> str:
        """The narrated text, a paragraph a block: what the floor speaks."""
        blocks = []
        for chapter in self._chapters():
            paragraph: list[str] = []
            for chunk in chapter["chunks"]:
                paragraph.append(chunk.get("spoken") or chunk["text"])
                if chunk["pause_after_ms"] >= 400:
                    blocks.append(" ".join(paragraph))
                    paragraph = []
            blocks.append(" ".join(paragraph))
        return "\n\n".join(block for block in blocks if block)

    def _result(self, watch: _Watch) -> dict[str, Any]:
        """What was asked, what was kept, and whether the file is right."""
        whole = [one["text"] for one in self._texts() if not one["fault"]]
        asked = Counter(_spoken(one["text"]) for one in self._texts())
        meant = Counter(
            word
            for chapter in self._chapters()
            for chunk in chapter["chunks"]
            for word in _words(chunk.get("spoken") or chunk["text"])
        )
        unique = {_spoken(text): text for text in whole}
        lines = {_spoken(line) for line in self._lines()}
        takes = self.press.rows("SELECT artifact FROM audio_chunks WHERE status = 'success'")
        sent = Counter(
            word
            for chapter in self._chapters()
            for chunk in chapter["chunks"]
            if _spoken(chunk.get("spoken") or chunk["text"]) in unique
            for word in _words(chunk.get("spoken") or chunk["text"])
        )
        foreign = [text for text in unique if text not in lines]
        (report,) = self.press.home.glob("foundry/bench/*/bench/reports/quality.json")
        quality = json.loads(report.read_text(encoding="utf-8"))
        audio_h = quality["figures"]["samples"] / quality["figures"]["sample_rate"] / 3600
        m4b = self.press.m4b()
        figures = watch.figures()
        return {
            "audio_h": round(audio_h, 3),
            "cpu_s_per_audio_h": round(figures["cpu_s"] / audio_h, 2),
            "x_realtime": round(audio_h * 3600 / figures["wall_s"], 1),
            "steps_s": self._steps(),
            "requests": sum(asked.values()),
            "requests_repeated": sum(asked.values()) - len(asked),
            "requests_extra_percent": round(100 * (sum(asked.values()) / len(asked) - 1), 2),
            "faults": sum(1 for one in self._texts() if one["fault"]),
            "chunks": len(takes),
            "flagged": self.press.rows("SELECT count(*) AS n FROM audio_chunks WHERE flags NOT IN ('[]', 'null')")[0][
                "n"
            ],
            "words_lost": sum((meant - sent).values()),
            "words_extra": sum(len(_words(unique[text])) for text in foreign),
            "words": sum(meant.values()),
            "marks": len(marks(m4b)),
            "worst_mark_ms": max(
                finding["figures"]["worst_ms"]
                for finding in quality["findings"]
                if finding["name"].startswith("marks_")
            ),
            "warnings": [finding["sentence"] for finding in quality["findings"] if not finding["passed"]],
            "lufs": quality["figures"]["lufs"],
            "sound": hashlib.sha256(decoded(m4b).tobytes()).hexdigest(),
        }

    def _lines(self) -> list[str]:
        return [chunk.get("spoken") or chunk["text"] for chapter in self._chapters() for chunk in chapter["chunks"]]

    def _steps(self) -> dict[str, float]:
        """Seconds from one step's success to the next."""
        rows = self.press.rows(
            "SELECT step_number, timestamp FROM audiobook_process_events WHERE kind IN ('step_started', 'step_succeeded') "
            "ORDER BY seq"
        )
        ends: dict[str, float] = {}
        for row in rows:
            ends[row["step_number"] or "start"] = _seconds(str(row["timestamp"]))
        began = _seconds(str(rows[0]["timestamp"]))
        moments = [began, *ends.values()]
        return {name: round(now - before, 1) for name, (before, now) in zip(ends, pairwise(moments), strict=True)}


class _Watch:
    """Wall, CPU and memory of a process tree; ``until`` is a moment to be timed."""

    def __init__(self, until: Callable[[], bool] | None = None) -> None:
        self.seen_after_s: float | None = None
        self._until = until
        self._wall_s = self._cpu_s = 0.0
        self._peak_mb: list[float] = []
        self._peak_s = 0

    def through(self, process: subprocess.Popen[bytes]) -> int:
        began = time.monotonic()
        assert process.stderr is not None
        said = threading.Thread(target=process.stderr.read, daemon=True)  # a full pipe would hold it up
        said.start()
        looked = 0.0
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            now = time.monotonic() - began
            if self._until is not None and self.seen_after_s is None and self._until():
                self.seen_after_s = round(now, 2)
            if now - looked > 1:
                looked = now
                each = _tree_mb(process.pid)
                if sum(each) > sum(self._peak_mb):
                    self._peak_mb, self._peak_s = each, round(now)
            time.sleep(0.1)
        self._wall_s = time.monotonic() - began
        self._cpu_s = used.ru_utime + used.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
        said.join()
        process.stderr.close()
        return process.returncode

    def figures(self) -> dict[str, Any]:
        cores = os.cpu_count() or 1
        return {
            "wall_s": round(self._wall_s, 1),
            "cpu_s": round(self._cpu_s, 1),
            "wall_over_cpu_share": round(self._wall_s / (self._cpu_s / cores), 3),
            "peak_tree_pss_mb": round(sum(self._peak_mb)),
            "peak_of_each_mb": [round(each) for each in self._peak_mb],
            "peak_after_s": self._peak_s,
        }


def _tree_mb(pid: int) -> list[float]:
    """Proportional memory of the process and of each below it, in MB."""
    found: list[float] = []
    try:
        parent = psutil.Process(pid)
        whole = (parent, *parent.children(recursive=True))
        found.extend(process.memory_full_info().pss / 1e6 for process in whole)
    except psutil.Error:
        pass  # it ended meanwhile
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _spoken(text: str) -> str:
    return " ".join(_words(text))


def _seconds(timestamp: str) -> float:
    from foundry_tui.store.columns import parsed_moment

    return parsed_moment(timestamp).timestamp()


if __name__ == "__main__":
    raise SystemExit(main())
