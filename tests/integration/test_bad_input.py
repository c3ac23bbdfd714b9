"""What an operator may get wrong: each ends in a clear sentence, and the rest of the queue goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fakes import homes
from fakes.command_line import CommandLine, Ran, run, write_book
from fakes.house import page

HOSTILE = "[/x]\x1b[2J../../etc"
NO_PROSE = "<html><head><title>Nothing</title></head><body><hr><img src='a.png' alt=''></body></html>"


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    line = CommandLine(tmp_path_factory.mktemp("homes") / "empty")
    line.well("init", "--no-seeds", "--no-sample")
    line.well("narrator", "add", "nora", "--name", "Nora", "--language", "eng")
    return line.home


@pytest.fixture
def foundry(empty_home: Path, tmp_path: Path) -> CommandLine:
    return CommandLine(homes.copy(empty_home, tmp_path / "home"))


def is_one_sentence(ran: Ran) -> bool:
    """Told on stderr, in words, without a trace and without anything a terminal would obey."""
    return bool(ran.err.strip()) and "Traceback" not in ran.err and "\x1b" not in ran.err + ran.out


def insert(home: Path, book_id: str, title: str, audiobook_id: str) -> None:
    """A book and its production as somebody may write them with a shell of SQL."""
    with homes.shell(home) as database:
        database.execute(
            "INSERT INTO books (id, book_id, book_name, language) VALUES (?, ?, ?, 'eng')",
            (audiobook_id, book_id, title),
        )
        database.execute(
            "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language, status)"
            " VALUES (?, ?, 'nora', 'eng', 'pending')",
            (audiobook_id, book_id),
        )


def source(home: Path, book_id: str, content: bytes | str) -> None:
    folder = home / "foundry" / book_id
    folder.mkdir(parents=True, exist_ok=True)
    data = content if isinstance(content, bytes) else content.encode()
    (folder / f"{book_id}.html").write_bytes(data)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.html", None, "no file"),
        ("empty.html", b"", "empty"),
        ("paper.html", b"%PDF-1.7\n%\xe2\xe3\n", "PDF"),
        ("book.mobi", b"BOOKMOBI", ".epub"),
        ("noise.epub", b"PK\x03\x04 not a zip at all", "noise.epub"),
    ],
)
def test_a_file_that_can_be_no_book_is_not_added(
    foundry: CommandLine, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    ran = foundry("book", "add", path, "--language", "eng")
    assert ran.code in {1, 2}
    assert said in ran.err
    assert is_one_sentence(ran)
    assert foundry.well("book", "list", "--json").json == []
    assert not any((foundry.home / "foundry").iterdir())
    parsed = run("parse", path, "--out", tmp_path / "out", "--book-id", "x")
    assert parsed.code in {1, 2}
    assert is_one_sentence(parsed)
    assert not (tmp_path / "out" / "foundry" / "x" / "eng" / "chapters").exists()


def test_a_folder_is_no_book(foundry: CommandLine, tmp_path: Path) -> None:
    ran = foundry("book", "add", tmp_path)
    assert ran.code in {1, 2}
    assert is_one_sentence(ran)


def test_a_hostile_title_is_data_everywhere(foundry: CommandLine, tmp_path: Path) -> None:
    path = write_book(tmp_path / "d")
    ran = foundry("book", "add", path, "--title", HOSTILE, "--author", HOSTILE, "--book-id", "hostile")
    assert ran.code == 0, ran.err
    assert "[/x]../../etc" in ran.out
    for words in (["book", "list"], ["book", "show", "hostile"], ["events"], ["queue"]):
        assert "\x1b" not in foundry.well(*words).out
    assert foundry.well("book", "list", "--json").json[0]["book_name"] == HOSTILE
    assert "\x1b" not in foundry.well("book", "list", "--json").out


def test_bad_books_fail_with_a_reason_and_the_rest_of_the_queue_goes_on(foundry: CommandLine, tmp_path: Path) -> None:
    home = foundry.home
    bad = {"gone": None, "blank": b"", "paper": b"%PDF-1.7\n", "no_prose": NO_PROSE}
    for number, (book_id, content) in enumerate(bad.items()):
        insert(home, book_id, book_id, f"2025010112000{number}")
        if content is not None:
            source(home, book_id, content)
    insert(home, "hostile", HOSTILE, "20250101120009")
    source(home, "hostile", write_book(tmp_path / "d").read_bytes())

    ran = foundry("--run-all", "--json")
    assert ran.code == 1, ran.err
    assert "\x1b" not in ran.out
    outcomes = {made["book_id"]: made for made in ran.lines[-1]["productions"]}
    assert {book_id: made["outcome"] for book_id, made in outcomes.items()} == {
        **dict.fromkeys(bad, "failed"),
        "hostile": "success",
    }
    assert all(outcomes[book_id]["next_step"] == "STEP1_parsing" for book_id in bad)
    assert "Looked for" in outcomes["gone"]["message"]
    (m4b,) = outcomes["hostile"]["files"]
    assert Path(m4b).resolve().is_relative_to(home.resolve() / "library")
    assert not (tmp_path / "etc").exists()

    queue = {row["book_id"]: row for row in foundry.well("queue", "--json").json}
    assert queue.keys() == bad.keys()
    assert all(row["status"] == "failed" and row["error"] for row in queue.values())
    text = foundry.well("queue").out
    assert "STEP1_parsing" in text

    source(home, "blank", write_book(tmp_path / "e").read_bytes())
    # A later step that is asked for waits for the one that failed: it has nothing to be made from.
    again = foundry.well("requeue", queue["blank"]["audiobook_id"], "--step", "5", "--json").json
    first = {"audiobook_id": "20250101120001", "status": "pending", "queued": True, "next_step": "STEP1_parsing"}
    assert again == [{**first, "told": []}]
    ran = foundry("--run-all", "--no-retry-failed")
    assert ran.code == 0, ran.out
    assert "Left alone:" in ran.out
    assert {row["book_id"] for row in foundry.well("queue", "--json").json} == set(bad) - {"blank"}


def test_fail_fast_leaves_the_rest_for_later(foundry: CommandLine, tmp_path: Path) -> None:
    insert(foundry.home, "gone", "Gone", "20250101120000")
    insert(foundry.home, "good", "Good", "20250101120001")
    source(foundry.home, "good", write_book(tmp_path / "d").read_bytes())
    ran = foundry("--run-all", "--fail-fast", "--workers", "1", "--json")
    assert ran.code == 1
    assert [made["book_id"] for made in ran.lines[-1]["productions"] if made["outcome"] == "failed"] == ["gone"]
    statuses = {row["book_id"]: row["status"] for row in foundry.well("queue", "--json").json}
    assert statuses == {"gone": "failed", "good": "pending"}


def test_a_configuration_with_a_mistyped_key_is_one_sentence(foundry: CommandLine) -> None:
    (foundry.home / "config.toml").write_text("worker = 2\n")
    ran = foundry("queue")
    assert ran.code == 2
    assert "worker" in ran.err
    assert "workers" in ran.err
    assert is_one_sentence(ran)


@pytest.mark.sqlite_only("a file that is no database")
def test_a_database_that_is_none_is_one_sentence(foundry: CommandLine) -> None:
    database = homes.file_of(foundry.home)
    for leftover in database.parent.iterdir():
        leftover.unlink()
    database.write_bytes(b"this is no database" * 100)
    ran = foundry("queue")
    assert ran.code == 2
    assert is_one_sentence(ran)
    doctor = foundry("doctor", "--no-engines")
    assert doctor.code == 1
    assert "problem" in doctor.out


# -- homes on filesystems of their own: a mount that only this test's processes see ------------------------------


def in_namespace(script: str, *, ballast: str = "kept", **places: Path) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a private mount namespace; skips where this user may not make one."""
    unshare = shutil.which("unshare")
    probe = [unshare or "", "-m", "true"]
    if unshare is None or subprocess.run(probe, capture_output=True).returncode != 0:
        pytest.skip("a private mount namespace needs root and util-linux's unshare")
    environment = {
        **os.environ,
        **{name: str(place) for name, place in places.items()},
        "FOUNDRY": f"{sys.executable} -m foundry_tui",
        "BALLAST": ballast,
        "FOUNDRY_DATABASE_URL": homes.address(places["HOME_DIR"]) if homes.flags(places["HOME_DIR"]) else "",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [unshare, "-m", "--propagation", "private", "sh", "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )


FULL = """
set -u
mount -t tmpfs -o size=24m none "$HOME_DIR" || exit 77
cp -r "$EMPTY/." "$HOME_DIR"
$FOUNDRY --home "$HOME_DIR" book add "$BOOK" --book-id clerk >/dev/null || exit 78
$FOUNDRY --home "$HOME_DIR" produce clerk --narrator nora >/dev/null || exit 79
export FOUNDRY_DISK_WAIT_MIN=0
$FOUNDRY --home "$HOME_DIR" --run-all; echo "run: $?"
$FOUNDRY --home "$HOME_DIR" queue --json
dd if=/dev/zero of="$HOME_DIR/filler" bs=64k 2>/dev/null
$FOUNDRY --home "$HOME_DIR" book add "$BIG" --book-id big; echo "add: $?"
$FOUNDRY --home "$HOME_DIR" --run-all; echo "full: $?"
rm "$HOME_DIR/filler"
$FOUNDRY --home "$HOME_DIR" book list --json
"""


def test_a_full_disk_is_said_in_words_and_costs_nothing(empty_home: Path, tmp_path: Path) -> None:
    big = write_book(tmp_path / "big")
    big.write_text(big.read_text().replace("</body>", "<p>Another word follows it.</p>\n" * 20_000 + "</body>"))
    (tmp_path / "home").mkdir()
    homes.copy_tables(empty_home, tmp_path / "home")
    done = in_namespace(FULL, HOME_DIR=tmp_path / "home", EMPTY=empty_home, BOOK=write_book(tmp_path / "d"), BIG=big)
    if done.returncode == 77:
        pytest.skip("this user may not mount a tmpfs")
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert "run: 1" in done.stdout, said
    assert "waits for room on the disk" in done.stdout
    assert "MB free" in done.stdout
    assert '"next_step": "STEP3_audio_generation"' in done.stdout
    assert "add: 1" in done.stdout, said
    assert "requeue the step" not in said
    assert "full: 1" in done.stdout or "full: 2" in done.stdout, said
    assert done.stdout.splitlines()[-1].count('"book_id"') == 1, "the book that did not fit is not in the catalog"


FILLING = """
set -u
mount -t tmpfs -o size=160m none "$HOME_DIR" || exit 77
$FOUNDRY --home "$HOME_DIR" init >/dev/null || exit 76
$FOUNDRY --home "$HOME_DIR" book add "$BOOK" --book-id small >/dev/null || exit 79
$FOUNDRY --home "$HOME_DIR" produce small --narrator espeak_eng >/dev/null || exit 78
$FOUNDRY --home "$HOME_DIR" --run-all > "$HOME_DIR/../said" 2>&1 &
run=$!
while kill -0 $run && [ "$(find "$HOME_DIR/foundry" -name '*.flac' | wc -l)" -lt 10 ]; do sleep 0.02; done
# Stopped meanwhile: the room that the database's ballast gives back is not for the filler.
kill -STOP $run
[ "$BALLAST" = kept ] || rm "$HOME_DIR"/*/reserve "$HOME_DIR"/reserve 2>/dev/null
dd if=/dev/zero of="$HOME_DIR/filler" bs=64k 2>/dev/null
kill -CONT $run
while kill -0 $run && ! grep -q "waits for room" "$HOME_DIR/../said"; do sleep 0.05; done
$FOUNDRY --home "$HOME_DIR" jobs list --reason disk_full --json
truncate -s -1m "$HOME_DIR/filler"
sleep 6
$FOUNDRY --home "$HOME_DIR" jobs list --reason disk_full --json
rm "$HOME_DIR/filler"
wait $run; echo "run: $?"
cat "$HOME_DIR/../said"
"""


@pytest.mark.parametrize("ballast", ["kept", "lost"])
def test_a_disk_that_fills_up_meanwhile_pauses_the_step_until_there_is_room_again(tmp_path: Path, ballast: str) -> None:
    (tmp_path / "home").mkdir()
    book = tmp_path / "small.html"
    book.write_text(page(chapters=6, sentences=8), encoding="utf-8")
    done = in_namespace(FILLING, ballast=ballast, HOME_DIR=tmp_path / "home", BOOK=book)
    if done.returncode == 77:
        pytest.skip("this user may not mount a tmpfs")
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    full, still_full, *_ = done.stdout.splitlines()
    if ballast == "kept" or homes.wanted_kind() == "postgresql":
        # Without the ballast it is luck: SQLite's log may have room of its own (tests/contract/test_disk_wait.py).
        assert '"reason": "disk_full"' in full, said
    assert '"reason": "disk_full"' in still_full, "a first freed megabyte is not room"
    assert "There is room again" in done.stdout, said
    assert "recovered" not in done.stdout, said
    assert "run: 0" in done.stdout, said
    assert "FAILED" not in done.stdout, said


READ_ONLY = """
set -u
mount --bind "$HOME_DIR" "$HOME_DIR" && mount -o remount,ro,bind "$HOME_DIR" || exit 77
for words in "queue" "book add $BOOK" "produce clerk --narrator nora" "--run-all" "init" "doctor --no-engines"; do
    $FOUNDRY --home "$HOME_DIR" $words; echo "$words: $?"
done
"""


def test_a_read_only_home_is_one_sentence_for_every_verb(foundry: CommandLine, tmp_path: Path) -> None:
    foundry.well("book", "add", write_book(tmp_path / "d"), "--book-id", "clerk")
    done = in_namespace(READ_ONLY, HOME_DIR=foundry.home, BOOK=write_book(tmp_path / "e", "other.html"))
    if done.returncode == 77:
        pytest.skip("this user may not remount a folder")
    assert "Traceback" not in done.stderr, done.stderr
    # An order is a row: it needs no folder where the tables are on a server.
    refused = ("book add", "--run-all") if homes.wanted_kind() == "postgresql" else ("book add", "produce")
    for words in refused:
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(words)]
        assert line.endswith((": 1", ": 2")), done.stdout + done.stderr
    assert "doctor --no-engines: 1" in done.stdout
    assert "cannot be written" in done.stdout
