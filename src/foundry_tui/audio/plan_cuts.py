"""Cutting plans at the borders of takes: a retail sample, files no longer than a shop accepts, volumes of a long book.

No sound is touched: a cut plan is mastered like any other, with its own head, tail and room tone.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from foundry_tui.audio.layout import FRAME, ChapterPlan, PlacedTake
from foundry_tui.audio.profiles import MasteringProfile
from foundry_tui.domain.timing import PlacedChapter, PlacedChunk, TimingTable

FILE_S = 115 * 60  # shops take less than 120 minutes a file
SAMPLE_S = 180  # a retail sample runs one to five minutes
SHORTEST_SAMPLE_S = 60
VOLUME_S = 49 * 3600  # a 32-bit clock that ticks 24,000 times a second runs out after 49.7 hours
_CLOCK_TICKS = (1 << 32) * 49 // 50


@dataclass(frozen=True, slots=True)
class Volume:
    """A run of whole chapters: ``timing`` begins at 0; ``first`` and ``last`` are places in the book's chapters."""

    number: int
    first: int
    last: int
    timing: TimingTable


def sample_of(
    plan: ChapterPlan, profile: MasteringProfile, seconds: float = SAMPLE_S, *, closing: Container[int] | None = None
) -> ChapterPlan:
    """The beginning of a chapter, up to the last take that ends within ``seconds``; at least one take.

    ``closing`` are the chunks that end a sentence: it is cut after one of them, if there is one.
    """
    limit = round(seconds * plan.sample_rate) - profile.tail_ms * plan.sample_rate // 1000
    kept = [take for take in plan.takes if take.start + take.samples <= limit] or list(plan.takes[:1])
    whole = kept
    while closing is not None and whole and whole[-1].chunk_index not in closing:
        whole = whole[:-1]
    return _plan_of(plan, whole or kept, profile)


def split_for_files(plan: ChapterPlan, profile: MasteringProfile, seconds: float = FILE_S) -> tuple[ChapterPlan, ...]:
    """The chapter as plans no longer than ``seconds``, cut in the longest pause of each one's last tenth.

    A chapter that fits comes back as it is; parts keep its number and say "(part 2)" from the second on.
    """
    if plan.samples <= seconds * plan.sample_rate:
        return (plan,)
    rest = list(plan.takes)
    parts: list[ChapterPlan] = []
    while rest:
        count = _best_cut(rest, plan.sample_rate, seconds, profile)
        title = plan.title if not parts else f"{plan.title} (part {len(parts) + 1})"
        parts.append(replace(_plan_of(plan, rest[:count], profile), title=title))
        rest = rest[count:]
    return tuple(parts)


def volumes(timing: TimingTable, seconds: float = VOLUME_S) -> tuple[Volume, ...]:
    """The book in volumes of whole chapters, none longer than ``seconds`` (but for a single chapter that is).

    Nor longer than the 32-bit clock of an MP4 runs that ticks in samples: 48.7 hours at 24 kHz, 26.5 at 44.1.
    """
    limit = min(round(seconds * timing.sample_rate), _CLOCK_TICKS)
    groups: list[list[int]] = []
    for place, chapter in enumerate(timing.chapters):
        begun = timing.chapters[groups[-1][0]].start if groups else 0
        if groups and chapter.end - begun <= limit:
            groups[-1].append(place)
        else:
            groups.append([place])
    return tuple(
        Volume(number, group[0], group[-1], _rebased(timing, group[0], group[-1]))
        for number, group in enumerate(groups, start=1)
    )


def _best_cut(takes: Sequence[PlacedTake], sample_rate: int, seconds: float, profile: MasteringProfile) -> int:
    air = (profile.head_ms + profile.tail_ms) * sample_rate // 1000 + FRAME
    limit = round(seconds * sample_rate) - air
    begin = takes[0].start
    fitting = sum(take.start + take.samples - begin <= limit for take in takes)
    if fitting == len(takes):
        return fitting
    late = [
        (takes[count].start - takes[count - 1].start - takes[count - 1].samples, count)
        for count in range(1, max(1, fitting) + 1)
        if takes[count - 1].start + takes[count - 1].samples - begin >= 0.9 * limit
    ]
    return max(late)[1] if late else max(1, fitting)


def _plan_of(plan: ChapterPlan, takes: Sequence[PlacedTake], profile: MasteringProfile) -> ChapterPlan:
    head = profile.head_ms * plan.sample_rate // 1000
    shift = head - takes[0].start
    moved = tuple(replace(take, start=take.start + shift) for take in takes)
    end = moved[-1].start + moved[-1].samples + profile.tail_ms * plan.sample_rate // 1000
    return replace(plan, takes=moved, samples=-(-end // FRAME) * FRAME)


def _rebased(timing: TimingTable, first: int, last: int) -> TimingTable:
    zero = timing.chapters[first].start
    return TimingTable(
        timing.sample_rate,
        tuple(
            PlacedChapter(
                chapter.number,
                chapter.title,
                chapter.start - zero,
                chapter.end - zero,
                tuple(
                    PlacedChunk(chunk.chapter_number, chunk.chunk_index, chunk.start - zero, chunk.end - zero)
                    for chunk in chapter.chunks
                ),
            )
            for chapter in timing.chapters[first : last + 1]
        ),
    )
