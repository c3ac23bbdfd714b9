"""Parts of a step: handed out once, taken back once, fenced, and no trouble to whatever happens to their step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fakes.pools import QUICK
from fakes.recipes import FakeStep, catalog, recipe, statuses, take_of
from foundry_tui.domain.status import Status
from foundry_tui.errors import EngineMissing, LeaseLost
from foundry_tui.pipeline.contract import Progress, StepContext, StepOutcome
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.pipeline.queues import Queues
from foundry_tui.store import jobs, parts, productions, steering
from foundry_tui.store.database import Database
from foundry_tui.store.dispatching import Waiting, waiting

PLACES = [(1, index) for index in range(1, 13)]
SHARING = replace(QUICK, part_chunks=3)


@dataclass
class Shared(FakeStep):
    """A step whose own run only hands out and gathers; ``here`` are the chunks it took back."""

    alone: bool = False
    refuse: bool = False
    held: bool = False
    elsewhere: list[tuple[int, int]] = field(default_factory=list)
    here: list[tuple[int, int]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, context: StepContext) -> StepOutcome:
        assert context.parts is not None
        await context.parts.hand_out(PLACES, {"voice": "v"})
        if not self.alone:
            self.gate.set()
            await asyncio.sleep(0.3)
        while self.held:
            context.checkpoint()
            await asyncio.sleep(0.02)
        missing = set(PLACES)
        while True:
            while places := await context.parts.take_back():
                self.here += places
                await context.record([take_of(context, place) for place in places])
                missing -= set(places)
            missing -= {take.place for take in await context.parts.ended() if take.status is Status.SUCCESS}
            if not context.parts.open:
                break
            context.checkpoint()
            await asyncio.sleep(0.02)
        await context.record([take_of(context, place) for place in missing])
        self.here += missing
        context.progress(Progress(len(PLACES), len(PLACES)))
        return StepOutcome({"chunks": len(PLACES)}, "spoken")

    async def run_part(self, context: StepContext, places: Sequence[tuple[int, int]], brief: Mapping[str, Any]) -> str:
        assert brief == {"voice": "v"}
        assert context.parts is None, "a part is not shared out again"
        if self.refuse:
            raise EngineMissing("There is no such engine on this machine.")
        await context.record([take_of(context, place) for place in places])
        self.elsewhere += places
        return "spoken"


def worker(database: Database, step: Shared) -> WorkerPool:
    steps = recipe(step)
    return WorkerPool(database, {steps.name: steps}, settings=replace(SHARING, workers=1))


async def jobs_of(database: Database) -> list[tuple[str, str]]:
    rows = await database.fetch("SELECT name, status FROM jobs ORDER BY job_id")
    return [(row["name"], row["status"]) for row in rows]


async def test_one_worker_takes_everything_back(database: Database) -> None:
    (made,) = await catalog(database)
    step = Shared(alone=True)
    summary = await worker(database, step).run_until_idle()
    assert summary.finished == (made,)
    assert (step.here, step.elsewhere) == (PLACES, [])
    assert [status for name, status in await jobs_of(database) if name.endswith("/part")] == ["cancelled"] * 4


async def test_others_take_parts_and_nothing_is_done_twice(database: Database) -> None:
    (made,) = await catalog(database)
    step = Shared()
    first, second = worker(database, step), worker(database, step)
    summaries = await asyncio.gather(first.run_until_idle(), second.run_until_idle())
    assert sorted(step.here + step.elsewhere) == PLACES
    assert step.elsewhere, "the other worker had time to take some"
    assert await statuses(database, made) == ["success", "success"]
    assert {made: "finished"} in [summary.outcomes for summary in summaries], "a part is nobody's production"
    (takes,) = await database.fetch("SELECT count(*) AS n FROM audio_chunks WHERE status = 'success'")
    assert takes["n"] == len(PLACES)


async def test_what_a_part_cannot_do_comes_back(database: Database) -> None:
    (made,) = await catalog(database)
    step = Shared(refuse=True)
    await asyncio.gather(worker(database, step).run_until_idle(), worker(database, step).run_until_idle())
    assert await statuses(database, made) == ["success", "success"]
    assert sorted(step.here) == PLACES
    assert ("STEP1_one/part", "failed") in await jobs_of(database)


async def handed_out(database: Database, made: str) -> list[jobs.Job]:
    """The parts of a production whose step is at work somewhere."""
    step = Shared(held=True)
    running = asyncio.create_task(worker(database, step).run_until_idle())
    await step.gate.wait()
    async with database.read() as connection:
        live = await parts.live(connection, made)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return live


async def test_parts_are_paused_cancelled_and_fenced_with_their_production(database: Database) -> None:
    (made,) = await catalog(database)
    live = await handed_out(database, made)
    assert [parts.places_of(job) for job in live] == [tuple(PLACES[at : at + 3]) for at in (0, 3, 6, 9)]
    async with database.write() as connection:
        await productions.pause_production(connection, made)
        assert await jobs.claim(connection, "w", time.time() + 60, 60) is None
        await productions.resume_production(connection, made)
        held = await jobs.claim_by_id(connection, live[0].job_id, "w", time.time(), 60)
        assert held is not None
        await steering.cancel(connection, made, time.time())
    rows = {row["job_id"]: row for row in await database.fetch("SELECT * FROM jobs")}
    assert rows[held.job_id]["cancel_requested"]
    assert [rows[job.job_id]["status"] for job in live[1:]] == ["cancelled"] * 3
    assert (await statuses(database, made))[0] == "cancelled", "no part keeps a cancelled production waiting"
    async with database.write() as connection:
        await jobs.cancel_held(connection, held, time.time())
    with pytest.raises(LeaseLost):
        async with database.write() as connection:
            await jobs.settle(connection, held, {"progress": {}})


async def test_parts_wait_in_their_engines_queue(database: Database) -> None:
    (made,) = await catalog(database)
    await handed_out(database, made)
    async with database.read() as connection:
        found = await waiting(connection)
    assert {job.name for job in found} == {"STEP1_one", "STEP1_one/part"}
    speaking = recipe(FakeStep())
    spec = replace(speaking.steps[0], needs="engine")
    queues = Queues({"audiobook": replace(speaking, steps=(spec,))}, "piper", {"kokoro": "gpu"})
    assert {queues.of(job) for job in found} == {"engine.piper"}
    assert queues.of(Waiting(1, 0, "STEP1_one/part", 0, 0.0, "kokoro")) == "gpu"
    assert queues.of(Waiting(1, 0, "STEP2_two", 0, 0.0, "kokoro")) == "cpu"
    assert queues.here(["kokoro", "edge"]) == ("cpu", "engine.edge", "gpu")
