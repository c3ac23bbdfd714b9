"""The small parts of the pipeline: worker names, back-off, redaction, feed, group commit, chunks in hand."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from fakes.clocks import StandingClock
from foundry_tui.errors import DatabaseUnavailable, EngineBusy, SourceNotFound
from foundry_tui.pipeline.clock import SystemClock, wait_for
from foundry_tui.pipeline.combine import Combiner
from foundry_tui.pipeline.contract import Progress
from foundry_tui.pipeline.feed import ProgressFeed, Running
from foundry_tui.pipeline.in_hand import InHand
from foundry_tui.pipeline.redact import redacted
from foundry_tui.pipeline.retry import delay_s, failure_of
from foundry_tui.pipeline.settings import PoolSettings
from foundry_tui.pipeline.worker_id import WorkerId, boot_id, is_dead, new_worker_id, spoken_name
from foundry_tui.store.chunks import Mark

# --- who works here -------------------------------------------------------------------------------------------------


def named(process: psutil.Process) -> str:
    own = new_worker_id()
    return str(WorkerId(own.host, own.boot, process.pid, process.create_time(), "x"))


def test_a_worker_id_reads_back() -> None:
    worker = new_worker_id()
    again = WorkerId.parse(str(worker))
    assert again is not None
    assert (again.host, again.boot, again.pid, again.unique) == (worker.host, worker.boot, worker.pid, worker.unique)
    assert abs(again.started - worker.started) < 0.01
    assert str(new_worker_id()) != str(worker)
    assert spoken_name(str(worker)) == f"process {worker.pid} on {worker.host}"


def test_we_are_not_dead_and_the_unknown_may_live() -> None:
    assert not is_dead(str(new_worker_id()))
    assert not is_dead("somebody")
    own = new_worker_id()
    assert not is_dead(str(WorkerId("another-host", own.boot, 1, 0.0, "x")))
    boot, _, _ = boot_id().partition(".")
    assert not is_dead(str(WorkerId(own.host, f"{boot}.1", 999_999, 0.0, "x"))), "another pid namespace"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the kernel's own start times are read from /proc")
def test_a_clock_that_is_set_kills_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    name = str(new_worker_id())
    started = psutil.Process.create_time
    # psutil adds the boot's wall-clock time, which moves with the clock.
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: started(process) + 2.0)
    assert not is_dead(name)


def test_a_worker_named_by_the_wall_clock_is_still_known() -> None:
    own, process = new_worker_id(), psutil.Process()
    assert not is_dead(str(WorkerId(own.host, own.boot, own.pid, process.create_time(), "x")))
    assert is_dead(str(WorkerId(own.host, own.boot, own.pid, process.create_time() - 60, "x")))


def test_a_worker_of_an_earlier_boot_or_start_is_dead() -> None:
    own = new_worker_id()
    assert is_dead(str(WorkerId(own.host, "feedfacefeedface.0", own.pid, own.started, "x")))
    assert is_dead(str(WorkerId(own.host, own.boot, own.pid, own.started - 60, "x"))), "the pid was given out again"


def test_a_stopped_process_lives_and_a_killed_one_does_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = psutil.Process(child.pid)
    name = named(process)
    child.send_signal(signal.SIGSTOP)
    assert not is_dead(name)
    child.kill()
    while process.status() != psutil.STATUS_ZOMBIE:
        pass
    assert is_dead(name), "not reaped yet, but nothing of it will ever run again"
    child.communicate()
    assert is_dead(name)


# --- when it is tried again -----------------------------------------------------------------------------------------


def test_back_off_is_full_jitter_under_a_growing_cap() -> None:
    settings, chance = PoolSettings(), random.Random(7)
    for attempt, most in ((1, 10), (2, 20), (6, 300), (50, 300)):
        delays = [delay_s(settings, attempt, chance) for _ in range(400)]
        assert min(delays) >= 1.0
        assert max(delays) <= most
        assert max(delays) > 0.9 * most
        assert min(delays) < 0.1 * most + 1


def test_a_server_that_names_a_time_is_heeded() -> None:
    assert delay_s(PoolSettings(), 1, random.Random(1), retry_after_s=77.0) == 77.0


def test_what_an_error_means() -> None:
    busy = failure_of(EngineBusy("It is busy.", retry_after_s=3.0))
    assert (busy.code, busy.retryable, busy.retry_after_s) == ("engine_busy", True, 3.0)
    assert not failure_of(SourceNotFound()).retryable
    assert failure_of(DatabaseUnavailable()).retryable
    unknown = failure_of(KeyError("x"))
    assert (unknown.code, unknown.retryable, unknown.message) == ("unexpected", True, "KeyError: 'x'")


def test_secrets_are_blanked_and_the_rest_stays() -> None:
    environment = {"OPENAI_API_KEY": "sk-verysecret", "HOME": "/home/anne", "SHORT_KEY": "abc"}
    text = (
        "POST https://user:hunter22@host/v1 failed: Authorization: Bearer abcdef123456, sk-verysecret, "
        "api_key=qwerty&x=1 in /home/anne with abc"
    )
    shown = redacted(text, environment)
    for secret in ("hunter22", "abcdef123456", "sk-verysecret", "qwerty"):
        assert secret not in shown
    assert "/home/anne with abc" in shown
    assert "https://user:***@host/v1" in shown


# --- the feed -------------------------------------------------------------------------------------------------------


def at(job_id: int, done: int) -> Running:
    return Running(job_id, "a", "STEP1_one", "one", 1, 0.0, 0.0, Progress(done, 10))


async def test_a_slow_follower_gets_the_newest_state_and_no_queue() -> None:
    clock = StandingClock()
    feed = ProgressFeed(clock)
    feed.put(at(1, 0))
    seen: list[int] = []

    async def follow() -> None:
        async for snapshot in feed.follow(1.0):
            seen.append(snapshot.running[1].progress.done)
            if seen[-1] == 10:
                return

    follower = asyncio.create_task(follow())
    while not seen:
        await asyncio.sleep(0)
    for done in range(1, 11):
        feed.put(at(1, done))
    clock.move(1.0)
    await follower
    assert seen == [0, 10]
    feed.drop(1)
    assert dict(feed.snapshot().running) == {}


async def test_waiting_ends_with_the_event_or_with_the_time() -> None:
    clock, event = StandingClock(), asyncio.Event()
    timed = asyncio.create_task(wait_for(event, clock, 5.0))
    await asyncio.sleep(0.01)
    assert not timed.done()
    clock.move(5.0)
    assert await timed is False
    woken = asyncio.create_task(wait_for(event, clock, 5.0))
    await asyncio.sleep(0)
    event.set()
    assert await woken is True


# --- group commit ---------------------------------------------------------------------------------------------------


async def test_what_arrives_during_a_write_goes_together_into_the_next() -> None:
    batches: list[list[int]] = []
    gate = asyncio.Event()

    async def write(items: Sequence[int]) -> None:
        batches.append(list(items))
        await gate.wait()

    combiner: Combiner[int] = Combiner(write)
    first = asyncio.create_task(combiner.add(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(combiner.add(n)) for n in range(1, 16)]
    await asyncio.sleep(0)
    assert not first.done()
    gate.set()
    await asyncio.gather(first, *others)
    assert batches == [[0], list(range(1, 16))]


async def test_everyone_who_waited_for_a_failed_write_hears_of_it() -> None:
    async def write(items: Sequence[int]) -> None:
        raise ValueError(len(items))

    combiner: Combiner[int] = Combiner(write)
    results = await asyncio.gather(combiner.add(1), combiner.add(2), return_exceptions=True)
    assert all(isinstance(result, ValueError) for result in results)


async def test_a_cancelled_caller_does_not_take_its_item_back() -> None:
    written: list[int] = []
    gate = asyncio.Event()

    async def write(items: Sequence[int]) -> None:
        await gate.wait()
        written.extend(items)

    combiner: Combiner[int] = Combiner(write)
    caller = asyncio.create_task(combiner.add(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    gate.set()
    await combiner.settle()
    assert written == [1]


# --- chunks in hand -------------------------------------------------------------------------------------------------


def test_chunks_are_in_hand_from_taken_to_recorded() -> None:
    desk = InHand(2)
    assert desk.take([(1, 1), (1, 2)]) == set()
    assert desk.places() == [[1, 1], [1, 2]]
    desk.record([(1, 1)])
    desk.take([(1, 1), (1, 2), (1, 3)])
    assert desk.places() == [[1, 2], [1, 3]], "what is recorded stays out of hand, whatever a lane still names"


async def test_suspects_are_handed_out_one_at_a_time() -> None:
    desk = InHand(2)
    desk.learn({(1, 1): Mark(0, suspect=True), (1, 2): Mark(1, suspect=True), (1, 3): Mark(2, suspect=True)})
    turns: list[tuple[int, int]] = []
    go = asyncio.Event()

    async def lane(place: tuple[int, int]) -> None:
        waits = desk.take([place])
        if waits:
            await desk.wait_turn(waits)
        turns.append(place)
        await go.wait()
        desk.record([place])

    lanes = [asyncio.create_task(lane((1, index))) for index in (1, 2, 3)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert turns == [(1, 1), (1, 3)], "the second suspect waits; the third is given up and need not"
    assert [1, 2] not in desk.places()
    go.set()
    await asyncio.gather(*lanes)
    assert turns[-1] == (1, 2)
    assert desk.deaths() == {(1, 1): 0, (1, 2): 1, (1, 3): 2}


async def test_a_lane_that_ends_without_recording_gives_its_turn_on() -> None:
    desk = InHand(2)
    desk.learn({(1, 1): Mark(1, suspect=True), (1, 2): Mark(1, suspect=True)})

    async def lane(place: tuple[int, int]) -> None:
        await desk.wait_turn(desk.take([place]))
        raise ValueError

    results = await asyncio.gather(lane((1, 1)), lane((1, 2)), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError, ValueError]


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancel_in_any_moment_ends_who_waits(turns: int) -> None:
    event = asyncio.Event()

    async def wait_for_ever() -> None:
        while True:
            await wait_for(event, SystemClock(), 60.0)
            event.clear()

    waiting = asyncio.create_task(wait_for_ever())
    for _ in range(3):
        await asyncio.sleep(0)
    event.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    waiting.cancel()
    done, _ = await asyncio.wait([waiting], timeout=20.0)
    assert done, "the cancel was taken for another's"
