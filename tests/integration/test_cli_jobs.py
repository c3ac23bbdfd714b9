"""``jobs``: every verb of it, on a home in which every state occurs."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.command_line import CommandLine, write_book
from fakes.console_home import a_working_day, make_template


@pytest.fixture
def day(tmp_path: Path) -> tuple[CommandLine, dict[str, str]]:
    home = make_template(tmp_path / "home")
    return CommandLine(home), a_working_day(home)


def test_jobs_are_told_apart_by_status_and_reason(day: tuple[CommandLine, dict[str, str]]) -> None:
    foundry, _ = day
    everything = foundry.well("jobs", "list", "--json").json
    assert {row["status"] for row in everything} == {"pending", "processing", "failed", "cancelled"}
    failed = foundry.well("jobs", "list", "--json", "--status", "failed").json
    assert [row["status"] for row in failed] == ["failed", "failed"]
    assert any("no such voice" in row["error"] for row in failed)
    table = foundry.well("jobs", "list", "--status", "failed").out
    assert "edge refused the request for good" in table
    assert foundry.well("jobs", "list", "--reason", "poisoned").err.strip() == "There are no such jobs."
    assert len(foundry.well("jobs", "list", "--json", "--last", "1").json) == 1


def test_a_job_is_shown_tried_again_and_cancelled(day: tuple[CommandLine, dict[str, str]]) -> None:
    foundry, _made = day
    failed = next(row for row in foundry.well("jobs", "list", "--json").json if row["error_code"] == "engine_refused")
    job = str(failed["job_id"])
    shown = foundry.well("jobs", "show", job)
    assert "engine_refused" in shown.out
    assert "status" in shown.out
    assert foundry.well("jobs", "show", job, "--json").json == failed
    for nobody in ("999", "9" * 12, "9" * 30):
        assert foundry("jobs", "show", nobody).code == 2


def test_what_cannot_be_done_is_refused_in_a_sentence(day: tuple[CommandLine, dict[str, str]]) -> None:
    foundry, _ = day
    waiting = next(row for row in foundry.well("jobs", "list", "--json").json if row["status"] == "pending")
    refused = foundry("jobs", "retry", str(waiting["job_id"]))
    assert refused.code == 2
    assert "there is nothing to try again" in refused.err
    nowhere = foundry("jobs", "list", "--production", "19990101000000")
    assert nowhere.code == 2
    assert "19990101000000" in nowhere.err


def test_a_real_failure_is_listed_and_tried_again(tmp_path: Path) -> None:
    foundry = CommandLine(tmp_path / "home")
    foundry.well("init", "--no-seeds", "--no-sample")
    foundry.well("book", "add", write_book(tmp_path), "--book-id", "clerk")
    foundry.well("narrator", "add", "nora", "--name", "Nora", "--language", "en", "--engine", "espeak")
    (foundry.home / "foundry" / "clerk" / "clerk.html").unlink()
    ordered = foundry.well("produce", "clerk", "--narrator", "nora", "--json")
    assert "parsing will fail" in ordered.err
    made = ordered.json["audiobook_id"]
    assert foundry("--run-all").code == 1
    (job,) = foundry.well("jobs", "list", "--json", "--production", made).json
    assert (job["status"], job["step"], job["current"]) == ("failed", "STEP1_parsing", True)
    assert (job["reason"], job["error_code"]) == ("error", "source_not_found")
    again = foundry.well("jobs", "retry", str(job["job_id"]), "--json").json
    assert foundry("jobs", "retry", str(job["job_id"])).code == 2, "it is of the past now"
    cancelled = foundry.well("jobs", "cancel", str(again["new_job_id"]), "--json").json
    assert cancelled == {"job_id": again["new_job_id"], "cancelled": True}
    rows = foundry.well("jobs", "list", "--json", "--production", made).json
    assert [(row["job_id"], row["status"], row["current"]) for row in rows] == [
        (again["new_job_id"], "cancelled", True),
        (job["job_id"], "failed", False),
    ]
