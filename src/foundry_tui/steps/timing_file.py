"""The timing table as a file: integer samples in, integer samples out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from foundry_tui.domain.timing import PlacedChapter, PlacedChunk, TimingTable
from foundry_tui.errors import ArtifactBroken
from foundry_tui.files import write_bytes

_VERSION = 1


def save_timing(path: Path, timing: TimingTable) -> None:
    """Write the table whole; a chunk is ``[index, start, end]`` in samples."""
    table = {
        "schema_version": _VERSION,
        "sample_rate": timing.sample_rate,
        "samples": timing.samples,
        "chapters": [_chapter(chapter) for chapter in timing.chapters],
    }
    write_bytes(path, json.dumps(table, ensure_ascii=False).encode("utf-8"))


def load_timing(path: Path) -> TimingTable:
    """Read the table; raises ArtifactBroken when it is not what was written."""
    try:
        data = json.loads(path.read_text("utf-8"))
        return TimingTable(int(data["sample_rate"]), tuple(_placed(chapter) for chapter in data["chapters"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactBroken(f"The timing table {path.name} cannot be read: {error}.") from error


def _chapter(chapter: PlacedChapter) -> dict[str, Any]:
    return {
        "number": chapter.number,
        "title": chapter.title,
        "start": chapter.start,
        "end": chapter.end,
        "chunks": [[chunk.chunk_index, chunk.start, chunk.end] for chunk in chapter.chunks],
    }


def _placed(chapter: dict[str, Any]) -> PlacedChapter:
    number = int(chapter["number"])
    chunks = tuple(PlacedChunk(number, *chunk) for chunk in chapter["chunks"])
    return PlacedChapter(number, str(chapter["title"]), int(chapter["start"]), int(chapter["end"]), chunks)
