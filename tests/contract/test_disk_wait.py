"""A full disk pauses the work and nothing else; room lets it go on. The same on both kinds of database."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from fakes.full_database import Writes
from fakes.pools import QUICK
from fakes.recipes import FakeStep, catalog, nothing, recipe, statuses, story, take_of
from foundry_tui.errors import DiskFull
from foundry_tui.pipeline.contract import Recipe, StepContext, StepOutcome
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.pipeline.room import RoomWatch
from foundry_tui.pipeline.summary import PoolSummary
from foundry_tui.store.database import Database
from foundry_tui.store.disk_waits import DiskWait

MB = 1_000_000
SETTINGS = replace(QUICK, room_margin_bytes=10 * MB, room_again_s=0.1, room_patience_s=0.3)


class Disk:
    """So much is free, and a step that wants more finds it full."""

    def __init__(self, folder: Path, free: int = 0) -> None:
        self.folder = folder
        self.free = free
        self.seen: list[int] = []

    def look(self, _place: Path) -> int:
        self.seen.append(self.free)
        return self.free

    async def need(self, context: StepContext, needed: int = 100 * MB) -> StepOutcome:
        if self.free < needed:
            raise DiskFull("No room.", details={"path": str(self.folder), "needed_bytes": needed})
        return await nothing(context)


def workers(database: Database, steps: Recipe, disk: Disk, **changed: float) -> WorkerPool:
    return WorkerPool(database, {steps.name: steps}, settings=replace(SETTINGS, **changed), free=disk.look)  # type: ignore[arg-type]


async def job(database: Database) -> dict[str, object]:
    (row,) = await database.fetch("SELECT status, reason, paused, attempt, error_message FROM jobs")
    return dict(row)


async def test_a_full_disk_pauses_the_production_and_costs_no_attempt(database: Database, tmp_path: Path) -> None:
    (made,) = await catalog(database)
    disk = Disk(tmp_path)
    handler = FakeStep(disk.need)
    summary = await workers(database, recipe(handler), disk).run_until_idle()
    assert summary.with_outcome("disk_full") == (made,)
    assert not summary.failed
    row = await job(database)
    assert (row["status"], row["reason"], bool(row["paused"]), row["attempt"]) == ("pending", "disk_full", True, 0)
    assert "free some space" in str(row["error_message"])
    assert await statuses(database, made) == ["pending", "pending"]
    assert handler.runs == [made], "nobody tries while there is no room"


async def test_it_goes_on_by_itself_and_not_at_the_first_freed_byte(database: Database, tmp_path: Path) -> None:
    (made,) = await catalog(database)
    disk = Disk(tmp_path)
    handler = FakeStep(disk.need)
    told: list[int] = []
    pool = workers(database, recipe(handler), disk, room_patience_s=60)
    running = asyncio.create_task(pool.run_until_idle(on_room=lambda waits: told.append(len(waits))))
    await until(lambda: told == [1])
    disk.free = 101 * MB  # what it asked for, and no more
    disk.seen.clear()
    await until(lambda: len(disk.seen) > 4)
    assert handler.runs == [made]
    disk.free = 116 * MB
    summary = await running
    assert summary.finished == (made,)
    assert told == [1, 0]
    assert handler.runs == [made, made]
    kinds = [kind for kind, _ in await story(database, made)]
    assert kinds.index("disk_full") < kinds.index("room_again") < kinds.index("step_succeeded")


async def test_other_productions_go_on_meanwhile(database: Database, tmp_path: Path) -> None:
    large, small = await catalog(database, 2)
    disk = Disk(tmp_path, free=50 * MB)

    async def need(context: StepContext) -> StepOutcome:
        return await disk.need(context, 100 * MB if context.production.audiobook_id == large else 1 * MB)

    summary = await workers(database, recipe(FakeStep(need)), disk).run_until_idle()
    assert (summary.finished, summary.with_outcome("disk_full")) == ((small,), (large,))


async def test_what_cannot_be_measured_is_tried_again_after_a_while(database: Database, tmp_path: Path) -> None:
    (made,) = await catalog(database)
    disk = Disk(tmp_path, free=10**12)
    tries = 0

    async def within_quota(context: StepContext) -> StepOutcome:
        nonlocal tries
        tries += 1
        if tries < 6:  # more than a failing step has attempts
            raise DiskFull("Quota exceeded.", details={"path": str(tmp_path), "errno": errno.EDQUOT})
        return await nothing(context)

    summary = await workers(database, recipe(FakeStep(within_quota)), disk, room_patience_s=60).run_until_idle()
    assert (summary.finished, tries) == ((made,), 6)


async def test_what_the_operator_paused_stays_paused(database: Database, tmp_path: Path) -> None:
    await catalog(database)
    disk = Disk(tmp_path)
    handler = FakeStep(disk.need)
    pool = workers(database, recipe(handler), disk)
    await pool.run_until_idle()
    async with database.write() as connection:
        await connection.execute(text("UPDATE audiobook_productions SET paused_at = '2025-01-01 00:00:00'"))
    disk.free = 10**12
    assert (await pool.run_until_idle()).jobs_run == 0


async def test_what_is_let_go_on_counts_as_waiting_until_it_may_be_claimed(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await catalog(database)
    disk = Disk(tmp_path)
    await workers(database, recipe(FakeStep(disk.need)), disk).run_until_idle()
    watch = RoomWatch(database, lambda: 5.0, disk.look)
    assert await watch.once() == []
    disk.free = 10**12
    wanting: list[int] = []
    write = database.write

    @asynccontextmanager
    async def watched() -> AsyncIterator[AsyncConnection]:
        async with write() as connection:
            yield connection
            wanting.append(len(watch.waits))

    monkeypatch.setattr(database, "write", watched)
    assert len(await watch.once()) == 1
    assert (wanting, watch.waits) == ([1], ()), "a run that saw neither would take the queue for empty and end"


async def test_two_that_see_room_let_it_go_on_once(database: Database, tmp_path: Path) -> None:
    (made,) = await catalog(database)
    disk = Disk(tmp_path)
    await workers(database, recipe(FakeStep(disk.need)), disk).run_until_idle()
    disk.free = 10**12
    watches = [RoomWatch(database, lambda: 5.0, disk.look) for _ in range(2)]
    resumed: list[list[DiskWait]] = await asyncio.gather(*(watch.once() for watch in watches))
    assert sum(map(len, resumed)) == 1
    assert [kind for kind, _ in await story(database, made)].count("room_again") == 1


async def need_both(writes: Writes, disk: Disk, context: StepContext) -> StepOutcome:
    """A step on the same disk as the database."""
    writes.refused = disk.free == 0
    return await disk.need(context)


async def test_a_wait_that_cannot_be_written_down_is_told_and_waited_for(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = await catalog(database)
    disk, writes = Disk(tmp_path), Writes(database, monkeypatch)

    handler = FakeStep(partial(need_both, writes, disk))
    told: list[list[str]] = []
    # A lease that runs out meanwhile: what was held so long is written all the same, nobody else could have been there.
    pool = workers(database, recipe(handler), disk, room_patience_s=60, lease_s=0.4, heartbeat_s=0.1, drain_s=0.1)
    running = asyncio.create_task(
        pool.run_until_idle(on_room=lambda waits: told.append([w.audiobook_id for w in waits]))
    )
    await until(lambda: writes.tries > 20)
    await asyncio.sleep(1.0)
    assert told == [[made]]
    (seen,) = pool.feed.snapshot().running.values()
    assert seen.progress.waits_for == "room on the disk"
    disk.free = 10**12
    writes.refused = False
    assert (await running).finished == (made,)
    assert told == [[made], []]
    assert handler.runs == [made, made]
    kinds = [kind for kind, _ in await story(database, made)]
    assert kinds.index("disk_full") < kinds.index("room_again") < kinds.index("step_succeeded")
    assert "step_recovered" not in kinds


async def test_room_that_is_back_is_told_by_a_run_that_ends_at_once(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await catalog(database)
    disk, told = Disk(tmp_path), list[int]()
    handler = FakeStep(disk.need)
    pool = workers(database, recipe(handler), disk, room_patience_s=60, workers=2)
    look = pool._rest_of_the_queue

    async def look_late() -> object:
        while len(handler.runs) == 2 and pool.busy:
            await asyncio.sleep(0.005)
        return await look()

    monkeypatch.setattr(pool, "_rest_of_the_queue", look_late)
    running = asyncio.create_task(pool.run_until_idle(on_room=lambda waits: told.append(len(waits))))
    await until(lambda: told == [1])
    disk.free = 10**12
    await running
    assert told == [1, 0]


async def test_what_a_step_writes_between_its_files_leaves_the_ballast_to_its_end(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step's next file would take the room that the ballast gives, and its end could not be written down."""
    (made,) = await catalog(database)
    disk, writes = Disk(tmp_path), Writes(database, monkeypatch)
    between: list[bool] = []

    async def speak(context: StepContext) -> StepOutcome:
        writes.refused = disk.free == 0
        if writes.refused:
            await asyncio.sleep(0.3)  # heartbeats
            for write in (
                context.record([take_of(context, (1, 1))]),
                context.event("told", "It is."),
                context.durable(),
            ):
                with pytest.raises(DiskFull):
                    await write
            between.extend(writes.waiting)
        return await disk.need(context)

    pool = workers(database, recipe(FakeStep(speak)), disk, room_patience_s=60, progress_s=0.05)
    running = asyncio.create_task(pool.run_until_idle())
    await until(lambda: not all(writes.waiting))
    disk.free = 10**12
    writes.refused = False
    assert (await running).finished == (made,)
    assert len(between) >= 6
    assert all(between)
    assert not all(writes.waiting), "it was put aside"


async def test_a_queue_from_which_nothing_can_be_claimed_is_told_and_waited_for(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = await catalog(database)
    writes = Writes(database, monkeypatch)
    told: list[list[str]] = []
    pool = workers(database, recipe(FakeStep()), Disk(tmp_path), room_patience_s=60)
    running = await begun(pool, database, writes, lambda waits: told.append([wait.audiobook_id for wait in waits]))
    await until(lambda: writes.tries > 10)
    assert told == [[""]]
    writes.refused = False
    assert (await running).finished == (made,)
    assert told == [[""], []]


async def test_a_run_does_not_wait_for_ever_for_a_database_to_be_written(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await catalog(database)
    pool = workers(database, recipe(FakeStep()), Disk(tmp_path))
    running = await begun(pool, database, Writes(database, monkeypatch))
    with pytest.raises(DiskFull, match="cannot be written"):
        await asyncio.wait_for(running, 20)


async def test_a_step_that_cannot_be_put_aside_does_not_keep_a_run_for_ever(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = await catalog(database)
    disk, writes = Disk(tmp_path), Writes(database, monkeypatch)

    handler = FakeStep(partial(need_both, writes, disk))
    summary = await workers(database, recipe(handler), disk, lease_s=0.5, heartbeat_s=0.1).run_until_idle()
    assert summary.with_outcome("disk_full") == (made,)
    disk.free = 10**12
    writes.refused = False
    assert (await workers(database, recipe(handler), disk).run_until_idle()).finished == (made,)


async def begun(
    pool: WorkerPool,
    database: Database,
    writes: Writes,
    on_room: Callable[[Sequence[DiskWait]], None] | None = None,
) -> asyncio.Task[PoolSummary]:
    """A run whose queue is full of jobs, and its database's disk full before the first is claimed."""
    pool.accepting = False
    running = asyncio.create_task(pool.run_until_idle(on_room=on_room))
    async with asyncio.timeout(20):
        while not await database.fetch("SELECT 1 FROM jobs"):
            await asyncio.sleep(0.01)
    writes.refused = pool.accepting = True
    pool.wake()
    return running


async def until(true: object, patience_s: float = 20) -> None:
    assert callable(true)
    async with asyncio.timeout(patience_s):
        while not true():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_drained_pool_leaves_it_waiting(database: Database, tmp_path: Path) -> None:
    (made,) = await catalog(database)
    disk = Disk(tmp_path)
    pool = workers(database, recipe(FakeStep(disk.need)), disk, room_patience_s=60)
    running = asyncio.create_task(pool.run_until_idle(on_room=lambda _: stop.set()))
    stop = asyncio.Event()
    await asyncio.wait_for(stop.wait(), 20)
    await pool.drain()
    assert (await asyncio.wait_for(running, 20)).with_outcome("disk_full") == (made,)
