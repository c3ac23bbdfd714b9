"""What somebody writes into the tables by hand is taken in, requeued or cancelled by the next pool."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from fakes.pools import pool
from fakes.recipes import FakeStep, catalog, nothing, recipe, statuses, story
from foundry_tui.errors import VoiceMissing
from foundry_tui.pipeline.contract import StepContext, StepOutcome
from foundry_tui.store import jobs, step_turns
from foundry_tui.store.database import Database


async def by_hand(database: Database, statement: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(statement))


async def test_a_production_of_an_unknown_recipe_fails_with_a_sentence(database: Database) -> None:
    made = await catalog(database, 2)
    await by_hand(database, f"UPDATE audiobook_productions SET recipe = 'opera' WHERE audiobook_id = '{made[0]}'")
    summary = await pool(database, recipe(FakeStep())).run_until_idle()
    assert summary.finished == (made[1],)
    (row,) = await database.fetch("SELECT status, error_message FROM audiobook_productions WHERE recipe = 'opera'")
    assert row["status"] == "failed"
    assert "'opera'" in row["error_message"]
    assert "audiobook" in row["error_message"]
    assert await story(database, made[0]) == [("recipe_unknown", "failed")]


async def test_of_raw_duplicates_the_younger_waits(database: Database) -> None:
    (elder,) = await catalog(database)
    younger = "20250101000959"
    await by_hand(
        database,
        "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language) "
        f"VALUES ('{younger}', 'b0', 'n', 'en')",
    )
    order: list[str] = []
    while_elder: list[str] = []

    async def note(context: StepContext) -> StepOutcome:
        order.append(context.production.audiobook_id)
        if context.production.audiobook_id == elder:
            await asyncio.sleep(0.3)  # long enough for several passes of the reconciler
            while_elder.extend(await statuses(database, younger))
        return await nothing(context)

    summary = await pool(database, recipe(FakeStep(note))).run_until_idle()
    assert order == [elder, younger]
    assert while_elder == ["pending"], "no steps yet: it was left waiting"
    assert summary.finished == (elder, younger)


async def test_pending_by_hand_requeues_the_failed_step(database: Database) -> None:
    (made,) = await catalog(database)

    async def fail(context: StepContext) -> StepOutcome:
        raise VoiceMissing

    first, second = FakeStep(), FakeStep(fail)
    steps = recipe(first, second)
    await pool(database, steps).run_until_idle()
    second.work = nothing
    await by_hand(database, "UPDATE audiobook_productions SET status = 'pending'")
    summary = await pool(database, steps).run_until_idle()
    assert (summary.adopted, summary.finished) == ([made], (made,))
    assert (len(first.runs), len(second.runs)) == (1, 2)
    assert await statuses(database, made) == ["success", "success", "success"]


async def test_pending_by_hand_on_a_finished_one_checks_every_step(database: Database) -> None:
    (made,) = await catalog(database)
    handler = FakeStep()
    steps = recipe(handler)
    await pool(database, steps).run_until_idle()
    await by_hand(database, "UPDATE audiobook_productions SET status = 'pending'")
    assert (await pool(database, steps).run_until_idle()).finished == (made,)
    assert len(handler.runs) == 1


async def test_cancelled_by_hand_cancels_what_waits(database: Database) -> None:
    (made,) = await catalog(database)
    steps = recipe(FakeStep(), FakeStep())
    async with pool(database, steps).at_work():
        await by_hand(database, "UPDATE audiobook_productions SET status = 'cancelled'")
    summary = await pool(database, steps).run_until_idle(retry_failed=True)
    assert summary.jobs_run == 0
    assert await statuses(database, made) == ["cancelled", "cancelled", "cancelled"]
    (job,) = await database.fetch("SELECT status FROM jobs")
    assert job["status"] == "cancelled"
    await by_hand(database, "UPDATE audiobook_productions SET status = 'pending'")
    assert (await pool(database, steps).run_until_idle()).finished == (made,)


async def test_cancelled_by_hand_stops_what_runs(database: Database) -> None:
    (made,) = await catalog(database)

    async def endless(context: StepContext) -> StepOutcome:
        await by_hand(database, "UPDATE audiobook_productions SET status = 'cancelled'")
        while True:
            context.checkpoint()
            await asyncio.sleep(0.01)

    summary = await pool(database, recipe(FakeStep(endless))).run_until_idle()
    assert summary.with_outcome("cancelled") == (made,)
    assert await statuses(database, made) == ["cancelled", "cancelled"]


async def test_cancelled_by_hand_is_not_undone_by_a_failure_a_moment_later(database: Database) -> None:
    (made,) = await catalog(database)

    async def fail(context: StepContext) -> StepOutcome:
        await by_hand(database, "UPDATE audiobook_productions SET status = 'cancelled'")
        raise VoiceMissing

    await pool(database, recipe(FakeStep(fail))).run_until_idle()
    assert (await statuses(database, made))[0] == "cancelled"


async def test_cancelled_by_hand_is_not_undone_by_a_claim_a_moment_later(database: Database) -> None:
    (made,) = await catalog(database)
    async with pool(database, recipe(FakeStep(), FakeStep())).at_work():
        pass
    await by_hand(database, "UPDATE audiobook_productions SET status = 'cancelled'")
    async with database.write() as connection:
        job = await jobs.claim(connection, "a worker", 1.0, 60.0)
        assert job is not None
        assert await step_turns.start(connection, job, 1.0) is None
    assert await statuses(database, made) == ["cancelled", "cancelled", "cancelled"]


async def test_a_running_pool_takes_in_what_is_inserted_beside_it(database: Database) -> None:
    stop = asyncio.Event()
    workers = pool(database, recipe(FakeStep()))
    running = asyncio.create_task(workers.run_forever(stop))
    while not await database.fetch("SELECT 1 FROM app_events WHERE kind = 'worker_started'"):
        await asyncio.sleep(0.01)
    (made,) = await catalog(database)
    while (await statuses(database, made))[0] != "success":
        await asyncio.sleep(0.01)
    stop.set()
    assert (await running).finished == (made,)


async def test_many_strangers_are_taken_in(database: Database) -> None:
    made = await catalog(database, 60)
    summary = await pool(database, recipe(FakeStep())).run_until_idle()
    assert summary.finished == tuple(made)
    (rows,) = await database.fetch("SELECT count(*) AS n FROM production_steps WHERE status = 'success'")
    assert rows["n"] == 60
