"""Every verb on a real home, through the front door."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fakes import homes
from fakes.command_line import CommandLine, Ran, run, write_book
from foundry_tui.domain.books import Narrator, as_begun


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as ``init`` leaves it, without seeds; to be copied."""
    line = CommandLine(tmp_path_factory.mktemp("homes") / "empty")
    line.well("init", "--no-seeds", "--no-sample")
    return line.home


@pytest.fixture
def foundry(empty_home: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A command line on a fresh home without seeds."""
    for name in ("FOUNDRY_HOME", "FOUNDRY_ENV", "FOUNDRY_DATABASE_URL", "FOUNDRY_DEFAULT_NARRATOR"):
        monkeypatch.delenv(name, raising=False)
    return CommandLine(homes.copy(empty_home, home))


@pytest.fixture
def clerk(foundry: CommandLine, tmp_path: Path) -> Path:
    """A book and a narrator are there."""
    source = write_book(tmp_path / "downloads")
    foundry.well("book", "add", source, "--book-id", "clerk")
    foundry.well("narrator", "add", "nora", "--name", "Nora", "--language", "en", "--engine", "espeak")
    return source


def test_init_makes_a_home_and_a_second_one_changes_nothing(tmp_path: Path) -> None:
    foundry = CommandLine(tmp_path / "home")
    first = foundry.well("init", "--json").json
    assert {path.name for path in foundry.home.iterdir()} >= {"config.toml", "database", "foundry", "inbox", "logs"}
    assert (foundry.home / "foundry" / "tin_kettle" / "tin_kettle.html").is_file()
    assert first["next"] == ["foundry-tui produce tin_kettle --narrator espeak_eng", "foundry-tui --run-all"]
    (foundry.home / "config.toml").write_text("workers = 1\n")
    assert foundry.well("init", "--json").json["made"] == []
    assert (foundry.home / "config.toml").read_text() == "workers = 1\n"
    languages = {row["language"] for row in foundry.well("narrator", "list", "--json").json}
    assert {"eng", "fra", "deu"} <= languages


def test_a_verb_without_a_home_says_how_to_make_one(tmp_path: Path) -> None:
    for words in (["queue"], ["book", "list"], ["--run-all"], ["produce", "x"], ["events"], ["cancel", "1"]):
        ran = run("--home", tmp_path / "none", *words)
        assert (ran.code, ran.out) == (2, "")
        assert f"foundry-tui --home {tmp_path / 'none'} init" in ran.err
    assert not (tmp_path / "none").exists()


def test_a_home_nobody_named_is_told_on_stderr(
    foundry: CommandLine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    ran = run("queue", *homes.flags(home), "--json")
    assert ran.json == []
    assert f"Home: {home} (current folder)" in ran.err
    assert foundry("queue").err.startswith("Nothing to do")


def test_global_options_stand_before_or_after_the_verb(foundry: CommandLine, home: Path) -> None:
    where = ("--home", home, *homes.flags(home))
    assert run("queue", *where, "--json").json == run(*where, "queue", "--json").json == []
    assert run("book", "list", *where, "--json").json == []


@pytest.mark.sqlite_only("the name of its own file")
def test_alpha_is_a_tree_of_its_own(foundry: CommandLine, home: Path) -> None:
    assert run("--home", home, "--env", "alpha", "queue").code == 2
    assert run("--home", home, "--env", "alpha", "init", "--no-seeds").code == 0
    assert (home / "alpha" / "database" / "alpha_foundry.db").is_file()
    assert foundry.well("book", "list", "--json").json == []


class TestBooks:
    def test_title_author_and_language_come_from_the_source(self, foundry: CommandLine, tmp_path: Path) -> None:
        source = write_book(tmp_path / "downloads", title="The Clerk & the Stair", author="Mara Vane")
        added = foundry.well("book", "add", source, "--json").json
        assert (added["book_id"], added["book_name"]) == ("the_clerk_the_stair", "The Clerk & the Stair")
        assert (added["author"], added["language"]) == ("Mara Vane", "eng")
        copied = foundry.home / "foundry" / "the_clerk_the_stair" / "the_clerk_the_stair.html"
        assert copied.read_bytes() == source.read_bytes()
        assert added["source_path"] == "foundry/the_clerk_the_stair/the_clerk_the_stair.html"
        assert source.is_file()

    def test_what_is_given_wins_over_what_the_source_says(self, foundry: CommandLine, tmp_path: Path) -> None:
        source = write_book(tmp_path / "downloads")
        words = ["--title", "Other", "--author", "B", "--language", "fr-FR", "--year", "1901", "--genre", "tale"]
        added = foundry.well("book", "add", source, "--book-id", "other", *words, "--json").json
        assert (added["book_name"], added["author"], added["language"]) == ("Other", "B", "fra")
        assert (added["year_published"], added["genre"]) == (1901, "tale")

    @pytest.mark.corpus
    def test_a_gutenberg_book_has_its_number_as_id(self, foundry: CommandLine, corpus_dir: Path) -> None:
        added = foundry.well("book", "add", corpus_dir / "pg74-tom-sawyer.html", "--json").json
        assert (added["book_id"], added["author"]) == ("pg74", "Mark Twain")
        assert "Tom Sawyer" in added["book_name"]
        again = foundry("book", "add", corpus_dir / "pg74-tom-sawyer.html")
        assert again.code == 2
        assert "pg74" in again.err

    def test_an_id_of_ours_gives_way_and_an_id_of_theirs_does_not(self, foundry: CommandLine, tmp_path: Path) -> None:
        one = write_book(tmp_path / "a", title="A Very Long Title That Never Ends")
        two = write_book(tmp_path / "b", title="A Very Long Title That Goes On")
        first = foundry.well("book", "add", one, "--json").json["book_id"]
        second = foundry.well("book", "add", two, "--json").json["book_id"]
        assert first != second
        assert max(len(first), len(second)) <= 20
        ran = foundry("book", "add", two, "--book-id", first)
        assert ran.code == 2
        assert first in ran.err
        assert len(foundry.well("book", "list", "--json").json) == 2

    @pytest.mark.parametrize("bad", ["../etc", "UPPER", "with space", "x" * 21, "", "-h"])
    def test_an_id_that_may_not_touch_a_path_is_refused(self, foundry: CommandLine, tmp_path: Path, bad: str) -> None:
        ran = foundry("book", "add", write_book(tmp_path / "d"), f"--book-id={bad}")
        assert ran.code == (0 if bad == "" else 2)
        assert not (tmp_path / "etc").exists()

    def test_list_finds_by_text_and_says_what_to_do_when_empty(self, foundry: CommandLine, clerk: Path) -> None:
        assert [row["book_id"] for row in foundry.well("book", "list", "CLERK", "--json").json] == ["clerk"]
        nothing = foundry.well("book", "list", "zzz")
        assert nothing.out == ""
        assert "zzz" in nothing.err

    def test_show_has_the_source_and_the_productions(self, foundry: CommandLine, clerk: Path) -> None:
        foundry.well("produce", "clerk", "--narrator", "nora")
        shown = foundry.well("book", "show", "clerk", "--json").json
        assert shown["source"].endswith("foundry/clerk/clerk.html")
        assert [made["narrator_id"] for made in shown["productions"]] == ["nora"]
        assert "The Clerk" in foundry.well("book", "show", "clerk").out
        assert foundry("book", "show", "nobody").code == 2

    def test_rm_moves_the_book_to_the_trash(self, foundry: CommandLine, clerk: Path) -> None:
        removed = foundry.well("book", "rm", "clerk", "--json").json
        (trashed,) = removed["trash"]
        assert Path(trashed).is_relative_to(foundry.home / "trash")
        assert (Path(trashed) / "clerk.html").read_bytes() == clerk.read_bytes()
        assert not (foundry.home / "foundry" / "clerk").exists()
        assert foundry.well("book", "list", "--json").json == []

    def test_rm_refuses_while_productions_exist_and_takes_them_along_when_told(
        self, foundry: CommandLine, clerk: Path
    ) -> None:
        made = foundry.well("produce", "clerk", "--narrator", "nora", "--json").json["audiobook_id"]
        refused = foundry("book", "rm", "clerk")
        assert refused.code == 2
        assert made in refused.err
        assert "--with-productions" in refused.err
        published = foundry.home / "library" / "A. Nobody" / "The Clerk {Nora}"
        published.mkdir(parents=True)
        removed = foundry.well("book", "rm", "clerk", "--with-productions", "--json").json
        assert removed["productions"] == [made]
        assert foundry.well("queue", "--cancelled", "--json").json == []
        assert homes.rows(foundry.home, "SELECT count(*) FROM audiobook_process_events") == [(0,)]
        assert published.is_dir(), "a folder of the library that no production of the book was published to stays"


class TestNarrators:
    def test_add_show_edit_and_rm(self, foundry: CommandLine) -> None:
        foundry.well("narrator", "add", "sam", "--name", "Sam", "--language", "English", "--accent", "british")
        shown = foundry.well("narrator", "show", "sam", "--json").json["narrator"]
        assert (shown["language"], shown["engine"], shown["engine_shown"]) == ("eng", None, "espeak (default)")
        foundry.well("narrator", "edit", "sam", "--engine", "espeak", "--voice", "en-us", "--set", "rate=0.9")
        shown = foundry.well("narrator", "show", "sam", "--json").json["narrator"]
        assert (shown["voice"], shown["settings"]) == ("en-us", {"rate": 0.9})
        foundry.well("narrator", "edit", "sam", "--voice", "", "--set", "rate=")
        shown = foundry.well("narrator", "show", "sam", "--json").json["narrator"]
        assert (shown["voice"], shown["settings"]) == (None, {})
        foundry.well("narrator", "rm", "sam")
        assert foundry.well("narrator", "list", "--json").json == []

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["--engine", "espaek"], "espeak"),
            (["--engine", "espeak", "--voice", "en-gbb"], "en-gb"),
            (["--set", "speed=2"], "rate"),
            (["--set", "rate"], "NAME=VALUE"),
            (["--set", "rate=fast"], "rate"),
            (["--fallback", "ghost"], "ghost"),
            (["--fallback", "sam"], "itself"),
        ],
    )
    def test_what_cannot_speak_is_refused_with_what_could(
        self, foundry: CommandLine, words: list[str], said: str
    ) -> None:
        ran = foundry("narrator", "add", "sam", "--name", "Sam", "--language", "eng", *words)
        assert ran.code in {1, 2}
        assert said in ran.err
        assert foundry.well("narrator", "list", "--json").json == []

    def test_an_id_that_is_taken_or_unfit_is_refused(self, foundry: CommandLine, clerk: Path) -> None:
        assert foundry("narrator", "add", "nora", "--name", "N", "--language", "eng").code == 2
        assert foundry("narrator", "add", "../n", "--name", "N", "--language", "eng").code == 2
        assert foundry("narrator", "add", "n", "--name", "N", "--language", "klingonish").code == 2

    def test_rm_refuses_while_productions_exist(self, foundry: CommandLine, clerk: Path) -> None:
        foundry.well("produce", "clerk", "--narrator", "nora")
        assert foundry("narrator", "rm", "nora").code == 2
        foundry.well("narrator", "rm", "nora", "--with-productions")
        assert foundry.well("queue", "--json").json == []


def test_an_edited_narrator_speaks_only_what_has_not_begun(foundry: CommandLine, clerk: Path, tmp_path: Path) -> None:
    begun = foundry.well("produce", "clerk", "--narrator", "nora", "--json").json["audiobook_id"]
    foundry.well("book", "add", write_book(tmp_path / "other", title="Another"), "--book-id", "another")
    with homes.shell(foundry.home) as database:
        database.execute(
            "INSERT INTO production_steps (audiobook_id, step_number, step_name, position, status)"
            " VALUES (?, 'STEP1_parsing', 'parsing', 0, 'success')",
            (begun,),
        )
    waiting = foundry.well("produce", "another", "--narrator", "nora", "--json").json["audiobook_id"]
    edited = foundry.well("narrator", "edit", "nora", "--voice", "en-us", "--set", "rate=0.9")
    assert begun in edited.err
    assert waiting not in edited.err
    foundry.well("narrator", "edit", "nora", "--voice", "en-gb")
    options = {row["audiobook_id"]: row["options"] for row in foundry.well("queue", "--json").json}
    kept = options[begun]["voice_kept"]
    assert (kept["engine"], kept["voice"], kept["settings"]) == ("espeak", None, {})
    assert options[waiting] == {}
    (narrator,) = foundry.well("narrator", "list", "--json").json
    fields = {name: narrator[name] for name in Narrator.__dataclass_fields__}
    assert as_begun(Narrator(**fields), options[begun]).voice is None
    assert as_begun(Narrator(**fields), options[waiting]).voice == "en-gb"


class TestOrders:
    def test_produce_twice_answers_with_the_same_production(self, foundry: CommandLine, clerk: Path) -> None:
        first = foundry.well("produce", "clerk", "--narrator", "nora", "--json").json
        again = foundry.well("produce", "clerk", "--narrator", "nora", "--language", "en-GB", "--mp3", "--json").json
        assert foundry.well("produce", "clerk", "--narrator", "nora", "--priority", "9", "--json").json["priority"] == 9
        assert foundry.well("produce", "clerk", "--narrator", "nora", "--json").json["priority"] == 9, "not said: kept"
        assert first["created"]
        assert not again["created"]
        assert first["audiobook_id"] == again["audiobook_id"]
        assert again["options"] == {"mp3": True}
        assert len(foundry.well("queue", "--json").json) == 1

    def test_the_queue_says_which_step_is_next(self, foundry: CommandLine, clerk: Path) -> None:
        foundry.well("produce", "clerk", "--narrator", "nora", "--priority", "7", "--allow-gaps")
        (row,) = foundry.well("queue", "--json").json
        assert row["next_step"] == "STEP1_parsing"
        assert (row["title"], row["author"], row["priority"]) == ("The Clerk", "A. Nobody", 7)
        assert row["options"] == {"allow_gaps": True}
        text = foundry.well("queue").out
        assert "STEP1_parsing" in text
        assert "NEXT STEP" in text

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["ghost", "--narrator", "nora"], "ghost"),
            (["clerk", "--narrator", "ghost"], "ghost"),
            (["clerk"], "--narrator"),
            (["clerk", "--narrator", "nora", "--language", "nonsense"], "nonsense"),
            (["clerk", "--narrator", "nora", "--priority", "5000"], "5000"),
        ],
    )
    def test_an_order_that_cannot_be_is_refused(
        self, foundry: CommandLine, clerk: Path, words: list[str], said: str
    ) -> None:
        ran = foundry("produce", *words)
        assert ran.code == 2
        assert said in ran.err
        assert foundry.well("queue", "--json").json == []

    def test_the_default_narrator_of_the_book_or_the_configuration_speaks(
        self, foundry: CommandLine, clerk: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FOUNDRY_DEFAULT_NARRATOR", "nora")
        assert foundry.well("produce", "clerk", "--json").json["narrator_id"] == "nora"

    def test_steering(self, foundry: CommandLine, clerk: Path) -> None:
        made = foundry.well("produce", "clerk", "--narrator", "nora", "--json").json["audiobook_id"]
        foundry.well("pause", made)
        assert foundry.well("queue", "--json").json[0]["paused"]
        assert "pending (paused)" in foundry.well("queue").out
        assert foundry.well("--run-all").out.count("paused") == 1
        assert "Resumed" in foundry.well("resume", made).out
        assert "was not paused" in foundry.well("resume", made).out
        foundry.well("priority", "9", made)
        assert foundry.well("queue", "--json").json[0]["priority"] == 9
        foundry.well("cancel", made)
        assert foundry.well("queue", "--json").json == []
        assert foundry.well("queue", "--cancelled", "--json").json[0]["status"] == "cancelled"
        assert "Nothing to do" in foundry.well("--run-all").out
        (again,) = foundry.well("requeue", made, "--json").json
        assert (again["queued"], again["status"], again["next_step"]) == (True, "pending", "STEP1_parsing")
        assert foundry.well("queue", "--json").json[0]["status"] == "pending"
        assert "already" in foundry.well("requeue", made).out
        kinds = [event["kind"] for event in foundry.well("events", made, "--json").json]
        assert kinds[0] == "ordered"
        assert {"paused", "resumed", "priority", "cancelled"} <= set(kinds)

    def test_an_unknown_production_does_not_stop_the_others(self, foundry: CommandLine, clerk: Path) -> None:
        made = foundry.well("produce", "clerk", "--narrator", "nora", "--json").json["audiobook_id"]
        ran = foundry("pause", "20000101000000", made)
        assert ran.code == 2
        assert "20000101000000" in ran.err
        assert foundry.well("queue", "--json").json[0]["paused"]


def test_events_of_the_house_and_of_productions(foundry: CommandLine, clerk: Path) -> None:
    foundry.well("produce", "clerk", "--narrator", "nora")
    assert "The Clerk was ordered." in foundry.well("events").out
    assert foundry.well("events", "--kind", "ordered", "--json").json[0]["kind"] == "ordered"
    assert foundry.well("events", "--level", "error", "--json").json == []
    foundry.well("book", "rm", "clerk", "--with-productions")
    kinds = [event["kind"] for event in foundry.well("events", "--json").json]
    assert kinds == ["book_added", "narrator_added", "removed"]
    assert foundry("events", "20000101000000").code == 2


def test_voices_are_those_of_the_engine(tmp_path: Path) -> None:
    found = run("--home", tmp_path, "voices", "--engine", "espeak", "--language", "fr", "--json").json
    assert {voice["language"] for voice in found} == {"fra"}
    assert run("--home", tmp_path, "voices", "--engine", "nobody").code == 2


def test_the_doctor_looks_at_everything_and_says_what_to_do(foundry: CommandLine, home: Path, tmp_path: Path) -> None:
    well = {row["subject"]: row for row in foundry.well("doctor", "--no-engines", "--json").json}
    assert {"home", "disk", "schema", "leases", "leftovers"} <= well.keys()
    assert ("integrity" in well) == (homes.wanted_kind() == "sqlite"), "a server looks after its own files"
    assert {row["level"] for row in well.values()} == {"ok"}
    (home / "foundry" / ".part_clerk_1_ab").write_text("half")
    (row,) = [row for row in foundry.well("doctor", "--no-engines", "--json").json if row["level"] != "ok"]
    assert (row["subject"], row["level"]) == ("leftovers", "warning")
    assert ".part_clerk" in row["sentence"]
    nowhere = run("--home", tmp_path / "none", "doctor", "--no-engines")
    assert nowhere.code == 0
    assert f"foundry-tui --home {tmp_path / 'none'} init" in nowhere.out


def test_a_book_is_carried_to_the_library_and_a_second_run_finds_nothing(foundry: CommandLine, clerk: Path) -> None:
    foundry.well("narrator", "add", "sam", "--name", "Sam", "--language", "eng", "--accent", "american")
    foundry.well("produce", "clerk", "--narrator", "sam")
    ran = foundry.well("--run-all", "--json")
    summary = ran.lines[-1]
    assert summary["type"] == "summary"
    assert summary["exit_code"] == 0
    (made,) = summary["productions"]
    assert (made["title"], made["narrator"], made["outcome"]) == ("The Clerk", "Sam", "success")
    (m4b,) = made["files"]
    assert Path(m4b).is_file()
    assert "names no engine" in made["substitutions"][0]
    assert "espeak" in made["spoken_by"]
    assert summary["hints"]
    kinds = {line["kind"] for line in ran.lines if line["type"] == "event"}
    assert {"step_started", "step_succeeded", "voice", "production_success"} <= kinds
    again = foundry.well("--run-all")
    assert again.out.strip() == "Nothing to do."
    removed = foundry.well("book", "rm", "clerk", "--with-productions", "--json").json
    assert not Path(m4b).exists()
    assert [path for trash in removed["trash"] for path in Path(trash).rglob("*.m4b")]
    assert not any((foundry.home / "library").glob("A*"))


def test_parse_that_cannot_write_speaks_of_its_folder_and_not_of_a_queue(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file, not a folder")
    ran = run("parse", write_book(tmp_path), "--out", tmp_path / "out")
    assert ran.code == 1
    assert "--out" in ran.err
    assert "requeue" not in ran.err


def test_parse_refuses_a_speech_rule_that_is_not_there(tmp_path: Path) -> None:
    ran = run("parse", write_book(tmp_path), "--explain", "--rule-off", "numbers")
    assert ran.code == 2
    assert "number_sign" in ran.err, "those near it are named"


def test_parse_needs_no_home_and_replaces_what_it_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOUNDRY_HOME", str(tmp_path / "nowhere"))
    source, out = write_book(tmp_path, "The Clerk.html"), tmp_path / "out"
    first = run("parse", source, "--out", out, "--json")
    assert first.code == 0, first.err
    folder = out / "foundry" / "the_clerk" / "eng" / "chapters"
    assert json.loads((folder / "metadata.json").read_text())["title"] == "The Clerk"
    assert first.json["folder"] == str(folder)
    (folder / "chapter_099.json").write_text("{}")
    assert run("parse", source, "--out", out).code == 0
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".json") == [
        "chapter_001.json",
        "chapter_002.json",
        "metadata.json",
    ]
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".part")] == []
    assert not (tmp_path / "nowhere").exists()


def test_help_is_quick_and_the_run_starts_without_textual(tmp_path: Path) -> None:
    code = (
        "import sys; from foundry_tui.cli.door import enter; "
        "sys.argv = ['foundry-tui']; enter({words!r}); "
        "print([name for name in ('textual', 'numpy', 'sqlalchemy', 'lxml', 'rich') if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code.format(words=["--help"])], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines()[-1] == "[]"
    home = tmp_path / "home"
    CommandLine(home).well("init", "--no-seeds")
    words = ["--home", str(home), *homes.flags(home), "--run-all"]
    shown = subprocess.run([sys.executable, "-c", code.format(words=words)], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines() == ["Nothing to do.", "['sqlalchemy']"]


def test_the_console_that_is_not_there_is_one_honest_sentence(foundry: CommandLine) -> None:
    ran = foundry()
    assert ran.code == 2
    assert "--run-all" in ran.err
    assert ran.out == ""


@pytest.mark.server
def test_the_same_verbs_work_on_postgresql(empty_postgres_url: str, tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "home")

    def foundry(*words: str | Path) -> Ran:
        return line.well("--database-url", empty_postgres_url, *words)

    foundry("init", "--no-sample")
    assert not list((line.home / "database").iterdir()), "no SQLite file beside a server's tables"
    foundry("book", "add", write_book(tmp_path / "d"), "--book-id", "clerk")
    made = foundry("produce", "clerk", "--narrator", "espeak_eng", "--json").json["audiobook_id"]
    assert foundry("queue", "--json").json[0]["next_step"] == "STEP1_parsing"
    foundry("pause", made)
    foundry("resume", made)
    assert {row["level"] for row in foundry("doctor", "--no-engines", "--json").json} == {"ok"}
    summary = foundry("--run-all", "--json").lines[-1]
    assert summary["counts"] == {"success": 1}
    assert foundry("--run-all").out.strip() == "Nothing to do."
    assert Path(summary["productions"][0]["files"][0]).is_file()
    foundry("book", "rm", "clerk", "--with-productions")
    assert foundry("queue", "--cancelled", "--json").json == []
    assert "removed" in {event["kind"] for event in foundry("events", "--json").json}


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "postgresql://nobody@127.0.0.1:1/none", "sqlite://"])
def test_a_database_address_that_leads_nowhere_is_one_sentence(foundry: CommandLine, url: str) -> None:
    ran = foundry("--database-url", url, "queue")
    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert foundry("--database-url", url, "doctor", "--no-engines").code == 1
