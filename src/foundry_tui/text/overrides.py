"""What the operator decided about sections: include, leave out, rename, merge, split.

A decision hangs on the section's source anchor and on the hash of its first words, never on a number, so it survives a
reparse; one that fits nothing any more is reported, not guessed at.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foundry_tui.errors import UsageError
from foundry_tui.text.document import Block, BookDocument
from foundry_tui.text.sections import UNTITLED, Section

ACTIONS = ("include", "leave_out", "rename", "merge", "split")
BY_OPERATOR = "left out by the operator"
_HASHED_SIGNS = 200


def text_hash(text: str) -> str:
    """16 hex digits that name a text: its first 200 letters and digits, case and spacing aside."""
    letters = "".join(sign for sign in text.casefold() if sign.isalnum())[:_HASHED_SIGNS]
    return hashlib.sha256(letters.encode("utf-8")).hexdigest()[:16]


def section_hash(section: Section, blocks: Sequence[Block]) -> str:
    """The hash of a section's first words."""
    text, length = [], 0
    for block in blocks[section.start : section.end]:
        text.append(block.raw)
        length += len(block.raw)
        if length > 2 * _HASHED_SIGNS:
            break
    return text_hash("".join(text))


def section_anchors(sections: Sequence[Section], document: BookDocument) -> None:
    """Name each section by the first anchor of the source that points at its beginning."""
    at: dict[int, str] = {}
    for name, position in document.anchors.items():
        at.setdefault(position, name)
    for section in sections:
        places = (section.start, *section.heads, section.start + 1)
        section.anchor = next((at[place] for place in places if place in at), "")


def load_overrides(path: Path) -> tuple[Mapping[str, Any], ...]:
    """The decisions in a JSON file: a list of objects; raises UsageError where it is none."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as broken:
        raise UsageError(f"{path} holds no list of overrides: {broken}.") from broken
    return checked_overrides(content)


def checked_overrides(content: Any) -> tuple[Mapping[str, Any], ...]:
    """``content`` if it is a list of decisions; raises UsageError naming the first that is none."""
    if not isinstance(content, list):
        raise UsageError("Overrides are a JSON list of objects with action, anchor, text_hash and, to rename, title.")
    for entry in content:
        if (
            not isinstance(entry, dict)
            or entry.get("action") not in ACTIONS
            or not (entry.get("anchor") or entry.get("text_hash"))
        ):
            raise UsageError(
                f"{entry!r} is no override.",
                next_action=f"Give an action of {', '.join(ACTIONS)} and an anchor or text_hash.",
            )
    return tuple(content)


def apply_overrides(
    sections: list[Section], document: BookDocument, overrides: Sequence[Mapping[str, Any]]
) -> tuple[list[Section], list[str]]:
    """(sections as decided, a warning for each decision that fits nothing)."""
    warnings: list[str] = []
    for override in overrides:
        if override["action"] == "split":
            done = _split(sections, document, override)
        else:
            done = _change(sections, document, override)
        if not done:
            name = override.get("title") or override.get("anchor") or override.get("text_hash")
            warnings.append(f"The override to {override['action']} {name!r} fits no section of this source any more.")
    return sections, warnings


def _change(sections: list[Section], document: BookDocument, override: Mapping[str, Any]) -> bool:
    place = _find(sections, document, override)
    if place is None:
        return False
    section, action = sections[place], override["action"]
    title = str(override.get("title") or "")
    if action == "include":
        section.kept, section.reason = True, ""
        section.title = title or section.title or _first_words(section, document)
        for block in document.blocks[section.start : section.end]:
            if (
                block.skip
                in {"contents list", "boilerplate", "credits", "transcriber's note", "index", "advertisement"}
                and not block.text
            ):
                block.text = block.raw
            if block.skip not in {"page number", "footnote mark", "footnote"}:
                block.skip = "" if block.text else block.skip
    elif action == "leave_out":
        section.kept, section.reason = False, BY_OPERATOR
    elif action == "rename":
        section.title, section.part = title or section.title, ""
    else:
        before = next((other for other in reversed(sections[:place]) if other.kept), None)
        if before is None or sections.index(before) != place - 1:
            return False
        before.end = section.end
        del sections[place]
    return True


def _split(sections: list[Section], document: BookDocument, override: Mapping[str, Any]) -> bool:
    """Begin a new section at the block the decision names."""
    position = _block_position(document, override)
    for place, section in enumerate(sections):
        if position is not None and section.start < position < section.end:
            title = str(override.get("title") or " ".join(document.blocks[position].text.split())[:80])
            heads = (position,) if len(document.blocks[position].text) <= 120 else ()
            sections.insert(
                place + 1,
                Section(position, section.end, title, section.kind, section.kept, section.reason, section.part, heads),
            )
            section.end = position
            return True
    return False


def _block_position(document: BookDocument, override: Mapping[str, Any]) -> int | None:
    wanted = override.get("text_hash")
    if wanted:
        found = [block.position for block in document.blocks if block.raw and text_hash(block.raw) == wanted]
        if found:
            return found[0]
    anchor = override.get("anchor")
    return document.anchors.get(str(anchor)) if anchor else None


def _find(sections: Sequence[Section], document: BookDocument, override: Mapping[str, Any]) -> int | None:
    """The section whose first words match, the anchor deciding between equals; else the one at the anchor."""
    wanted, anchor = override.get("text_hash"), override.get("anchor")
    by_text = [
        place for place, section in enumerate(sections) if wanted and section_hash(section, document.blocks) == wanted
    ]
    by_anchor = [place for place, section in enumerate(sections) if anchor and section.anchor == anchor]
    both = [place for place in by_text if place in by_anchor]
    return next(iter(both or by_text or by_anchor), None)


def _first_words(section: Section, document: BookDocument) -> str:
    return next(
        (" ".join(block.raw.split())[:60] for block in document.blocks[section.start : section.end] if block.raw),
        UNTITLED,
    )
