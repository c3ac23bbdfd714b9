"""The timing table as a file: integer samples in, integer samples out."""

from __future__ import annotations

import json
from pathlib import Path

from foundry_tui.audio.layout import timing_from_json, timing_to_json
from foundry_tui.domain.timing import TimingTable
from foundry_tui.errors import ArtifactBroken
from foundry_tui.files import write_bytes


def save_timing(path: Path, timing: TimingTable) -> None:
    """Write the table whole."""
    write_bytes(path, json.dumps(timing_to_json(timing), ensure_ascii=False).encode("utf-8"))


def load_timing(path: Path) -> TimingTable:
    """Read the table; raises ArtifactBroken when it is not what was written."""
    try:
        return timing_from_json(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactBroken(f"The timing table {path.name} cannot be read: {error}.") from error
