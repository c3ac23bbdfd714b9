from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_tui.domain.plain import plain, plain_lines


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("[/x]\x1b[2J../../etc", "[/x]../../etc"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]52;c;aGVsbG8=\x1b\\clip", "clip"),
        ("\x9b31mred\x9b0m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\r\nb\tc", "a b c"),
        ("\u202eevil\u202c", "evil"),
        ("\x1bPq#0;2\x1b\\sixel", "sixel"),
        ("half an escape \x1b", "half an escape"),
        ("unterminated \x1b]0;title", "unterminated"),
        ("Æsop’s 吾輩は猫である", "Æsop’s 吾輩は猫である"),
        ("می‌خواهم", "می‌خواهم"),
    ],
)
def test_nothing_a_terminal_would_obey_is_left(given_text: str, shown: str) -> None:
    assert plain(given_text) == shown


@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    shown = plain(text)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in shown)
    assert "\n" not in shown
    assert plain(shown) == shown


def test_a_long_string_is_cut_with_an_ellipsis() -> None:
    assert plain("x" * 4000, longest=10) == "x" * 9 + "…"


def test_lines_stay_where_they_are_wanted() -> None:
    assert plain_lines("one\x1b[2J\ntwo\x07") == "one\ntwo"
