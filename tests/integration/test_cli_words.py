"""The verbs of words on a real, finished audiobook: said beforehand, done, and undone."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from fakes import homes
from fakes.command_line import CommandLine, run

TALE = """<html lang="en"><head><meta charset="utf-8"><title>The Light</title><meta name="author" content="M. Pryce"></head>
<body><h1>The Light</h1><h2 id="d">Dedication</h2><p>For my mother.</p>
<h2 id="c1">Chapter I. The Lamp</h2><p>Myfanwy kept the light for 31 years.</p><p>“Nobody,” he said, “saw her asleep.”</p>
<h2 id="c2">Chapter II. The Storm</h2><p>The storm came in at noon. It was Myfanwy's brother who saw it.</p>
<p>She had seen it before him.</p><p>“Nobody,” he said, “saw her asleep.”</p></body></html>"""
_ENVIRONMENT = ("FOUNDRY_HOME", "FOUNDRY_ENV", "FOUNDRY_DATABASE_URL", "FOUNDRY_DEFAULT_NARRATOR")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with one finished audiobook, to be copied; and the production's id."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tale.html").write_text(TALE, encoding="utf-8")
    foundry = CommandLine(folder / "home")
    foundry.well("init", "--no-seeds", "--no-sample")
    foundry.well("book", "add", folder / "tale.html", "--book-id", "tale")
    foundry.well("narrator", "add", "nora", "--name", "Nora", "--language", "en", "--engine", "espeak")
    made: str = foundry.well("produce", "tale", "--narrator", "nora", "--json").json["audiobook_id"]
    foundry.well("--run-all")
    return foundry.home, made


@pytest.fixture
def foundry(finished: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    for name in _ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    return CommandLine(homes.copy(finished[0], tmp_path / "home"))


@pytest.fixture
def made(finished: tuple[Path, str]) -> str:
    return finished[1]


def test_an_entry_says_what_it_touches_and_costs_nothing_until_a_rebuild(foundry: CommandLine, made: str) -> None:
    add = ("lexicon", "add", "Myfanwy", "muh VAN wee", "--book", "tale")
    dry = foundry.well(*add, "--dry-run")
    assert f"{made}  The Light, nora: 2 chunks of 7 to be spoken again" in dry.err
    assert "1.2, 2.2" in dry.err
    assert foundry.well("lexicon", "list", "--json").json == []

    refused = foundry(*add, "--rebuild")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert foundry.well("lexicon", "list", "--json").json == []

    done = foundry.well(*add, "--json").json
    assert (done["touched"][0]["chunks"], done["rebuilt"]) == (["1.2", "2.2"], [])
    (entry,) = foundry.well("lexicon", "list", "--book", "tale", "--json").json
    assert (entry["word"], entry["spoken"], entry["book_id"], entry["entry_id"]) == (
        "Myfanwy", "muh VAN wee", "tale", done["answer"],
    )  # fmt: skip
    assert foundry.well("queue", "--json").json == []

    foretold = foundry.well("rebuild", made, "--dry-run")
    assert "2 of 7 chunks are to be spoken" in foretold.out
    edited = foundry.well("lexicon", "edit", str(done["answer"]), "--spoken", "muhVANwee", "--rebuild", "--yes")
    assert f"Back in the queue: {made}" in edited.out
    assert [row["next_step"] for row in foundry.well("queue", "--json").json] == ["STEP3_audio_generation"]
    foundry.well("--run-all")
    assert "nothing would run again" in foundry.well("rebuild", made).out

    removed = foundry.well("lexicon", "remove", str(done["answer"]))
    assert "2 chunks of 7" in removed.err
    assert foundry("lexicon", "remove", "99").code == 2


def test_the_lexicon_goes_out_and_comes_in_as_csv(foundry: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "names.csv"
    file.write_text("word,spoken,language,book_id\nMyfanwy,muh VAN wee,en,\nPryce,price,,tale\n", encoding="utf-8")
    assert foundry.well("lexicon", "import", file, "--json").json == {"imported": 2}
    out = list(csv.DictReader(foundry.well("lexicon", "export").out.splitlines()))
    assert [(row["word"], row["language"], row["book_id"]) for row in out] == [
        ("Myfanwy", "eng", ""),
        ("Pryce", "", "tale"),
    ]
    foundry.well("lexicon", "export", tmp_path / "back.csv")
    assert foundry.well("lexicon", "import", tmp_path / "back.csv", "--json").json == {"imported": 2}
    assert len(foundry.well("lexicon", "list", "--json").json) == 2
    for line, told in (("Myfanwy,,,", "Line 2"), ("a,b,klingonese,", "Line 2"), ("a,b,,nobook", "no book 'nobook'")):
        file.write_text(f"word,spoken,language,book_id\n{line}\n", encoding="utf-8")
        refused = foundry("lexicon", "import", file)
        assert refused.code == 2
        assert told in refused.err
    assert foundry("lexicon", "import", tmp_path / "nowhere.csv").code == 2


def test_names_are_suggested_until_the_lexicon_has_them(foundry: CommandLine) -> None:
    suggest = ("lexicon", "suggest", "tale", "--at-least", "1", "--json")
    assert "Myfanwy" in [row["word"] for row in foundry.well(*suggest).json]
    foundry.well("lexicon", "add", "Myfanwy", "muh VAN wee")
    assert "Myfanwy" not in [row["word"] for row in foundry.well(*suggest).json]


def test_sections_are_decided_about_by_number_and_taken_back(foundry: CommandLine, made: str) -> None:
    outline = foundry.well("book", "outline", "tale")
    assert "title page" in outline.out
    assert "2 sections narrated, 1 left out" in outline.err
    sections = foundry.well("book", "outline", "tale", "--json").json["sections"]
    number = next(place for place, section in enumerate(sections, 1) if section["chapter_number"] == 2)

    renamed = foundry.well("book", "decide", "tale", "rename", str(number), "--title", "The Gale")
    assert f"foundry-tui rebuild {made}" in renamed.err
    blocks = foundry.well("book", "outline", "tale", "--blocks", "2", "--json").json
    split = next(block["text_hash"] for block in blocks if block["words"].startswith("She had seen"))
    told = foundry.well(
        "book", "decide", "tale", "split", split, "--title", "After", "--rebuild", "--yes", "--json"
    ).json
    assert [one["title"] for one in told["sections"] if one["kept"]] == ["Chapter I. The Lamp", "The Gale", "After"]
    assert told["rebuilt"] == [made]
    foundry.well("--run-all")
    shown = foundry.well("book", "show", "tale", "--json").json
    assert [chapter["title"] for chapter in shown["chapters"]["eng"]] == ["Chapter I. The Lamp", "The Gale", "After"]

    assert foundry("book", "decide", "tale", "leave_out", "99").code == 2
    assert foundry("book", "decide", "tale", "split", "2").code == 2
    assert foundry("book", "decide", "tale", "leave_out", "#nowhere").code == 2
    assert foundry("book", "undo", "tale").code == 2
    assert "Decided" in foundry.well("book", "outline", "tale").out
    assert foundry.well("book", "undo", "tale", "--all", "--json").json == {"undone": 2, "rebuilt": []}
    assert "Decided" not in foundry.well("book", "outline", "tale").out


def test_a_chunk_is_shown_edited_and_restored(foundry: CommandLine, made: str) -> None:
    shown = foundry.well("chunk", "show", made, "1.3", "--json").json
    assert (shown["elsewhere"], shown["overridden"]) == (1, False)
    edited = foundry.well("chunk", "edit", made, "1", "3", "--say", "Nobody saw her asleep, he said.")
    assert "Another chunk of the book has the same words" in edited.err
    assert "2 of 7 chunks are to be spoken" in foundry.well("rebuild", made, "--dry-run").out
    again = foundry.well("chunk", "show", made, "2", "4", "--json").json
    assert (again["overridden"], again["spoken"]) == (True, "Nobody saw her asleep, he said.")
    foundry.well("chunk", "restore", made, "2.4", "--rebuild", "--yes")
    assert foundry.well("chunk", "show", made, "1.3", "--json").json == shown
    for place in (["1"], ["x", "y"], ["9", "9"], ["9" * 12, "9"]):
        assert foundry("chunk", "show", made, *place).code == 2


def test_a_book_shows_where_every_word_went(foundry: CommandLine) -> None:
    shown = foundry.well("book", "show", "tale")
    assert "The receipt balances." in shown.out
    assert "spoken as printed" in shown.out
    coverage = foundry.well("book", "show", "tale", "--json").json["coverage"]["eng"]
    parts = coverage["spoken"] + sum(coverage["replaced"].values()) + sum(coverage["skipped"].values())
    assert parts == coverage["source_words"] > 0


def test_a_misspelt_rule_of_the_configuration_is_refused_before_anything_is_parsed(
    foundry: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOUNDRY_TEXT_RULES_OFF", "ordnal")
    refused = foundry("book", "outline", "tale")
    assert refused.code == 2
    assert "Did you mean ordinal?" in refused.err


def test_a_source_outside_a_home_is_split_by_the_hash_that_blocks_shows(tmp_path: Path) -> None:
    source, overrides = tmp_path / "tale.html", tmp_path / "overrides.json"
    source.write_text(TALE, encoding="utf-8")
    blocks = run("parse", source, "--blocks", "2", "--json").json
    split = next(block["text_hash"] for block in blocks if block["opening"].startswith("She had seen"))
    overrides.write_text(json.dumps([{"action": "split", "text_hash": split, "title": "After"}]), encoding="utf-8")
    outline = run("parse", source, "--outline", "--overrides", overrides, "--json").json
    assert [one["title"] for one in outline if one["kept"]][-1] == "After"
    assert run("parse", source, "--blocks", "9").code == 2
