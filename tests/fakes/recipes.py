"""Tiny recipes: steps that sleep, fail, record takes or wait to be told, for driving the pipeline alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from foundry_tui.pipeline.contract import Progress, Recipe, StepContext, StepOutcome, StepSpec

Work = Callable[[StepContext], Awaitable[StepOutcome]]


async def nothing(context: StepContext) -> StepOutcome:
    """Succeed at once."""
    await asyncio.sleep(0)
    return StepOutcome({"made_by": context.step.step_name}, f"{context.step.step_name} is done.")


@dataclass
class FakeStep:
    """A handler whose parts, validity and work are given; remembers how often it ran and for whom."""

    work: Work = nothing
    parts: Mapping[str, Any] = field(default_factory=lambda: {"source": "a"})
    stands: bool = True
    runs: list[str] = field(default_factory=list)

    async def inputs(self, context: StepContext) -> Mapping[str, Any]:
        return self.parts

    async def intact(self, context: StepContext, result: Mapping[str, Any]) -> bool:
        return self.stands

    async def run(self, context: StepContext) -> StepOutcome:
        self.runs.append(context.production.audiobook_id)
        context.progress(Progress(0, 1, "things"))
        return await self.work(context)


def recipe(*steps: FakeStep, name: str = "audiobook", max_attempts: int = 3) -> Recipe:
    """A recipe of ``steps``, numbered and named ``STEP1_one`` …"""
    names = ("one", "two", "three", "four", "five", "six", "seven")
    specs = [
        StepSpec(f"STEP{place + 1}_{names[place]}", names[place], step, max_attempts)
        for place, step in enumerate(steps)
    ]
    return Recipe(name, tuple(specs))
