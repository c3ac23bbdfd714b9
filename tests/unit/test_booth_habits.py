"""A voice's ways are known from the takes that stand: a run that was killed does not find them out a second time."""

from __future__ import annotations

from foundry_tui.domain.status import Status
from foundry_tui.domain.takes import Take
from foundry_tui.steps.booth import habits_of


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
