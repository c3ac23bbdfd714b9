"""Tiny recipes: steps that sleep, fail, record takes or wait to be told, for driving the pipeline alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert

from foundry_tui.domain.keys import key_of
from foundry_tui.domain.status import Status
from foundry_tui.domain.takes import Take
from foundry_tui.pipeline.contract import Progress, Recipe, StepContext, StepOutcome, StepSpec
from foundry_tui.store.database import Database
from foundry_tui.store.tables import audiobook_productions, books, narrators

Work = Callable[[StepContext], Awaitable[StepOutcome]]


async def nothing(context: StepContext) -> StepOutcome:
    """Succeed at once."""
    await asyncio.sleep(0)
    return StepOutcome({"made_by": context.step.step_name}, f"{context.step.step_name} is done.")


@dataclass
class FakeStep:
    """A handler whose parts, validity and work are given; remembers for whom it ran."""

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


def take_of(context: StepContext, place: tuple[int, int], status: Status = Status.SUCCESS) -> Take:
    """A row as a booth would write it."""
    parts = {"text": f"chunk {place[0]}.{place[1]}"}
    return Take(context.production.audiobook_id, *place, key_of(parts), status, parts, 1, engine="fake", voice="v")


@dataclass
class Speaking:
    """A step of ``chunks`` chunks through ``lanes`` lanes: names them, speaks (``speak``), records, counts."""

    chunks: int
    lanes: int = 4
    speak: Callable[[StepContext, tuple[int, int]], Awaitable[None]] | None = None
    failed: list[tuple[int, int]] = field(default_factory=list)

    async def __call__(self, context: StepContext) -> StepOutcome:
        there = await context.takes()
        wanted = [(1, index + 1) for index in range(self.chunks)]
        waiting = [place for place in wanted if place not in there or there[place].status is not Status.SUCCESS]
        suspects = await context.takes_lost()
        waiting.sort(key=lambda place: (place in suspects, -suspects.get(place, 0)))
        in_hand: set[tuple[int, int]] = set()
        done = len(wanted) - len(waiting)
        context.progress(Progress(done, len(wanted)))

        async def lane() -> None:
            nonlocal done
            while waiting:
                context.checkpoint()
                place = waiting.pop(0)
                in_hand.add(place)
                await context.begin_chunks(in_hand)
                status = Status.SUCCESS
                if (await context.takes_lost()).get(place, 0) >= 2:
                    self.failed.append(place)
                    status = Status.FAILED
                elif self.speak is not None:
                    await self.speak(context, place)
                await context.record([take_of(context, place, status)])
                in_hand.discard(place)
                done += 1
                context.progress(Progress(done, len(wanted)))

        results = await asyncio.gather(*(lane() for _ in range(self.lanes)), return_exceptions=True)
        for error in results:
            if isinstance(error, BaseException):
                raise error
        return StepOutcome({"chunks": done, "failed": len(self.failed)}, f"{done} chunks spoken.")


async def catalog(database: Database, productions: int = 1, **columns: Any) -> list[str]:
    """A book and narrator a production, inserted as raw SQL would; returns the audiobook ids, oldest first."""
    ids = [f"2025010100{minute:02d}{second:02d}" for minute in range(60) for second in range(60)][:productions]
    many = [{"id": made, "book_id": f"b{n}", "book_name": f"B {n}", "language": "eng"} for n, made in enumerate(ids)]
    async with database.write() as connection:
        await connection.execute(insert(books), many)
        await connection.execute(insert(narrators).values(narrator_id="n", narrator_name="N", language="eng"))
        rows = [
            {"audiobook_id": made, "book_id": f"b{n}", "narrator_id": "n", "language": "eng", **columns}
            for n, made in enumerate(ids)
        ]
        await connection.execute(insert(audiobook_productions), rows)
    return ids


async def story(database: Database, audiobook_id: str) -> list[tuple[str, str]]:
    """(kind, status) of a production's events in order."""
    rows = await database.fetch(
        "SELECT kind, status FROM audiobook_process_events WHERE audiobook_id = :made ORDER BY seq",
        {"made": audiobook_id},
    )
    return [(row["kind"], row["status"]) for row in rows]


async def statuses(database: Database, audiobook_id: str) -> Sequence[str]:
    """The production's status, then those of its steps in order."""
    made = await database.fetch(
        "SELECT status FROM audiobook_productions WHERE audiobook_id = :made", {"made": audiobook_id}
    )
    steps = await database.fetch(
        "SELECT status FROM production_steps WHERE audiobook_id = :made ORDER BY position", {"made": audiobook_id}
    )
    return [str(row["status"]) for row in (*made, *steps)]
