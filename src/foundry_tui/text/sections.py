"""A section of a book: a stretch of blocks that is one chapter, or is left out for a reason."""

from __future__ import annotations

from dataclasses import dataclass

from foundry_tui.text.headings import parse_heading

UNTITLED = "Untitled"  # where nobody says what a book or a section is called


@dataclass(slots=True)
class Section:
    """Blocks ``start`` to ``end`` (exclusive). Not ``kept`` ones say why in ``reason``.

    ``heads`` are the positions of the blocks that make the title; ``opening`` those of part titles announced before it.
    """

    start: int
    end: int
    title: str
    kind: str
    kept: bool
    reason: str = ""
    part: str = ""
    heads: tuple[int, ...] = ()
    opening: tuple[int, ...] = ()
    anchor: str = ""


def join_title(text: str) -> str:
    """A heading's lines as one title; a number and what it numbers are set apart by a stop."""
    joined = ""
    for line in text.split("\n"):
        if not joined:
            joined = line
        elif parse_heading(joined).bare and joined[-1:] not in ".:;!?…—–-":
            joined = f"{joined}. {line}"
        else:
            joined = f"{joined} {line}"
    return " ".join(joined.split())
