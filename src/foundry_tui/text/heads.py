"""A heading that may begin a chapter, and what stands under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foundry_tui.text.document import Block
from foundry_tui.text.headings import Parsed

PART_LEVEL, CHAPTER_LEVEL, NUMERAL_LEVEL = 7.0, 7.5, 8.0


@dataclass(slots=True, eq=False)
class Head:
    """A heading: blocks ``first`` to ``last``; ``own`` narrated letters and ``blocks`` narrated blocks follow it
    before the next heading. ``level`` grows with depth; 7 and more are lines that only look like headings.
    """

    first: int
    last: int
    level: float
    text: str
    parsed: Parsed
    own: int = 0
    blocks: int = 0
    prose: int = 0
    synthetic: bool = False

    @property
    def empty(self) -> bool:
        """Nothing narrated stands between it and the next heading."""
        return self.blocks == 0

    @property
    def apparatus(self) -> str:
        """The key of the apparatus it heads, or ""."""
        return self.parsed.key if self.parsed.kind == "apparatus" else ""


def measure(heads: Sequence[Head], blocks: Sequence[Block], last: int) -> None:
    """Set what stands between each heading and the next."""
    taken = {position for head in heads for position in range(head.first, head.last + 1)}
    for place, head in enumerate(heads):
        end = heads[place + 1].first if place + 1 < len(heads) else last
        head.own = head.blocks = head.prose = 0
        for block in blocks[head.last + 1 : end]:
            if block.position in taken or not block.spoken:
                continue
            head.blocks += 1
            head.own += sum(map(str.isalnum, block.text)) if len(block.text) < 30 else int(len(block.text) * 0.8)
            if (len(block.text) >= 100 and block.kind != "row") or block.kind == "verse":
                head.prose += len(block.text)
