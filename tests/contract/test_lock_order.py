"""Claims, cancels, requeues, pauses, events and heartbeats at once on PostgreSQL: nobody waits in a circle."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from fakes.recipes import FakeStep, catalog, recipe
from foundry_tui.domain.status import Status
from foundry_tui.errors import Conflict, LeaseLost, UsageError
from foundry_tui.operations.desk import Desk
from foundry_tui.store import adoption, jobs, requeue, steering, step_turns, steps
from foundry_tui.store.columns import utc_now
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.jobs import Beat
from foundry_tui.store.steps import Contended, HeldStep

PLANS = {"audiobook": recipe(FakeStep(), FakeStep()).steps}
ROUNDS = 25


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_storm_of_claims_and_cancels_has_no_deadlock(database: Database, database_url: str) -> None:
    made = await catalog(database, 6)
    async with database.write() as connection:
        found = await adoption.look(connection)
        await adoption.put_right(connection, found, PLANS, time.time())
    # Each actor with a connection of its own, as another process would be: the writer lock keeps nobody apart.
    databases = [Database.connect(database_url) for _ in range(9)]
    done = dict.fromkeys(("claimed", "ended", "cancelled", "requeued"), 0)
    chance = random.Random(7)

    def some() -> list[str]:
        return chance.sample(made, 3)

    async def work(mine: Database, name: str) -> None:
        held: list[HeldStep] = []
        for _ in range(ROUNDS):
            try:
                async with mine.write() as connection:
                    job = await jobs.claim(connection, name, time.time(), 60)
                    step = await step_turns.start(connection, job, time.time()) if job else None
            except Contended:
                continue
            if step is not None:
                done["claimed"] += 1
                held.append(step)
            if held:
                await beat(mine, name, held)
            if len(held) > 1:
                await end(mine, held.pop(0))
        for step in held:
            await end(mine, step)

    async def beat(mine: Database, name: str, held: list[HeldStep]) -> None:
        beats = [Beat(step.job.job_id, step.job.fence, {}) for step in held]
        async with mine.write() as connection:
            await jobs.heartbeat(connection, name, beats, time.time() + 60)

    async def end(mine: Database, step: HeldStep) -> None:
        try:
            async with mine.write() as connection:
                await jobs.settle(connection, step.job, {"progress": {}})
                await append(connection, [steps.told(step, time.time(), "n", "m", status=Status.PROCESSING)])
            async with mine.write() as connection:
                if chance.random() < 0.5:
                    await jobs.release(connection, step.job, reason="retry", attempt=1)
                    event = steps.told(step, time.time(), "step_retry", "again", status=Status.PENDING)
                    await step_turns.step_back(connection, step, event)
                else:
                    following = PLANS["audiobook"][1] if step.step.position == 0 else None
                    await step_turns.advance(
                        connection, step, time.time(), input_key="k", key_parts={}, result={}, message="done",
                        following=following,
                    )  # fmt: skip
            done["ended"] += 1
        except LeaseLost:
            pass  # somebody cancelled it

    async def cancel(mine: Database) -> None:
        desk = Desk(mine, utc_now)
        try:
            await desk.cancel(some())
            done["cancelled"] += 1
        except UsageError:
            async with mine.write() as connection:
                await steering.stop(connection, chance.choice(made), time.time(), already=False)

    async def again(mine: Database) -> None:
        async with mine.write() as connection:
            done["requeued"] += len(await requeue.requeue_many(connection, some(), PLANS, now=time.time()))

    async def forced(mine: Database) -> None:
        with contextlib.suppress(Conflict):
            async with mine.write() as connection:
                await requeue.requeue(connection, chance.choice(made), PLANS, position=0, now=time.time())

    async def by_hand(mine: Database) -> None:
        async with mine.write() as connection:
            statement = "UPDATE audiobook_productions SET status = 'cancelled' WHERE audiobook_id = :made"
            await connection.execute(text(statement), {"made": chance.choice(made)})
        async with mine.write() as connection:
            await adoption.put_right(connection, await adoption.look(connection), PLANS, time.time())

    async def pause(mine: Database) -> None:
        desk, ids = Desk(mine, utc_now), some()
        for held in (True, False):
            with contextlib.suppress(UsageError):
                await desk.hold(ids, held=held)

    async def often(act: Callable[[Database], Awaitable[None]], mine: Database) -> None:
        for _ in range(ROUNDS):
            await act(mine)

    acts = (cancel, again, forced, by_hand, pause, cancel)
    workers = [work(mine, f"w{number}") for number, mine in enumerate(databases[:3])]
    storm = asyncio.gather(*workers, *(often(act, mine) for act, mine in zip(acts, databases[3:], strict=True)))
    await asyncio.wait_for(storm, 60)
    assert all(done.values()), done
    for each in databases:
        await each.close()
    (found,) = await database.fetch("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert found["deadlocks"] == 0
