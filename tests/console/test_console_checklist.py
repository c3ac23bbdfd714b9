"""The checklist in the docs is whole, and every test it leans on exists."""

from __future__ import annotations

import re
from pathlib import Path


def test_every_promise_names_a_test_that_exists(repository: Path) -> None:
    page = (repository / "docs" / "reference" / "console_checklist.md").read_text("utf-8")
    rows = re.findall(r"^\| (U\d+) \| (.+?) \| (.+?) \| ?(.*?) ?\|$", page, flags=re.MULTILINE)
    assert [number for number, *_ in rows] == [f"U{number}" for number in range(1, 33)]
    sources = "\n".join(path.read_text("utf-8") for path in (repository / "tests").rglob("test_*.py"))
    there = set(re.findall(r"def (test_\w+)\(", sources))
    for number, _, holders, excuse in rows:
        named = re.findall(r"`(test_\w+)`", holders)
        assert named, f"{number} is held by nothing"
        assert not set(named) - there, f"{number} names tests that are not there: {set(named) - there}"
        assert not excuse or excuse.endswith("."), number
