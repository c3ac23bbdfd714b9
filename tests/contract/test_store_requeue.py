"""What requeueing leaves alone: a production whose twin is at work, and a chunk that has killed its workers."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import insert, update

from fakes.pools import pool
from fakes.recipes import FakeStep, catalog, nothing, recipe, statuses, take_of
from foundry_tui.domain.status import Status
from foundry_tui.errors import ChunksFailed, Conflict
from foundry_tui.pipeline.contract import StepContext, StepOutcome
from foundry_tui.store import requeue
from foundry_tui.store.database import Database
from foundry_tui.store.steering import cancel
from foundry_tui.store.tables import audio_chunks, audiobook_productions

YOUNGER = "20250101000959"


async def _two_cancelled_twins(database: Database) -> tuple[str, str]:
    (elder,) = await catalog(database)
    twin = {"audiobook_id": YOUNGER, "book_id": "b0", "narrator_id": "n", "language": "en"}
    for made in (elder, YOUNGER):
        if made == YOUNGER:
            async with database.write() as connection:
                await connection.execute(insert(audiobook_productions).values(**twin))
        async with pool(database, recipe(FakeStep())).at_work():
            pass
        async with database.write() as connection:
            await cancel(connection, made, 1.0)
    return elder, YOUNGER


async def test_a_twin_at_work_keeps_the_other_out(database: Database) -> None:
    elder, younger = await _two_cancelled_twins(database)
    plans = {"audiobook": recipe(FakeStep()).steps}
    async with database.write() as connection:
        assert await requeue.requeue(connection, younger, plans, now=2.0) is not None
    with pytest.raises(Conflict, match=f"{younger} makes the same book"):
        async with database.write() as connection:
            await requeue.requeue(connection, elder, plans, now=3.0)
    async with database.write() as connection:
        assert await requeue.requeue_many(connection, [elder, younger], plans, now=3.0) == {}
    assert (await statuses(database, elder))[0] == "cancelled"
    assert (await pool(database, recipe(FakeStep())).run_until_idle()).finished == (younger,)


async def test_of_twins_asked_for_at_once_one_is_made(database: Database) -> None:
    elder, younger = await _two_cancelled_twins(database)
    plans = {"audiobook": recipe(FakeStep()).steps}

    async def ask(first: str, second: str) -> int:
        async with database.write() as connection:
            return len(await requeue.requeue_many(connection, [first, second], plans, now=2.0))

    assert sum(await asyncio.gather(ask(elder, younger), ask(younger, elder))) == 1


async def test_a_chunk_that_killed_its_workers_is_not_tried_again_unasked(database: Database) -> None:
    (made,) = await catalog(database)

    async def speak(context: StepContext) -> StepOutcome:
        await context.record([take_of(context, (1, 1), Status.FAILED), take_of(context, (1, 2), Status.FAILED)])
        raise ChunksFailed

    async def deaths(places: int) -> None:
        async with database.write() as connection:
            bombs = audio_chunks.c.chunk_index <= places
            await connection.execute(update(audio_chunks).where(bombs).values(deaths=2))

    booth = FakeStep(speak)
    await pool(database, recipe(booth)).run_until_idle()
    await deaths(1)
    assert (await pool(database, recipe(booth)).run_until_idle(retry_failed=True)).jobs_run > 0, "the other one is"
    rows = await database.fetch("SELECT deaths FROM audio_chunks ORDER BY chunk_index")
    assert [row["deaths"] for row in rows] == [2, 0]

    await deaths(2)
    assert (await pool(database, recipe(booth)).run_until_idle(retry_failed=True)).jobs_run == 0
    booth.work = nothing
    async with database.write() as connection:
        assert await requeue.requeue(connection, made, {"audiobook": recipe(booth).steps}, now=9.0)
    assert await database.fetch("SELECT DISTINCT deaths FROM audio_chunks") == [{"deaths": 0}], "asked for, they are"
    assert (await pool(database, recipe(booth)).run_until_idle()).finished == (made,)
