"""Puts right what nobody else will: dead neighbours' jobs, expired leases, rows somebody wrote by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from foundry_tui.pipeline.contract import Recipe, StepSpec
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.store import adoption
from foundry_tui.store.database import Database
from foundry_tui.store.jobs import Job


@dataclass(frozen=True, slots=True)
class Recovery:
    """What one pass put right; ``claimable`` when there may be something new to claim."""

    sentences: tuple[str, ...] = ()
    claimable: bool = False


class Reconciler:
    """One pass at a worker's start and every few seconds; any number of workers may do it at once."""

    def __init__(
        self,
        database: Database,
        recipes: Mapping[str, Recipe],
        worker_id: str,
        settings: PoolSettings,
        now: Callable[[], float],
        holds: Callable[[Job], bool],
    ) -> None:
        self._database = database
        self.plans: dict[str, Sequence[StepSpec]] = {name: recipe.steps for name, recipe in recipes.items()}
        self._worker_id = worker_id
        self._settings = settings
        self._now = now
        self._holds = holds

    async def once(self, *, starting: bool = False) -> Recovery:
        """Look without the write lock; take it only for what was found."""
        del starting
        adopted = await self._adopt()
        return Recovery((), claimable=adopted > 0)

    async def _adopt(self) -> int:
        async with self._database.read() as connection:
            found = await adoption.strangers(connection)
        taken = 0
        for made in found:
            async with self._database.write() as connection:
                taken += await adoption.adopt(connection, made, self.plans, self._now())
        return taken
