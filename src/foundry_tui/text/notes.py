"""Footnotes where the operator wants them: left out, at the end of their chapter, or right after their sentence's
paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from foundry_tui.text.document import Block, BookDocument, single_spaced
from foundry_tui.text.options import Footnotes
from foundry_tui.text.sections import Section

_LABEL = re.compile(
    r"\s*(?:[\[({]?\s*(?:foot-?note|note)?\s*(?:\d{1,4}[a-z]?|[*†‡§]{1,3}|[A-Z])\s*:?\s*[\])}]?[.:)]?)\s*",
    re.IGNORECASE,
)
_RETURN = re.compile(r"\s*(?:↩︎?|\[?\s*(?:back|return|zurück|retour)\s*\]?)\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Moved:
    """``blocks`` of one note, to be said after the block at ``after``."""

    after: int
    blocks: tuple[Block, ...]


def place_notes(document: BookDocument, sections: Sequence[Section], setting: Footnotes) -> dict[int, list[Block]]:
    """Blocks of notes to say after a block's position; they are no longer skipped where they stand."""
    if setting == "left_out":
        return {}
    notes = _notes(document, sections)
    if not notes:
        return {}
    owners = {block.position: note for note in notes for block in note}
    placed: dict[int, list[Block]] = {}
    done: set[int] = set()
    for section in sections:
        if not section.kept:
            continue
        for block in document.blocks[section.start : section.end]:
            wanted = [position for target, _ in block.links if (position := document.anchors.get(target)) is not None]
            if block.position in owners:
                wanted.append(block.position)
            for position in wanted:
                note = next((owners[near] for near in range(position, position + 3) if near in owners), None)
                if note is None or note[0].position in done or (block.note and block.position not in owners):
                    continue
                if block.note and block not in note:
                    continue
                done.add(note[0].position)
                after = block.position if setting == "inline" else section.end - 1
                for member in note:
                    member.text = _words(member)
                    member.kind, member.skip = "note", "" if member.text else "footnote"
                placed.setdefault(after, []).extend(note)
    return placed


def _notes(document: BookDocument, sections: Sequence[Section]) -> list[tuple[Block, ...]]:
    """The notes of a document: blocks that follow each other with one id, and those of a section of notes."""
    inside = [
        block
        for section in sections
        if section.kept or section.reason == "footnotes"
        for block in document.blocks[section.start : section.end]
        if block.raw and (block.skip == "footnote" or (section.reason == "footnotes" and block.kind != "heading"))
    ]
    notes: list[list[Block]] = []
    for block in inside:
        starts = _LABEL.match(block.raw) is not None and _LABEL.match(block.raw).end() > 0  # type: ignore[union-attr]
        same = (
            notes and block.note and block.note == notes[-1][-1].note and block.position == notes[-1][-1].position + 1
        )
        if notes and (same or not starts) and block.position <= notes[-1][-1].position + 2:
            notes[-1].append(block)
        else:
            notes.append([block])
    return [tuple(note) for note in notes]


def _words(block: Block) -> str:
    """A note's words without its label and its way back."""
    text = single_spaced(block.raw)
    return _RETURN.sub("", _LABEL.sub("", text, count=1)).strip()
