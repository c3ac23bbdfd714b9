"""A chunk to be spoken, and the row its sound becomes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foundry_tui.audio.measure import Measures
from foundry_tui.audio.take_file import KEY_TAG, TEXT_TAG, TakeFile
from foundry_tui.audio.word_times import Word
from foundry_tui.domain.corrections import sounded
from foundry_tui.domain.status import Status
from foundry_tui.domain.takes import Take
from foundry_tui.steps.casting import Cast
from foundry_tui.steps.places import Places
from foundry_tui.voices.protocol import Speech


@dataclass(frozen=True, slots=True)
class ChunkJob:
    """One chunk to be spoken, and the key its sound will have. ``meant``: the words without the lexicon's respellings,
    where they are others.
    """

    chapter_number: int
    chunk_index: int
    text: str
    take: int
    key: str
    key_parts: Mapping[str, Any]
    meant: str = ""

    @property
    def readings(self) -> tuple[str, ...]:
        """What somebody who listens may write down: the respelling, or the words it stands for."""
        said = sounded(self.text, lambda _, spoken: spoken)
        return (said, self.meant) if self.meant and self.meant != said else (said,)

    @property
    def place(self) -> tuple[int, int]:
        """(chapter number, chunk index)."""
        return self.chapter_number, self.chunk_index

    def tags(self) -> dict[str, str]:
        """What its file says of itself, so that it can be taken up again without its row."""
        return {KEY_TAG: self.key, TEXT_TAG: hashlib.sha256(self.text.encode("utf-8")).hexdigest()}


def heard_words(speech: Speech) -> tuple[Word, ...]:
    """Where the engine says each word of its sound lies; empty where it does not say."""
    return tuple(Word(b.offset_samples, b.offset_samples + b.samples, b.text) for b in speech.boundaries)


@dataclass(frozen=True, slots=True)
class TakeRows:
    """Makes the rows of one production spoken by one voice."""

    audiobook_id: str
    places: Places
    voice: Cast

    def good(self, job: ChunkJob, kept: TakeFile, measures: Measures, flags: tuple[str, ...], attempts: int) -> Take:
        """The row of a file that is believed."""
        return Take(
            audiobook_id=self.audiobook_id,
            chapter_number=job.chapter_number,
            chunk_index=job.chunk_index,
            input_key=job.key,
            key_parts=job.key_parts,
            status=Status.SUCCESS,
            attempts=attempts,
            take=job.take,
            artifact=self.places.relative(kept.path),
            sha256=kept.sha256,
            size_bytes=kept.size_bytes,
            samples=kept.samples,
            sample_rate=kept.sample_rate,
            metrics=measures.to_json(),
            flags=flags,
            engine=self.voice.engine_name,
            voice=self.voice.voice,
        )

    def failed(self, job: ChunkJob, attempts: int, error: str) -> Take:
        """The row of a chunk that was given up, with the reason."""
        return Take(
            audiobook_id=self.audiobook_id,
            chapter_number=job.chapter_number,
            chunk_index=job.chunk_index,
            input_key=job.key,
            key_parts=job.key_parts,
            status=Status.FAILED,
            attempts=attempts,
            take=job.take,
            engine=self.voice.engine_name,
            voice=self.voice.voice,
            error=error,
        )
