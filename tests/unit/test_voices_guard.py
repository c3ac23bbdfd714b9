from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable

import pytest

from fakes.standin_engine import StandinEngine
from foundry_tui.errors import (
    EngineBusy,
    EngineRefused,
    EngineUnreachable,
    FoundryError,
    NothingToSpeak,
    SpeechRejected,
    VoiceError,
    VoiceMissing,
)
from foundry_tui.voices.breaker import Breaker
from foundry_tui.voices.guard import GuardedEngine
from foundry_tui.voices.protocol import VoiceSettings

PLAIN = VoiceSettings()


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def guarded(
    fail: Callable[[str, int], Exception | None], time: Time, attempts: int = 3, **breaker: float
) -> tuple[StandinEngine, GuardedEngine, list[tuple[int, str, float]]]:
    engine = StandinEngine(fail=fail)
    heard: list[tuple[int, str, float]] = []
    guard = GuardedEngine(
        engine,
        attempts=attempts,
        sleep=time.sleep,
        rng=random.Random(7),
        breaker=Breaker("standin", clock=time.clock, sleep=time.sleep, **breaker),  # type: ignore[arg-type]
        on_retry=lambda attempt, error, delay_s: heard.append((attempt, error.code, delay_s)),
    )
    return engine, guard, heard


async def test_what_may_pass_is_tried_again_and_told() -> None:
    time = Time()
    _, guard, heard = guarded(lambda _, nth: [SpeechRejected(), EngineBusy(), None][nth - 1], time)
    chunk: list[int] = []
    speech = await guard.synthesize("Hello there", "one", PLAIN, on_retry=lambda attempt, _e, _d: chunk.append(attempt))
    assert speech == await StandinEngine().synthesize("Hello there", "one", PLAIN)
    assert [(attempt, code) for attempt, code, _ in heard] == [(1, "speech_rejected"), (2, "engine_busy")]
    assert [delay for _, _, delay in heard] == time.slept
    assert chunk == [1, 2]


async def test_attempts_end_with_the_last_error() -> None:
    time = Time()
    engine, guard, heard = guarded(lambda _, nth: EngineUnreachable(f"time {nth}"), time)
    with pytest.raises(EngineUnreachable, match="time 3"):
        await guard.synthesize("Hello", "one", PLAIN)
    assert engine.spoken["Hello"] == 3
    assert len(heard) == 2


@pytest.mark.parametrize("error", [VoiceMissing(), EngineRefused()])
async def test_what_will_not_pass_is_raised_at_once(error: FoundryError) -> None:
    time = Time()
    engine, guard, heard = guarded(lambda *_: error, time)
    with pytest.raises(type(error)):
        await guard.synthesize("Hello", "one", PLAIN)
    assert engine.spoken["Hello"] == 1
    assert heard == time.slept == []


async def test_blank_text_never_reaches_the_engine() -> None:
    engine, guard, _ = guarded(lambda *_: None, Time())
    for text in ("", "  \n", "—…", "***"):
        with pytest.raises(NothingToSpeak):
            await guard.synthesize(text, "one", PLAIN)
    assert not engine.spoken


async def test_jitter_is_full_and_retry_after_is_honoured() -> None:
    waits: list[float] = []
    for seed in range(200):
        time = Time()
        engine = StandinEngine(fail=lambda _, nth: EngineBusy(retry_after_s=7.0) if nth == 1 else None)
        await GuardedEngine(engine, sleep=time.sleep, clock=time.clock, rng=random.Random(seed)).synthesize(
            "Hello", "one", PLAIN
        )
        waits += time.slept
    assert 7.0 <= min(waits) < 7.1
    assert 7.9 < max(waits) <= 8.0


async def test_lanes_are_kept_and_a_waiting_call_holds_none() -> None:
    engine = StandinEngine(latency_s=0.01, concurrency=2, fail=lambda text, nth: EngineBusy() if nth == 1 else None)
    gate = asyncio.Event()

    async def sleep(_: float) -> None:
        await gate.wait()

    guard = GuardedEngine(engine, sleep=sleep)
    calls = [asyncio.create_task(guard.synthesize(f"text {n}", "one", PLAIN)) for n in range(6)]
    while len(engine.spoken) < 6:  # all six first attempts were made though each waits to be made again
        await asyncio.sleep(0.001)
    gate.set()
    await asyncio.gather(*calls)
    assert engine.peak_in_flight == 2


async def test_the_breaker_lets_one_probe_through_and_then_all() -> None:
    time = Time()
    states: list[str] = []
    down = True
    engine = StandinEngine(fail=lambda *_: EngineUnreachable() if down else None)
    breaker = Breaker(
        "standin",
        clock=time.clock,
        sleep=time.sleep,
        threshold=4,
        cooldown_s=5,
        on_change=lambda s, _: states.append(s),
    )
    guard = GuardedEngine(engine, attempts=2, sleep=time.sleep, breaker=breaker, rng=random.Random(1))
    await asyncio.gather(*(guard.synthesize(f"a {n}", "one", PLAIN) for n in range(2)), return_exceptions=True)
    assert breaker.state == "open"
    asked = engine.spoken.total()
    down = False
    before = time.now
    await asyncio.gather(*(guard.synthesize(f"b {n}", "one", PLAIN) for n in range(8)))
    assert time.now - before >= 5 - 0.001
    assert engine.spoken.total() - asked == 8
    assert states == ["open", "half-open", "closed"]


async def test_a_failed_probe_opens_it_for_twice_as_long() -> None:
    time = Time()
    opened: list[float] = []
    breaker = Breaker(
        "standin",
        clock=time.clock,
        sleep=time.sleep,
        threshold=1,
        cooldown_s=2,
        longest_s=6,
        on_change=lambda state, _: opened.append(time.now) if state == "open" else None,
    )
    engine = StandinEngine(fail=lambda *_: EngineBusy())
    guard = GuardedEngine(engine, attempts=5, first_delay_s=0, sleep=time.sleep, breaker=breaker)
    with pytest.raises(EngineBusy):
        await guard.synthesize("Hello", "one", PLAIN)
    assert [round(b - a) for a, b in itertools.pairwise(opened)] == [2, 4, 6, 6]


async def test_a_cancelled_probe_leaves_the_way_to_another() -> None:
    time = Time()
    engine, guard, _ = guarded(lambda _, nth: EngineBusy() if nth == 1 else None, time, attempts=1, threshold=1)
    with pytest.raises(EngineBusy):
        await guard.synthesize("Hello", "one", PLAIN)
    engine.latency_s = 60
    probe = asyncio.create_task(guard.synthesize("Hello", "one", PLAIN))
    while guard.breaker.state != "half-open":
        await asyncio.sleep(0)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    engine.latency_s = 0
    assert (await guard.synthesize("Hello", "one", PLAIN)).samples > 0
    assert guard.breaker.state == "closed"


async def test_patience_with_a_dead_engine_ends() -> None:
    time = Time()
    _, guard, _ = guarded(lambda *_: EngineUnreachable(), time, attempts=1, threshold=1, cooldown_s=100, patience_s=30)
    with pytest.raises(EngineUnreachable):
        await guard.synthesize("Hello", "one", PLAIN)
    with pytest.raises(EngineUnreachable, match="has not come back"):
        await guard.synthesize("Hello", "one", PLAIN)
    assert 30 <= time.now < 35


async def test_a_dead_engine_is_not_waited_for_again_and_again() -> None:
    time = Time()
    engine, guard, _ = guarded(lambda *_: EngineUnreachable(), time, attempts=5)
    calls = (guard.synthesize(f"text {number}", "one", PLAIN) for number in range(16))
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error).__base__ for error in errors} <= {EngineUnreachable, VoiceError}
    assert time.now < 16 * 60  # sixteen lanes on one clock that only their sleeping moves
    assert engine.spoken.total() < 16 * 5


async def test_voices_are_asked_for_patiently_too() -> None:
    class Shy(StandinEngine):
        asked = 0

        async def voices(self):
            self.asked += 1
            if self.asked < 3:
                raise EngineUnreachable
            return await super().voices()

    time = Time()
    assert len(await GuardedEngine(Shy(), sleep=time.sleep, clock=time.clock).voices()) == 3
