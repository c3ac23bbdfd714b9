"""A take: the sound chosen for one chunk, and what was measured of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from foundry_tui.domain.status import Status


@dataclass(frozen=True, slots=True)
class Take:
    """A row of ``audio_chunks``. ``artifact`` is relative to the home; ``samples`` at ``sample_rate``."""

    audiobook_id: str
    chapter_number: int
    chunk_index: int
    input_key: str
    status: Status = Status.PENDING
    key_parts: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 0
    take: int = 0
    artifact: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    samples: int | None = None
    sample_rate: int | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    engine: str | None = None
    voice: str | None = None
    error: str | None = None

    @property
    def place(self) -> tuple[int, int]:
        """(chapter number, chunk index)."""
        return self.chapter_number, self.chunk_index

    def is_of(self, input_key: str) -> bool:
        """Whether this is the good take of what ``input_key`` stands for."""
        return self.status is Status.SUCCESS and self.input_key == input_key
