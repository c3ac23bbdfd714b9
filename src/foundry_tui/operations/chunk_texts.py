"""What a single chunk says, and how the operator has it say something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from foundry_tui.pipeline.contract import Recipe
from foundry_tui.store.database import Database


@dataclass(frozen=True, slots=True)
class ChunkText:
    """A chunk's words: ``text`` as a reader sees them, ``original`` as the speech rules leave them, ``spoken`` after
    override and lexicon. ``elsewhere``: other chunks of the book with the same original, which change with it.
    """

    audiobook_id: str
    chapter: int
    chunk: int
    title: str
    text: str
    original: str
    spoken: str
    overridden: bool
    elsewhere: int


class ChunkTexts:
    """What a face may ask of a chunk's words."""

    def __init__(
        self,
        database: Database,
        home: Path,
        recipes: Callable[[], Mapping[str, Recipe]],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._home = home
        self._recipes = recipes
        self._now = now

    async def of(self, audiobook_id: str, chapter: int, chunk: int) -> ChunkText:
        """The words of a chunk; raises NotFound where there is no such chunk, Conflict where the book was reparsed."""
        raise NotImplementedError

    async def edit(self, audiobook_id: str, chapter: int, chunk: int, spoken: str) -> ChunkText:
        """Have the chunk say ``spoken`` (the lexicon still acts on it) in every production of the book."""
        raise NotImplementedError

    async def restore(self, audiobook_id: str, chapter: int, chunk: int) -> ChunkText:
        """Have the chunk say what the book says again."""
        raise NotImplementedError

    async def requeue_speech(self, audiobook_id: str) -> bool:
        """Put the production back at the step that speaks; only chunks whose words changed are spoken again."""
        raise NotImplementedError
