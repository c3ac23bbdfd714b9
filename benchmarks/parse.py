"""War-and-Peace-sized HTML from reader to chunks on one core, beside BeautifulSoup and lxml alone, in one run.

usage: parse.py [--book FILE.html] [--megabytes 4.07] [--repeat 3]   Prints JSON. Start-up is not counted.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CORPUS = Path(os.environ.get("FOUNDRY_CORPUS", Path(__file__).resolve().parents[2] / "shared" / "corpus"))
BAR_MB_PER_S, BAR_RSS_MB = 3.0, 400.0


def enlarged(book: Path, megabytes: float) -> bytes:
    """``book`` with the inside of its body repeated until it is as large as wanted."""
    text = book.read_bytes()
    body = re.search(rb"<body[^>]*>", text, re.IGNORECASE)
    start = body.end() if body else 0
    end = text.lower().rfind(b"</body")
    end = end if end > start else len(text)
    inside = text[start:end]
    first = inside.lower().find(b"<h2")
    last = max(inside.lower().rfind(b"<section"), inside.lower().rfind(b"<pre"))
    core = inside[max(0, first) : last if last > first else len(inside)]
    copies = max(1, round(megabytes * 1e6 / len(core)))
    return (
        text[:start]
        + inside[: max(first, 0)]
        + core * copies
        + inside[last if last > first else len(inside) :]
        + text[end:]
    )


def foundry(path: Path) -> Callable[[], object]:
    from foundry_tui.text.parse import parse_novel

    parse_novel(path, book_id="warm", language="eng")  # imports and compiled patterns are start-up
    return lambda: parse_novel(path, book_id="bench", language="eng")


def lxml_alone(path: Path) -> Callable[[], object]:
    from lxml import html

    data = path.read_bytes()
    return lambda: html.document_fromstring(data).text_content()


def soup(path: Path) -> Callable[[], object]:
    from bs4 import BeautifulSoup

    data = path.read_bytes()
    return lambda: BeautifulSoup(data, "html.parser").get_text()


ENTRANTS = {
    "foundry reader to chunks": foundry,
    "lxml tree and text": lxml_alone,
    "BeautifulSoup html.parser text": soup,
}


def measure(name: str, path: str, repeat: int, answers: Any) -> None:
    work = ENTRANTS[name](Path(path))
    best = best_wall = float("inf")
    for _ in range(repeat):
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        best, best_wall = min(best, time.process_time() - cpu), min(best_wall, time.perf_counter() - wall)
    answers.put(
        {
            "cpu_s": round(best, 3),
            "wall_s": round(best_wall, 3),
            "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--book", type=Path, default=CORPUS / "pg345-dracula.html")
    options.add_argument("--megabytes", type=float, default=4.07)
    options.add_argument("--repeat", type=int, default=3)
    given = options.parse_args()
    data = enlarged(given.book, given.megabytes)
    rows: dict[str, Any] = {}
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.html"
        path.write_bytes(data)
        for name in ENTRANTS:
            answers = context.SimpleQueue()
            worker = context.Process(target=measure, args=(name, str(path), given.repeat, answers))
            worker.start()
            worker.join()
            rows[name] = answers.get()
            rows[name]["mb_per_s"] = round(len(data) / 1e6 / rows[name]["cpu_s"], 2)
    ours, tree = rows["foundry reader to chunks"], rows["lxml tree and text"]
    report = {
        "benchmark": "parse",
        "source_mb": round(len(data) / 1e6, 2),
        "rows": rows,
        "ratios": {
            "cpu of lxml alone": round(ours["cpu_s"] / tree["cpu_s"], 1),
            "cpu of BeautifulSoup": round(ours["cpu_s"] / rows["BeautifulSoup html.parser text"]["cpu_s"], 2),
        },
        "bar": {"mb_per_s": BAR_MB_PER_S, "peak_rss_mb": BAR_RSS_MB},
        "passed": ours["mb_per_s"] >= BAR_MB_PER_S and ours["peak_rss_mb"] <= BAR_RSS_MB,
    }
    print(json.dumps(report, indent=1))
    return 0 if report["passed"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
