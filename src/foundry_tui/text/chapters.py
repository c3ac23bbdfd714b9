"""The sections of a book: what is narrated as which chapter, what is left out and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

from foundry_tui.text.apparatus import find_apparatus, skip_inside
from foundry_tui.text.boilerplate import cut_frame
from foundry_tui.text.document import Block, BookDocument
from foundry_tui.text.evidence import collect
from foundry_tui.text.headings import fold, parse_heading
from foundry_tui.text.heads import Head, measure
from foundry_tui.text.levels import PROSE, chapter_level, is_title_page, merge_pairs
from foundry_tui.text.plan import Planned, plan_chapters, without_front
from foundry_tui.text.sections import UNTITLED, Section, join_title

_END = {"the end"}
_KINDS = {
    "chapter": "chapter",
    "numeral": "chapter",
    "numbered": "chapter",
    "part": "part",
    "act": "act",
    "scene": "scene",
}
_IMPRINT = re.compile(
    r"copyright|©|all rights reserved|published (?:by|in)|printed (?:in|by)|translated (?:by|from)"
    r"|(?:first|second|third|new) edition|"
    r"tous droits|droits de|alle rechte|imprimerie|verlag|imprenta|tipograf|derechos|diritti|direitos",
    re.IGNORECASE,
)


def detect(document: BookDocument) -> list[Section]:
    """Cut ``document`` into sections that together hold every block once, in order."""
    blocks = document.blocks
    first, last = cut_frame(blocks)
    heads = collect(document, first, last)
    sections: list[Section] = []
    if first:
        sections.append(Section(0, first, "", "frame", kept=False, reason="boilerplate"))
    sections.extend(_book(document, heads, first, last))
    if last < len(blocks):
        sections.append(Section(last, len(blocks), "", "frame", kept=False, reason="boilerplate"))
    return [section for section in sections if section.end > section.start]


def _book(document: BookDocument, heads: list[Head], first: int, last: int) -> list[Section]:
    blocks = document.blocks
    outside = find_apparatus(heads, blocks, last)
    body = [head for head in heads if head.first not in outside]
    body = merge_pairs(body, blocks, last)
    bounds = sorted([head.first for head in body] + list(outside))
    _measure_between(body, blocks, bounds, last)
    body = _without_title_page(body, document, _first_contents(outside))
    level = chapter_level(body)
    skip_inside(heads, outside, body, level, blocks)
    plan = plan_chapters(body, level)
    return _assemble(document, plan, outside, first, last)


def _measure_between(heads: Sequence[Head], blocks: Sequence[Block], bounds: Sequence[int], last: int) -> None:
    """What follows each heading ends at the next one, apparatus included."""
    ends = dict(pairwise([*bounds, last]))
    for head in heads:
        measure([head], blocks, ends[head.first])


def _first_contents(outside: Mapping[int, str]) -> int:
    """Position of the first contents list, or 0."""
    return min((position for position, reason in outside.items() if reason == "contents list"), default=0)


def _without_title_page(heads: list[Head], document: BookDocument, contents: int) -> list[Head]:
    """Headings before the first section that only name book, author or publisher are no sections."""
    kept: list[Head] = []
    title, author = document.title, document.author
    for head in heads:
        if is_title_page(head, title, author) and head.prose < 1000 and (not kept or head.empty):
            continue
        if head.first < contents and head.parsed.kind == "plain" and head.prose < 1000:
            continue
        if (
            not kept
            and head.parsed.kind == "plain"
            and head.own < 300
            and head.prose < PROSE
            and not _has_peers(head, heads)
        ):
            continue
        if not kept and title and head.prose >= 1000 and is_title_page(head, "", author):
            head.text = title  # prose right under the author's name is the book's, not the author's
        kept.append(head)
    if len(kept) == 1 and _names_the_author(kept[0], heads, document):
        return []
    return kept


def _names_the_author(head: Head, heads: Sequence[Head], document: BookDocument) -> bool:
    """The only heading of an undivided text, right under the book's title: its author."""
    place = heads.index(head)
    if place == 0 or head.parsed.kind != "plain" or len(head.text) > 60:
        return False
    above = heads[place - 1]
    if not (above.empty and is_title_page(above, document.title, "") and head.level > above.level):
        return False
    document.author = document.author or join_title(head.text)
    return True


def _has_peers(head: Head, heads: Sequence[Head]) -> bool:
    """Several headings of its level and kind hold text, of their own or under deeper ones."""
    if head.parsed.kind != "plain" or not _holds_text(head, heads):
        return False
    peers = [
        other for other in heads if other.level == head.level and other is not head and other.parsed.kind == "plain"
    ]
    return sum(1 for other in peers if _holds_text(other, heads)) >= 2


def _holds_text(head: Head, heads: Sequence[Head]) -> bool:
    if head.own > 0:
        return True
    for other in heads[heads.index(head) + 1 :]:
        if other.level <= head.level:
            return False
        if other.own > 0:
            return True
    return False


def _assemble(
    document: BookDocument, plan: list[Planned], outside: dict[int, str], first: int, last: int
) -> list[Section]:
    blocks = document.blocks
    plan = without_front(plan)
    for planned in plan:
        apart = max((position for position in outside if position < planned.head.first), default=-1)
        planned.opening = [head for head in planned.opening if head.first > apart]
    if len({planned.part for planned in plan}) == 1:
        for planned in plan:
            planned.part = ""  # one part over the whole book is its title page
    starts: list[tuple[int, Planned | str]] = []
    for planned in plan:
        begin = min([planned.head.first, *(head.first for head in planned.opening)])
        starts.append((begin, planned))
    covered = {begin for begin, _ in starts}
    starts.extend((position, reason) for position, reason in outside.items() if position not in covered)
    starts.sort(key=lambda start: start[0])
    sections: list[Section] = []
    if not plan:
        return _one_chapter(document, starts, first, last)
    front_end = starts[0][0]
    if not isinstance(starts[0][1], str):
        front_end = _opening_prose(blocks, first, front_end)
        starts[0] = (front_end, starts[0][1])
    if front_end > first:
        sections.append(_front(first, front_end))
    for (begin, what), end in zip(starts, [*(start[0] for start in starts[1:]), last], strict=True):
        if isinstance(what, str):
            previous = sections[-1] if sections else None
            if previous is not None and not previous.kept and previous.reason == what:
                previous.end = end
            else:
                sections.append(
                    Section(begin, end, join_title(blocks[begin].text), "apparatus", kept=False, reason=what)
                )
            continue
        head = what.head
        opening = tuple(
            position
            for other in what.opening
            for position in range(other.first, other.last + 1)
            if position < head.first
        )
        sections.append(
            Section(
                begin,
                end,
                join_title(head.text),
                _kind_of(head),
                kept=True,
                part=what.part,
                heads=tuple(range(head.first, head.last + 1)),
                opening=opening,
            )
        )
    _cut_after_the_end(sections, blocks)
    return sections


def _kind_of(head: Head) -> str:
    """What the chapter is: chapter, part, act, scene, preface, letter, story ..."""
    if head.parsed.kind == "apparatus":
        return "note" if head.parsed.key == "footnotes" else "chapter"
    if head.parsed.kind in {"unit", "named"}:
        return head.parsed.key or "chapter"
    return _KINDS.get(head.parsed.kind, "chapter")


def _opening_prose(blocks: Sequence[Block], first: int, end: int) -> int:
    """Where prose before the first heading begins that belongs to the first chapter, else ``end``."""
    begin, letters, longest = end, 0, 0
    for block in reversed(blocks[first:end]):
        if not block.spoken:
            continue
        if (
            (len(block.text) < 80 and block.kind != "verse")
            or _IMPRINT.search(block.text)
            or block.kind in {"heading", "row"}
        ):
            break
        begin = block.position
        letters += len(block.text)
        longest = max(longest, len(block.text))
    return begin if letters >= 800 and longest >= 300 else end


def _front(first: int, end: int) -> Section:
    return Section(first, end, "", "front", kept=False, reason="title page")


def _one_chapter(
    document: BookDocument, starts: list[tuple[int, Planned | str]], first: int, last: int
) -> list[Section]:
    """Prose without any division: one chapter bearing the book's title."""
    blocks = document.blocks
    cuts = [(position, what) for position, what in starts if isinstance(what, str)]
    begin = _after_title_lines(document, first, last)
    sections: list[Section] = []
    if begin > first:
        sections.append(_front(first, begin))
    heads: tuple[int, ...] = ()
    bounds = [position for position, _ in cuts if position > begin]
    end = bounds[0] if bounds else last
    sections.append(Section(begin, end, document.title or UNTITLED, "book", kept=True, heads=heads))
    for position, following in pairwise([*bounds, last]):
        reason = next(str(what) for place, what in cuts if place == position)
        sections.append(
            Section(position, following, join_title(blocks[position].text), "apparatus", kept=False, reason=reason)
        )
    _cut_after_the_end(sections, blocks)
    return sections


def _after_title_lines(document: BookDocument, first: int, last: int) -> int:
    """Position of the first block that is no title, author or publisher line."""
    title, author = fold(document.title), fold(document.author)
    begin = first
    for block in document.blocks[first : min(last, first + 40)]:
        words = fold(block.text)
        if not block.spoken or not words:
            continue
        names = (
            words == title
            or (title and title in words and len(words) < len(title) + 40)
            or (author and author in words and len(words) < 80)
        )
        if block.kind == "heading" or names or words.split(" ")[0] == "by":
            begin = block.position + 1
            continue
        if len(block.text) > 60:
            break
    return begin


def _cut_after_the_end(sections: list[Section], blocks: Sequence[Block]) -> None:
    """What follows THE END of the last chapter without a heading of its own is the publisher's, not the author's."""
    last = next((section for section in reversed(sections) if section.kept), None)
    if last is None:
        return
    for block in blocks[last.start : last.end]:
        if (
            block.spoken
            and len(block.text) < 60
            and parse_heading(block.text).key in _END
            and block.position + 1 < last.end
        ):
            rest = [other for other in blocks[block.position + 1 : last.end] if other.spoken]
            before = sum(len(other.text) for other in blocks[last.start : block.position])
            if rest and sum(len(other.text) for other in rest) < before + 4000:
                tail = Section(block.position + 1, last.end, "", "back", kept=False, reason="after the end")
                last.end = tail.start
                sections.insert(sections.index(last) + 1, tail)
            return
