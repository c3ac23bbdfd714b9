"""Which headings begin chapters, and which parts stand over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foundry_tui.text.heads import NUMERAL_LEVEL, Head
from foundry_tui.text.levels import PROSE
from foundry_tui.text.sections import join_title


@dataclass(slots=True)
class Planned:
    """A heading that begins a chapter, the part titles announced before it, and the part it lies in."""

    head: Head
    opening: list[Head]
    part: str


def plan_chapters(heads: Sequence[Head], level: float | None) -> list[Planned]:
    """The headings that begin chapters, each with the part titles before it."""
    planned: list[Planned] = []
    opening: list[Head] = []
    parts: list[tuple[float, str]] = []
    for place, head in enumerate(heads):
        if level is None:
            break
        following = heads[place + 1] if place + 1 < len(heads) else None
        if head.level > level:
            if _stands_apart(head, planned, heads[place + 1 :], level):
                planned.append(Planned(head, opening, _part_title(parts)))
                opening = []
            continue
        above = head.level < level or _is_part_title(head, following)
        if above and _has_chapters(heads[place + 1 :], head, level):
            rank = head.level if head.level < level else head.level - 0.1
            parts = [part for part in parts if part[0] < rank]
            if head.own >= PROSE:
                planned.append(Planned(head, opening, _part_title(parts)))
                opening = []
            else:
                opening.append(head)
            if head.parsed.kind != "named" or head.own < PROSE:
                parts.append((rank, join_title(head.text)))
            continue
        if _heads_a_count(heads, place):
            opening.append(head)  # a year, a list of persons: what stands under it goes to the first chapter
            continue
        if _hollow(heads, place) and not _counts_on(heads, place):
            opening.append(head)
            if following is not None and following.level == head.level and following.parsed.number == 1:
                parts = [part for part in parts if part[0] < head.level]
                parts.append((head.level - 0.1, join_title(head.text)))
            continue
        if head.level < level or (
            head.parsed.kind == "named"
            and head.parsed.key in {"preface", "epilogue", "foreword"}
            and not _inside_part(head, parts, level)
        ):
            parts = [part for part in parts if part[0] < head.level]
        planned.append(Planned(head, opening, _part_title([part for part in parts if part[0] <= head.level])))
        opening = []
    return planned


def _heads_a_count(heads: Sequence[Head], place: int) -> bool:
    """A plain heading with next to nothing under it, right before the first of several that count."""
    head, later = heads[place], [other for other in heads[place + 1 :] if other.level == heads[place].level]
    if head.parsed.kind != "plain" or head.prose >= PROSE or head.own >= 400 or len(later) < 2:
        return False
    following = heads[place + 1]
    return following is later[0] and following.parsed.number == 1 and later[1].parsed.number == 2


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


def _stands_apart(head: Head, planned: Sequence[Planned], later: Sequence[Head], level: float) -> bool:
    """A deeper heading that is no part of a chapter: a preface before the first, an epilogue after the last."""
    if head.level >= NUMERAL_LEVEL or head.prose < PROSE:
        return False
    if not planned:
        return head.parsed.kind == "named" or head.prose >= 1000
    if not any(other.level <= level and not other.empty for other in later):
        return head.parsed.kind == "named" and head.parsed.key in {"epilogue", "afterword", "appendix"}
    return False


def without_front(plan: list[Planned]) -> list[Planned]:
    """Sections before the first real one that hold no prose belong to the title page."""
    while len(plan) > 1:
        head = plan[0].head
        if head.parsed.numbered or head.parsed.kind == "named" or head.prose >= 300 or head.own >= 600:
            break
        if any(other.head.parsed.kind == "plain" and other.head.own < 600 for other in plan[1:4]):
            break
        plan = plan[1:]
    return plan
