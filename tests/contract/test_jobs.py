"""Claims, fences, leases and the ways a claim ends; the same on both kinds of database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from foundry_tui.domain.status import Status
from foundry_tui.errors import LeaseLost
from foundry_tui.store import jobs
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.jobs import Beat, Job
from foundry_tui.store.leases import Limits, recover

NOW = 1_800_000_000.0
LEASE_S = 60.0


async def enqueue(database: Database, key: str = "a:00", **more: object) -> int:
    async with database.write() as connection:
        return await jobs.enqueue(connection, name="step", queue_key=key, payload={"n": 1}, now=NOW, **more)  # type: ignore[arg-type]


async def claim(database: Database, worker: str = "w1", now: float = NOW) -> Job | None:
    async with database.write() as connection:
        return await jobs.claim(connection, worker, now, LEASE_S)


async def load(database: Database, job_id: int) -> Job:
    async with database.read() as connection:
        job = await jobs.load(connection, job_id)
    assert job is not None
    return job


async def claimed(database: Database, worker: str = "w1", now: float = NOW) -> Job:
    job = await claim(database, worker, now)
    assert job is not None
    return job


async def test_a_claim_takes_lease_attempt_and_fence(database: Database) -> None:
    job_id = await enqueue(database)
    job = await claimed(database)
    assert (job.job_id, job.status, job.worker_id) == (job_id, Status.PROCESSING, "w1")
    assert (job.attempt, job.fence, job.lease_expires_at, job.payload) == (1, 1, NOW + LEASE_S, {"n": 1})
    assert await claim(database, "w2") is None


async def test_claims_go_by_priority_then_production_then_step(database: Database) -> None:
    for key, priority in (("b:00", 0), ("a:01", 0), ("c:00", 5), ("a:00", 0)):
        await enqueue(database, key, priority=priority)
    order = [job.queue_key for job in [await claim(database) for _ in range(4)] if job]
    assert order == ["c:00", "a:00", "a:01", "b:00"]


async def test_paused_and_scheduled_jobs_are_not_claimed(database: Database) -> None:
    await enqueue(database, "a:00", paused=True)
    await enqueue(database, "b:00", run_after=NOW + 10)
    assert await claim(database) is None
    async with database.read() as connection:
        assert await jobs.next_due(connection) == NOW + 10
    later = await claim(database, now=NOW + 10)
    assert later is not None
    assert later.queue_key == "b:00"


async def test_many_claimers_never_get_the_same_job(database: Database) -> None:
    for number in range(30):
        await enqueue(database, f"{number:02d}:00")

    async def worker(name: str) -> list[int]:
        mine = []
        while (job := await claim(database, name)) is not None:
            mine.append(job.job_id)
        return mine

    taken = [job_id for mine in await asyncio.gather(*(worker(f"w{n}") for n in range(4))) for job_id in mine]
    assert len(taken) == len(set(taken)) == 30


async def test_claim_by_id_takes_that_job_once(database: Database) -> None:
    await enqueue(database, "a:00")
    wanted = await enqueue(database, "b:00")
    async with database.write() as connection:
        job = await jobs.claim_by_id(connection, wanted, "w1", NOW, LEASE_S)
        again = await jobs.claim_by_id(connection, wanted, "w2", NOW, LEASE_S)
    assert job is not None
    assert (job.job_id, again) == (wanted, None)


async def test_a_stale_fence_writes_nothing(database: Database) -> None:
    await enqueue(database)
    zombie = await claimed(database, "w1")
    async with database.write() as connection:
        await recover(connection, zombie, NOW + 61, who="w1", why="is late", limits=Limits())
    await claimed(database, "w2", NOW + 61)
    for ending in (jobs.finish, jobs.cancel_held):
        with pytest.raises(LeaseLost):
            async with database.write() as connection:
                await ending(connection, zombie, NOW)
    with pytest.raises(LeaseLost):
        async with database.write() as connection:
            await jobs.fail(connection, zombie, NOW, code="x", message="y", trace=None, reason="error")
    with pytest.raises(LeaseLost):
        async with database.write() as connection:
            await jobs.release(connection, zombie, reason="retry", attempt=1)
    async with database.write() as connection:
        assert await jobs.heartbeat(connection, "w1", [Beat(zombie.job_id, zombie.fence, {})], NOW) == {}
    now = await load(database, zombie.job_id)
    assert (now.status, now.worker_id, now.fence) == (Status.PROCESSING, "w2", 2)


async def test_one_heartbeat_renews_all_and_reads_the_operator(database: Database) -> None:
    ids = [await enqueue(database, f"{n}:00") for n in range(3)]
    held = [await claimed(database) for _ in range(3)]
    await database_set(database, ids[1], "cancel_requested = true")
    await database_set(database, ids[2], "paused = true")
    beats = [Beat(job.job_id, job.fence, {"done": job.job_id, "text": "it's 100 %"}) for job in held]
    async with database.write() as connection:
        heard = await jobs.heartbeat(connection, "w1", [*beats, Beat(999, 1, {})], NOW + 100)
    assert {job_id: (c.cancel_requested, c.paused) for job_id, c in heard.items()} == {
        ids[0]: (False, False),
        ids[1]: (True, False),
        ids[2]: (False, True),
    }
    row = await load(database, ids[1])
    assert (row.lease_expires_at, row.progress) == (NOW + 100, {"done": ids[1], "text": "it's 100 %"})
    async with database.read() as connection:
        assert await jobs.controls(connection, "w1", beats) == heard


async def database_set(database: Database, job_id: int, change: str) -> None:
    async with database.write() as connection:
        await connection.execute(text(f"UPDATE jobs SET {change} WHERE job_id = {job_id}"))


async def lose(database: Database, now: float = NOW) -> tuple[str, Job]:
    """A worker claims the job and dies."""
    job = await claimed(database, "dead", now)
    async with database.write() as connection:
        outcome = await recover(connection, job, now, who="it", why="died", limits=Limits())
    assert outcome is not None
    return outcome.kind, await load(database, job.job_id)


async def test_three_deaths_without_progress_are_poison(database: Database) -> None:
    await enqueue(database, max_attempts=9)
    kinds = [(await lose(database))[0] for _ in range(3)]
    assert kinds == ["released", "released", "poisoned"]
    assert await claim(database) is None


async def test_a_death_after_progress_costs_nothing(database: Database) -> None:
    job_id = await enqueue(database)
    await lose(database)
    await lose(database)
    job = await claimed(database)
    async with database.write() as connection:
        await jobs.settle(connection, job, {"durable": True})
        outcome = await recover(connection, job, NOW, who="it", why="died", limits=Limits())
    row = await load(database, job_id)
    assert outcome is not None
    assert (outcome.kind, row.attempt, row.deaths) == ("released", 0, 0)


async def test_a_death_costs_an_attempt(database: Database) -> None:
    await enqueue(database, max_attempts=2)
    kind, row = await lose(database)
    assert (kind, row.attempt, row.status) == ("released", 1, Status.PENDING)
    kind, row = await lose(database)
    assert (kind, row.status, row.error_code) == ("failed", Status.FAILED, "worker_died")


async def test_a_heartbeat_since_the_look_saves_the_job(database: Database) -> None:
    await enqueue(database)
    job = await claimed(database)
    async with database.write() as connection:
        await jobs.heartbeat(connection, "w1", [Beat(job.job_id, job.fence, {})], NOW + 75)
    async with database.write() as connection:
        assert await recover(connection, job, NOW + 61, who="it", why="is late", limits=Limits()) is None
    async with database.write() as connection:
        await jobs.finish(connection, job, NOW + 62)


async def test_release_keeps_what_it_was_told(database: Database) -> None:
    job_id = await enqueue(database)
    job = await claimed(database)
    async with database.write() as connection:
        error = ("engine_busy", "It is busy.", None)
        await jobs.release(connection, job, reason="retry", attempt=1, run_after=NOW + 7, error=error)
    row = await load(database, job_id)
    assert (row.status, row.reason, row.run_after) == (Status.PENDING, "retry", NOW + 7)
    assert (row.attempt, row.error_code, row.lease_expires_at) == (1, "engine_busy", None)


async def test_listing_pages_newest_first(database: Database) -> None:
    ids = [await enqueue(database, f"{n}:00") for n in range(5)]
    await claimed(database)
    async with database.read() as connection:
        first = await jobs.listing(connection, limit=2)
        second = await jobs.listing(connection, limit=2, before=first[-1].job_id)
        pending = await jobs.listing(connection, statuses=[Status.PENDING])
        held = await jobs.processing(connection)
    assert [job.job_id for job in first + second] == ids[:0:-1]
    assert len(pending) == 4
    assert [job.job_id for job in held] == ids[:1]


async def test_the_claim_reads_its_index(migrated_file: Path) -> None:
    database = Database.connect(sqlite_url(str(migrated_file)))
    plan = await database.fetch(
        "EXPLAIN QUERY PLAN SELECT job_id FROM jobs WHERE jobs.status = 'pending' AND jobs.paused IS 0 "
        "AND jobs.run_after <= 1 ORDER BY jobs.priority DESC, jobs.queue_key LIMIT 1"
    )
    await database.close()
    told = " ".join(str(row["detail"]) for row in plan)
    assert "ix_jobs_claim" in told
    assert "TEMP B-TREE" not in told
