"""What a single chunk says, and how the operator has it say something else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from foundry_tui.domain.chapters import Chapter, Chunk
from foundry_tui.domain.corrections import Corrections, speech_hash
from foundry_tui.domain.events import Event
from foundry_tui.domain.languages import understood
from foundry_tui.domain.productions import Production
from foundry_tui.errors import Conflict, NotFound, UsageError
from foundry_tui.operations.book_text import chapters_folder
from foundry_tui.pipeline.contract import Recipe
from foundry_tui.store import chunk_overrides as rows
from foundry_tui.store import productions as production_rows
from foundry_tui.store import requeue as requeue_rows
from foundry_tui.store.columns import moment_text
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.steps import PRODUCTION
from foundry_tui.text.chapter_json import load_chapters, made_from
from foundry_tui.text.chunks import speakable
from foundry_tui.text.corrected import SpokenTexts

_PARSING, _SPEAKING = "parsing", "audio_generation"
_LONGEST = 2000  # characters: what would be pages long is no chunk any more


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
        made, chapters = await self._chapters(audiobook_id)
        title, found = _chunk(chapters, chapter, chunk)
        async with self._database.read() as connection:
            corrections = await rows.corrections(connection, made.book_id, understood(made.language))
        return _told(audiobook_id, chapter, title, found, chapters, corrections)

    async def edit(self, audiobook_id: str, chapter: int, chunk: int, spoken: str) -> ChunkText:
        """Have the chunk say ``spoken`` (the lexicon still acts on it) in every production of the book.

        It is spoken when the production is rebuilt. Raises UsageError for what cannot be said, NotFound, Conflict.
        """
        words = "\n".join(" ".join(line.split()) for line in spoken.splitlines() if line.strip())
        if not speakable(words):
            raise UsageError("There is nothing to be said.", next_action="Give words, or restore the book's own.")
        if len(words) > _LONGEST:
            raise UsageError(f"{len(words)} characters are more than a chunk holds.", next_action=f"Give {_LONGEST}.")
        before = await self.of(audiobook_id, chapter, chunk)
        if words == before.original:
            return await self.restore(audiobook_id, chapter, chunk)
        await self._keep(before, words)
        return await self.of(audiobook_id, chapter, chunk)

    async def restore(self, audiobook_id: str, chapter: int, chunk: int) -> ChunkText:
        """Have the chunk say what the book says again."""
        before = await self.of(audiobook_id, chapter, chunk)
        if before.overridden:
            await self._keep(before, None)
        return await self.of(audiobook_id, chapter, chunk)

    async def requeue_speech(self, audiobook_id: str) -> bool:
        """Put the production back at the step that speaks; only chunks whose words changed are spoken again.

        Whether it was. Raises NotFound, and Conflict while a worker holds it.
        """
        recipes = self._recipes()
        plans = {name: recipe.steps for name, recipe in recipes.items()}
        async with self._database.write() as connection:
            made = await production_rows.get_production(connection, audiobook_id)
            done = await requeue_rows.requeue(
                connection,
                audiobook_id,
                plans,
                position=recipes[made.recipe].position(_SPEAKING),
                now=self._now().timestamp(),
                why="what a chunk says was changed",
            )
        return done is not None

    async def _keep(self, before: ChunkText, words: str | None) -> None:
        async with self._database.write() as connection:
            made = await production_rows.get_production(connection, before.audiobook_id)
            if words is None:
                await rows.drop_override(connection, made.book_id, before.original)
            else:
                await rows.put_override(connection, made.book_id, before.original, words)
            place = f"Chapter {before.chapter}, chunk {before.chunk}"
            told = f"{place} says {'what the book says again' if words is None else 'other words'} when it is rebuilt."
            event = Event(
                kind="chunk_edited",
                message=told,
                audiobook_id=made.audiobook_id,
                step_number=PRODUCTION,
                status=made.status,
                timestamp=moment_text(self._now()),
                details={"chapter": before.chapter, "chunk": before.chunk},
            )
            await append(connection, [event])

    async def _chapters(self, audiobook_id: str) -> tuple[Production, tuple[Chapter, ...]]:
        """The production and the chapters it was parsed into."""
        async with self._database.read() as connection:
            made = await production_rows.get_production(connection, audiobook_id)
            steps = {step.step_name: step for step in await production_rows.list_steps(connection, audiobook_id)}
        parsing = steps.get(_PARSING)
        if parsing is None or not parsing.result:
            raise NotFound(
                f"{audiobook_id} has not been parsed yet.", next_action="Work the queue; parsing comes first."
            )
        folder = chapters_folder(self._home, made.book_id, understood(made.language))
        if await asyncio.to_thread(made_from, folder) != parsing.result.get("key"):
            raise Conflict(
                f"{made.book_id} was parsed anew since {audiobook_id} was made: its chunks may be others now.",
                next_action="Rebuild the production first, then change its words.",
            )
        _, chapters = await asyncio.to_thread(load_chapters, folder)
        return made, chapters


def _chunk(chapters: tuple[Chapter, ...], chapter: int, chunk: int) -> tuple[str, Chunk]:
    found = next((one for one in chapters if one.number == chapter), None)
    if found is None:
        raise NotFound(f"There is no chapter {chapter}.", next_action=f"The chapters are 1 to {len(chapters)}.")
    for one in found.chunks:
        if one.index == chunk:
            return found.title, one
    raise NotFound(f"Chapter {chapter} has no chunk {chunk}.", next_action=f"Its chunks are 1 to {len(found.chunks)}.")


def _told(
    audiobook_id: str, chapter: int, title: str, chunk: Chunk, chapters: tuple[Chapter, ...], corrections: Corrections
) -> ChunkText:
    same = sum(other.speech == chunk.speech for one in chapters for other in one.chunks)
    return ChunkText(
        audiobook_id=audiobook_id,
        chapter=chapter,
        chunk=chunk.index,
        title=title,
        text=chunk.text,
        original=chunk.speech,
        spoken=SpokenTexts(corrections).of(chunk),
        overridden=speech_hash(chunk.speech) in corrections.chunk_texts,
        elsewhere=same - 1,
    )
