"""The reference of the tables names every table and every column, and none that is not there."""

from __future__ import annotations

import re
from pathlib import Path

from foundry_tui.store.tables import metadata


def test_the_reference_is_of_these_tables(repository: Path) -> None:
    page = (repository / "docs" / "reference" / "tables.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert sections.keys() >= metadata.tables.keys()
    for name, table in metadata.tables.items():
        rows = [line for line in sections[name].splitlines() if line.startswith("| `")]
        told = {column for row in rows for column in re.findall(r"`(\w+)`", row.split("|")[1])}
        assert told == {column.name for column in table.columns}, name
