"""One book crashes its worker, one engine hangs, one process leaks: the rest of the queue is finished untouched."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from fakes.recipes import FakeStep, catalog, recipe, story
from foundry_tui.domain.status import Status
from foundry_tui.operations.jobs import Jobs, job_json
from foundry_tui.store.database import Database
from foundry_tui.store.queue import queue

PROCESS = Path(__file__).parent / "queue_process.py"
STEPS = recipe(FakeStep(), FakeStep(), FakeStep())


async def worked(url: str, how: str, crashes: str = "-", hangs: str = "-", leaks: str = "-") -> int:
    """Start workers, as a daemon's keeper would, until one has nothing left to do; how many were killed."""
    deaths = 0
    while deaths < 10:
        process = await asyncio.create_subprocess_exec(sys.executable, str(PROCESS), url, how, crashes, hangs, leaks)
        try:
            code = await asyncio.wait_for(process.wait(), 120)
        finally:
            if process.returncode is None:
                process.kill()
        if code == 0:
            return deaths
        assert code == -signal.SIGKILL
        deaths += 1
    raise AssertionError("the crashing book was never given up")


@pytest.mark.parametrize("how", ["looks", "handed"])
@pytest.mark.parametrize("books", [6, pytest.param(20, marks=pytest.mark.torture)])
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_three_bad_books_are_told_apart_and_harm_nobody(
    database: Database, database_url: str, books: int, how: str
) -> None:
    made = await catalog(database, books)
    crashes, hangs, leaks = made[0], made[books // 2], made[-2]
    bad = {crashes, hangs, leaks}
    deaths = await worked(database_url, how, crashes, hangs, leaks)
    assert 2 <= deaths <= 6

    jobs = Jobs(database, lambda: {STEPS.name: STEPS}, lambda: datetime.now(UTC))
    rows = await database.fetch("SELECT audiobook_id, status FROM audiobook_productions")
    assert {row["audiobook_id"] for row in rows if row["status"] == "success"} == set(made) - bad
    for good in set(made) - bad:
        kinds = [kind for kind, _ in await story(database, good)]
        assert "step_failed" not in kinds
        assert kinds[-1] == "production_success"

    failed = {str(row.audiobook_id): job_json(row) for row in await jobs.list(statuses=[Status.FAILED])}
    assert set(failed) == bad - {crashes} | ({crashes} & set(failed))
    assert (failed[hangs]["reason"], failed[hangs]["error_code"]) == ("attempts", "speech_rejected")
    assert "did not answer" in str(failed[hangs]["error"])
    assert (failed[leaks]["reason"], failed[leaks]["error_code"]) == ("attempts", "worker_died")
    async with database.read() as connection:
        told = {row.audiobook_id: row for row in await queue(connection)}
    assert set(told) == bad
    assert told[crashes].poisoned
    assert failed[crashes]["poisoned"]
    why = {row.production.error_message for row in told.values()}
    assert len(why) == 3, "each says another thing"

    # The one is mended and tried again alone: the other two stay as they are.
    new = await jobs.retry(int(str(failed[leaks]["job_id"])))
    assert await worked(database_url, how, crashes, hangs) == 0
    assert (await jobs.show(new)).job.status is Status.SUCCESS
    rows = await database.fetch("SELECT audiobook_id FROM audiobook_productions WHERE status <> 'success'")
    assert {row["audiobook_id"] for row in rows} == {crashes, hangs}
    for each in (crashes, hangs):
        await jobs.retry(int(str(failed[each]["job_id"])))
    assert await worked(database_url, how) == 0
    (left,) = await database.fetch("SELECT count(*) AS n FROM audiobook_productions WHERE status <> 'success'")
    assert left["n"] == 0
    assert not [
        process for process in psutil.process_iter(["cmdline"]) if str(PROCESS) in (process.info["cmdline"] or [])
    ]
