"""A machine takes only what it can do, whichever dispatcher brings the jobs; on real servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from sqlalchemy import text, update

from fakes.pools import QUICK, pool
from fakes.recipes import FakeStep, catalog, nothing, recipe
from foundry_tui.pipeline.arq_dispatch import _TIMEOUT, ArqDispatcher, queue_name
from foundry_tui.pipeline.contract import Recipe, StepContext, StepOutcome
from foundry_tui.pipeline.procrastinate_dispatch import ProcrastinateDispatcher
from foundry_tui.pipeline.queues import Queues
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.tables import jobs, narrators

PATIENCE_S = 60.0
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")  # ARQ's, of its redis


class Machine:
    """One worker with tables, pool and dispatcher of its own; remembers which steps it ran, and how many at once."""

    def __init__(self, how: str, url: str, redis_url: str, workers: int = 2, takes_s: float = 0.0) -> None:
        self.ran: list[str] = []
        self.most = self._now = 0
        self._takes_s = takes_s
        steps = recipe(FakeStep(self._work), FakeStep(self._work), FakeStep(self._work))
        speaks = replace(steps.steps[1], needs="engine")
        self.recipe: Recipe = replace(steps, steps=(steps.steps[0], speaks, steps.steps[2]))
        self.database = Database.connect(url)
        self.pool = pool(self.database, self.recipe, replace(QUICK, workers=workers))
        self.dispatcher: ArqDispatcher | ProcrastinateDispatcher
        if how == "arq":
            self.dispatcher = ArqDispatcher(self.database, redis_url, self._queues)
        else:
            self.dispatcher = ProcrastinateDispatcher(self.database, self._queues)
        self.database.dispatcher = self.dispatcher

    def _queues(self) -> Queues:
        return Queues({self.recipe.name: self.recipe}, "standin", {"card": "gpu"})

    async def _work(self, context: StepContext) -> StepOutcome:
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(self._takes_s)
        self._now -= 1
        self.ran.append(context.step.step_name)
        return await nothing(context)

    @contextlib.asynccontextmanager
    async def works(self, *queues: str) -> AsyncIterator[None]:
        stop = asyncio.Event()
        work = asyncio.create_task(self.dispatcher.work(self.pool, queues, stop))
        try:
            yield
        finally:
            stop.set()
            await work
            await self.database.close()

    async def column(self, statement: str) -> list[object]:
        return [value for row in await self.database.fetch(statement) for value in row.values()]

    async def until(self, statement: str, wanted: Sequence[object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.column(statement) != wanted:
                await asyncio.sleep(0.02)


@pytest.fixture(params=["procrastinate", "arq"])
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(how: str, request: pytest.FixtureRequest) -> str:
    """Procrastinate's PostgreSQL; ARQ does not mind which tables it dispatches for."""
    if how == "arq":
        return sqlite_url(str(request.getfixturevalue("migrated_file")))
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def redis(how: str, request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("redis_url")) if how == "arq" else ""


WAITS = "SELECT name FROM jobs WHERE status = 'pending'"
DONE = "SELECT DISTINCT status FROM audiobook_productions"


@pytest.mark.parametrize(("engine", "queue"), [(None, "engine.standin"), ("card", "gpu")])
async def test_each_machine_does_what_it_can(how: str, url: str, redis: str, engine: str | None, queue: str) -> None:
    house = Machine(how, url, redis)
    voice = Machine(how, url, redis)
    await catalog(house.database)
    async with house.database.write() as connection:
        await connection.execute(update(narrators).values(engine=engine))
    async with house.works("cpu"):
        await house.until("SELECT status FROM production_steps ORDER BY position", ["success", "pending", "pending"])
        await asyncio.sleep(1.0)
        assert await house.column(WAITS) == ["STEP2_two"], "it is there for all to see"
        async with voice.works(queue):
            await house.until(DONE, ["success"])
    assert (house.ran, voice.ran) == (["one", "three"], ["two"])


async def test_a_machine_of_many_queues_does_no_more_at_once_than_it_was_told(how: str, url: str, redis: str) -> None:
    alone = Machine(how, url, redis, workers=2, takes_s=0.2)
    await catalog(alone.database, 6)
    async with alone.works("cpu", "engine.standin", "gpu"):
        await alone.until(DONE, ["success"])
    assert sorted(alone.ran) == sorted(["one", "two", "three"] * 6)
    assert alone.most <= 2, "its lanes are those of all its queues together"


async def test_a_worker_told_to_end_as_it_begins_ends(how: str, url: str, redis: str) -> None:
    machine = Machine(how, url, redis)
    for turn in range(8):
        stop = asyncio.Event()
        again = pool(machine.database, machine.recipe, QUICK)
        work = asyncio.create_task(machine.dispatcher.work(again, ["cpu"], stop))
        await asyncio.sleep(0.02 * turn)
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await work
    await machine.database.close()


@pytest.mark.parametrize("how", ["arq"])
async def test_a_worker_that_died_before_it_claimed_keeps_no_message(how: str, url: str, redis: str) -> None:
    machine = Machine(how, url, redis)
    assert isinstance(machine.dispatcher, ArqDispatcher)
    await catalog(machine.database)
    async with machine.pool.at_work():
        pass
    await machine.dispatcher.sweep()
    client = machine.dispatcher._redis
    assert client is not None
    (message,) = await client.zrange(queue_name("cpu"), 0, -1)
    dead_s = 90
    mark = f"arq:in-progress:{message.decode()}"
    await client.psetex(mark, int((_TIMEOUT.total_seconds() + 10 - dead_s) * 1000), b"1")
    async with machine.works("cpu", "engine.standin"):
        await machine.until(DONE, ["success"])


async def test_within_a_queue_the_most_urgent_goes_first_then_the_oldest(how: str, url: str, redis: str) -> None:
    done: list[str] = []

    async def remember(context: StepContext) -> StepOutcome:
        done.append(context.production.audiobook_id)
        return await nothing(context)

    alone = Machine(how, url, redis, workers=1)
    alone.recipe = recipe(FakeStep(remember))
    alone.pool = pool(alone.database, alone.recipe, replace(QUICK, workers=1))
    made = await catalog(alone.database, 12)
    async with alone.pool.at_work():
        pass  # it makes the jobs
    if how == "arq":
        await alone.dispatcher.sweep()  # announced before they change
    async with alone.database.write() as connection:
        for place, priority in ((7, 3), (4, 5), (0, -1)):
            change = update(jobs).where(jobs.c.queue_key.startswith(made[place])).values(priority=priority)
            await connection.execute(change)
    async with alone.works("cpu"):
        await alone.until(DONE, ["success"])
    first, last = [made[4], made[7]], [made[0]]
    assert done == [*first, *(each for each in made if each not in first + last), *last]


@pytest.mark.parametrize("how", ["procrastinate"])
async def test_a_message_follows_its_job_to_another_queue_and_priority(how: str, url: str, redis: str) -> None:
    house = Machine(how, url, redis)
    voice = Machine(how, url, redis)
    await catalog(house.database)
    async with house.database.write() as connection:
        await connection.execute(update(narrators).values(engine="nowhere"))
    async with house.works("cpu"):
        await house.until("SELECT status FROM production_steps ORDER BY position", ["success", "pending", "pending"])
        await house.until("SELECT queue_name FROM procrastinate.procrastinate_jobs", ["engine.nowhere"])
        async with house.database.write() as connection:
            await connection.execute(update(narrators).values(engine="card"))
            await connection.execute(text("UPDATE jobs SET priority = 7 WHERE status = 'pending'"))
        await house.dispatcher.sweep()
        assert await house.column("SELECT queue_name FROM procrastinate.procrastinate_jobs") == ["gpu"]
        assert await house.column("SELECT priority FROM procrastinate.procrastinate_jobs") == [7]
        async with voice.works("gpu"):
            await house.until(DONE, ["success"])
    assert voice.ran == ["two"]
