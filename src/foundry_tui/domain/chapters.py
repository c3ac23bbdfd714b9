"""Chapters and their engine-neutral chunks: what STEP1 hands to everything after it."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Chunk:
    """A speakable piece: ``text`` as a reader sees it, ``spoken`` only where a book-level speech rule changed it.

    ``index`` counts from 1 within its chapter; ``source_span`` is (first, last) block position in the source document.
    """

    index: int
    text: str
    kind: str  # heading, prose, verse, list, quote, speaker, ...
    pause_after_ms: int
    source_span: tuple[int, int]
    spoken: str | None = None

    @property
    def speech(self) -> str:
        """What is to be said."""
        return self.spoken if self.spoken is not None else self.text


@dataclass(frozen=True, slots=True)
class Chapter:
    """One section a listener would navigate to; ``number`` counts from 1 over the book."""

    number: int
    title: str
    kind: str  # chapter, preface, letter, story, act, ...
    words: int
    chunks: tuple[Chunk, ...]
