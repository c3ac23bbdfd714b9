"""A pool over tiny recipes: the story to success, skipping, retrying, failing, sending back."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from fakes.pools import pool
from fakes.recipes import FakeStep, Speaking, catalog, nothing, recipe, statuses, story
from foundry_tui.domain.status import Level
from foundry_tui.errors import EngineBusy, FoundryError, VoiceMissing, WriteFailed
from foundry_tui.pipeline.contract import Recipe, StepContext, StepOutcome
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.store import requeue
from foundry_tui.store.database import Database
from foundry_tui.store.steps import begin


async def requeue_at(database: Database, made: Recipe, audiobook_id: str, position: int | None = None) -> int | None:
    async with database.write() as connection:
        return await requeue.requeue(connection, audiobook_id, {made.name: made.steps}, position=position, now=1.0)


async def test_the_whole_story_is_told(database: Database) -> None:
    (made,) = await catalog(database)

    async def publish(context: StepContext) -> StepOutcome:
        assert context.results["one"] == {"made_by": "one"}
        await context.event("phase", "half way", step_name="a_phase")
        return StepOutcome({}, "It is out.", totals={"audio_s": 5.0}, published=True, manifest_sha="ab" * 32)

    summary = await pool(database, recipe(FakeStep(), FakeStep(publish))).run_until_idle()
    assert summary.finished == (made,)
    assert (summary.adopted, summary.jobs_run) == ([made], 2)
    assert await statuses(database, made) == ["success", "success", "success"]
    assert await story(database, made) == [
        ("adopted", "pending"),
        ("step_started", "processing"),
        ("step_succeeded", "success"),
        ("step_pending", "pending"),
        ("step_started", "processing"),
        ("phase", "processing"),
        ("step_succeeded", "success"),
        ("production_success", "success"),
    ]
    (row,) = await database.fetch("SELECT publish_date, manifest_sha, error_message FROM audiobook_productions")
    assert row["publish_date"] is not None
    assert (row["manifest_sha"], row["error_message"]) == ("ab" * 32, None)
    events = await database.fetch("SELECT timestamp, step_name FROM audiobook_process_events ORDER BY seq")
    stamps = [row["timestamp"] for row in events]
    assert len(set(stamps)) == len(stamps), "no two events of a production share a millisecond"
    assert events[5]["step_name"] == "a_phase"
    house = [row["kind"] for row in await database.fetch("SELECT kind FROM app_events ORDER BY seq")]
    assert house == ["worker_started", "worker_stopped"]


async def test_what_stands_under_its_key_is_not_made_again(database: Database) -> None:
    (made,) = await catalog(database)
    first, second = FakeStep(), FakeStep()
    steps = recipe(first, second)
    await pool(database, steps).run_until_idle()
    await requeue_at(database, steps, made)
    summary = await pool(database, steps).run_until_idle()
    assert summary.finished == (made,)
    assert (first.runs, second.runs) == ([made], [made])
    assert [kind for kind, _ in await story(database, made)].count("step_skipped") == 2


async def test_a_forced_step_runs_and_only_it(database: Database) -> None:
    (made,) = await catalog(database)
    handlers = [FakeStep(), FakeStep(), FakeStep()]
    steps = recipe(*handlers)
    await pool(database, steps).run_until_idle()
    await requeue_at(database, steps, made, 1)
    await pool(database, steps).run_until_idle()
    assert [len(handler.runs) for handler in handlers] == [1, 2, 1]


async def test_a_forced_step_never_overtakes_one_that_is_not_done(database: Database) -> None:
    (made,) = await catalog(database)
    handlers = [FakeStep(), FakeStep(), FakeStep()]
    steps = recipe(*handlers)
    work, handlers[1].work = handlers[1].work, refuse
    assert (await pool(database, steps).run_until_idle()).failed == (made,)
    handlers[1].work = work
    await requeue_at(database, steps, made, 2)
    assert (await pool(database, steps).run_until_idle()).finished == (made,)
    assert [len(handler.runs) for handler in handlers] == [1, 2, 1]


async def refuse(_context: StepContext) -> StepOutcome:
    raise VoiceMissing("No such voice.")


async def test_changed_inputs_are_made_again_and_said_in_words(database: Database) -> None:
    (made,) = await catalog(database)
    handler = FakeStep()
    steps = recipe(handler)
    await pool(database, steps).run_until_idle()
    handler.parts = {"source": "b"}
    await requeue_at(database, steps, made)
    await pool(database, steps).run_until_idle()
    (told,) = await database.fetch("SELECT message FROM audiobook_process_events WHERE kind = 'made_again'")
    assert told["message"] == "one runs again: the source file: a -> b."
    handler.stands = False
    await requeue_at(database, steps, made)
    await pool(database, steps).run_until_idle()
    assert len(handler.runs) == 3


async def test_a_passing_error_is_tried_again(database: Database) -> None:
    (made,) = await catalog(database)
    left = [EngineBusy("It is busy."), RuntimeError("odd")]

    async def flaky(context: StepContext) -> StepOutcome:
        if left:
            raise left.pop(0)
        return await nothing(context)

    summary = await pool(database, recipe(FakeStep(flaky))).run_until_idle()
    assert summary.finished == (made,)
    assert [kind for kind, _ in await story(database, made)].count("step_retry") == 2
    (job,) = await database.fetch("SELECT attempt, error_message, error_trace FROM jobs")
    assert tuple(job.values()) == (3, None, None)


async def test_three_attempts_and_no_more(database: Database) -> None:
    (made,) = await catalog(database)

    async def broken(context: StepContext) -> StepOutcome:
        raise RuntimeError("token=abcdefgh is odd")

    handler = FakeStep(broken)
    summary = await pool(database, recipe(handler)).run_until_idle()
    assert summary.failed == (made,)
    assert len(handler.runs) == 3
    (job,) = await database.fetch("SELECT attempt, status, reason, error_code, error_message, error_trace FROM jobs")
    assert (job["attempt"], job["status"], job["reason"], job["error_code"]) == (3, "failed", "attempts", "unexpected")
    assert "Traceback" in job["error_trace"]
    assert "abcdefgh" not in job["error_trace"] + job["error_message"]


async def test_progress_resets_the_count_of_attempts(database: Database) -> None:
    (made,) = await catalog(database)
    tries = 0

    async def stumbling(context: StepContext) -> StepOutcome:
        nonlocal tries
        tries += 1
        if tries <= 4:
            await context.durable()
        if tries <= 5:
            raise EngineBusy
        return await nothing(context)

    summary = await pool(database, recipe(FakeStep(stumbling))).run_until_idle()
    assert summary.finished == (made,)
    assert tries == 6, "four of them went on, and two in a row did not"


@pytest.mark.parametrize("error", [VoiceMissing("No voice."), WriteFailed("The folder is closed to you.")])
async def test_a_permanent_error_fails_at_once_with_what_to_do(database: Database, error: FoundryError) -> None:
    (made,) = await catalog(database)

    async def fail(context: StepContext) -> StepOutcome:
        raise error

    handler = FakeStep(fail)
    steps = recipe(FakeStep(), handler, FakeStep())
    summary = await pool(database, steps).run_until_idle(retry_failed=True)
    assert summary.failed == (made,)
    assert handler.runs == [made]
    assert await statuses(database, made) == ["failed", "success", "failed", "pending"]
    (row,) = await database.fetch("SELECT error_message FROM audiobook_productions")
    assert row["error_message"] == error.sentence()
    (told,) = await database.fetch("SELECT level, details FROM audiobook_process_events WHERE status = 'failed'")
    assert told["level"] == Level.ERROR.value
    assert error.code in str(told["details"])
    handler.work = nothing
    again = await pool(database, steps).run_until_idle(retry_failed=True)
    assert (again.requeued, again.finished) == ((made,), (made,))


async def test_one_bad_book_never_stops_the_queue(database: Database) -> None:
    made = await catalog(database, 4)

    async def picky(context: StepContext) -> StepOutcome:
        if context.production.audiobook_id == made[1]:
            raise VoiceMissing
        return await nothing(context)

    summary = await pool(database, recipe(FakeStep(picky), FakeStep())).run_until_idle()
    assert summary.failed == (made[1],)
    assert summary.finished == (made[0], made[2], made[3])


async def test_fail_fast_stops_the_queue(database: Database) -> None:
    made = await catalog(database, 3)

    async def fail(context: StepContext) -> StepOutcome:
        raise VoiceMissing

    one = PoolSettings(workers=1, poll_min_s=0.02)
    summary = await pool(database, recipe(FakeStep(fail)), one).run_until_idle(fail_fast=True)
    assert summary.failed == (made[0],)
    assert (await statuses(database, made[2]))[0] == "pending"


async def test_a_later_step_sends_an_earlier_one_back_at_most_twice(database: Database) -> None:
    (made,) = await catalog(database)
    earlier = FakeStep(Speaking(3))

    async def complain(context: StepContext) -> StepOutcome:
        await context.send_back("one", "chunk 2 is not what was written.", [(1, 2)])
        raise AssertionError

    later = FakeStep(complain)
    steps = recipe(earlier, later)
    summary = await pool(database, steps).run_until_idle()
    assert summary.failed == (made,)
    assert (len(earlier.runs), len(later.runs)) == (3, 3)
    (told,) = await database.fetch("SELECT message FROM audiobook_process_events WHERE status = 'failed'")
    assert "made again 2 times" in told["message"]
    rows = await database.fetch("SELECT status, attempt FROM jobs ORDER BY job_id")
    assert [row["status"] for row in rows] == ["success", "cancelled", "success", "cancelled", "success", "failed"]
    assert {row["attempt"] for row in rows} == {1}
    later.work = nothing
    await requeue_at(database, steps, made)
    assert (await pool(database, steps).run_until_idle()).finished == (made,)
    (step,) = await database.fetch("SELECT requeues FROM production_steps WHERE position = 0")
    assert step["requeues"] == 2, "the count is per run: it starts anew where the operator requeues that step"


async def test_takes_are_recorded_in_few_transactions(database: Database) -> None:
    (made,) = await catalog(database)
    speaking = Speaking(64, lanes=16)
    writes = 0
    original = database.write

    def counting(**how: bool) -> object:
        nonlocal writes
        writes += 1
        return original(**how)

    database.write = counting  # type: ignore[method-assign, assignment]
    summary = await pool(database, recipe(FakeStep(speaking))).run_until_idle()
    assert summary.finished == (made,)
    (rows,) = await database.fetch("SELECT count(*) AS n FROM audio_chunks WHERE status = 'success'")
    assert rows["n"] == 64
    assert writes < 40, "64 chunks through 16 lanes share their transactions"


async def test_double_requeue_makes_one_job(database: Database) -> None:
    (made,) = await catalog(database)

    async def fail(context: StepContext) -> StepOutcome:
        raise VoiceMissing

    steps = recipe(FakeStep(fail))
    await pool(database, steps).run_until_idle()
    made_jobs = await asyncio.gather(*(requeue_at(database, steps, made) for _ in range(4)))
    assert len([job for job in made_jobs if job is not None]) == 1
    (count,) = await database.fetch("SELECT count(*) AS n FROM jobs WHERE status = 'pending'")
    assert count["n"] == 1


async def test_a_job_that_another_worker_holds_is_waited_for(database: Database) -> None:
    (made,) = await catalog(database)
    gate = asyncio.Event()

    async def wait(context: StepContext) -> StepOutcome:
        await gate.wait()
        return await nothing(context)

    steps = recipe(FakeStep(wait))
    other = asyncio.create_task(pool(database, steps).run_until_idle())
    while not await database.fetch("SELECT 1 FROM jobs WHERE status = 'processing'"):
        await asyncio.sleep(0.01)
    told: list[str] = []

    def on_wait(waits: object) -> None:
        told.extend(each.worker for each in waits)  # type: ignore[attr-defined]
        gate.set()

    summary = await pool(database, steps).run_until_idle(on_wait=on_wait)
    assert summary.jobs_run == 0
    assert told
    assert told[0].startswith("process ")
    assert (await other).finished == (made,)


async def test_run_step_claims_one_job_by_its_id(database: Database) -> None:
    (made,) = await catalog(database)
    steps = recipe(FakeStep())
    workers = pool(database, steps)
    async with workers.at_work():
        (row,) = await database.fetch("SELECT job_id FROM jobs")
        first = await workers.run_step(row["job_id"])
        second = await workers.run_step(row["job_id"])
    assert first is not None
    assert (first.kind, first.audiobook_id, second) == ("finished", made, None)


async def test_two_events_in_one_millisecond_both_stay(database: Database) -> None:
    await catalog(database)

    async def chatter(context: StepContext) -> StepOutcome:
        for number in range(20):
            await context.event("note", f"{number}")
        return await nothing(context)

    workers = pool(database, recipe(FakeStep(chatter)))
    stands = workers.clock.time()
    workers.clock.time = lambda: stands  # type: ignore[method-assign]
    await workers.run_until_idle()
    rows = await database.fetch("SELECT message FROM audiobook_process_events WHERE kind = 'note' ORDER BY timestamp")
    assert [row["message"] for row in rows] == [str(number) for number in range(20)]


async def test_a_step_the_recipe_no_longer_has_fails_with_a_sentence(database: Database) -> None:
    (made,) = await catalog(database)
    async with database.write() as connection:
        old = recipe(FakeStep(), FakeStep())
        await begin(connection, made, old.steps, now=1.0)
        await connection.execute(text("UPDATE production_steps SET step_number = 'STEP1_old' WHERE position = 0"))
    summary = await pool(database, recipe(FakeStep())).run_until_idle()
    assert summary.failed == (made,)
    assert "STEP1_old" in summary.messages[made]
