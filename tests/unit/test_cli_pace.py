from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_tui.operations.pace import Pace, spoken_time


def steady(until: int, *, every_s: float = 2.0, total: int = 100, audio_s: float = 6.0) -> Pace:
    pace = Pace()
    for done in range(until + 1):
        pace.saw(done * every_s, done, total, done * audio_s)
    return pace


def test_nothing_is_said_before_three_things_are_done() -> None:
    assert steady(2).left_s(4.0) is None
    assert steady(2).per_s() is None
    assert steady(3).left_s(6.0) == pytest.approx(97 * 2.0)


def test_a_steady_pace_gives_its_rate_and_its_end() -> None:
    pace = steady(40)
    assert pace.per_s() == pytest.approx(0.5)
    assert pace.speed() == pytest.approx(3.0)
    assert pace.left_s(80.0) == pytest.approx(120.0)
    assert pace.left_s(85.0) == pytest.approx(115.0)


def test_seeing_the_same_state_again_is_no_progress() -> None:
    pace = Pace()
    for at in range(20):
        pace.saw(float(at), 1, 10, 5.0)
    assert not pace.known
    assert pace.left_s(20.0) is None


def test_what_was_long_ago_does_not_slow_the_present() -> None:
    pace = Pace()
    for done in range(10):
        pace.saw(done * 30.0, done, 1000, 0.0)
    for done in range(10, 400):
        pace.saw(300.0 + (done - 10) * 0.5, done, 1000, 0.0)
    assert pace.per_s() == pytest.approx(2.0, rel=0.05)


def test_a_step_that_stands_still_says_so_and_promises_nothing() -> None:
    pace = steady(10)
    assert pace.stalled_s(20.0 + 44) is None
    assert pace.stalled_s(20.0 + 50) == pytest.approx(50)
    assert pace.left_s(20.0 + 50) is None


def test_a_step_of_long_units_is_not_stalled_between_two_of_them() -> None:
    pace = steady(5, every_s=40.0)
    assert pace.stalled_s(200.0 + 100) is None
    assert pace.stalled_s(200.0 + 130) is not None


def test_a_finished_step_has_not_stalled() -> None:
    assert steady(100).stalled_s(10_000) is None


def test_a_step_that_begins_anew_forgets_its_old_pace() -> None:
    pace = steady(50)
    pace.saw(200.0, 0, 100, 0.0)
    assert pace.left_s(200.0) is None


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50), st.floats(0, 1e4)), max_size=60))
def test_no_history_makes_it_lie(steps: list[tuple[float, int, float]]) -> None:
    pace, at, done, audio_s = Pace(), 0.0, 0, 0.0
    for gap, more, sound in steps:
        at, done, audio_s = at + gap, done + more, audio_s + sound
        pace.saw(at, done, 10_000, audio_s)
        left = pace.left_s(at)
        assert left is None or left >= 0
        assert (pace.per_s() or 0) >= 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (185, "3 min 05 s"), (3600, "1 h 00 min"), (9660, "2 h 41 min")],
)
def test_time_as_a_person_says_it(seconds: float, said: str) -> None:
    assert spoken_time(seconds) == said
