"""Where chapters may begin: the book's own headings, what its contents list points to, lines that look like headings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from foundry_tui.text.document import Block, BookDocument
from foundry_tui.text.headings import Parsed, fold, parse_heading

PART_LEVEL, CHAPTER_LEVEL, NUMERAL_LEVEL = 7.0, 7.5, 8.0
_PAGE_AT_END = re.compile(r"[\s.·…_\-–—]*(?:\b(?:page|pag|pág|p|s|seite)\.?\s*)?(?:\d{1,4}|[ivxlc]{1,7})\s*$", re.IGNORECASE)
_LEADERS = re.compile(r"(?:\s*[.·…]\s*){3,}")


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


def mark_contents(document: BookDocument, first: int, last: int) -> None:
    """Mark as contents lists the runs of blocks that are mostly links into the book itself."""
    run: list[Block] = []
    for block in document.blocks[first:last]:
        if block.skip or block.kind in {"rule", "image"}:
            continue
        if _is_entry(block, document.anchors):
            run.append(block)
            continue
        _close_run(run)
        run = []
    _close_run(run)


def _is_entry(block: Block, anchors: Mapping[str, int]) -> bool:
    if not block.links or len(block.text) > 20_000:
        return False
    linked = sum(len(text) for target, text in block.links if _inside(target, anchors))
    if linked * 2 < len(block.text):
        return False
    if block.kind == "heading":
        return any(anchors.get(_key(target), -1) > block.position + 1 for target, _ in block.links)
    return True


def _inside(target: str, anchors: Mapping[str, int]) -> bool:
    return _key(target) in anchors


def _key(target: str) -> str:
    return target


def _close_run(run: list[Block]) -> None:
    links = sum(len(block.links) for block in run)
    if ((len(run) >= 3 or links >= 4) and any(block.kind != "heading" for block in run)) or len(run) >= 4:
        for block in run:
            block.skip = "contents list"


def collect(document: BookDocument, first: int, last: int) -> list[Head]:
    """Every heading of the book proper in order, with what follows each."""
    blocks = document.blocks
    mark_contents(document, first, last)
    heads: dict[int, Head] = {}
    for block in blocks[first:last]:
        if block.kind == "heading" and block.spoken:
            parsed = parse_heading(block.text)
            if parsed.kind == "apparatus" and parsed.key == "the end":
                continue
            heads[block.position] = Head(block.position, block.position, float(block.level), block.text, parsed)
    _promote_entries(document, heads, first, last)
    _promote_lines(blocks, heads, first, last)
    found = [heads[position] for position in sorted(heads)]
    measure(found, blocks, last)
    return found


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
            head.own += sum(map(str.isalnum, block.text)) if len(block.text) < 200 else int(len(block.text) * 0.8)
            if len(block.text) >= 150 and block.kind not in {"row"}:
                head.prose += len(block.text)


def _promote_entries(document: BookDocument, heads: dict[int, Head], first: int, last: int) -> None:
    """Lines that the book's navigation or contents list points to by name become headings."""
    found: dict[int, Head] = {}
    for title, position, depth in _pointers(document, first, last):
        if not first <= position < last:
            continue
        near = [place for place in range(position - 1, position + 4) if place in heads]
        if near:
            continue
        for block in document.blocks[position : min(position + 4, last)]:
            if block.spoken and block.kind != "heading" and len(block.text) <= 200 and _same_title(title, block.text):
                found[block.position] = Head(
                    block.position, block.position, 5.0 + depth / 4, block.text, parse_heading(block.text)
                )
                break
            if block.spoken and len(block.text) > 200:
                break
        else:
            continue
    _promote_listed(document, heads, found, first, last)
    if len(found) >= 2:
        heads.update(found)


def _pointers(document: BookDocument, first: int, last: int) -> Iterable[tuple[str, int, int]]:
    for point in document.nav:
        position = document.anchors.get(point.target)
        if position is not None:
            yield point.title, position, point.depth
    for block in document.blocks[first:last]:
        if block.skip != "contents list" and block.kind not in {"row", "item"}:
            continue
        for target, text in block.links:
            position = document.anchors.get(target)
            if position is not None:
                yield text if len(block.links) > 1 else block.text, position, 0


def _promote_listed(
    document: BookDocument, heads: dict[int, Head], found: dict[int, Head], first: int, last: int
) -> None:
    """Short lines that repeat a line of a contents list without links become headings."""
    listed, end = listed_titles(document.blocks, heads, first, last)
    if len(listed) < 2:
        return
    for block in document.blocks[end:last]:
        if block.position in heads or block.position in found or not block.spoken or len(block.text) > 160:
            continue
        if block.kind in {"row", "item"}:
            continue
        if fold(block.text) in listed:
            found[block.position] = Head(block.position, block.position, 6.0, block.text, parse_heading(block.text))


def listed_titles(blocks: Sequence[Block], heads: Mapping[int, Head], first: int, last: int) -> tuple[set[str], int]:
    """(folded titles, position after the list) of a contents list made of plain lines."""
    start = next(
        (
            block.position
            for block in blocks[first:last]
            if block.spoken
            and len(block.text) < 60
            and parse_heading(block.text).key == "contents list"
            and _followed_by_lines(blocks, block.position, last)
        ),
        None,
    )
    if start is None:
        return set(), first
    titles: set[str] = set()
    end = start + 1
    for block in blocks[start + 1 : last]:
        if block.kind == "rule" or (block.skip and block.skip != "contents list"):
            continue
        lines = block.raw.split("\n")
        named = [_bare_title(line) for line in lines]
        if block.position in heads and titles and not block.links:
            break
        if any(len(line) > 200 for line in lines) or (titles and any(fold(name) in titles for name in named if name)):
            break
        titles.update(fold(name) for name in named if len(fold(name)) >= 3)
        titles.discard("page")
        end = block.position + 1
    return titles, end


def _followed_by_lines(blocks: Sequence[Block], position: int, last: int) -> bool:
    following = [block for block in blocks[position + 1 : min(position + 6, last)] if block.raw]
    return bool(following) and all(max(map(len, block.raw.split("\n"))) <= 200 for block in following[:3])


def _bare_title(line: str) -> str:
    """An entry without its page number and dot leaders, and without its leading numeral."""
    line = _LEADERS.sub("  ", line)
    stripped = _PAGE_AT_END.sub("", line)
    parsed = parse_heading(stripped or line)
    return parsed.rest or stripped or line


def _same_title(entry: str, line: str) -> bool:
    one, other = fold(_bare_title(entry)), fold(line)
    if not one or not other:
        return False
    if one == other or (len(one) >= 4 and (one in other or other in one)):
        return True
    mine, its = parse_heading(entry), parse_heading(line)
    return mine.number is not None and mine.number == its.number


def _promote_lines(blocks: Sequence[Block], heads: dict[int, Head], first: int, last: int) -> None:
    """Paragraphs that are nothing but "Chapter IV" in some language, or a count of bare numerals."""
    keyed: list[Head] = []
    bare: list[Head] = []
    for block in blocks[first:last]:
        if block.position in heads or not block.spoken or block.kind in {"row", "item"} or len(block.text) > 200:
            continue
        parsed = parse_heading(block.text)
        standing = block.text.count("\n") <= 3 and (len(block.text) <= 120 or block.centred)
        if not standing:
            continue
        head = Head(block.position, block.position, CHAPTER_LEVEL, block.text, parsed)
        if parsed.kind in {"part", "act"}:
            head.level = PART_LEVEL
            keyed.append(head)
        elif parsed.kind in {"chapter", "unit", "scene"}:
            keyed.append(head)
        elif parsed.kind == "numeral" and len(block.text) <= 12:
            head.level = NUMERAL_LEVEL
            bare.append(head)
    for head in _counting(
        [head for head in keyed if head.parsed.kind in {"chapter", "unit", "scene"}], blocks, at_least=2
    ):
        heads[head.first] = head
    for head in keyed:
        if head.parsed.kind in {"part", "act"} and not _crowded(head, keyed):
            heads[head.first] = head
    if not any(head.parsed.kind in {"chapter", "unit"} for head in heads.values()):
        for head in _counting(bare, blocks, at_least=2):
            heads[head.first] = head


def _crowded(head: Head, others: Sequence[Head]) -> bool:
    """In a contents list of plain lines every neighbour is a heading, too."""
    return sum(1 for other in others if 0 < abs(other.first - head.first) <= 4) >= 4


def _counting(heads: list[Head], blocks: Sequence[Block], *, at_least: int) -> list[Head]:
    """The heads that count (1, 2, 3 ... or on from where a part left off) and have text between them."""
    kept: list[Head] = []
    for place, head in enumerate(heads):
        following = heads[place + 1].first if place + 1 < len(heads) else len(blocks)
        letters = sum(len(block.text) for block in blocks[head.first + 1 : following] if block.spoken)
        if letters >= 100:
            kept.append(head)
    rising = sum(
        1
        for one, other in zip(kept, kept[1:], strict=False)
        if (other.parsed.number or 0) in {1, (one.parsed.number or 0) + 1}
    )
    if len(kept) < at_least or rising * 10 < (len(kept) - 1) * 7 or (kept[0].parsed.number or 0) > 3:
        return []
    return kept
