"""Sections that are not the book's text: contents, indexes, notes, errata, advertisements, by name and by shape."""

from __future__ import annotations

import re
from collections.abc import Sequence

from foundry_tui.text.document import Block
from foundry_tui.text.heads import Head
from foundry_tui.text.levels import PROSE

_NOTE_START = re.compile(
    r"\s*(?:\[?\(?\d{1,4}[\])]?\.?|[*†‡]|\[[A-Z]\]|(?:page|p|pág|seite|s)\.?\s*\d+)", re.IGNORECASE
)


def find_apparatus(heads: Sequence[Head], blocks: Sequence[Block], last: int) -> dict[int, str]:
    """Positions of headings whose sections are left out, with the reason."""
    found: dict[int, str] = {}
    swallow: tuple[float, str] | None = None
    for place, head in enumerate(heads):
        end = heads[place + 1].first if place + 1 < len(heads) else last
        reason = head.apparatus
        if swallow and head.level > swallow[0] and _belongs(head, swallow[1], blocks[head.last + 1 : end]):
            found[head.first] = swallow[1]
            continue
        swallow = None
        if reason and _is_apparatus(head, reason, blocks, end):
            found[head.first] = reason
            swallow = (head.level, reason)
        elif not head.synthetic and blocks[head.first].skip:
            found[head.first] = blocks[head.first].skip
    return found


def _belongs(head: Head, reason: str, inside: Sequence[Block]) -> bool:
    """A deeper heading inside apparatus: letters of an index, chapters of a dump of notes, entries of a list."""
    if reason in {"index", "footnotes", "errata", "transcriber's note", "advertisement", "licence"}:
        return not (head.parsed.kind == "chapter" and head.prose > 2000)
    narrated = [block for block in inside if block.spoken]
    return head.prose < PROSE and all(block.kind in {"row", "item"} or block.links for block in narrated)


def _is_apparatus(head: Head, reason: str, blocks: Sequence[Block], end: int) -> bool:
    """Whether what stands under a heading has the shape its name promises; a chapter may be called Notes."""
    inside = [block for block in blocks[head.last + 1 : end] if block.kind != "rule" and block.raw]
    if not inside:
        return True
    if reason == "footnotes":
        noted = sum(1 for block in inside if block.skip == "footnote" or _NOTE_START.match(block.raw) or block.links)
        return noted * 3 >= len(inside) or (head.own < PROSE and noted > 0)
    if reason == "title page":
        return head.own < (4000 if "copyright" in head.text.lower() else 1500)
    if reason == "advertisement":
        return head.own < 20_000
    if reason in {"contents list", "list of illustrations"}:
        long = sum(
            len(block.text)
            for block in inside
            if block.kind == "para" and len(block.text) > 300 and not block.links and block.spoken
        )
        return long < 3000
    return True


def skip_inside(
    heads: Sequence[Head],
    outside: dict[int, str],
    body: Sequence[Head],
    level: float | None,
    blocks: Sequence[Block],
) -> None:
    """Apparatus within a chapter that goes on after it is skipped where it stands."""
    if level is None:
        return
    chapters = [head.first for head in body if head.level <= level]
    for place, head in enumerate(heads):
        reason = outside.get(head.first)
        following = heads[place + 1] if place + 1 < len(heads) else None
        if (
            not reason
            or head.level <= level
            or following is None
            or following.first in outside
            or following.level <= level
        ):
            continue
        if chapters and chapters[0] < head.first:
            for block in blocks[head.first : following.first]:
                block.skip = block.skip or reason
            del outside[head.first]
