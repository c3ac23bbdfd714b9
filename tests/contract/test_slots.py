"""Slots and pace shared by processes: never more at once, never faster, and nothing held by the dead."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.clocks import StandingClock
from fakes.full_database import Writes
from foundry_tui.pipeline.slots import SharedEngine
from foundry_tui.store import slots
from foundry_tui.store.database import Database

SCRIPT = Path(__file__).with_name("slot_process.py")
NOW = 1_800_000_000.0


async def take(database: Database, holder: str, now: float = NOW, most: int = 2) -> slots.Slot | None:
    async with database.write() as connection:
        await slots.make(connection, "engine:x", most)
        return await slots.take(connection, "engine:x", most, holder, now, 60)


async def test_slots_are_held_renewed_freed_and_fenced(database: Database) -> None:
    first, second = await take(database, "a"), await take(database, "a")
    assert first is not None
    assert second is not None
    assert {first.slot, second.slot} == {0, 1}
    assert await take(database, "b") is None
    async with database.write() as connection:
        assert await slots.renew(connection, "a", NOW + 90) == 2
    assert await take(database, "b", NOW + 61) is None
    taken = await take(database, "b", NOW + 91)
    assert taken is not None
    assert taken.fence == 2
    async with database.write() as connection:
        assert not await slots.give_back(connection, first), "a zombie frees nobody's slot but its own"
        assert await slots.give_back(connection, taken)
        assert [slot.slot for slot in await slots.held(connection)] == [1]
        assert await slots.free(connection, ["a", "nobody"]) == 1
        assert await slots.held(connection) == []


async def test_a_smaller_limit_holds_at_once(database: Database) -> None:
    assert await take(database, "a", most=3) is not None
    assert await take(database, "b", most=1) is None
    assert await take(database, "b", most=3) is not None


async def test_turns_are_booked_one_behind_the_other_and_none_is_saved_up(database: Database) -> None:
    async with database.write() as connection:
        await slots.make(connection, "engine:x", 0)
        booked = [await slots.book_turn(connection, "engine:x", 2.0, NOW) for _ in range(3)]
        later = await slots.book_turn(connection, "engine:x", 2.0, NOW + 100)
        saved = [await slots.book_turn(connection, "engine:x", 2.0, NOW + 200, burst=2) for _ in range(3)]
    assert booked == [NOW, NOW + 2, NOW + 4]
    assert later == NOW + 100
    assert saved == [NOW + 200, NOW + 200, NOW + 202]


async def test_turns_booked_by_a_clock_that_was_set_back_keep_nobody_waiting(database: Database) -> None:
    async with database.write() as connection:
        await slots.make(connection, "engine:x", 0)
        await slots.book_turn(connection, "engine:x", 2.0, NOW + 3 * 3600)
        assert [await slots.book_turn(connection, "engine:x", 2.0, NOW) for _ in range(2)] == [NOW, NOW + 2]


async def test_a_paced_engine_waits_for_its_moment(database: Database) -> None:
    clock = StandingClock()
    shared = SharedEngine(database, "engine:x", requests_per_minute=30, clock=clock)
    begun: list[float] = []

    async def speak() -> None:
        async with shared.turn():
            begun.append(clock.monotonic())

    speaking = [asyncio.create_task(speak()) for _ in range(3)]
    while len(begun) < 3:
        await asyncio.sleep(0.005)
        clock.move(0.25)
    await asyncio.gather(*speaking)
    assert 3.0 <= begun[2] - begun[0] <= 6.0, "two intervals of 2 s, less what the first booking itself took"
    await shared.close()


async def test_a_full_disk_costs_no_speech_that_has_come(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = Writes(database, monkeypatch)
    shared = SharedEngine(database, "engine:x", concurrency=1, lease_s=0.2)
    async with shared.turn():
        writes.refused = True
        while not writes.tries:  # renewed
            await asyncio.sleep(0.01)
    writes.refused = False
    await asyncio.sleep(0.2)
    async with asyncio.timeout(20), shared.turn():
        assert all(writes.waiting), "the ballast is for what cannot wait"
    await shared.close()


class Speaker:
    def __init__(self, url: str, log: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), url, str(log), *words], stdout=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def speakers() -> Iterator[list[Speaker]]:
    started: list[Speaker] = []
    yield started
    for each in started:
        each.end()


async def test_processes_keep_one_limit_and_a_dead_one_holds_nothing(
    database: Database, database_url: str, tmp_path: Path, speakers: list[Speaker]
) -> None:
    log = tmp_path / "log"
    dead = Speaker(database_url, log, "hang")
    speakers.append(dead)
    assert await asyncio.to_thread(dead.line) == "holds"
    assert len(await database.fetch("SELECT 1 FROM resource_slots WHERE holder IS NOT NULL")) == 2
    os.kill(dead.process.pid, signal.SIGKILL)
    dead.process.wait()
    began = time.monotonic()
    speakers.extend(Speaker(database_url, log, "speak") for _ in range(3))
    for speaker in speakers[1:]:
        assert await asyncio.to_thread(speaker.process.wait, 30) == 0
    assert time.monotonic() - began < 25, "their leases of a minute were not waited for"
    busy = most = 0
    lines = log.read_text(encoding="ascii").split()
    for sign in lines:
        busy += 1 if sign == "+" else -1
        most = max(most, busy)
    assert (len(lines), most) == (2 * 3 * 8, 2)
    assert await database.fetch("SELECT 1 FROM resource_slots WHERE holder IS NOT NULL") == []
