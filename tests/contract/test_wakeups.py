"""PostgreSQL tells at once: a job is claimed, an event shown, a production put in by hand taken up, within no poll."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import text

from fakes.pools import QUICK
from fakes.recipes import FakeStep, catalog, recipe, statuses
from foundry_tui.domain.events import Event
from foundry_tui.operations.event_log import EventLog, event_filter
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.store import notices
from foundry_tui.store.change_watch import ChangeWatch
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.wakeups import Wakeups

# A pool that looks by itself only every half minute: what happens sooner it was told.
PATIENT = replace(QUICK, poll_min_s=30.0, poll_max_s=30.0, reconcile_s=30.0)
SOON_S = 20.0
postgresql_only = pytest.mark.parametrize("database_kind", ["postgresql"])


@asynccontextmanager
async def daemon(database: Database, settings=PATIENT):
    stop = asyncio.Event()
    steps = recipe(FakeStep(), FakeStep())
    running = asyncio.create_task(WorkerPool(database, {steps.name: steps}, settings=settings).run_forever(stop))
    try:
        while not await database.fetch("SELECT 1 FROM app_events WHERE kind = 'worker_started'"):
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)  # its first looks are behind it
        yield
    finally:
        stop.set()
        await running


async def soon(what: Callable[[], object]) -> float:
    began = time.monotonic()
    async with asyncio.timeout(SOON_S):
        while not await what():  # type: ignore[misc]
            await asyncio.sleep(0.005)
    return time.monotonic() - began


@postgresql_only
async def test_what_somebody_else_orders_is_worked_at_once(database: Database, database_url: str) -> None:
    other = Database.connect(database_url)
    async with daemon(database):
        (made,) = await catalog(other)

        async def done() -> bool:
            return (await statuses(other, made))[0] == "success"

        # Raw SQL, its adoption, two steps and their claims: each hop a notice.
        assert await soon(done) < SOON_S
    await other.close()


@postgresql_only
async def test_listeners_come_back_after_the_server_hung_up(database: Database, database_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with Wakeups(database, {name: lambda n=name: heard.put_nowait(n) for name in notices.CHANNELS}):
        first = {await asyncio.wait_for(heard.get(), SOON_S) for _ in notices.CHANNELS}
        assert first == set(notices.CHANNELS), "whatever was missed before is looked for"
        await catalog(database)
        assert await asyncio.wait_for(heard.get(), SOON_S) == notices.PRODUCTIONS
        other = Database.connect(database_url)
        await other.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        again = {await asyncio.wait_for(heard.get(), SOON_S) for _ in notices.CHANNELS}
        assert again == set(notices.CHANNELS)
        async with other.write() as connection:
            await append(connection, [Event(kind="x", message="y")])
        assert await asyncio.wait_for(heard.get(), SOON_S) == notices.EVENTS
        await other.close()


@postgresql_only
async def test_a_follower_is_told_and_a_heartbeat_tells_nobody(database: Database) -> None:
    log = EventLog(database)
    follower = log.follow(await log.end(), event_filter(), every_s=60)
    coming = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(0.3)
    async with database.write() as connection:
        await append(connection, [Event(kind="x", message="seen")])
    assert (await asyncio.wait_for(coming, SOON_S)).message == "seen"
    await follower.aclose()
    await catalog(database)
    watch = ChangeWatch(database)
    await watch.wait(0.5)
    await watch.wait(0.2)
    async with database.write() as connection:
        await connection.execute(text("UPDATE audiobook_productions SET totals = '{}'"))
    began = time.monotonic()
    await watch.wait(0.3)
    assert time.monotonic() - began >= 0.3
    await watch.close()


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_on_sqlite_everybody_looks(database: Database) -> None:
    heard: list[str] = []
    async with Wakeups(database, {notices.JOBS: lambda: heard.append("x")}):
        await catalog(database)
    log = EventLog(database)
    follower = log.follow(await log.end(), event_filter(), every_s=0.02)
    coming = asyncio.ensure_future(anext(follower))
    async with database.write() as connection:
        await append(connection, [Event(kind="x", message="seen")])
    assert (await asyncio.wait_for(coming, SOON_S)).message == "seen"
    await follower.aclose()
    assert heard == []
