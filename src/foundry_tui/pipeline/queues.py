"""Which queue a job waits in, so that a machine takes only what it can do.

``cpu`` holds everything that any machine with the shared folder can do. What speaks waits in ``engine.<name>``, or in
the queue its engine is told to (``gpu``), for a machine that has that engine and its voices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from foundry_tui.pipeline.contract import Recipe
from foundry_tui.store.dispatching import Waiting

CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Queues:
    """``engines`` names the queue of an engine where it is not ``engine.<name>``."""

    recipes: Mapping[str, Recipe]
    default_engine: str
    engines: Mapping[str, str]

    def of(self, job: Waiting) -> str:
        """The queue of a job; a part waits where its step does."""
        number, _, _ = job.name.partition("/")
        for recipe in self.recipes.values():
            for step in recipe.steps:
                if step.number == number and step.needs == "engine":
                    return self.of_engine(job.engine or self.default_engine)
        return CPU

    def of_engine(self, name: str) -> str:
        """The queue of what speaks with that engine."""
        return self.engines.get(name) or f"engine.{name}"

    def here(self, engines: Iterable[str]) -> tuple[str, ...]:
        """The queues of a machine that has these engines."""
        return tuple(dict.fromkeys([CPU, *(self.of_engine(name) for name in sorted(engines))]))
