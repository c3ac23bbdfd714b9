"""Damaged books: no crash, no hang, no gigabyte; what is parsed at all balances to the word."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.corpus
_SCRIPT = Path(__file__).resolve().parents[1] / "fakes" / "damaged_books.py"
_SMALL = 250_000  # bytes of a book the short run takes


def outcomes(books: list[Path], seeds: range, folder: Path) -> list[dict[str, object]]:
    """Parse one damaged book a seed in a process of limited memory."""
    jobs = [(str(books[seed % len(books)]), seed) for seed in seeds]
    done = subprocess.run(
        [sys.executable, str(_SCRIPT), json.dumps(jobs), str(folder)], capture_output=True, text=True, timeout=1200
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (jobs[len(lines)], done.stderr[-2000:])
    assert len(lines) == len(jobs)
    return lines


def check(lines: list[dict[str, object]]) -> None:
    crashed = [line for line in lines if "crash" in line or line.get("balances") is False]
    assert not crashed, crashed[:5]
    parsed = sum(1 for line in lines if line.get("chapters"))
    assert parsed * 2 >= len(lines), f"only {parsed} of {len(lines)} were read: the damage proves nothing"


def _books(corpus_dir: Path, limit: int) -> list[Path]:
    return sorted(
        book
        for book in corpus_dir.iterdir()
        if book.suffix in {".html", ".epub", ".txt"} and book.stat().st_size <= limit
    )


def test_forty_damaged_books(corpus_dir: Path, tmp_path: Path):
    check(outcomes(_books(corpus_dir, _SMALL), range(40), tmp_path))


@pytest.mark.torture
@pytest.mark.parametrize("part", range(10))
def test_five_hundred_damaged_books(corpus_dir: Path, tmp_path: Path, part: int):
    start = int(os.environ.get("FOUNDRY_TORTURE_SEED") or 1) * 1000 + part * 50
    check(outcomes(_books(corpus_dir, 1 << 30), range(start, start + 50), tmp_path))
