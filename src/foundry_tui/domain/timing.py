"""The timing table: where every chunk and chapter lies on the book's one timeline, in integer samples."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlacedChunk:
    """A chunk's sound on the timeline: ``[start, end)`` samples, silence after it not included."""

    chapter_number: int
    chunk_index: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PlacedChapter:
    """A chapter on the timeline: ``[start, end)`` samples, head and tail room tone included."""

    number: int
    title: str
    start: int
    end: int
    chunks: tuple[PlacedChunk, ...]


@dataclass(frozen=True, slots=True)
class TimingTable:
    """The whole book; ``sample_rate`` in Hz. Marks, subtitles and all else in time are read from here."""

    sample_rate: int
    chapters: tuple[PlacedChapter, ...]

    @property
    def samples(self) -> int:
        """Length of the book in samples."""
        return self.chapters[-1].end if self.chapters else 0

    def seconds(self, samples: int) -> float:
        """``samples`` in seconds."""
        return samples / self.sample_rate
