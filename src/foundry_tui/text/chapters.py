"""The sections of a book: what is narrated as which chapter, what is left out and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from foundry_tui.text.boilerplate import cut_frame
from foundry_tui.text.document import Block, BookDocument
from foundry_tui.text.evidence import NUMERAL_LEVEL, Head, collect, measure
from foundry_tui.text.headings import fold, parse_heading
from foundry_tui.text.levels import PROSE, chapter_level, is_title_page, merge_pairs

_END = {"the end"}
_KINDS = {
    "chapter": "chapter",
    "numeral": "chapter",
    "numbered": "chapter",
    "part": "part",
    "act": "act",
    "scene": "scene",
}
_NOTE_START = re.compile(r"\s*(?:\[?\(?\d{1,4}[\])]?\.?|[*†‡]|\[[A-Z]\]|(?:page|p|pág|seite|s)\.?\s*\d+)", re.IGNORECASE)


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
    warnings: list[str] = field(default_factory=list)


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
    outside = _apparatus(heads, blocks, last)
    body = [head for head in heads if head.first not in outside]
    body = merge_pairs(body, blocks, last)
    bounds = sorted([head.first for head in body] + [position for position in outside])
    _measure_between(body, blocks, bounds, last)
    body = _without_title_page(body, document)
    level = chapter_level([head for head in body])
    plan = _plan(body, level)
    return _assemble(document, plan, outside, first, last)


def _measure_between(heads: Sequence[Head], blocks: Sequence[Block], bounds: Sequence[int], last: int) -> None:
    """What follows each heading ends at the next one, apparatus included."""
    ends = dict(pairwise([*bounds, last]))
    for head in heads:
        measure([head], blocks, ends[head.first])


def _apparatus(heads: Sequence[Head], blocks: Sequence[Block], last: int) -> dict[int, str]:
    """Positions of headings whose sections are left out, with the reason."""
    found: dict[int, str] = {}
    swallow: tuple[float, str] | None = None
    for place, head in enumerate(heads):
        end = heads[place + 1].first if place + 1 < len(heads) else last
        reason = head.apparatus
        if swallow and head.level > swallow[0] and _belongs(head, swallow[1], blocks, end):
            found[head.first] = swallow[1]
            continue
        swallow = None
        if reason and _is_apparatus(head, reason, blocks, end):
            found[head.first] = reason
            swallow = (head.level, reason)
        elif not head.synthetic and blocks[head.first].skip:
            found[head.first] = blocks[head.first].skip
    return found


def _belongs(head: Head, reason: str, blocks: Sequence[Block], end: int) -> bool:
    """A deeper heading inside apparatus: letters of an index, chapters of a dump of notes, entries of a list."""
    del end
    if reason in {"index", "footnotes", "errata", "transcriber's note", "advertisement", "licence"}:
        return not (head.parsed.kind == "chapter" and head.prose > 2000)
    return (head.prose < PROSE and head.parsed.kind not in {"named", "chapter", "part"}) or head.empty


def _is_apparatus(head: Head, reason: str, blocks: Sequence[Block], end: int) -> bool:
    """Whether what stands under a heading has the shape its name promises; a chapter may be called Notes."""
    inside = [block for block in blocks[head.last + 1 : end] if block.kind != "rule" and block.raw]
    if not inside:
        return True
    if reason == "footnotes":
        noted = sum(1 for block in inside if block.skip == "footnote" or _NOTE_START.match(block.raw) or block.links)
        return noted * 3 >= len(inside) or (head.own < PROSE and noted > 0)
    if reason == "title page":
        return head.own < 1500
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


def _without_title_page(heads: list[Head], document: BookDocument) -> list[Head]:
    """Headings before the first section that only name book, author or publisher are no sections."""
    kept: list[Head] = []
    title, author = document.title, document.author
    for head in heads:
        if is_title_page(head, title, author) and head.prose < 1000 and (not kept or head.empty):
            continue
        if (
            not kept
            and head.parsed.kind == "plain"
            and head.own < 300
            and head.prose < PROSE
            and not _has_peers(head, heads)
        ):
            continue
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
    """Other headings of its level hold prose, or it is one of several titles over chapters."""
    peers = [other for other in heads if other.level == head.level and other is not head]
    return (
        head.own > 0
        and head.parsed.kind == "plain"
        and sum(1 for other in peers if other.parsed.kind == "plain" and other.own > 0) >= 2
    )


@dataclass(slots=True)
class _Planned:
    head: Head
    opening: list[Head]
    part: str


def _plan(heads: Sequence[Head], level: float | None) -> list[_Planned]:
    """The headings that begin chapters, each with the part titles before it."""
    planned: list[_Planned] = []
    opening: list[Head] = []
    parts: list[tuple[float, str]] = []
    for place, head in enumerate(heads):
        if level is None:
            break
        following = heads[place + 1] if place + 1 < len(heads) else None
        if head.level > level:
            if _stands_apart(head, planned, heads[place + 1 :], level):
                planned.append(_Planned(head, opening, _part_title(parts)))
                opening = []
            continue
        above = head.level < level or _is_part_title(head, following)
        if above and _has_chapters(heads[place + 1 :], head, level):
            parts = [part for part in parts if part[0] < head.level]
            if head.own >= PROSE:
                planned.append(_Planned(head, opening, _part_title(parts)))
                opening = []
            else:
                opening.append(head)
            parts.append((head.level, join_title(head.text)))
            continue
        if _hollow(heads, place) and not _counts_on(heads, place):
            opening.append(head)
            continue
        if head.level < level or (
            head.parsed.kind == "named"
            and head.parsed.key in {"preface", "epilogue", "foreword"}
            and not _inside_part(head, parts, level)
        ):
            parts = [part for part in parts if part[0] < head.level]
        planned.append(_Planned(head, opening, _part_title([part for part in parts if part[0] <= head.level])))
        opening = []
    return planned


def _hollow(heads: Sequence[Head], place: int) -> bool:
    """Nothing narrated stands under a heading, nor under the deeper ones that follow it."""
    head = heads[place]
    if not head.empty:
        return False
    for other in heads[place + 1 :]:
        if other.level <= head.level:
            return True
        if not other.empty:
            return False
    return True


def _inside_part(head: Head, parts: Sequence[tuple[float, str]], level: float) -> bool:
    return any(part[0] < level for part in parts) and head.level >= level


def _part_title(parts: Sequence[tuple[float, str]]) -> str:
    return ", ".join(title for _, title in parts)


def _is_part_title(head: Head, following: Head | None) -> bool:
    """A part or book named at the chapters' own level, with nothing of its own under it."""
    return (
        following is not None
        and head.empty
        and following.level == head.level
        and head.parsed.kind in {"part", "act"}
        and (
            following.parsed.kind in {"chapter", "numeral", "numbered", "unit", "scene", "named"}
            or following.parsed.kind == "plain"
        )
        and following.parsed.kind != head.parsed.kind
    )


def _has_chapters(following: Sequence[Head], head: Head, level: float) -> bool:
    """Whether a chapter comes before the next heading of the same rank or above."""
    for other in following:
        if other.level < head.level or (other.level == head.level and head.level < level):
            return False
        if other.level == level:
            return True
    return False


def _counts_on(heads: Sequence[Head], place: int) -> bool:
    """An empty chapter counts as one where its neighbours count on over it and hold text."""
    head = heads[place]
    if head.parsed.number is None:
        return False
    before = next((other for other in reversed(heads[:place]) if other.level == head.level), None)
    after = next((other for other in heads[place + 1 :] if other.level == head.level), None)
    fits_before = before is not None and before.parsed.number == head.parsed.number - 1 and not before.empty
    fits_after = after is not None and after.parsed.number == head.parsed.number + 1 and not after.empty
    return fits_before and fits_after


def _stands_apart(head: Head, planned: Sequence[_Planned], later: Sequence[Head], level: float) -> bool:
    """A deeper heading that is no part of a chapter: a preface before the first, an epilogue after the last."""
    if head.level >= NUMERAL_LEVEL or head.prose < PROSE:
        return False
    if not planned:
        return head.parsed.kind == "named" or head.prose >= 1000
    if not any(other.level <= level and not other.empty for other in later):
        return head.parsed.kind == "named" and head.parsed.key in {"epilogue", "afterword", "appendix"}
    return False


def _assemble(
    document: BookDocument, plan: list[_Planned], outside: dict[int, str], first: int, last: int
) -> list[Section]:
    blocks = document.blocks
    plan = _without_front(plan)
    for planned in plan:
        apart = max((position for position in outside if position < planned.head.first), default=-1)
        planned.opening = [head for head in planned.opening if head.first > apart]
    if len({planned.part for planned in plan}) == 1:
        for planned in plan:
            planned.part = ""  # one part over the whole book is its title page
    starts: list[tuple[int, _Planned | str]] = []
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
    if front_end > first:
        sections.append(_front(blocks, first, front_end))
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
                _KINDS.get(head.parsed.kind, head.parsed.key or "chapter")
                if head.parsed.kind != "unit"
                else head.parsed.key,
                kept=True,
                part=what.part,
                heads=tuple(range(head.first, head.last + 1)),
                opening=opening,
            )
        )
    _cut_after_the_end(sections, blocks)
    return sections


def _without_front(plan: list[_Planned]) -> list[_Planned]:
    """Sections before the first real one that hold no prose belong to the title page."""
    while len(plan) > 1:
        head = plan[0].head
        if head.parsed.numbered or head.parsed.kind == "named" or head.prose >= 300 or head.own >= 600:
            break
        if any(other.head.parsed.kind == "plain" and other.head.own < 600 for other in plan[1:4]):
            break
        plan = plan[1:]
    return plan


def _front(blocks: Sequence[Block], first: int, end: int) -> Section:
    return Section(first, end, "", "front", kept=False, reason="title page")


def _one_chapter(
    document: BookDocument, starts: list[tuple[int, _Planned | str]], first: int, last: int
) -> list[Section]:
    """Prose without any division: one chapter bearing the book's title."""
    blocks = document.blocks
    cuts = [(position, what) for position, what in starts if isinstance(what, str)]
    begin = _after_title_lines(document, first, last)
    sections: list[Section] = []
    if begin > first:
        sections.append(_front(blocks, first, begin))
    heads: tuple[int, ...] = ()
    bounds = [position for position, _ in cuts if position > begin]
    end = bounds[0] if bounds else last
    sections.append(Section(begin, end, document.title or "Untitled", "book", kept=True, heads=heads))
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
