"""Speech rules of Chinese: engines read numerals themselves; only what no reader says is changed."""

from __future__ import annotations

import re

from foundry_tui.text.rules.engine import Rule, plain

RULES = (
    Rule(
        "circle_zero",
        re.compile(
            r"(?<=[一二三四五六七八九〇○])[○◯](?=[一二三四五六七八九〇○年回章]|$)|(?<=[一二三四五六七八九])[○◯]"
        ),
        plain("〇"),
        needs=("○", "◯"),
        about="a circle for zero",
    ),
    Rule("points", re.compile(r"(?:…){2,}|(?:⋯){2,}"), plain("…"), needs=("……", "⋯⋯"), about="rows of points"),
    Rule(
        "name_mark",
        re.compile(r"[﹏＿]{1,}|(?<=\S)[︴](?=\S)"),
        plain(""),
        needs=("﹏", "＿", "︴"),
        about="lines under names",
    ),
)
