"""What would run again and why, in words: each step's inputs now, beside those it last ran with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from foundry_tui.domain.productions import Production, Step
from foundry_tui.domain.reasons import reasons
from foundry_tui.domain.status import Status
from foundry_tui.errors import Conflict, FoundryError
from foundry_tui.operations.looking_ahead import Ahead, Look, NotYet, Place, SentBack
from foundry_tui.pipeline.contract import LooksAhead, Recipe, StepSpec
from foundry_tui.store import catalog as book_rows
from foundry_tui.store import productions as rows
from foundry_tui.store import requeue as requeue_rows
from foundry_tui.store import roster as narrator_rows
from foundry_tui.store.database import Database

_log = logging.getLogger(__name__)
_NOT_YET = "it has not run yet"
_STATES = {
    Status.FAILED: "it failed the last time",
    Status.PROCESSING: "a worker has it in hand",
    Status.CANCELLED: "it was cancelled before it was done",
}


@dataclass(frozen=True, slots=True)
class StepForecast:
    """Whether a step would run again, and the reasons in words."""

    step_number: str
    step_name: str
    runs: bool
    reasons: tuple[str, ...] = ()


class Forecast:
    """What a face may ask beforehand."""

    def __init__(
        self, database: Database, recipes: Callable[[], Mapping[str, Recipe]], now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._recipes = recipes
        self._now = now

    async def of(
        self, audiobook_id: str, *, closely: bool = False, retaken: Collection[Place] = ()
    ) -> tuple[StepForecast, ...]:
        """Every step of the production in order. Nothing is changed, no worker is needed. Raises NotFound.

        ``closely``: a book that would be parsed again is parsed, without a trace, to tell what that would change.
        ``retaken``: as if another take of these chunks had been asked for.
        """
        async with self._database.read() as connection:
            made = await rows.get_production(connection, audiobook_id)
            book = await book_rows.get_book(connection, made.book_id)
            narrator = await narrator_rows.get_narrator(connection, made.narrator_id)
            steps = {step.step_name: step for step in await rows.list_steps(connection, audiobook_id)}
        recipe = self._recipes().get(made.recipe)
        if recipe is None:
            return ()
        told: list[StepForecast] = []
        ahead = Ahead(self._database, made, book, narrator, retaken)
        for place, spec in enumerate(recipe.steps):
            step = steps.get(spec.name) or _blank(made, spec, place)
            why = await self._why(spec, step, ahead, closely=closely)
            told.append(StepForecast(spec.number, spec.name, bool(why), tuple(why)))
            ahead.passed(step, runs=bool(why))
        return tuple(told)

    async def rebuild(self, audiobook_ids: Sequence[str]) -> tuple[str, ...]:
        """Put productions back at the first step that would run; the ids that were.

        One where nothing would run, that waits there already, or that a worker holds just now is left alone.
        """
        plans = {name: recipe.steps for name, recipe in self._recipes().items()}
        done = []
        for audiobook_id in dict.fromkeys(audiobook_ids):
            told = await self.of(audiobook_id)
            first = next((place for place, step in enumerate(told) if step.runs), None)
            if first is None or await self._waits_at(audiobook_id, first):
                continue
            try:
                async with self._database.write() as connection:
                    await requeue_rows.requeue(
                        connection,
                        audiobook_id,
                        plans,
                        position=first,
                        now=self._now().timestamp(),
                        why="; ".join(told[first].reasons),
                    )
            except Conflict as busy:
                _log.info("%s is not rebuilt: %s", audiobook_id, busy.message)
                continue
            done.append(audiobook_id)
        return tuple(done)

    async def _waits_at(self, audiobook_id: str, first: int) -> bool:
        """Whether a worker will come to the step at ``first`` by itself."""
        async with self._database.read() as connection:
            made = await rows.get_production(connection, audiobook_id)
            steps = await rows.list_steps(connection, audiobook_id)
        if made.status not in {Status.PENDING, Status.PROCESSING}:
            return False
        return next((step.position for step in steps if step.status is not Status.SUCCESS), 0) <= first

    async def _why(self, spec: StepSpec, step: Step, ahead: Ahead, *, closely: bool) -> list[str]:
        """Why the step would run; empty where it would not."""
        if not step.result:
            return [_STATES.get(step.status, _NOT_YET)]
        look = ahead.look(step)
        try:
            why = await self._own(spec, step, look, closely=closely)
        except NotYet:
            return [_NOT_YET]
        except SentBack as back:
            why = [] if look.followed else [back.message]
        except FoundryError as error:
            return [error.message]
        if look.followed:
            why.insert(0, f"follows from {' and '.join(number.partition('_')[0] for number in sorted(look.followed))}")
        return why or ([_STATES[step.status]] if step.status in _STATES else [])

    async def _own(self, spec: StepSpec, step: Step, look: Look, *, closely: bool) -> list[str]:
        """What of the step's own would make it run, and what the run would do."""
        now = await spec.handler.inputs(look)
        why = reasons(step.key_parts, now)
        if not why and step.input_key is None:
            why = ["it was asked for"]
        if not why and not look.followed and not await spec.handler.intact(look, step.result):
            why = ["what it made is missing or was altered"]
        if why and not look.followed and isinstance(spec.handler, LooksAhead):
            why += await spec.handler.ahead(look, closely=closely)
        return why


def _blank(made: Production, spec: StepSpec, place: int) -> Step:
    return Step(made.audiobook_id, spec.number, spec.name, place, Status.PENDING)
