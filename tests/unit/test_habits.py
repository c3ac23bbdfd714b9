"""A voice's ways: known from the takes that stand, else proved on no more chunks than it needs."""

from __future__ import annotations

import asyncio

from foundry_tui.audio.check import Flag
from foundry_tui.domain.status import Status
from foundry_tui.domain.takes import Take
from foundry_tui.steps.habits import Habits, habits_of


def takes(flagged: int, plain: int, flag: str = "truncated_end", status: Status = Status.SUCCESS) -> list[Take]:
    flags = [(flag,)] * flagged + [()] * plain
    return [Take("a", 1, number, f"k{number}", status, flags=flags[number]) for number in range(len(flags))]


def test_what_most_takes_show_is_the_voices_own_way():
    assert habits_of(takes(60, 40)) == {"truncated_end"}
    assert habits_of(takes(60, 40, "noise")) == {"noise"}


def test_what_few_takes_show_or_what_is_missing_is_none():
    assert habits_of([]) == set()
    assert habits_of(takes(7, 0)) == set(), "seven takes prove nothing"
    assert habits_of(takes(50, 50)) == set(), "half of them is bad luck"
    assert habits_of(takes(100, 0, "too_short")) == set(), "missing words are never a habit"
    assert habits_of(takes(100, 0, status=Status.FAILED)) == set(), "nobody believed those"


NOISE = Flag("noise", "A tone.", fatal=True)
CUT = Flag("truncated_end", "It stops.", fatal=True)
SHORT = Flag("too_short", "Words are missing.", fatal=True)


def asked(habits: Habits, chunk: int, *flags: Flag) -> asyncio.Task[list[Flag]]:
    return asyncio.create_task(habits.faults((1, chunk), flags))


async def on_trial(*flags: Flag) -> Habits:
    """Three chunks have been refused for ``flags`` and are asked for again."""
    habits = Habits()
    for chunk in (1, 2, 3):
        assert await habits.faults((1, chunk), flags) == list(flags)
    return habits


async def waits(*asking: asyncio.Task[list[Flag]]) -> bool:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return not any(task.done() for task in asking)


async def test_no_more_chunks_are_asked_for_again_than_prove_a_habit():
    habits = await on_trial(CUT)
    others = [asked(habits, chunk, CUT) for chunk in range(4, 20)]
    assert await waits(*others)

    for chunk in (1, 2, 3):
        assert await habits.faults((1, chunk), [CUT]) == [], "what it shows again is no bad luck"
        habits.settled((1, chunk))
    assert await asyncio.gather(*others) == [[]] * 16


async def test_where_it_was_bad_luck_the_next_are_asked_for_again():
    habits = await on_trial(CUT)
    fourth, fifth = asked(habits, 4, CUT), asked(habits, 5, CUT)
    assert await waits(fourth, fifth)

    assert await habits.faults((1, 1), []) == []
    habits.settled((1, 1))
    assert await fourth == [CUT]
    assert await waits(fifth)
    habits.settled((1, 2))
    assert await fifth == [CUT]


async def test_a_take_that_cannot_be_believed_anyway_waits_for_nobody():
    habits = await on_trial(CUT)
    assert await habits.faults((1, 4), [SHORT, CUT]) == [SHORT, CUT]


async def test_chunks_that_are_asked_for_again_never_wait_for_each_other():
    habits = Habits()
    for chunk in (1, 2, 3):
        assert await habits.faults((1, chunk), [CUT]) == [CUT]
    for chunk in (4, 5, 6):
        assert await habits.faults((1, chunk), [NOISE]) == [NOISE]

    for chunk in (1, 2, 3):
        assert await habits.faults((1, chunk), [NOISE]) == [NOISE]
    for chunk in (4, 5, 6):
        assert await habits.faults((1, chunk), [CUT]) == [CUT]


async def test_one_chunk_that_sounds_so_by_itself_excuses_no_other():
    habits = Habits()
    assert await habits.faults((1, 1), [NOISE]) == [NOISE]
    assert await habits.faults((1, 1), [NOISE]) == []
    habits.settled((1, 1))
    assert await habits.faults((1, 2), [NOISE]) == [NOISE]
