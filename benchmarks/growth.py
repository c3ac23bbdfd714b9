"""What a million-word book and ten thousand finished productions cost: CPU and memory, against a home that is young.

    python benchmarks/growth.py [--productions 10000] [--words 1000000]

Prints one JSON object. Bars: a verb's CPU at most 2 x the young home's, a run with nothing to do at most 2 CPU s, peak
memory of any of them at most 64 MB above; the long book parsed in at most 450 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fakes.long_history import write_history, write_long_book

YOUNG = 100
VERBS = {
    "queue": ("queue", "--json"),
    "run_all": ("--run-all", "--json"),
    "events": ("events", "--json"),
    "jobs": ("jobs", "list", "--json"),
    "doctor": ("doctor", "--no-engines", "--json"),
    "prune": ("db", "prune", "--json"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--productions", type=int, default=10_000)
    parser.add_argument("--words", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="foundry_growth_") as folder:
        report = measured(Path(folder), given.productions, given.words)
    print(json.dumps(report))
    return 0 if report["within"] else 1


def measured(folder: Path, productions: int, words: int) -> dict[str, object]:
    young, old = folder / "young", folder / "old"
    run(young, "init", "--no-seeds", "--no-sample")
    shutil.copytree(young, old)
    write_history(young, YOUNG)
    write_history(old, productions)
    verbs = {}
    for name, arguments in VERBS.items():
        before, now = (min(run(home, *arguments) for _ in range(2)) for home in (young, old))
        verbs[name] = {
            "cpu_s": round(now[0], 2),
            "cpu_ratio": round(now[0] / before[0], 2),
            "rss_mb": round(now[1], 1),
            "rss_more_mb": round(now[1] - before[1], 1),
            "wall_s": round(now[2], 2),
        }
    write_long_book(folder / "long.html", words)
    cpu_s, rss_mb, wall_s = run(young, "parse", str(folder / "long.html"), "--out", str(folder / "parsed"))
    book = {"words": words, "cpu_s": round(cpu_s, 1), "rss_mb": round(rss_mb, 1), "wall_s": round(wall_s, 1)}
    light = all(
        verb["rss_more_mb"] <= 64 and (verb["cpu_ratio"] <= 2 or name in {"doctor", "prune"})
        for name, verb in verbs.items()
    )
    within = light and verbs["run_all"]["cpu_s"] <= 2 and book["rss_mb"] <= 450
    return {"benchmark": "growth", "productions": productions, "verbs": verbs, "long_book": book, "within": within}


def run(home: Path, *arguments: str) -> tuple[float, float, float]:
    """(CPU s, peak MB, wall s) of one command, children and all; raises where it fails."""
    command = [sys.executable, "-m", "foundry_tui", "--home", str(home), *arguments]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise SystemExit(f"{arguments}: {said.decode()}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main())
