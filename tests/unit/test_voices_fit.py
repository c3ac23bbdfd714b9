from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_tui.errors import SpeechRejected
from foundry_tui.voices.fit import divide, fit, join_speech
from foundry_tui.voices.protocol import Boundary, EngineProfile, Speech


def profile(limit: int, unit: str = "characters") -> EngineProfile:
    return EngineProfile("test", limit, unit, 1, 24_000, offline=True)


def test_a_text_that_fits_is_left_alone() -> None:
    assert fit("  One.  Two. \n", profile(50)) == ("One.  Two.",)
    assert fit(" \n ", profile(50)) == ()


def test_sentences_come_before_clauses_and_words() -> None:
    text = 'He said: "Stop!" Then, as if nothing had happened, he went on. The end.'
    assert fit(text, profile(55)) == ('He said: "Stop!"', "Then, as if nothing had happened, he went on. The end.")
    assert fit(text, profile(30)) == (
        'He said: "Stop!"',
        "Then,",
        "as if nothing had happened,",
        "he went on.",
        "The end.",
    )
    assert fit("one two three four", profile(9)) == ("one two", "three", "four")
    assert fit("abcdefghij", profile(4)) == ("abcd", "efgh", "ij")


def test_other_scripts_and_bytes() -> None:
    assert fit("彼は行った。そして、帰った。終わり。", profile(8)) == ("彼は行った。", "そして、帰った。", "終わり。")
    assert fit("これは長い文です、本当に。", profile(30, "bytes")) == ("これは長い文です、", "本当に。")
    assert all(len(part.encode()) <= 10 for part in fit("äöü" * 20, profile(10, "bytes")))


@given(st.text(alphabet="ab .,!?—\n\"'。、é", max_size=120), st.integers(2, 40))
def test_no_letter_is_lost_and_no_part_too_long(text: str, limit: int) -> None:
    parts = fit(text, profile(limit))
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(0 < len(part) <= limit and part == part.strip() for part in parts)


@given(st.text(alphabet="a& .", max_size=80))
def test_any_measure_holds(text: str) -> None:
    def escaped(part: str) -> int:
        return len(part.replace("&", "&amp;"))

    assert all(escaped(part) <= 12 for part in divide(text, 12, escaped))


def test_joined_sound_keeps_its_marks_in_time() -> None:
    one = Speech(b"\1\0" * 100, 24_000, (Boundary(10, 20, "one"),))
    two = Speech(b"\2\0" * 50, 24_000, (Boundary(5, 6, "two"),))
    joined = join_speech([one, two])
    assert joined.pcm == one.pcm + two.pcm
    assert joined.boundaries == (Boundary(10, 20, "one"), Boundary(105, 6, "two"))
    assert joined.duration_s == pytest.approx(150 / 24_000)
    with pytest.raises(SpeechRejected):
        join_speech([one, Speech(b"\0\0", 16_000)])
