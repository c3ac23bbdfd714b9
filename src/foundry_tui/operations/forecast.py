"""What would run again and why, in words: each step's inputs now, beside those it last ran with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from foundry_tui.pipeline.contract import Recipe
from foundry_tui.store.database import Database


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

    async def of(self, audiobook_id: str) -> tuple[StepForecast, ...]:
        """Every step of the production in order. Nothing is changed, no worker is needed. Raises NotFound."""
        raise NotImplementedError

    async def rebuild(self, audiobook_ids: Sequence[str]) -> tuple[str, ...]:
        """Put productions back at the first step that would run; the ids that were.

        One where nothing would run, or that a worker holds just now, is left alone.
        """
        raise NotImplementedError
