"""Speech rules of Japanese: engines read numerals themselves; only what no reader says is changed."""

from __future__ import annotations

import re

from foundry_tui.text.rules.engine import Rule, plain

RULES = (
    Rule(
        "iteration_mark",
        re.compile(r"[／/][″”\"]?[＼\\]"),
        plain(""),
        needs=("＼", "\\"),
        about="marks of repeated kana",
    ),
    Rule(
        "reference_mark",
        re.compile(r"※［[^］]*］|［＃[^］]*］"),
        plain(""),
        needs=("［",),
        about="typesetters' remarks",
    ),
    Rule(
        "circle_zero",
        re.compile(r"(?<=[一二三四五六七八九〇○])[○◯](?=[一二三四五六七八九〇○年回章]|$)"),
        plain("〇"),
        needs=("○", "◯"),
        about="a circle for zero",
    ),
    Rule("points", re.compile(r"(?:・){3,}|(?:…){2,}"), plain("…"), needs=("・・・", "……"), about="rows of points"),
)
