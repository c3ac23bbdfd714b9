"""Lines without a heading's markup that are headings all the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from foundry_tui.text.document import Block, BookDocument
from foundry_tui.text.headings import fold, parse_heading
from foundry_tui.text.heads import CHAPTER_LEVEL, NUMERAL_LEVEL, PART_LEVEL, Head, measure
from foundry_tui.text.levels import is_title_page

_PAGE_AT_END = re.compile(
    r"(?:^|[\s.·…_\-–—]+)(?:\b(?:page|pag|pág|p|s|seite)\.?\s*)?(?:\d{1,4}|[ivxlc]{1,7})\s*$", re.IGNORECASE
)
_LEADERS = re.compile(r"(?:\s*[.·…]\s*){3,}")

_LISTED_LEVELS = (5.9, 6.0)  # parts and chapters that a contents list names
_SPEECH = frozenset("“‘\"'«„‚—–(")  # a line that opens so is somebody speaking


def promote_entries(document: BookDocument, heads: dict[int, Head], first: int, last: int) -> None:
    """Lines that the book's navigation or contents list points to by name become headings."""
    found: dict[int, Head] = {}
    unnamed: dict[int, Head] = {}
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
        if position not in found and depth == 0 and parse_heading(title).kind != "apparatus":
            unnamed.setdefault(position, Head(position, position - 1, 5.0, title, parse_heading(title), synthetic=True))
    _promote_listed(document, heads, found, first, last)
    if len(found) >= 2:
        heads.update(found)
    elif len(unnamed) >= 2 and _without_headings(document, heads) and _apart(unnamed, document.blocks, last):
        heads.update(unnamed)  # titles that stand only in the navigation, or over the text as pictures without words


def _without_headings(document: BookDocument, heads: Mapping[int, Head]) -> bool:
    """No heading of a section but those of the contents lists themselves."""
    if document.nav:
        return len(heads) < 2
    return not any(
        head.parsed.kind != "apparatus" and not is_title_page(head, document.title, document.author)
        for head in heads.values()
    )


def _apart(found: Mapping[int, Head], blocks: Sequence[Block], last: int) -> bool:
    """Text enough for a chapter stands between most of the places."""
    places = sorted(found)
    lengths = [
        sum(len(block.text) for block in blocks[one:other] if block.spoken) for one, other in pairwise([*places, last])
    ]
    return sum(1 for length in lengths if length >= 300) * 10 >= len(lengths) * 7


def _pointers(document: BookDocument, first: int, last: int) -> Iterable[tuple[str, int, int]]:
    for point in document.nav:
        position = document.anchors.get(point.target)
        if position is not None:
            yield point.title, position, point.depth
    pictures = False
    for block in document.blocks[first:last]:
        if len(block.raw) < 60 and (block.kind == "heading" or not block.links):
            key = parse_heading(block.raw).key
            pictures = key == "list of illustrations" or (pictures and key != "contents list" and not key)
        if pictures or (block.skip != "contents list" and block.kind not in {"row", "item"}):
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
    longest = max(map(len, listed)) + 12
    for block in document.blocks[end:last]:
        if len(block.text) > longest or not block.spoken or block.kind in {"row", "item"} or block.text[0] in ",;.":
            continue
        if block.position in heads or block.position in found or block.text[-1] in ",;—":
            continue
        if fold(block.text) in listed:
            parsed = parse_heading(block.text)
            level = _LISTED_LEVELS[parsed.kind not in {"part", "act"}]
            found[block.position] = Head(block.position, block.position, level, block.text, parsed)


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
    if parse_heading(line.strip()).bare:
        return line  # ACT I: the number is its own, not a page's
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


def promote_lines(blocks: Sequence[Block], heads: dict[int, Head], first: int, last: int, *, plain: bool) -> None:
    """Paragraphs that are nothing but "Chapter IV" in some language, names of sections, or a count of bare numerals."""
    keyed: list[Head] = []
    bare: list[Head] = []
    named: list[Head] = []
    titled: list[Head] = []
    for block in blocks[first:last]:
        if block.position in heads or not block.spoken or block.kind in {"row", "item"} or len(block.text) > 200:
            continue
        if block.text[0] in _SPEECH or block.text[0].islower():
            continue
        parsed = parse_heading(block.text)
        standing = block.text.count("\n") <= 3 and (len(block.text) <= 120 or block.centred)
        if not standing or parsed.kind == "plain":
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
        elif plain and parsed.kind == "numbered" and block.gap >= 2 and _like_a_title(block):
            titled.append(head)
        elif (
            parsed.kind in {"named", "apparatus"}
            and len(block.text) <= 60
            and (block.gap >= 2 if plain else block.centred or block.bold or _opens_file(block, blocks))
        ):
            named.append(head)
    counted = _counting(
        [head for head in keyed if head.parsed.kind in {"chapter", "unit", "scene"}], blocks, at_least=2
    )
    heads.update({head.first: head for head in counted})
    for head in keyed:
        if head.parsed.kind in {"part", "act"} and not _crowded(head, keyed, blocks):
            heads[head.first] = head
    if not any(head.parsed.kind in {"chapter", "unit"} for head in heads.values()):
        if plain:
            heads.update({head.first: head for head in _counting(titled, blocks, at_least=3)})
        counted = _counting(bare, blocks, at_least=2)
        heads.update({head.first: head for head in counted})
    if plain or (counted and all(head.level >= PART_LEVEL for head in heads.values())):
        level = min((head.level for head in counted), default=CHAPTER_LEVEL)
        for head in named:
            head.level = level
            if head.parsed.key != "the end":
                heads[head.first] = head
    if any(head.level in _LISTED_LEVELS for head in heads.values()):
        for head in heads.values():
            head.level = {PART_LEVEL: _LISTED_LEVELS[0], CHAPTER_LEVEL: _LISTED_LEVELS[1]}.get(head.level, head.level)


def _like_a_title(block: Block) -> bool:
    """A line or two that no sentence fills."""
    text = block.text.rstrip()
    return len(text) <= 100 and text.count("\n") <= 1 and text[-1] not in ",;:" and (text[-1] != "." or len(text) <= 60)


def _opens_file(block: Block, blocks: Sequence[Block]) -> bool:
    """Whether a block is the first of one of several files, as in an EPUB cut at its chapters."""
    return (block.position > 0 and blocks[block.position - 1].file != block.file) or (
        block.position == 0 and blocks[-1].file != block.file
    )


def promote_standing(blocks: Sequence[Block], heads: dict[int, Head], first: int, last: int) -> None:
    """Plain text without any chapter word: short lines that stand alone between many blank lines."""
    if any(head.parsed.kind in {"chapter", "unit", "numeral", "act", "scene"} for head in heads.values()):
        return
    found: list[Head] = []
    for place in range(first, last - 1):
        block, following = blocks[place], blocks[place + 1]
        if block.position in heads or not block.spoken or block.gap < 3 or following.gap < 1 or block.kind == "verse":
            continue
        lines = block.text.split("\n")
        short = len(lines) <= 3 and max(map(len, lines)) <= 70 and len(block.text) <= 140
        if short and any(sign.isalpha() for sign in block.text) and not block.text.rstrip().endswith((",", ";")):
            capital = block.text == block.text.upper() and block.text != block.text.lower()
            found.append(
                Head(block.position, block.position, 6.2 if capital else 6.4, block.text, parse_heading(block.text))
            )
    measure(found, blocks, last)
    for level in (6.2, 6.4):
        of_level = [head for head in found if head.level == level]
        if sum(1 for head in of_level if head.own >= 500) >= 2 or _verses(of_level):
            heads.update({head.first: head for head in of_level})


def _verses(heads: Sequence[Head]) -> bool:
    """Titles of short poems: verse stands under most of them."""
    poems = sum(1 for head in heads if head.own >= 80 and head.prose * 2 >= head.own)
    return poems >= 3 and poems * 10 >= len([head for head in heads if not head.empty]) * 7


def take_titles(heads: list[Head], blocks: Sequence[Block], last: int) -> None:
    """Where most bare "Chapter IV" are followed by a short line set apart, that line is the chapter's title."""
    bare = [head for head in heads if head.parsed.bare and head.parsed.kind != "part"]
    starts = {head.first for head in heads}
    titled = [
        head
        for head in bare
        if (block := _next(blocks, head.last, last))
        and block.position not in starts
        and _is_title_line(block, blocks, last)
    ]
    if len(titled) < 2 or len(titled) * 10 < len(bare) * 6:
        return
    for head in titled:
        block = _next(blocks, head.last, last)
        assert block is not None
        head.last = block.position
        head.text = f"{head.text}\n{block.text}"
        head.parsed = parse_heading(head.text)


def _next(blocks: Sequence[Block], position: int, last: int) -> Block | None:
    return next((block for block in blocks[position + 1 : min(position + 5, last)] if block.spoken), None)


def _is_title_line(block: Block, blocks: Sequence[Block], last: int) -> bool:
    if block.kind not in {"para", "quote"} or len(block.text) > 120 or block.text.count("\n") > 3:
        return False
    text = block.text.strip()
    after = _next(blocks, block.position, last)
    if after is None or text[:1] in '"“‘«„—–-([*' or text.endswith((",", ";", ":", "—", "”", '"')):
        return False
    capitals = text == text.upper() and text != text.lower()
    alone = (
        after.gap >= 1 and block.gap >= 1 and len(text) <= 80 and not text.endswith(".") and len(after.text) > len(text)
    )
    return capitals or block.centred or block.bold or alone


def _crowded(head: Head, others: Sequence[Head], blocks: Sequence[Block]) -> bool:
    """In a contents list of plain lines every neighbour is a heading, too, and stands close by."""
    near = [other for other in others if 0 < abs(other.first - head.first) <= 4]
    return len(near) >= 4 and not _set_off(blocks[head.first])


def _set_off(block: Block) -> bool:
    """More blank lines stand before a line of plain text than between the entries of a list."""
    return block.gap >= 3


def _counting(heads: list[Head], blocks: Sequence[Block], *, at_least: int) -> list[Head]:
    """The heads that count (1, 2, 3 ... or on from where a part left off) and have text between them.

    Where one title comes twice, first in a crowd, the first is an entry of a contents list.
    """
    later = {fold(head.text): head.first for head in heads}
    kept: list[Head] = []
    crowd = False
    for place, head in enumerate(heads):
        following = heads[place + 1].first if place + 1 < len(heads) else len(blocks)
        letters = sum(len(block.text) for block in blocks[head.first + 1 : following] if block.spoken)
        listed = letters < 100
        before = heads[place - 1].first
        close = (
            crowd
            and head.first - before <= 2
            and not any(_set_off(block) for block in blocks[before + 1 : head.first + 1])
        )
        entry = close and later[fold(head.text)] > head.first
        if not listed and not entry:
            kept.append(head)
        crowd = listed
    rising = sum(1 for one, other in pairwise(kept) if (other.parsed.number or 0) in {1, (one.parsed.number or 0) + 1})
    if len(kept) < at_least or rising * 10 < (len(kept) - 1) * 7 or (kept[0].parsed.number or 0) > 3:
        return []
    return kept
