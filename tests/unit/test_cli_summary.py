from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from foundry_tui.cli.run_summary import summary_lines
from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.events import Event
from foundry_tui.domain.productions import Production, Step
from foundry_tui.domain.status import Level, Status
from foundry_tui.operations.run_report import Facts, ProductionReport, RunReport, report_of

SPOKEN = {"engine": "espeak", "voice": "en-gb", "named": False, "natural": False}


def facts(
    status: Status = Status.SUCCESS,
    *,
    totals: Mapping[str, Any] | None = None,
    events: Sequence[Event] = (),
    engine: str | None = None,
    **changes: Any,
) -> Facts:
    made = {"spoken_by": SPOKEN, "duration_s": 61.0, "size_bytes": 1_500_000, "gaps": 0, "voice_hint": "Get a voice."}
    production = Production(
        "20250101000000", "pg1", "nora", "eng", status, totals={**made, **(totals or {})}, **changes
    )
    published = {"folder": "/lib/A/B", "sizes": {"pg1_002.mp3": 5, "pg1.m4b": 9, "pg1_001.mp3": 5}}
    steps = [
        Step("20250101000000", "STEP1_parsing", "parsing", 0, Status.SUCCESS),
        Step(
            "20250101000000",
            "STEP7_publishing",
            "publishing",
            6,
            status if status is not Status.CANCELLED else Status.PENDING,
            result=published if status is Status.SUCCESS else {},
        ),
    ]
    return Facts(
        production,
        Book("1", "pg1", "A Book", "eng", author="An Author"),
        Narrator("nora", "Nora", "eng", engine=engine),
        steps,
        events,
    )


def text(*reports: ProductionReport, **changes: Any) -> str:
    return "\n".join(summary_lines(RunReport(productions=reports, wall_s=75.0, **changes)))


def warning(kind: str, message: str) -> Event:
    return Event(kind, message, Level.WARNING, "20250101000000")


def test_a_finished_book_names_its_files_its_voice_and_what_stood_in() -> None:
    report = report_of(facts())
    assert report.files == ("/lib/A/B/pg1.m4b", "/lib/A/B/pg1_001.mp3", "/lib/A/B/pg1_002.mp3")
    shown = text(report)
    assert "20250101000000  A Book by An Author, read by Nora: finished" in shown
    assert "1 min 01 s, 1.5 MB, spoken by espeak, voice en-gb" in shown
    assert "/lib/A/B/pg1.m4b" in shown
    assert "Substitution: Nora names no engine: the built-in voice spoke it" in shown
    assert "Get a voice." in shown
    assert shown.endswith("1 finished in 1 min 15 s.")


def test_a_narrator_with_an_engine_was_not_substituted() -> None:
    named = report_of(facts(engine="espeak", totals={"spoken_by": {**SPOKEN, "named": True}}))
    assert named.substitutions == ()
    chosen = report_of(facts(engine="espeak"))
    assert chosen.substitutions == ("Nora names no voice: en-gb was chosen.",)


def test_a_stand_in_is_never_silent() -> None:
    events = [warning("substitution", "Sam spoke chapter 3: edge is down.")]
    assert "Sam spoke chapter 3: edge is down." in text(report_of(facts(engine="edge", events=events)))


def test_a_failed_book_says_where_why_and_what_to_do() -> None:
    shown = text(report_of(facts(Status.FAILED, error_message="The voice is gone. Choose another.")))
    assert "FAILED" in shown
    assert "at STEP7_publishing" in shown
    assert "The voice is gone. Choose another." in shown
    assert "foundry-tui requeue 20250101000000" in shown
    assert "/lib/A/B" not in shown


def test_retries_are_counted_and_other_warnings_told_once() -> None:
    events = [
        *[warning("retry", f"chunk {n}") for n in range(40)],
        warning("retake", "chunk 7"),
        *[warning("parse_warning", "The same thing.")] * 3,
        *[warning("finding", f"finding {n}") for n in range(30)],
        warning("step_failed", "told elsewhere"),
    ]
    warnings = report_of(facts(events=events)).warnings
    assert warnings[:3] == ("1 retakes", "40 retries", "The same thing.")
    assert len(warnings) == 13
    assert "21 more" in warnings[-1]


@pytest.mark.parametrize(
    ("reports", "interrupted", "code"),
    [
        ([], False, 0),
        ([facts()], False, 0),
        ([facts(), facts(totals={"gaps": 2})], False, 3),
        ([facts(totals={"gaps": 2}), facts(Status.FAILED)], False, 1),
        ([facts(Status.CANCELLED)], False, 0),
        ([facts(Status.FAILED)], True, 130),
    ],
)
def test_the_exit_code_is_the_worst_that_happened(reports: list[Facts], interrupted: bool, code: int) -> None:
    run = RunReport(productions=tuple(report_of(each) for each in reports), interrupted=interrupted)
    assert run.exit_code == code
    assert run.to_json()["exit_code"] == code


@pytest.mark.parametrize(
    ("made", "how", "outcome"),
    [
        (facts(Status.PROCESSING), "released", "pending"),
        (facts(Status.PROCESSING), None, "elsewhere"),
        (facts(Status.PENDING, paused_at="2025-01-01 00:00:00.000"), "paused", "paused"),
        (facts(totals={"gaps": 1}), "finished", "gaps"),
    ],
)
def test_outcomes(made: Facts, how: str | None, outcome: str) -> None:
    assert report_of(made, how).outcome == outcome


def test_an_empty_run_says_so() -> None:
    assert text() == "Nothing to do."
    assert "Interrupted" in text(interrupted=True)


def test_what_was_left_alone_and_recovered_is_named() -> None:
    shown = text(
        left_alone=(report_of(facts(Status.FAILED, error_message="Poisoned.")),), recovered=("A job was taken up.",)
    )
    assert "Recovered: A job was taken up." in shown
    assert "Left alone:" in shown
    assert "Poisoned." in shown


def test_many_files_are_not_listed_one_by_one() -> None:
    made = facts()
    sizes = {f"pg1_{n:03d}.mp3": 5 for n in range(60)} | {"pg1.m4b": 9}
    steps = [Step("x", "STEP7_publishing", "publishing", 6, Status.SUCCESS, result={"folder": "/lib", "sizes": sizes})]
    shown = text(report_of(Facts(made.production, made.book, made.narrator, steps)))
    assert "/lib/pg1.m4b" in shown
    assert "58 more files" in shown
