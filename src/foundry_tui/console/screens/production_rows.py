"""Steps, chapters and chunks as lines of the production's screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foundry_tui.console.glyphs import DOING, STATUS
from foundry_tui.console.progress import short_time
from foundry_tui.console.widgets.columns import Column, Row, cell
from foundry_tui.domain.desk import ChunkLine, StepStory
from foundry_tui.domain.plain import plain
from foundry_tui.domain.status import Status

TABS = ("steps", "chapters", "chunks", "flagged")
_CHUNK_COLUMNS = (
    Column("CH", 4, right=True),
    Column("NO", 5, right=True),
    Column("STATUS", 11),
    Column("TAKE", 5, right=True, rank=3),
    Column("SOUND", 7, right=True, rank=2),
    Column("CHECKS", 12, share=1, rank=1),
    Column("TEXT", 20, share=4),
)
COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "steps": (
        Column("STEP", 24),
        Column("STATUS", 12),
        Column("TRIES", 6, right=True, rank=3),
        Column("TOOK", 8, right=True, rank=2),
        Column("BEGAN (UTC)", 19, rank=4),
        Column("WHAT", 16, share=1),
    ),
    "chapters": (
        Column("NO", 4, right=True),
        Column("TITLE", 20, share=1),
        Column("KIND", 10, rank=2),
        Column("WORDS", 8, right=True),
        Column("CHUNKS", 7, right=True, rank=1),
    ),
    "chunks": _CHUNK_COLUMNS,
    "flagged": _CHUNK_COLUMNS,
}


def published_files(totals: Mapping[str, Any]) -> list[str]:
    """Where the finished files are, as an operator would open them."""
    folder = plain(totals.get("published") or "")
    return [f"{folder}/{plain(file)}" if folder else plain(file) for file in totals.get("files") or ()]


def step_row(step: StepStory) -> Row:
    """A step on one line."""
    sign = STATUS[step.status]
    waits = step.status is Status.PENDING and not step.max_attempts
    progress = step.progress or {}
    done, total = progress.get("done"), progress.get("total")
    if step.status is Status.PROCESSING and total:
        what = cell(f"{done:,} of {total:,} {plain(progress.get('unit', ''))}", "busy")
    elif step.error_message:
        what = cell(plain(step.error_message, 400), "bad" if step.status is Status.FAILED else "warn")
    else:
        what = cell(DOING.get(step.step_name, ""), "dim")
    return Row(
        step.step_number,
        (
            cell(step.step_number),
            cell(f"{sign.drawn()} {'waits' if waits else sign.word}", "dim" if waits else sign.style),
            cell(f"{step.attempt}/{step.max_attempts}" if step.attempt else "", "dim"),
            cell(short_time(step.seconds) if step.seconds is not None else "", "dim"),
            cell((step.started_at or "")[:19], "dim"),
            what,
        ),
        data=step,
    )


def chapter_row(chapter: Mapping[str, Any]) -> Row:
    """A chapter on one line."""
    return Row(
        str(chapter.get("number", "")),
        (
            cell(chapter.get("number", ""), "dim"),
            cell(plain(chapter.get("title", ""), 200)),
            cell(plain(chapter.get("kind", "")), "dim"),
            cell(f"{int(chapter.get('words') or 0):,}"),
            cell(chapter.get("chunks", ""), "dim"),
        ),
        data=None,
    )


def chunk_row(chunk: ChunkLine) -> Row:
    """A chunk on one line."""
    sign = STATUS[chunk.status]
    return Row(
        f"{chunk.chapter_number}.{chunk.chunk_index}",
        (
            cell(chunk.chapter_number, "dim"),
            cell(chunk.chunk_index, "dim"),
            cell(f"{sign.drawn()} {sign.word}", sign.style),
            cell(chunk.take or "", "accent"),
            cell(f"{chunk.seconds:.1f}s" if chunk.seconds else "", "dim"),
            cell(plain(chunk.error or ", ".join(chunk.flags), 200), "bad" if chunk.error else "warn"),
            cell(plain(chunk.text, 400)),
        ),
        data=chunk,
    )
