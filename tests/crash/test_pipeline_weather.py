"""Bad weather around a pool: a database that hangs up, clocks that jump, a loop that stalls, jobs delivered twice."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from fakes.pools import QUICK, pool
from fakes.recipes import FakeStep, Speaking, catalog, nothing, recipe, statuses, story
from foundry_tui.errors import EngineBusy, LeaseLost
from foundry_tui.pipeline.clock import SystemClock
from foundry_tui.pipeline.contract import StepContext, StepOutcome
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.store.database import Database


class JumpingClock(SystemClock):
    """Wall time that may be set; monotonic time does what it always does."""

    def __init__(self) -> None:
        self.jumped_s = 0.0

    def time(self) -> float:
        return super().time() + self.jumped_s


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_server_that_hangs_up_again_and_again(database: Database, database_url: str) -> None:
    (made,) = await catalog(database)
    other = Database.connect(database_url)
    spoken: list[int] = []

    async def speak(context: StepContext, place: tuple[int, int]) -> None:
        spoken.append(place[1])
        await asyncio.sleep(0.02)
        if place[1] % 5 == 0:
            await other.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    handler = FakeStep(Speaking(20, lanes=3, speak=speak))
    summary = await pool(database, recipe(handler, FakeStep())).run_until_idle()
    await other.close()
    assert summary.finished == (made,)
    assert sorted(spoken) == list(range(1, 21)), "each chunk once: a lost connection is no lost work"
    assert len(handler.runs) == 1
    assert "step_retry" not in [kind for kind, _ in await story(database, made)]


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_clock_set_forward_takes_no_work_of_its_own(database: Database) -> None:
    (made,) = await catalog(database)
    clock = JumpingClock()

    async def speak(context: StepContext, place: tuple[int, int]) -> None:
        if place == (1, 3):
            clock.jumped_s += 7200
        await asyncio.sleep(0.05)

    handler = FakeStep(Speaking(8, lanes=1, speak=speak))
    steps = recipe(handler)
    summary = await WorkerPool(database, {steps.name: steps}, settings=QUICK, clock=clock).run_until_idle()
    assert (summary.finished, len(handler.runs), summary.recovered) == ((made,), 1, [])


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_clock_set_back_leaves_nothing_waiting_for_hours(database: Database) -> None:
    (made,) = await catalog(database)
    clock = JumpingClock()
    failed: list[str] = []

    async def fail_once(context: StepContext) -> StepOutcome:
        if not failed:
            failed.append("once")
            raise EngineBusy(retry_after_s=0.2)
        return await nothing(context)

    async def set_back() -> None:
        while not await database.fetch("SELECT 1 FROM jobs WHERE reason = 'retry'"):
            await asyncio.sleep(0.01)
        clock.jumped_s -= 3 * 3600

    steps = recipe(FakeStep(fail_once))
    jump = asyncio.create_task(set_back())
    workers = WorkerPool(database, {steps.name: steps}, settings=QUICK, clock=clock)
    summary = await asyncio.wait_for(workers.run_until_idle(), 20)
    await jump
    assert summary.finished == (made,)


async def test_a_stalled_loop_outlives_its_lease_without_harm(database: Database) -> None:
    (made,) = await catalog(database)
    stalled: list[str] = []

    async def stall(context: StepContext) -> StepOutcome:
        if not stalled:
            stalled.append("now")
            time.sleep(0.6)  # a handler that blocks the loop, against all rules
            try:
                await context.durable()
            except LeaseLost:
                stalled.append("fenced")
                raise
        return await nothing(context)

    settings = replace(QUICK, lease_s=0.4, heartbeat_s=0.1)
    summary = await pool(database, recipe(FakeStep(stall)), settings).run_until_idle()
    assert stalled == ["now", "fenced"]
    assert summary.finished == (made,)
    assert (await statuses(database, made)) == ["success", "success"]


async def test_a_job_delivered_twice_runs_once(database: Database) -> None:
    (made,) = await catalog(database)
    handler = FakeStep()
    steps = recipe(handler)
    first, second = pool(database, steps), pool(database, steps)
    async with first.at_work(), second.at_work():
        ends = await asyncio.gather(*(workers.run_step(1) for workers in (first, second, first, second)))
    assert [end.kind for end in ends if end is not None] == ["finished"]
    assert handler.runs == [made]


async def test_two_pools_of_one_process_are_two_workers(database: Database) -> None:
    made = await catalog(database, 6)
    handler = FakeStep()
    steps = recipe(handler, FakeStep())
    summaries = await asyncio.gather(*(pool(database, steps).run_until_idle() for _ in range(2)))
    assert sorted(handler.runs) == made
    assert sum(summary.jobs_run for summary in summaries) == 12


async def test_half_a_transition_is_never_seen(database: Database) -> None:
    """Wherever a transaction is torn, the next pool finds whole states only."""
    made = await catalog(database, 3)
    original, count = database.write, 0

    def tearing(**how: bool) -> object:
        nonlocal count
        count += 1
        return Torn(original(**how)) if count % 4 == 0 else original(**how)

    database.write = tearing  # type: ignore[method-assign, assignment]
    steps = recipe(FakeStep(Speaking(3)), FakeStep())
    # What a torn pool of this living process leaves behind looks like a death once its lease has run out.
    settings = replace(QUICK, lease_s=0.5, heartbeat_s=0.1, deaths_before_poison=99)
    for _ in range(20):
        try:
            summary = await pool(database, steps, settings).run_until_idle()
        except Tear:
            continue
        if not summary.jobs_run:
            break
    database.write = original  # type: ignore[method-assign]
    await pool(database, steps).run_until_idle(retry_failed=True)
    assert [await statuses(database, each) for each in made] == [["success"] * 3] * 3
    (live,) = await database.fetch("SELECT count(*) AS n FROM jobs WHERE status IN ('pending', 'processing')")
    assert live["n"] == 0
    doubles = await database.fetch(
        "SELECT audiobook_id FROM audiobook_process_events WHERE kind = 'production_success' "
        "GROUP BY audiobook_id HAVING count(*) > 1"
    )
    assert doubles == []


class Tear(Exception):
    """A transaction torn just before its commit."""


class Torn:
    def __init__(self, transaction: object) -> None:
        self._transaction = transaction

    async def __aenter__(self) -> object:
        return await self._transaction.__aenter__()  # type: ignore[attr-defined]

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        torn = error or Tear()
        await self._transaction.__aexit__(type(torn), torn, trace)  # type: ignore[attr-defined]
        if error is None:
            raise torn
