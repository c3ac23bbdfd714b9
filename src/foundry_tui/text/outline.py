"""The outline of a parsed source: every section, kept or left out, with what an override hangs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
