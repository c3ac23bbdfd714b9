"""Productions requeued and cancelled: what takes the recipes' word for which step comes next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foundry_tui.domain.productions import Production
from foundry_tui.domain.status import Status
from foundry_tui.errors import UsageError
from foundry_tui.operations.productions import FIRST_STEP, Productions
from foundry_tui.pipeline.contract import Recipe
from foundry_tui.store import requeue as requeue_rows
from foundry_tui.store import steering as steering_rows
from foundry_tui.store.database import Database

_STOPPED = (Status.FAILED, Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class Requeued:
    """``queued`` False: it was in the queue already. ``next_step`` is where it goes on; ``told`` what is new to it."""

    production: Production
    queued: bool
    next_step: str | None
    told: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As ``requeue --json`` prints it."""
        return {
            "audiobook_id": self.production.audiobook_id,
            "status": str(self.production.status),
            "queued": self.queued,
            "next_step": self.next_step,
            "told": list(self.told),
        }


class Steering:
    """Puts productions back, and takes them out."""

    def __init__(
        self,
        database: Database,
        productions: Productions,
        recipes: Callable[[], Mapping[str, Recipe]],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._productions = productions
        self._recipes = recipes
        self._now = now

    async def requeue(
        self,
        audiobook_id: str,
        *,
        step: str | None = None,
        allow_gaps: bool | None = None,
        told: Mapping[str, Any] | None = None,
    ) -> Requeued:
        """Put a production back at its failed step, or at ``step`` (``STEP3_audio_generation``, ``STEP3`` or ``3``).

        ``told`` are options it is to have from now on (editions, credits, one_file).

        Only what depends on that step runs again, and only where its inputs have changed. Raises NotFound, Conflict
        where a worker holds it, UsageError for a step its recipe has not got.
        """
        before = (await self._productions.get(audiobook_id)).options
        made = await self._productions.set_options(audiobook_id, allow_gaps=allow_gaps, **(told or {}))
        new = tuple(sorted(name for name, value in made.options.items() if before.get(name) != value))
        if made.status in _STOPPED and await self._productions.revive(audiobook_id):
            return Requeued(await self._productions.get(audiobook_id), queued=True, next_step=FIRST_STEP, told=new)
        recipes = self._recipes()
        position = _position(recipes, made, step) if step is not None else None
        plans = {name: recipe.steps for name, recipe in recipes.items()}
        async with self._database.write() as connection:
            job = await requeue_rows.requeue(
                connection, audiobook_id, plans, position=position, now=self._now().timestamp()
            )
        waiting = await self._productions.row(audiobook_id)
        next_step = waiting.step_number if waiting is not None else None
        return Requeued(await self._productions.get(audiobook_id), job is not None, next_step, new)

    async def cancel(self, audiobook_id: str) -> bool:
        """True when it is cancelled now, False when its worker stops at the next chunk border; what is done is kept.

        Raises NotFound, and UsageError for one that is finished.
        """
        async with self._database.write() as connection:
            return await steering_rows.cancel(connection, audiobook_id, self._now().timestamp())


def _position(recipes: Mapping[str, Recipe], made: Production, step: str) -> int:
    recipe = recipes.get(made.recipe)
    if recipe is None:
        raise UsageError(f"{made.audiobook_id} follows the recipe {made.recipe!r}, which is not known here.")
    try:
        return recipe.position(step)
    except KeyError as error:
        names = ", ".join(spec.number for spec in recipe.steps)
        raise UsageError(f"There is no step {step!r}.", next_action=f"The steps are {names}.") from error
