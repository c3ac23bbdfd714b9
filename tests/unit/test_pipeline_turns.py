"""A job whose last worker died runs alone in its process, however jobs come to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from fakes.pools import QUICK, pool
from fakes.recipes import FakeStep, catalog, nothing, recipe, take_of
from foundry_tui.pipeline.context import Ended
from foundry_tui.pipeline.contract import StepContext, StepOutcome
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.store import jobs as job_rows
from foundry_tui.store.database import Database
from foundry_tui.store.productions import pause_production

LONG_S = 0.4  # many looks of a quick pool
PATIENCE_S = 60.0


class Stage:
    """A pool that is handed jobs, and books whose one step waits to be let go, with a take or without."""

    def __init__(self, database: Database, workers: int, turn_wait_s: float) -> None:
        self.database = database
        self.at_work: set[str] = set()
        self.together: list[frozenset[str]] = []
        self.takes: dict[str, asyncio.Event] = {}
        self.ends: dict[str, asyncio.Event] = {}
        self.jobs: dict[str, int] = {}
        settings = replace(QUICK, workers=workers, turn_wait_s=turn_wait_s)
        self.pool: WorkerPool = pool(database, recipe(FakeStep(self._work)), settings)
        self.calls: list[asyncio.Task[Ended | None]] = []

    async def _work(self, context: StepContext) -> StepOutcome:
        made = context.production.audiobook_id
        self.at_work.add(made)
        self.together.append(frozenset(self.at_work))
        ends = asyncio.create_task(self.ends[made].wait())
        takes = asyncio.create_task(self.takes[made].wait())
        try:
            await asyncio.wait([ends, takes], return_when=asyncio.FIRST_COMPLETED)
            if takes.done():
                await context.record([take_of(context, (1, 1))])
            await ends
        finally:
            ends.cancel()
            takes.cancel()
            self.at_work.discard(made)
        return await nothing(context)

    async def put(self, ids: Sequence[str]) -> None:
        for row in await self.database.fetch("SELECT job_id, payload FROM jobs"):
            payload = row["payload"]
            made = next(each for each in ids if each in str(payload))
            self.jobs[made] = row["job_id"]
            self.takes[made], self.ends[made] = asyncio.Event(), asyncio.Event()

    async def suspect(self, *ids: str) -> None:
        async with self.database.write() as connection:
            for made in ids:
                await connection.exec_driver_sql(f"UPDATE jobs SET deaths = 1 WHERE job_id = {self.jobs[made]}")

    def hand(self, made: str) -> asyncio.Task[Ended | None]:
        self.calls.append(asyncio.create_task(self.pool.run_step(self.jobs[made])))
        return self.calls[-1]

    async def until(self, *ids: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.at_work != set(ids):
                await asyncio.sleep(0.005)

    async def stays(self, *ids: str) -> None:
        await self.until(*ids)
        await asyncio.sleep(LONG_S)
        assert self.at_work == set(ids)


@asynccontextmanager
async def stage(
    database: Database, books: int, *, workers: int = 3, turn_wait_s: float = 60.0
) -> AsyncIterator[tuple[Stage, list[str]]]:
    ids = await catalog(database, books)
    made = Stage(database, workers, turn_wait_s)
    async with made.pool.at_work():
        await made.put(ids)
        try:
            yield made, ids
        finally:
            for each in made.ends.values():
                each.set()
        await asyncio.wait_for(asyncio.gather(*made.calls), PATIENCE_S)


async def test_a_suspect_handed_in_waits_for_the_others_and_nobody_is_claimed_beside_it(database: Database) -> None:
    async with stage(database, 4) as (it, (first, suspect, third, fourth)):
        await it.suspect(suspect)
        it.hand(first)
        await it.until(first)
        it.hand(suspect)
        await it.stays(first)
        it.hand(third)
        await it.stays(first)
        it.ends[first].set()
        await it.stays(suspect)
        it.takes[suspect].set()
        await it.until(suspect, third)
        it.hand(fourth)
        await it.until(suspect, third, fourth)


async def test_suspects_that_wait_go_one_after_the_other(database: Database) -> None:
    async with stage(database, 4) as (it, (first, one, two, last)):
        await it.suspect(one, two)
        it.hand(first)
        await it.until(first)
        for made in (two, one, last):
            it.hand(made)
        await it.stays(first)
        it.ends[first].set()
        await it.until(two)
    assert sorted(it.together, key=sorted) == [{first}, {one}, {two}, {last}]


async def test_two_suspects_handed_to_an_idle_pool_at_once_are_never_together(database: Database) -> None:
    async with stage(database, 3) as (it, ids):
        await it.suspect(*ids)
        for made in ids:
            it.hand(made)
            it.ends[made].set()
    assert len(it.together) == 3
    assert all(len(together) == 1 for together in it.together)


async def test_no_more_jobs_than_workers(database: Database) -> None:
    async with stage(database, 3, workers=2) as (it, (first, second, third)):
        for made in (first, second, third):
            it.hand(made)
        await it.stays(first, second)
        it.ends[first].set()
        await it.until(second, third)


@pytest.mark.parametrize("how", ["paused", "done elsewhere"])
async def test_a_suspect_that_may_no_longer_be_claimed_keeps_nobody_waiting(database: Database, how: str) -> None:
    async with stage(database, 3) as (it, (first, suspect, third)):
        await it.suspect(suspect)
        it.hand(first)
        await it.until(first)
        waits = it.hand(suspect)
        it.hand(third)
        await it.stays(first)
        async with database.write() as connection:
            if how == "paused":
                await pause_production(connection, suspect)
            else:
                await connection.exec_driver_sql(
                    f"UPDATE jobs SET status = 'success' WHERE job_id = {it.jobs[suspect]}"
                )
        await it.until(first, third)
        assert await asyncio.wait_for(waits, PATIENCE_S) is None


async def test_a_message_whose_turn_does_not_come_is_let_go_and_its_suspect_is_next_all_the_same(
    database: Database,
) -> None:
    async with stage(database, 3, turn_wait_s=0.2) as (it, (first, suspect, third)):
        await it.suspect(suspect)
        it.hand(first)
        await it.until(first)
        assert await asyncio.wait_for(it.hand(suspect), PATIENCE_S) is None
        assert await asyncio.wait_for(it.hand(third), PATIENCE_S) is None, "the suspect is first"
        assert it.at_work == {first}
        it.ends[first].set()
        while suspect not in it.at_work:
            it.hand(third)
            await asyncio.sleep(0.1)
        assert it.at_work == {suspect}


async def test_a_drain_waits_for_nobody_who_waits(database: Database) -> None:
    async with stage(database, 2) as (it, (first, suspect)):
        await it.suspect(suspect)
        it.hand(first)
        await it.until(first)
        waits = it.hand(suspect)
        await it.stays(first)
        draining = asyncio.create_task(it.pool.drain())
        assert await asyncio.wait_for(waits, 10) is None
        it.ends[first].set()
        await draining
    (row,) = await database.fetch(f"SELECT status, attempt, deaths FROM jobs WHERE job_id = {it.jobs[suspect]}")
    assert tuple(row.values()) == ("pending", 0, 1)


async def test_a_call_that_is_cancelled_while_it_waits_claims_nothing(database: Database) -> None:
    async with stage(database, 3) as (it, (first, suspect, third)):
        await it.suspect(suspect)
        it.hand(first)
        await it.until(first)
        waits = it.hand(suspect)
        await asyncio.sleep(LONG_S)
        it.calls.remove(waits)
        waits.cancel()
        await asyncio.wait([waits])
        assert waits.cancelled()
        it.hand(third)
        it.ends[first].set()
        await it.until(suspect)


async def test_a_pool_that_looks_itself_keeps_to_the_same(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    async def next_due(connection: AsyncConnection) -> float | None:
        looks.append(connection)
        return await ask(connection)

    ask = job_rows.next_due
    monkeypatch.setattr(job_rows, "next_due", next_due)
    ids = await catalog(database, 3)
    it = Stage(database, 3, 60.0)
    async with it.pool.at_work():
        await it.put(ids)
    await it.suspect(ids[1])
    running = asyncio.create_task(it.pool.run_until_idle())
    await it.until(ids[0])
    looks.clear()
    await it.stays(ids[0])
    assert len(looks) < 16, "what may not be claimed is not looked for all the time"
    it.ends[ids[0]].set()
    await it.stays(ids[1])
    it.takes[ids[1]].set()
    await it.until(*ids[1:])
    for each in it.ends.values():
        each.set()
    assert (await running).jobs_run == 3
