"""Doing it again: failed productions in bulk, one step of a production, or one chunk of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foundry_tui.domain.money import price_micros
from foundry_tui.domain.productions import Production
from foundry_tui.domain.takes import Take
from foundry_tui.errors import FoundryError, NotFound, UsageError
from foundry_tui.pipeline.contract import Recipe
from foundry_tui.store import chunks as chunk_rows
from foundry_tui.store import productions as rows
from foundry_tui.store import requeue as requeue_rows
from foundry_tui.store.database import Database
from foundry_tui.store.retake import next_takes

_SPEAKING = "audio_generation"


@dataclass(frozen=True, slots=True)
class Retaken:
    """Chunks that will be spoken again, and how many others were chosen with them for having the same words."""

    audiobook_id: str
    places: tuple[tuple[int, int], ...]


class Redo:
    """Puts work back into the queue."""

    def __init__(
        self,
        database: Database,
        recipes: Callable[[], Mapping[str, Recipe]],
        engine: Callable[[str], Awaitable[Any]],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._recipes = recipes
        self._engine = engine
        self._now = now

    async def requeue(self, audiobook_ids: Sequence[str]) -> tuple[str, ...]:
        """Put productions back at the first step that is not done, all in one transaction; the ids that were.

        One that is in the queue already is left alone, so asking twice makes one job.
        """
        recipes = self._recipes()
        plans = {name: recipe.steps for name, recipe in recipes.items()}
        async with self._database.write() as connection:
            done = await requeue_rows.requeue_many(
                connection, list(dict.fromkeys(audiobook_ids)), plans, now=self._now().timestamp()
            )
        return tuple(sorted(done))

    async def may_retake(self, audiobook_id: str, places: Sequence[tuple[int, int]]) -> Production:
        """The production whose chunks may be spoken again. Raises as ``retake``, but for what a worker holds."""
        async with self._database.read() as connection:
            made = await rows.get_production(connection, audiobook_id)
            takes = await chunk_rows.load(connection, audiobook_id)
        if not places:
            raise UsageError("Which chunks?", next_action="Name one at least.")
        for place in places:
            _require_spoken(place, takes)
        for name in {takes[place].engine for place in places if takes[place].status == "success"}:
            profile = (await self._engine(name)).profile if name else None
            if profile is not None and profile.deterministic:
                raise UsageError(
                    f"Same text, same voice, same sound: {name} would say it again exactly so.",
                    next_action="Change the text or the voice first.",
                )
        return made

    async def costs(self, audiobook_id: str, places: Sequence[tuple[int, int]]) -> int:
        """What another take of these chunks costs, in micros; 0 where their engines are free or not there."""
        async with self._database.read() as connection:
            takes = await chunk_rows.load(connection, audiobook_id)
        total = 0
        for place in places:
            take = takes.get(place)
            with suppress(FoundryError):
                profile = (await self._engine(take.engine)).profile if take is not None and take.engine else None
                if profile is not None and take is not None:
                    total += price_micros(len(str(take.key_parts.get("text"))), profile.cost_per_million_characters)
        return total

    async def retake(self, audiobook_id: str, places: Sequence[tuple[int, int]]) -> Retaken:
        """Speak just these chunks again, and rebuild only what follows from them.

        Raises NotFound, Conflict while a worker holds the production, and UsageError where the engine gives the same
        sound for the same text every time.
        """
        recipes = self._recipes()
        made = await self.may_retake(audiobook_id, places)
        if made.recipe not in recipes:
            raise UsageError(f"{made.audiobook_id} follows the recipe {made.recipe!r}, which is not known here.")
        position = recipes[made.recipe].position(_SPEAKING)
        plans = {name: recipe.steps for name, recipe in recipes.items()}
        first = places[0]
        why = f"chapter {first[0]}, chunk {first[1]} is to be spoken again"
        if len(places) > 1:
            why = f"{len(places)} chunks are to be spoken again"
        async with self._database.write() as connection:
            await requeue_rows.requeue(
                connection, audiobook_id, plans, position=position, now=self._now().timestamp(), why=why
            )
            await next_takes(connection, audiobook_id, places)
        return Retaken(audiobook_id, tuple(places))


def _require_spoken(place: tuple[int, int], takes: Mapping[tuple[int, int], Take]) -> None:
    chapter, chunk = place
    if place in takes:
        return
    spoken = [number for number in takes if number[0] == chapter]
    if spoken:
        raise NotFound(
            f"Chapter {chapter} has no chunk {chunk} that was spoken: its last is {max(spoken)[1]}.",
            next_action="One that is still to come is spoken when its turn comes.",
        )
    chapters = sorted({number for number, _ in takes})
    said = f"spoken are {chapters[0]} to {chapters[-1]}" if chapters else "nothing is spoken yet"
    raise NotFound(
        f"Nothing of a chapter {chapter} has been spoken; {said}.",
        next_action="What is still to come is spoken when its turn comes.",
    )
