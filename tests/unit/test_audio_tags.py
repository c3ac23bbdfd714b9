"""Strings from outside become one clean, bounded line; reports show them as text, never as markup."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundry_tui.audio.quality_report import Finding, QualityReport
from foundry_tui.audio.tags import mark_title, one_line, paragraphs


@given(st.text())
def test_any_title_makes_a_mark_every_reader_can_hold(title):
    mark = mark_title(title, 3)
    assert mark
    assert len(mark.encode("utf-8")) <= 255
    assert mark == " ".join(mark.split())
    assert not set(mark) & set("\x00\x1b\n\r\t\u202e\u2066")


@pytest.mark.parametrize(
    ("title", "mark"),
    [
        ("Plain", "Plain"),
        ("  two\n lines ", "two lines"),
        ("", "Chapter 3"),
        ("\x1b[2J", "[2J"),
        ("[/x]", "[/x]"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("x" * 300, "x" * 252 + "…"),
        ("é" * 300, "é" * 126 + "…"),
    ],
)
def test_titles(title, mark):
    assert mark_title(title, 3) == mark


def test_descriptions_keep_their_paragraphs():
    assert paragraphs("One \x07line.\r\n\r\nAnother.\n") == "One line.\n\nAnother."
    assert len(paragraphs("word " * 5000)) <= 4000
    assert one_line("a" * 2000).endswith("…")


def test_a_report_escapes_titles_and_tells_failures_from_warnings():
    report = QualityReport(
        "b.m4b",
        (Finding("fine", True, "yes"), Finding("look", False, "odd", fatal=False), Finding("bad", False, "a | b")),
        [{"number": 1, "title": "| [x](y) <b>"}],
    )
    assert not report.passed
    assert [finding.name for finding in report.failures] == ["bad"]
    assert [finding.name for finding in report.warnings] == ["look"]
    page = report.to_markdown()
    assert "a \\| b" in page
    assert "\\| \\[x\\](y) \\<b\\>" in page
    assert json.loads(json.dumps(report.to_json()))["passed"] is False
