"""Editions ordered, space reckoned and given back, through the front door."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.command_line import CommandLine, write_book
from fakes.homes import shell


@pytest.fixture
def foundry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    for name in ("FOUNDRY_HOME", "FOUNDRY_ENV", "FOUNDRY_DATABASE_URL", "FOUNDRY_DEFAULT_NARRATOR"):
        monkeypatch.delenv(name, raising=False)
    line = CommandLine(tmp_path / "home")
    line.well("init", "--no-seeds", "--no-sample")
    line.well("book", "add", write_book(tmp_path / "downloads"), "--book-id", "clerk")
    line.well("narrator", "add", "nora", "--name", "Nora", "--language", "en", "--engine", "espeak")
    return line


def test_editions_are_ordered_by_name_and_a_wrong_one_is_refused(foundry: CommandLine) -> None:
    refused = foundry("produce", "clerk", "--narrator", "nora", "--edition", "wma")
    assert refused.code == 2
    assert "wma" in refused.err
    assert "acx" in refused.err
    options = ("--edition", "srt,epub", "--edition", "flac", "--no-credits", "--one-file")
    made = foundry.well("produce", "clerk", "--narrator", "nora", *options, "--json").json
    assert made["options"] == {"credits": False, "one_file": True, "editions": ["srt", "epub", "flac"]}
    (waiting,) = foundry.well("queue", "--json").json
    assert 100_000 < waiting["space_needed_bytes"] < 100_000_000
    shown = foundry.well("queue")
    assert "SPACE" in shown.out
    assert "are free" in shown.err


def test_a_requeue_says_what_is_made_from_now_on(foundry: CommandLine) -> None:
    made = foundry.well("produce", "clerk", "--narrator", "nora", "--json").json
    foundry.well("cancel", made["audiobook_id"])
    foundry.well("requeue", made["audiobook_id"], "--edition", "vtt", "--credits")
    (waiting,) = foundry.well("queue", "--json").json
    assert waiting["options"] == {"editions": ["vtt"], "credits": True}
    said = foundry.well("requeue", made["audiobook_id"], "--edition", "srt").out
    assert "is in the queue already" in said
    assert "it was told: editions" in said
    assert "told" not in foundry.well("requeue", made["audiobook_id"], "--edition", "srt").out


def test_a_wrong_setting_is_told_with_its_name(foundry: CommandLine) -> None:
    config = foundry.home / "config.toml"
    before = config.read_text(encoding="utf-8")
    for line, named in (('editions = "mp3 wma"', "audio.editions"), ('opening_credits = "{isbn}"', "opening_credits")):
        config.write_text(before.replace("[audio]", f"[audio]\n{line}"), encoding="utf-8")
        ran = foundry("queue")
        assert ran.code == 2
        assert named in ran.err


def test_clean_says_what_it_would_free_and_asks(foundry: CommandLine) -> None:
    made = foundry.well("produce", "clerk", "--narrator", "nora", "--json").json["audiobook_id"]
    combined = foundry.home / "foundry" / "clerk" / "eng" / "nora" / "combined"
    combined.mkdir(parents=True)
    packets = combined / "clerk_chapter_001_0123456789abcdef.packets"
    packets.write_bytes(b"x" * 200_000)
    waiting = foundry.well("clean", "--dry-run")
    assert "nothing to free" in waiting.err
    assert made in waiting.err

    with shell(foundry.home) as database:
        database.execute("UPDATE audiobook_productions SET status = 'success'")
    shown = foundry.well("clean", "--dry-run")
    assert "coded chapters" in shown.out
    assert "0.2 MB" in shown.out
    asked = foundry("clean")
    assert asked.code == 2
    assert "--yes" in asked.err
    assert packets.is_file()
    freed = foundry.well("clean", "--yes", "--json").json
    assert freed["freed_bytes"] == freed["frees_bytes"] >= 200_000
    assert not packets.exists()
    assert "cleaned" in {event["kind"] for event in foundry.well("events", "--json").json}
