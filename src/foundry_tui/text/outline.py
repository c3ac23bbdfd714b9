"""The outline of a parsed source: every section, kept or left out, with what an override hangs on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from foundry_tui.text.decode import one_line
from foundry_tui.text.document import Block
from foundry_tui.text.overrides import text_hash
from foundry_tui.text.sections import Section


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """A section: ``number`` is its chapter's, None where it is left out for ``reason``; ``words`` of the source;
    ``anchor`` and ``text_hash`` name it in overrides.
    """

    number: int | None
    title: str
    kind: str
    reason: str
    words: int
    chunks: int
    anchor: str
    text_hash: str
    opening: str
    source_span: tuple[int, int]

    @property
    def kept(self) -> bool:
        """Whether it is narrated."""
        return self.number is not None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "number": self.number,
            "title": self.title,
            "kind": self.kind,
            "kept": self.kept,
            "reason": self.reason,
            "words": self.words,
            "chunks": self.chunks,
            "anchor": self.anchor,
            "text_hash": self.text_hash,
            "opening": self.opening,
            "source_span": list(self.source_span),
        }


@dataclass(frozen=True, slots=True)
class SplitPlace:
    """A block of a section, at which it may be split: by ``text_hash``; ``opening`` are its first words."""

    text_hash: str
    kind: str
    opening: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"text_hash": self.text_hash, "kind": self.kind, "opening": self.opening}


def places_in(section: Section, blocks: Sequence[Block]) -> Iterator[SplitPlace]:
    """A section's blocks that have words in them; the first is where it begins already."""
    for block in blocks[section.start : section.end]:
        if any(map(str.isalnum, block.raw)):
            yield SplitPlace(text_hash(block.raw), block.kind, one_line(block.text or block.raw, 100))
