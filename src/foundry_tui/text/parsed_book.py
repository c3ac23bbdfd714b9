"""What STEP1 hands on: the book's chapters, its receipt, what was left out and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foundry_tui.domain.chapters import Chapter
from foundry_tui.text.coverage import Coverage
from foundry_tui.text.outline import OutlineEntry
from foundry_tui.text.readers import SourceFile


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A section that is not narrated: its title (or first words), why, how many words, where it lies."""

    title: str
    reason: str
    words: int
    source_span: tuple[int, int]
    anchor: str = ""
    text_hash: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "title": self.title,
            "reason": self.reason,
            "words": self.words,
            "source_span": list(self.source_span),
            "anchor": self.anchor,
            "text_hash": self.text_hash,
        }


@dataclass(frozen=True, slots=True)
class ParsedBook:
    """What STEP1 hands on."""

    book_id: str
    title: str
    author: str | None
    language: str
    source: SourceFile
    chapters: tuple[Chapter, ...]
    coverage: Coverage
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    outline: tuple[OutlineEntry, ...] = ()
