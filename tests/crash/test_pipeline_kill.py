"""Worker processes killed and stopped in the middle: the next one goes on, a zombie writes nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from fakes.pools import pool
from fakes.recipes import FakeStep, Speaking, catalog, recipe, statuses, story
from foundry_tui.store.database import Database

SCRIPT = Path(__file__).with_name("worker_process.py")
PATIENCE_S = 120.0


class Worker:
    """A worker process and what it says."""

    def __init__(self, url: str, kind: str, *, lanes: int = 1, lease_s: float = 60.0, go: Path | None = None) -> None:
        environment = {**os.environ, "GO": str(go or "")}
        self.process = subprocess.Popen(
            [sys.executable, SCRIPT, url, kind, str(lanes), str(lease_s)],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    async def says(self, line: str) -> list[str]:
        """Everything up to ``line``."""
        heard = []
        assert self.process.stdout is not None
        while True:
            said = await asyncio.wait_for(asyncio.to_thread(self.process.stdout.readline), PATIENCE_S)
            heard.append(said.strip())
            if heard[-1].startswith(line):
                return heard
            assert said, f"the worker ended after {heard}"

    async def ends(self) -> list[str]:
        assert self.process.stdout is not None
        said = await asyncio.wait_for(asyncio.to_thread(self.process.stdout.read), PATIENCE_S)
        await asyncio.to_thread(self.process.wait)
        self.process.stdout.close()
        return said.split("\n")

    async def kill(self) -> None:
        self.process.kill()
        await self.ends()


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    """Whatever a test starts ends with it."""
    started: list[Worker] = []
    yield started
    for worker in started:
        if worker.process.poll() is None:
            worker.process.kill()
            worker.process.wait()
        if worker.process.stdout is not None:
            worker.process.stdout.close()


async def chunks(database: Database, status: str = "success") -> list[int]:
    rows = await database.fetch(
        "SELECT chunk_index FROM audio_chunks WHERE status = :status ORDER BY chunk_index", {"status": status}
    )
    return [row["chunk_index"] for row in rows]


async def test_a_killed_worker_is_released_at_once_and_resumed(
    database: Database, database_url: str, workers: list[Worker]
) -> None:
    (made,) = await catalog(database)
    workers.append(Worker(database_url, "steady", lanes=2))
    await workers[0].says("speaks 6")
    await workers[0].kill()
    kept = await chunks(database)
    assert len(kept) >= 4
    (job,) = await database.fetch("SELECT status, lease_expires_at FROM jobs")
    assert job["status"] == "processing", "killed: nobody has given it back"

    spoken: list[int] = []

    async def speak(_context: object, place: tuple[int, int]) -> None:
        spoken.append(place[1])

    began = asyncio.get_running_loop().time()
    steps = recipe(FakeStep(Speaking(12, lanes=2, speak=speak)), FakeStep())
    summary = await pool(database, steps).run_until_idle()
    assert asyncio.get_running_loop().time() - began < 20, "no waiting for a lease of 60 s"
    assert summary.finished == (made,)
    assert sorted(spoken) == [index for index in range(1, 13) if index not in kept], "no finished chunk made again"
    (sentence,) = summary.recovered
    assert "one was recovered at" in sentence
    assert "is no longer there" in sentence
    assert await chunks(database) == list(range(1, 13))
    (told,) = await database.fetch("SELECT message FROM app_events WHERE kind = 'recovered'")
    assert told["message"] == "1 job recovered from workers that are gone."
    attempts = await database.fetch("SELECT attempt FROM jobs ORDER BY job_id")
    assert [row["attempt"] for row in attempts] == [1, 1], "chunks had been finished, so the death cost no attempt"


async def test_a_zombie_writes_no_row(
    database: Database, database_url: str, workers: list[Worker], tmp_path: Path
) -> None:
    (made,) = await catalog(database)
    go = tmp_path / "go"
    workers.append(Worker(database_url, "slow", lease_s=2.0, go=go))
    zombie = workers[0]
    await zombie.says("speaks 3")
    zombie.process.send_signal(signal.SIGSTOP)
    steps = recipe(FakeStep(Speaking(12)), FakeStep())
    summary = await pool(database, steps).run_until_idle()
    assert summary.finished == (made,)
    assert "was not heard from in time" in summary.recovered[0]
    before = await database.fetch("SELECT * FROM audio_chunks ORDER BY chunk_index")
    events = await story(database, made)
    jobs = await database.fetch("SELECT * FROM jobs ORDER BY job_id")
    go.touch()
    zombie.process.send_signal(signal.SIGCONT)
    said = await zombie.ends()
    assert "ended [] of 1" in said, "the zombie counts nothing as done"
    assert await database.fetch("SELECT * FROM audio_chunks ORDER BY chunk_index") == before
    assert await database.fetch("SELECT * FROM jobs ORDER BY job_id") == jobs
    assert await story(database, made) == events


async def test_a_stopped_neighbour_is_not_robbed_before_its_lease_ends(
    database: Database, database_url: str, workers: list[Worker], tmp_path: Path
) -> None:
    await catalog(database)
    go = tmp_path / "go"
    workers.append(Worker(database_url, "slow", lease_s=60.0, go=go))
    await workers[0].says("speaks 3")
    workers[0].process.send_signal(signal.SIGSTOP)
    other = pool(database, recipe(FakeStep(Speaking(12)), FakeStep()))
    waits = asyncio.Event()
    running = asyncio.create_task(other.run_until_idle(on_wait=lambda _: waits.set()))
    await asyncio.wait_for(waits.wait(), PATIENCE_S)
    await asyncio.sleep(0.5)  # several passes of its reconciler
    assert other.summary.recovered == []
    go.touch()
    workers[0].process.send_signal(signal.SIGCONT)
    await workers[0].ends()
    assert (await running).recovered == []


async def test_a_job_that_kills_three_workers_is_poison(
    database: Database, database_url: str, workers: list[Worker]
) -> None:
    made, good = await catalog(database, 2)
    await database_priority(database, made)
    for _ in range(3):
        workers.append(Worker(database_url, "bomb"))
        await workers[-1].says("ticks")
        await workers[-1].ends()
    summary = await pool(database, recipe(FakeStep())).run_until_idle(retry_failed=True)
    assert summary.failed == (made,)
    assert summary.finished == (good,)
    (job,) = await database.fetch("SELECT status, reason, deaths, error_code FROM jobs WHERE status = 'failed'")
    assert tuple(job.values()) == ("failed", "poisoned", 3, "poisoned")
    assert await statuses(database, made) == ["failed", "failed"]
    again = await pool(database, recipe(FakeStep())).run_until_idle(retry_failed=True)
    assert again.jobs_run == 0, "never run again by itself"


async def database_priority(database: Database, audiobook_id: str) -> None:
    async with database.write() as connection:
        await connection.execute(
            text(f"UPDATE audiobook_productions SET priority = 9 WHERE audiobook_id = '{audiobook_id}'")
        )


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_deadly_chunk_is_given_up_and_its_siblings_go_on(
    database: Database, database_url: str, workers: list[Worker], lanes: int
) -> None:
    (made,) = await catalog(database)
    deaths = 0
    while True:
        workers.append(Worker(database_url, "deadly", lanes=lanes))
        said = await workers[-1].ends()
        if any(line.startswith("ended") for line in said):
            break
        deaths += 1
        assert deaths < 8, "it must be given up some time"
    # The first death may come before the mark of what was in hand; among others the killer must be found first.
    assert deaths <= (3 if lanes == 1 else 5)
    assert await chunks(database, "failed") == [3]
    assert await chunks(database) == [index for index in range(1, 13) if index != 3]
    assert ("chunk_poisoned", "pending") in await story(database, made)
    assert (await statuses(database, made))[0] == "success"


async def test_four_processes_share_a_queue(database: Database, database_url: str, workers: list[Worker]) -> None:
    made = await catalog(database, 60)
    workers.extend(Worker(database_url, "tick") for _ in range(4))
    said = [line for lines in await asyncio.gather(*(worker.ends() for worker in workers)) for line in lines]
    ran = [line.removeprefix("ran ") for line in said if line.startswith("ran ")]
    assert sorted(ran) == made, "none lost, none doubled"
    assert [worker.process.returncode for worker in workers] == [0, 0, 0, 0]
    rows = await database.fetch("SELECT DISTINCT status, attempt, fence FROM jobs")
    assert [tuple(row.values()) for row in rows] == [("success", 1, 1)]
    (events,) = await database.fetch("SELECT count(*) AS n FROM audiobook_process_events")
    assert events["n"] == 60 * 7
