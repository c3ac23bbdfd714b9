"""A pytest plugin that runs one part of the long tests: FOUNDRY_TORTURE_PART=2/4 is the second of four.

A test's part follows from its name alone, so that the parts together are always the whole, whatever ran before.
"""

from __future__ import annotations

import os
import zlib

import pytest


def pytest_report_header() -> str:
    """Say which part runs and with which seed, so that a failure can be repeated."""
    return f"torture: part {_part()[0]} of {_part()[1]}, seed {os.environ.get('FOUNDRY_TORTURE_SEED', 'unset')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of our part."""
    part, parts = _part()
    ours = [item for item in items if zlib.crc32(item.nodeid.encode()) % parts == part - 1]
    config.hook.pytest_deselected(items=[item for item in items if item not in ours])
    items[:] = ours


def _part() -> tuple[int, int]:
    part, _, parts = os.environ.get("FOUNDRY_TORTURE_PART", "1/1").partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise pytest.UsageError("FOUNDRY_TORTURE_PART reads like 2/4: the second of four parts.")
    return int(part), int(parts)
