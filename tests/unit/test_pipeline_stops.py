"""Drain, cancel, pause and the lost lease: at the next chunk border, and at no cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from fakes.pools import QUICK, pool
from fakes.recipes import FakeStep, Speaking, catalog, nothing, recipe, statuses, story, take_of
from foundry_tui.errors import DatabaseUnavailable, DiskFull, Draining, EngineBusy, LeaseLost, VoiceMissing
from foundry_tui.pipeline.contract import Progress, StepContext, StepOutcome
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.pipeline.threaded import PoolThread
from foundry_tui.store import steering
from foundry_tui.store.database import Database
from foundry_tui.store.productions import pause_production, resume_production


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


async def takes_made(database: Database) -> int:
    (row,) = await database.fetch("SELECT count(*) AS n FROM audio_chunks WHERE status = 'success'")
    return int(row["n"])


async def job_of(database: Database) -> dict[str, object]:
    (row,) = await database.fetch("SELECT status, reason, attempt, deaths, worker_id, lease_expires_at FROM jobs")
    return dict(row)


async def test_a_drain_finishes_the_chunk_in_hand_and_costs_nothing(database: Database) -> None:
    (made,) = await catalog(database)
    begun, go = asyncio.Event(), asyncio.Event()

    async def speak(context: StepContext, place: tuple[int, int]) -> None:
        if place == (1, 3):
            begun.set()
            await go.wait()

    steps = recipe(FakeStep(Speaking(6, lanes=1, speak=speak)))
    workers = pool(database, steps)
    running = asyncio.create_task(workers.run_until_idle())
    await begun.wait()
    draining = asyncio.create_task(workers.drain())
    await asyncio.sleep(0)
    go.set()
    await draining
    summary = await running
    assert summary.with_outcome("released") == (made,)
    assert await takes_made(database) == 3, "the chunk in hand was finished, no new one begun"
    job = await job_of(database)
    assert (job["status"], job["reason"], job["attempt"], job["lease_expires_at"]) == ("pending", "shutdown", 0, None)
    assert await statuses(database, made) == ["processing", "pending"]
    assert (await story(database, made))[-1] == ("step_released", "pending")
    assert (await pool(database, steps).run_until_idle()).finished == (made,)


async def test_a_drain_does_not_wait_for_ever(database: Database) -> None:
    (made,) = await catalog(database)
    begun = asyncio.Event()

    async def hang(context: StepContext) -> StepOutcome:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    workers = pool(database, recipe(FakeStep(hang)))
    running = asyncio.create_task(workers.run_until_idle())
    await begun.wait()
    await workers.drain(grace_s=0.05)
    await running
    job = await job_of(database)
    assert (job["status"], job["attempt"], job["deaths"]) == ("pending", 0, 0)
    assert (await statuses(database, made))[0] == "processing"


async def test_a_pool_drained_before_it_ran_ends_at_once(database: Database) -> None:
    (made,) = await catalog(database)
    workers = pool(database, recipe(FakeStep()))
    await workers.drain()
    assert (await workers.run_until_idle()).jobs_run == 0
    assert (await statuses(database, made))[0] == "pending"


async def test_cancel_stops_at_the_chunk_border_and_keeps_what_is_done(database: Database) -> None:
    (made,) = await catalog(database)

    async def speak(context: StepContext, place: tuple[int, int]) -> None:
        if place == (1, 2):
            async with database.write() as connection:
                assert await steering.cancel(connection, made, 1.0) is False

    summary = await pool(database, recipe(FakeStep(Speaking(50, lanes=1, speak=speak)), FakeStep())).run_until_idle()
    assert summary.with_outcome("cancelled") == (made,)
    assert await takes_made(database) == 2
    assert await statuses(database, made) == ["cancelled", "cancelled", "cancelled"]
    assert [kind for kind, _ in await story(database, made)][-2:] == ["cancel_requested", "cancelled"]
    again = await pool(database, recipe(FakeStep(), FakeStep())).run_until_idle(retry_failed=True)
    assert again.jobs_run == 0, "a cancelled production is never run again by itself"


async def test_cancel_while_the_last_write_runs_stops_before_the_next_step(database: Database) -> None:
    (made,) = await catalog(database)

    async def finish_anyway(context: StepContext) -> StepOutcome:
        async with database.write() as connection:
            await steering.cancel(connection, made, 1.0)
        return await nothing(context)

    second = FakeStep()
    await pool(database, recipe(FakeStep(finish_anyway), second)).run_until_idle()
    assert second.runs == []
    assert await statuses(database, made) == ["cancelled", "success", "cancelled"]


async def cancelled_in(database: Database, made: str, error: Exception) -> None:
    async with database.write() as connection:
        assert await steering.cancel(connection, made, 1.0) is False
    raise error


@pytest.mark.parametrize("error", [EngineBusy("busy"), DiskFull("No room.", details={"needed_bytes": 1})])
async def test_what_is_cancelled_does_not_wait_for_another_try(database: Database, error: Exception) -> None:
    (made,) = await catalog(database)

    async def fails(_context: StepContext) -> StepOutcome:
        await cancelled_in(database, made, error)
        raise AssertionError

    summary = await pool(database, recipe(FakeStep(fails), FakeStep())).run_until_idle()
    assert summary.with_outcome("cancelled") == (made,)
    assert await statuses(database, made) == ["cancelled", "cancelled", "cancelled"]
    assert (await job_of(database))["status"] == "cancelled"


async def test_what_is_cancelled_is_not_sent_back(database: Database) -> None:
    (made,) = await catalog(database)

    async def finds_damage(context: StepContext) -> StepOutcome:
        async with database.write() as connection:
            assert await steering.cancel(connection, made, 1.0) is False
        await context.send_back("one", "chunk 2 is not what was written.")
        raise AssertionError

    first = FakeStep()
    summary = await pool(database, recipe(first, FakeStep(finds_damage))).run_until_idle()
    assert summary.with_outcome("cancelled") == (made,)
    assert first.runs == [made], "it is not made again"
    assert await statuses(database, made) == ["cancelled", "success", "cancelled"]
    assert [kind for kind, _ in await story(database, made)][-1] == "cancelled"


async def test_cancel_of_what_waits_is_at_once(database: Database) -> None:
    (made,) = await catalog(database)
    async with database.write() as connection:
        assert await steering.cancel(connection, made, 1.0) is True
    summary = await pool(database, recipe(FakeStep())).run_until_idle()
    assert (summary.jobs_run, await statuses(database, made)) == (0, ["cancelled"])


async def test_pause_and_resume(database: Database) -> None:
    (made,) = await catalog(database)

    async def speak(context: StepContext, place: tuple[int, int]) -> None:
        if place == (1, 2) and not await database.fetch("SELECT 1 FROM app_events WHERE kind = 'worker_stopped'"):
            async with database.write() as connection:
                await pause_production(connection, made)

    steps = recipe(FakeStep(Speaking(5, lanes=1, speak=speak)))
    summary = await pool(database, steps).run_until_idle()
    assert summary.with_outcome("paused") == (made,)
    assert await takes_made(database) == 2
    job = await job_of(database)
    assert (job["status"], job["reason"], job["attempt"]) == ("pending", "paused", 0)
    assert (await pool(database, steps).run_until_idle()).jobs_run == 0
    async with database.write() as connection:
        await resume_production(connection, made)
    assert (await pool(database, steps).run_until_idle()).finished == (made,)
    assert await takes_made(database) == 5


async def test_a_lost_lease_is_dropped_quietly(database: Database) -> None:
    (made,) = await catalog(database)
    lost: list[str] = []

    async def robbed(context: StepContext) -> StepOutcome:
        if lost:
            return await nothing(context)
        async with database.write() as connection:
            await connection.execute(text("UPDATE jobs SET fence = fence + 1, worker_id = 'another'"))
        try:
            await context.durable()
        except LeaseLost:
            lost.append("durable")
            raise
        raise AssertionError

    workers = pool(database, recipe(FakeStep(robbed)), replace(QUICK, lease_s=0.3, heartbeat_s=0.05))
    summary = await workers.run_until_idle()
    assert lost == ["durable"]
    assert summary.finished == (made,), "the other never beat its heart, so its lease ran out"
    kinds = [kind for kind, _ in await story(database, made)]
    assert "step_failed" not in kinds
    assert "step_retry" not in kinds


async def test_a_heartbeat_that_finds_the_job_gone_stops_the_step(database: Database) -> None:
    await catalog(database)
    ends: list[type[BaseException]] = []

    async def robbed(context: StepContext) -> StepOutcome:
        if ends:
            return await nothing(context)
        async with database.write() as connection:
            await connection.execute(text("UPDATE jobs SET fence = fence + 1, worker_id = 'another'"))
        try:
            while True:
                context.checkpoint()
                await asyncio.sleep(0.01)
        except LeaseLost as error:
            ends.append(type(error))
            raise

    workers = pool(database, recipe(FakeStep(robbed)), replace(QUICK, lease_s=0.5, heartbeat_s=0.05))
    await workers.run_until_idle()
    assert ends == [LeaseLost]


async def test_three_quarters_of_a_lease_without_a_heartbeat_fence_the_step(database: Database) -> None:
    (made,) = await catalog(database)
    seen: list[str] = []

    async def run(context: StepContext) -> StepOutcome:
        if seen:
            return await nothing(context)
        original = database.write

        def away(**_how: bool) -> object:
            raise OSError("the database is away")

        database.write = away  # type: ignore[method-assign, assignment]
        try:
            while True:
                context.checkpoint()
                await asyncio.sleep(0.01)
        except LeaseLost:
            seen.append("fenced")
            raise
        finally:
            database.write = original  # type: ignore[method-assign]

    workers = pool(database, recipe(FakeStep(run)), replace(QUICK, lease_s=0.4, heartbeat_s=0.1, control_s=9.0))
    summary = await workers.run_until_idle()
    assert seen == ["fenced"]
    assert summary.finished == (made,)
    job = await job_of(database)
    assert (job["attempt"], job["deaths"]) == (1, 0), "a lease of our own that we let go costs nothing"


async def test_a_step_that_does_not_heed_is_ended(database: Database) -> None:
    (made,) = await catalog(database)

    async def deaf(context: StepContext) -> StepOutcome:
        async with database.write() as connection:
            await steering.cancel(connection, made, 1.0)
        await asyncio.Event().wait()
        raise AssertionError

    workers = pool(database, recipe(FakeStep(deaf)), replace(QUICK, drain_s=0.1))
    summary = await workers.run_until_idle()
    assert summary.with_outcome("cancelled") == (made,)
    assert await statuses(database, made) == ["cancelled", "cancelled"]


async def test_a_database_that_is_away_for_a_moment_costs_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = await catalog(database)
    original, away = database.write, 3

    def write(**how: bool) -> object:
        nonlocal away
        if away:
            away -= 1
            raise DatabaseUnavailable
        return original(**how)

    async def run(context: StepContext) -> StepOutcome:
        monkeypatch.setattr(database, "write", write)
        await context.record([take_of(context, (1, 1))])
        return await nothing(context)

    handler = FakeStep(run)
    summary = await pool(database, recipe(handler)).run_until_idle()
    assert (summary.finished, len(handler.runs), away) == ((made,), 1, 0)
    assert await takes_made(database) == 1


async def test_errors_raised_side_by_side_are_told_by_the_one_that_says_most(database: Database) -> None:
    (made,) = await catalog(database)

    async def both(context: StepContext) -> StepOutcome:
        details = {"path": Path("x"), "why": ValueError("odd")}
        raise ExceptionGroup("lanes", [EngineBusy(), ExceptionGroup("more", [VoiceMissing("None.", details=details)])])

    await pool(database, recipe(FakeStep(both))).run_until_idle()
    (told,) = await database.fetch("SELECT message, details FROM audiobook_process_events WHERE status = 'failed'")
    assert told["message"] == "None."
    assert "voice_missing" in str(told["details"])
    assert await statuses(database, made) == ["failed", "failed"]


async def test_a_stop_among_errors_is_still_a_stop(database: Database) -> None:
    (made,) = await catalog(database)
    begun = asyncio.Event()

    async def both(context: StepContext) -> StepOutcome:
        begun.set()
        while context_goes_on(context):
            await asyncio.sleep(0.005)
        raise ExceptionGroup("lanes", [EngineBusy(), Draining()])

    workers = pool(database, recipe(FakeStep(both)))
    running = asyncio.create_task(workers.run_until_idle())
    await begun.wait()
    await workers.drain()
    assert (await running).with_outcome("released") == (made,)
    assert (await job_of(database))["attempt"] == 0


def context_goes_on(context: StepContext) -> bool:
    try:
        context.checkpoint()
    except Draining:
        return False
    return True


async def test_progress_reaches_the_row_at_most_as_often_as_it_should(database: Database) -> None:
    await catalog(database)
    seen: set[object] = set()

    async def tick(context: StepContext) -> StepOutcome:
        for number in range(300):
            context.progress(Progress(number, 300))
            await asyncio.sleep(0.001)
            if number % 10 == 0:
                (row,) = await database.fetch("SELECT progress FROM jobs")
                seen.add(str(row["progress"]))
        return await nothing(context)

    workers = pool(database, recipe(FakeStep(tick)), replace(QUICK, progress_s=0.1))
    began = asyncio.get_running_loop().time()
    await workers.run_until_idle()
    took = asyncio.get_running_loop().time() - began
    assert 2 <= len(seen) <= took / 0.1 + 2


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_pool_in_a_thread_works_and_drains(database: Database, database_url: str) -> None:
    steps = recipe(FakeStep())

    @asynccontextmanager
    async def open_pool() -> AsyncIterator[WorkerPool]:
        own = Database.connect(database_url)
        try:
            yield WorkerPool(own, {steps.name: steps}, settings=QUICK)
        finally:
            await own.close()

    thread = PoolThread(open_pool)
    workers = thread.start()
    assert workers.feed.snapshot().running == {}
    (made,) = await catalog(database)
    thread.wake()
    while (await statuses(database, made))[0] != "success":
        await asyncio.sleep(0.01)
    summary = await asyncio.to_thread(thread.stop)
    assert summary is not None
    assert summary.finished == (made,)
    assert not thread.running
    thread.wake()  # after the end: heard by nobody, and no error


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_a_pool_thread_that_cannot_open_says_why(database_kind: str) -> None:
    @asynccontextmanager
    async def open_pool() -> AsyncIterator[WorkerPool]:
        raise OSError("no home")
        yield

    with pytest.raises(OSError, match="no home"):
        PoolThread(open_pool).start()
