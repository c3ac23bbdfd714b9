"""Jobs listed, shown, tried again and cancelled; the same on both kinds of database."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from fakes.pools import pool
from fakes.recipes import FakeStep, catalog, nothing, recipe
from foundry_tui.domain.status import Status
from foundry_tui.errors import Conflict, NotFound, VoiceMissing
from foundry_tui.pipeline.contract import StepContext, StepOutcome
from foundry_tui.store.database import Database
from foundry_tui.store.job_queries import cancel_job, count_jobs, get_job, list_jobs, retry_job


async def fail(context: StepContext) -> StepOutcome:
    raise VoiceMissing


async def test_jobs_are_listed_with_what_they_stand_for(database: Database) -> None:
    made = await catalog(database, 2)
    await pool(database, recipe(FakeStep(), FakeStep(fail))).run_until_idle()
    async with database.read() as connection:
        rows = await list_jobs(connection)
        failed = await list_jobs(connection, statuses=[Status.FAILED], audiobook_id=made[1])
        second = await list_jobs(connection, before=rows[1].job.job_id, limit=1)
        counts = await count_jobs(connection)
        one = await get_job(connection, rows[0].job.job_id)
    assert [row.job.job_id for row in rows] == [4, 3, 2, 1]
    assert second[0].job.job_id == 2
    (row,) = failed
    assert (row.audiobook_id, row.step_name, row.book_name, row.current) == (made[1], "two", "B 1", True)
    assert row.job.error_code == "voice_missing"
    assert counts == {(Status.SUCCESS, None): 2, (Status.FAILED, "error"): 2}
    assert one == rows[0]


async def test_a_failed_job_is_tried_again_once(database: Database) -> None:
    (made,) = await catalog(database)
    handler = FakeStep(fail)
    steps = recipe(handler)
    await pool(database, steps).run_until_idle()
    await poison(database)
    plans = {steps.name: steps.steps}
    async with database.write() as connection:
        new = await retry_job(connection, 1, plans, 1.0)
    with pytest.raises(Conflict):
        async with database.write() as connection:
            await retry_job(connection, 1, plans, 1.0)
    with pytest.raises(Conflict):
        async with database.write() as connection:
            await retry_job(connection, new, plans, 1.0)
    async with database.read() as connection:
        assert [row.current for row in await list_jobs(connection)] == [True, False]
    handler.work = nothing
    assert (await pool(database, steps).run_until_idle()).finished == (made,)


async def poison(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("UPDATE jobs SET reason = 'poisoned'"))
    async with database.read() as connection:
        (row,) = await list_jobs(connection, reason="poisoned")
    assert row.poisoned


async def test_a_waiting_job_is_cancelled(database: Database) -> None:
    await catalog(database)
    steps = recipe(FakeStep())
    async with pool(database, steps).at_work(), database.write() as connection:
        assert await cancel_job(connection, 1, 1.0) is True
    with pytest.raises(Conflict):
        async with database.write() as connection:
            await cancel_job(connection, 1, 1.0)
    with pytest.raises(NotFound):
        async with database.write() as connection:
            await cancel_job(connection, 99, 1.0)
    assert (await pool(database, steps).run_until_idle()).jobs_run == 0
