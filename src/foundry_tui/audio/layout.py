"""Where every take comes to lie: integer samples, from the takes' measured silences and the text's pauses.

A chapter is planned alone, so it can be mastered while later ones are still spoken. It begins and ends with room tone
and is padded to whole AAC frames, so chapters can be coded apart and joined without a gap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from foundry_tui.audio.measure import Measures
from foundry_tui.audio.profiles import MasteringProfile
from foundry_tui.audio.take_file import TakeFile
from foundry_tui.domain.timing import PlacedChapter, PlacedChunk, TimingTable
from foundry_tui.errors import AudioError

FRAME = 1024  # samples in an AAC frame
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True, slots=True)
class TakeSound:
    """A chunk's take as the layout needs it: ``samples`` at ``sample_rate``, silences and the wanted pause in ms."""

    chunk_index: int
    path: Path
    sha256: str
    samples: int
    sample_rate: int
    lead_ms: int
    tail_ms: int
    pause_after_ms: int

    @classmethod
    def of(cls, chunk_index: int, file: TakeFile, measures: Measures, pause_after_ms: int) -> TakeSound:
        """From the file and what was measured of it."""
        return cls(
            chunk_index=chunk_index,
            path=file.path,
            sha256=file.sha256,
            samples=file.samples,
            sample_rate=file.sample_rate,
            lead_ms=measures.lead_ms,
            tail_ms=measures.tail_ms,
            pause_after_ms=pause_after_ms,
        )


@dataclass(frozen=True, slots=True)
class ChapterSound:
    """A chapter's takes in reading order."""

    number: int
    title: str
    takes: tuple[TakeSound, ...]


@dataclass(frozen=True, slots=True)
class PlacedTake:
    """A take on its chapter's timeline: ``[start, start + samples)`` at the book's rate, from the chapter's start.

    Of the file's ``file_samples``, ``source_samples`` from ``source_offset`` on are used (at ``source_rate``): silence
    beyond what the profile keeps is left out here, in numbers, and never cut from a file.
    """

    chunk_index: int
    path: Path
    sha256: str
    file_samples: int
    source_rate: int
    source_offset: int
    source_samples: int
    start: int
    samples: int


@dataclass(frozen=True, slots=True)
class ChapterPlan:
    """A whole chapter: ``samples`` (a multiple of FRAME) at ``sample_rate``, head and tail room tone included."""

    number: int
    title: str
    sample_rate: int
    samples: int
    takes: tuple[PlacedTake, ...]


def book_rate(takes: Iterable[TakeSound]) -> int:
    """The rate most of the book was spoken at, in Hz; the next higher one where AAC does not know it."""
    spoken: Counter[int] = Counter()
    for take in takes:
        spoken[take.sample_rate] += take.samples * 1000 // take.sample_rate
    if not spoken:
        raise AudioError("There is nothing to lay out: the book has no takes.")
    rate = max(spoken, key=lambda candidate: (spoken[candidate], candidate))
    return next((known for known in _AAC_RATES if known >= rate), _AAC_RATES[-1])


def plan_chapter(chapter: ChapterSound, sample_rate: int, profile: MasteringProfile) -> ChapterPlan:
    """Place one chapter's takes; the quiet between two stretches of speech is the pause the text asks for.

    What silence of the takes is kept counts as part of the pause. Raises AudioError for a chapter without takes.
    """
    if not chapter.takes:
        raise AudioError(f"Chapter {chapter.number} has no takes.", details={"chapter_number": chapter.number})
    position = _samples(profile.head_ms, sample_rate)
    placed: list[PlacedTake] = []
    for index, take in enumerate(chapter.takes):
        kept_lead_ms, kept_tail_ms = min(take.lead_ms, profile.lead_keep_ms), min(take.tail_ms, profile.tail_keep_ms)
        offset = min(_samples(take.lead_ms - kept_lead_ms, take.sample_rate), take.samples - 1)
        dropped = _samples(take.tail_ms - kept_tail_ms, take.sample_rate)
        source_samples = max(1, take.samples - offset - dropped)
        samples = max(1, round(source_samples * sample_rate / take.sample_rate))
        placed.append(
            PlacedTake(
                chunk_index=take.chunk_index,
                path=take.path,
                sha256=take.sha256,
                file_samples=take.samples,
                source_rate=take.sample_rate,
                source_offset=offset,
                source_samples=source_samples,
                start=position,
                samples=samples,
            )
        )
        position += samples
        if index + 1 < len(chapter.takes):
            next_lead_ms = min(chapter.takes[index + 1].lead_ms, profile.lead_keep_ms)
            position += _samples(max(0, take.pause_after_ms - kept_tail_ms - next_lead_ms), sample_rate)
    position += _samples(profile.tail_ms, sample_rate)
    return ChapterPlan(chapter.number, chapter.title, sample_rate, -(-position // FRAME) * FRAME, tuple(placed))


def stack(plans: Sequence[ChapterPlan]) -> TimingTable:
    """The book's one timeline: the plans one after the other."""
    chapters, start = [], 0
    for plan in plans:
        chunks = tuple(
            PlacedChunk(plan.number, take.chunk_index, start + take.start, start + take.start + take.samples)
            for take in plan.takes
        )
        chapters.append(PlacedChapter(plan.number, plan.title, start, start + plan.samples, chunks))
        start += plan.samples
    return TimingTable(plans[0].sample_rate if plans else 0, tuple(chapters))


def lay_out(chapters: Sequence[ChapterSound], sample_rate: int, profile: MasteringProfile) -> TimingTable:
    """The timing table of a whole book at ``sample_rate`` Hz."""
    return stack([plan_chapter(chapter, sample_rate, profile) for chapter in chapters])


def _samples(duration_ms: int, sample_rate: int) -> int:
    return duration_ms * sample_rate // 1000
