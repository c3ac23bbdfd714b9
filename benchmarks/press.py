"""A whole book from source to proven M4B through edge's protocol: wall, CPU and memory of the real command.

    python benchmarks/press.py [BOOK.html] [--standin STANDIN.py]     (a loopback service that prints its port as JSON)

Prints one JSON object. Bars: at most 40 CPU s an audio hour, wall at most 1.2 x CPU / cores, tree at most 450 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
NARRATOR = ("narrator", "add", "bench", "--name", "Bench", "--language", "eng", "--engine", "edge", "--voice")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("book", type=Path, nargs="?", default=SHARED / "corpus" / "pg1342-pride-and-prejudice.html")
    parser.add_argument("--standin", type=Path, default=SHARED / "tools" / "edge_standin.py")
    parser.add_argument("--latency", default="0.3")
    parser.add_argument("--error-rate", default="0")
    parser.add_argument("--voice", default="en-US-AndrewNeural")
    given = parser.parse_args()
    for wanted in (given.book, given.standin):
        if not wanted.is_file():
            print(json.dumps({"benchmark": "press", "skipped": f"no {wanted.name} here"}))
            return 0
    words = [sys.executable, given.standin, "--port", "0", "--latency", given.latency, "--error-rate", given.error_rate]
    service = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        port = json.loads(service.stdout.readline())["port"]
        with tempfile.TemporaryDirectory(prefix="foundry_bench_") as home:
            print(json.dumps(_press(given, Path(home), port)))
    finally:
        service.terminate()
        service.wait()
    return 0


def _press(given: argparse.Namespace, home: Path, port: int) -> dict[str, object]:
    environment = {
        **os.environ,
        "FOUNDRY_EDGE_URL": f"ws://127.0.0.1:{port}/edge/v1?TrustedClientToken=x",
        "FOUNDRY_EDGE_VOICES_URL": f"http://127.0.0.1:{port}/voices/list",
    }

    def foundry(*words: str) -> list[str]:
        return [sys.executable, "-m", "foundry_tui", "--home", str(home), *words]

    for words in (
        ("init",),
        ("book", "add", str(given.book), "--book-id", "bench"),
        (*NARRATOR, given.voice),
        ("produce", "bench", "--narrator", "bench"),
    ):
        subprocess.run(foundry(*words), env=environment, check=True, capture_output=True)
    before = os.times()
    began = time.monotonic()
    process = subprocess.Popen(foundry("--run-all", "--json"), env=environment, stdout=subprocess.DEVNULL)
    peak_mb = 0.0
    while process.poll() is None:
        peak_mb = max(peak_mb, _tree_mb(process.pid))
        time.sleep(0.5)
    wall_s = time.monotonic() - began
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    (report,) = home.glob("foundry/bench/*/bench/reports/quality.json")
    figures = json.loads(report.read_text())["figures"]
    audio_h = figures["samples"] / figures["sample_rate"] / 3600
    cores = os.cpu_count() or 1
    return {
        "benchmark": "press",
        "book": given.book.name,
        "exit": process.returncode,
        "audio_h": round(audio_h, 3),
        "wall_s": round(wall_s, 1),
        "cpu_s": round(cpu_s, 1),
        "cpu_s_per_audio_h": round(cpu_s / audio_h, 2),
        "wall_over_cpu_share": round(wall_s / (cpu_s / cores), 3),
        "peak_tree_pss_mb": round(peak_mb),
        "load": os.getloadavg()[0],
    }


def _tree_mb(pid: int) -> float:
    """Proportional memory of the process and all below it, in MB."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.Error:
        pass  # it ended meanwhile
    return total / 1e6


if __name__ == "__main__":
    raise SystemExit(main())
