"""Which rank of headings are the chapters: by how they count, what stands under them, and what their words say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from foundry_tui.text.document import Block
from foundry_tui.text.headings import fold, parse_heading
from foundry_tui.text.heads import NUMERAL_LEVEL, Head, measure

PROSE = 200  # letters that make a section worth a chapter of its own


def merge_pairs(heads: list[Head], blocks: Sequence[Block], last: int) -> list[Head]:
    """Headings in two pieces, a number and then its title, become one."""
    pairs: Counter[tuple[float, str, float]] = Counter()
    bare: Counter[tuple[float, str]] = Counter()
    for place, one in enumerate(heads):
        other = heads[place + 1] if place + 1 < len(heads) else None
        if one.parsed.bare:
            bare[one.level, one.parsed.kind] += 1
            if other is not None and one.empty and _titles(other):
                pairs[one.level, one.parsed.kind, other.level] += 1
    merged: list[Head] = []
    for head in heads:
        before = merged[-1] if merged else None
        if before is not None and before.parsed.bare and before.empty and _titles(head):
            kind = before.parsed.kind
            often = pairs[before.level, kind, head.level] * 10 >= bare[before.level, kind] * 6
            if (often or head.level == before.level) and not (
                kind in {"part", "act"} and _has_siblings(heads, head, before.level)
            ):
                text = f"{before.text}\n{head.text}"
                level = min(before.level, head.level)
                merged[-1] = Head(
                    before.first, head.last, level, text, parse_heading(text), head.own, head.blocks, head.prose
                )
                continue
        merged.append(head)
    measure(merged, blocks, last)
    return merged


def _titles(head: Head) -> bool:
    """Whether a heading can be the title of the number before it."""
    if fold(head.text) in _SCENE_WORDS:
        return False
    return (
        head.parsed.kind == "plain"
        or (head.parsed.kind == "named" and not head.empty)
        or head.parsed.key == "footnotes"
    )


def _has_siblings(heads: Sequence[Head], head: Head, above: float) -> bool:
    place = heads.index(head)
    for other in heads[place + 1 :]:
        if other.level <= above:
            return False
        if other.level == head.level:
            return True
    return False


def chapter_level(heads: Sequence[Head]) -> float | None:
    """The level of the chapters among ``heads`` (no apparatus, no title page), or None where there are none."""
    levels = sorted({head.level for head in heads})
    for place, level in enumerate(levels):
        if place == len(levels) - 1:
            return level
        if _is_chapter_level(heads, level):
            return level
    return None


def _is_chapter_level(heads: Sequence[Head], level: float) -> bool:
    branches: list[Head] = []
    leaves: list[Head] = []
    below: list[Head] = []
    children: Counter[int] = Counter()
    current: Head | None = None
    for head in heads:
        if head.level < level:
            current = None
        elif head.level == level:
            current = head
            leaves.append(head)
        elif current is not None:
            if leaves and leaves[-1] is current:
                branches.append(leaves.pop())
            if not head.empty:
                children[current.first] += 1
            below.append(head)
        else:
            below.append(head)
    deeper = [head for head in below if not head.empty]
    leaves = [head for head in leaves if head.own > 0]
    items = branches + leaves
    if not items or not deeper:
        return bool(items)
    keyed = sum(
        1
        for head in items
        if head.parsed.kind in {"chapter", "unit", "scene"} or (head.parsed.kind == "numeral" and level < NUMERAL_LEVEL)
    )
    deep_keyed = sum(1 for head in deeper if _keyed(head, items))
    if keyed >= 2 and keyed * 10 >= len(items) * 4 and deep_keyed < 2:
        return True
    if keyed >= 2 and deep_keyed >= 2 and not _parts(branches):
        return keyed * 2 >= len(items) and not _restarts(below)
    if len(items) == 1 and len(deeper) >= 2:
        return False
    if deep_keyed >= 2 and all(head.parsed.kind == "named" for head in items):
        return False  # prefaces set higher than the chapters
    if not branches:
        return _enough(leaves, below)
    if all(head.parsed.kind == "act" for head in branches) and all(_is_number(head) for head in deeper):
        return True  # the numbers of an opera are no chapters
    if _parts(branches):
        return sum(children.values()) < 2 * len(branches) and not _counts(below)
    numbered = sum(1 for head in branches if head.parsed.numbered) * 2 > len(branches)
    series = [head for head in items if head.parsed.numbered == numbered and head.parsed.kind != "named"] or items
    of_series = [head for head in leaves if head in series]
    if sum(1 for head in branches if head.own >= 300) * 2 >= len(branches):
        return len(items) > 1
    inside = sum(head.own for head in below)
    heavy = inside * 10 >= 6 * (inside + sum(head.own for head in leaves)) and len(deeper) >= 3 * len(branches)
    if len(of_series) * 4 >= len(series) and len(series) > 1 and (numbered or not heavy):
        return True
    if _only_numerals(below) and len(branches) > 4:
        return True
    if (
        max(head.level for head in deeper) >= NUMERAL_LEVEL
        and all(head.level >= NUMERAL_LEVEL for head in deeper)
        and len(items) >= 2
    ):
        return True
    return sum(children.values()) < 2 * len(branches)


def _keyed(head: Head, above: Sequence[Head]) -> bool:
    """Whether a deeper heading may be a chapter by its words: sections of chapters are none."""
    if head.parsed.kind == "unit" and head.parsed.key in _SUBDIVISIONS:
        return not any(other.parsed.kind == "chapter" and other.own >= PROSE for other in above)
    return head.parsed.kind in {"chapter", "unit"}


def _is_number(head: Head) -> bool:
    return head.parsed.kind == "named" or (
        head.parsed.kind in {"plain", "unit"} and head.parsed.key in {"", "no", "nr", "number"}
    )


def _enough(leaves: Sequence[Head], below: Sequence[Head]) -> bool:
    """Leaves at this level outweigh what stands deeper in front of and behind them."""
    return sum(head.own for head in leaves) >= sum(head.own for head in below)


def _parts(heads: Sequence[Head]) -> bool:
    named = sum(1 for head in heads if head.parsed.kind in {"part", "act"})
    return bool(heads) and named * 2 >= len(heads)


def _restarts(heads: Sequence[Head]) -> bool:
    return sum(1 for head in heads if head.parsed.number == 1) > 1


def _counts(heads: Sequence[Head]) -> bool:
    return sum(1 for head in heads if head.parsed.numbered) >= 2


def _only_numerals(heads: Sequence[Head]) -> bool:
    return bool(heads) and all(head.parsed.kind == "numeral" for head in heads)


def is_title_page(head: Head, title: str, author: str) -> bool:
    """Whether a heading only says what the book is called or who wrote it."""
    words = fold(head.text)
    if head.parsed.numbered or head.parsed.kind in {"named", "apparatus"}:
        return False
    names, book = fold(author), fold(title)
    compact = words.replace(" ", "")
    if book and (
        words == book
        or compact == book.replace(" ", "")
        or (len(words) > 3 and words in book)
        or (len(book) > 5 and book in words)
    ):
        return True
    if names and (words == names or names in words or (len(words) > 4 and words in names)):
        return True
    return words.split(" ")[0] in _BY and len(words.split(" ")) <= 6 and head.own < 600


_SUBDIVISIONS = frozenset(
    ["section", "§", "sektion", "sezione", "sección", "seção", "stanza", "no", "nr", "number", "节", "節"]
)
_SCENE_WORDS = frozenset(["scene", "szene", "escena", "scena", "cena", "toneel", "явление", "сцена"])
_BY = frozenset(["by", "von", "par", "di", "por", "de", "van", "av", "af", "door", "od", "автор"])
