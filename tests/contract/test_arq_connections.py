"""What ARQ's dispatcher opens to Redis it also closes, whenever it is ended; on a real Redis."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from fakes.pools import QUICK, pool
from fakes.recipes import FakeStep, catalog, nothing, recipe
from foundry_tui.errors import UsageError
from foundry_tui.foundry import open_foundry
from foundry_tui.pipeline import arq_dispatch
from foundry_tui.pipeline.arq_dispatch import ArqDispatcher
from foundry_tui.pipeline.queues import Queues
from foundry_tui.settings import load_settings
from foundry_tui.store.database import Database, sqlite_url

PATIENCE_S = 30.0
NOWHERE = "redis://127.0.0.1:1/0"  # nothing listens there
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated close:DeprecationWarning")  # ARQ's, of its redis


class Server:
    """A Redis, asked over a connection of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    @contextlib.asynccontextmanager
    async def at(cls, url: str) -> AsyncIterator[Server]:
        host, _, port = url.removeprefix("redis://").removesuffix("/0").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield cls(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()

    async def ask(self, command: str) -> str:
        self._writer.write(f"{command}\r\n".encode())
        head = (await self._reader.readline()).decode().strip()
        if head.startswith("$"):
            return (await self._reader.readexactly(int(head[1:]) + 2)).decode().strip()
        return head

    async def others(self) -> list[str]:
        """Who else is connected."""
        own = (await self.ask("CLIENT ID")).removeprefix(":")
        return [line for line in (await self.ask("CLIENT LIST")).splitlines() if f"id={own} " not in f"{line} "]

    async def until_others(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(await self.others()) != count:
                await asyncio.sleep(0.02)


class Mute:
    """Takes connections as a Redis does whose machine hangs, and never answers."""

    def __init__(self) -> None:
        self.open = self.came = 0
        self._changed = asyncio.Condition()

    @classmethod
    @contextlib.asynccontextmanager
    async def at_work(cls) -> AsyncIterator[tuple[Mute, str]]:
        mute = cls()
        server = await asyncio.start_server(mute._take, "127.0.0.1", 0)
        async with server:
            yield mute, f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._count(1)
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                pass
        writer.close()
        await self._count(-1)

    async def _count(self, change: int) -> None:
        async with self._changed:
            self.open += change
            self.came += max(change, 0)
            self._changed.notify_all()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(true)


def queues() -> Queues:
    return Queues({}, "standin", {})


@pytest.fixture
async def tables(migrated_file: Path) -> AsyncIterator[Database]:
    opened = Database.connect(sqlite_url(str(migrated_file)))
    await catalog(opened)
    yield opened
    await opened.close()


async def test_what_is_announced_from_two_sides_at_once_leaves_nothing_open(tables: Database, redis_url: str) -> None:
    dispatcher = ArqDispatcher(tables, redis_url, queues)
    async with pool(tables, recipe(FakeStep(nothing)), QUICK).at_work():
        pass  # it makes the job that is to be announced
    async with Server.at(redis_url) as redis:
        await redis.until_others(0)
        await redis.ask("CLIENT PAUSE 300")
        await asyncio.gather(*(dispatcher.sweep() for _ in range(4)))
        assert await redis.others()
        await dispatcher.close()
        await redis.until_others(0)


@pytest.mark.parametrize(
    "address", ["http://secret@host/0", "redis://:secret@host:port/0", "redis://host?health_check_interval=x"]
)
def test_an_address_that_cannot_be_is_refused_in_a_sentence(tables: Database, address: str) -> None:
    with pytest.raises(UsageError, match=r"redis_url is no address") as refused:
        ArqDispatcher(tables, address, queues)
    assert "secret" not in refused.value.message
    assert "redis://host:6379/0" in str(refused.value.action)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arq_dispatch, "_ANSWER_S", 0.5)
    monkeypatch.setattr(arq_dispatch, "_LET_GO_S", 0.5)


@pytest.mark.usefixtures("impatient")
async def test_a_worker_ended_while_it_still_connects_leaves_nothing_open(tables: Database) -> None:
    async with Mute.at_work() as (mute, url):
        dispatcher = ArqDispatcher(tables, url, queues)
        async with dispatcher.at_work(pool(tables, recipe(FakeStep(nothing)), QUICK), ["cpu", "engine.standin"]):
            await mute.until(lambda: mute.came >= 3)
        await mute.until(lambda: not mute.open)


@pytest.mark.parametrize("told", ["", "?socket_timeout=5&socket_connect_timeout=60"])
async def test_a_cancellation_is_never_forgotten(
    tables: Database, redis_url: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arq_dispatch, "_CONNECT_S", 60.0)
    client = ArqDispatcher(tables, redis_url + told, queues)._client()

    async def ask() -> None:
        mine = asyncio.current_task()
        assert mine is not None
        while not mine.cancelling():
            await client.get("nothing")

    await client.get("nothing")
    forgotten = 0
    for turn in range(200):
        task = asyncio.create_task(ask())
        await asyncio.sleep(turn % 10 * 0.0003)
        task.cancel()
        await asyncio.wait([task])
        forgotten += not task.cancelled()
    await client.connection_pool.disconnect()
    assert not forgotten


@pytest.mark.usefixtures("impatient")
async def test_a_house_that_closes_waits_not_for_ever_for_a_redis_that_hangs(tables: Database) -> None:
    async with Mute.at_work() as (mute, url):
        dispatcher = ArqDispatcher(tables, url, queues)
        tables.dispatcher = dispatcher
        async with pool(tables, recipe(FakeStep(nothing)), QUICK).at_work():
            await mute.until(lambda: mute.came > 0)
        async with asyncio.timeout(PATIENCE_S):
            await dispatcher.close()
        await mute.until(lambda: not mute.open)


async def test_a_house_that_closes_has_announced_and_leaves_nothing_open(migrated_file: Path, redis_url: str) -> None:
    told = {"FOUNDRY_DISTRIBUTED_DISPATCHER": "arq", "FOUNDRY_DISTRIBUTED_REDIS_URL": redis_url}
    async with Server.at(redis_url) as redis:
        await redis.until_others(0)
        async with open_foundry(load_settings(home=migrated_file.parent.parent, environ=told)) as foundry:
            await catalog(foundry.database)
            await redis.ask("CLIENT PAUSE 300")
            async with foundry.pool().at_work():
                pass  # it makes the job that is to be announced
        await redis.until_others(0)
        assert await redis.ask("ZCARD foundry:cpu") == ":1"


async def test_a_redis_that_is_away_is_asked_again_and_holds_up_no_end(
    tables: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(arq_dispatch, "_AGAIN_S", 0.1)
    dispatcher = ArqDispatcher(tables, NOWHERE, queues)
    async with asyncio.timeout(PATIENCE_S), dispatcher.at_work(pool(tables, recipe(FakeStep(nothing)), QUICK), ["cpu"]):
        while caplog.text.count("messages could not be fetched") < 3 or "could not be announced" not in caplog.text:
            await asyncio.sleep(0.02)
    assert "127.0.0.1:1" in caplog.text, "which Redis"
    assert not any(record.exc_info for record in caplog.records), "a server that is away is no error of the program's"


async def test_a_redis_that_hangs_up_and_is_back_brings_what_waits(
    tables: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(arq_dispatch, "_AGAIN_S", 0.1)
    monkeypatch.setattr(arq_dispatch, "SWEEP_S", 0.2)
    steps = recipe(FakeStep(nothing))
    dispatcher = ArqDispatcher(tables, redis_url, lambda: Queues({steps.name: steps}, "standin", {}))
    tables.dispatcher = dispatcher

    async def done() -> None:
        while await tables.fetch("SELECT 1 FROM audiobook_productions WHERE status <> 'success'"):
            await asyncio.sleep(0.02)

    async with (
        Server.at(redis_url) as redis,
        asyncio.timeout(PATIENCE_S),
        dispatcher.at_work(pool(tables, steps, QUICK), ["cpu"]),
    ):
        await done()
        for hang_ups in (1, 2):
            while caplog.text.count("messages could not be fetched") < hang_ups:
                await redis.ask("CLIENT KILL TYPE normal")
                await asyncio.sleep(0.05)
        async with tables.write() as connection:
            await connection.exec_driver_sql("UPDATE audiobook_productions SET status = 'pending'")
        await done()
