"""The connection drops while the console's own workers speak: nothing is lost, and the next run goes on from there."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from fakes import console_home as home_of
from fakes.terminal import Terminal
from foundry_tui.files import TEMP_MARK

PAGE = "<html lang='en'><head><title>The Long Pier</title></head><body><h1>The Long Pier</h1>{0}</body></html>"
PARAGRAPH = (
    "The {0}th lamp on the pier was lit by an old man who had never once been late, though the wind came off the "
    "water and took his hat, and the tide stood high against the piles, and nobody who passed him gave him a word."
)

LAST_TOLD = "SELECT message FROM audiobook_process_events ORDER BY seq DESC LIMIT 1"


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(home / "database" / "foundry.db", timeout=30)) as connection:
        return connection.execute(query).fetchall()


def foundry(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "foundry_tui", "--home", str(home), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def children_of(pid: int) -> set[int]:
    found = set()
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.add(int(place.parent.name))
    return found


def test_a_connection_that_drops_amid_the_work_loses_nothing(settings) -> None:
    home = settings.home
    chapters = (
        f"<h2>Chapter {c}</h2>" + "".join(f"<p>{PARAGRAPH.format(c * 9 + n)}</p>" for n in range(9)) for c in range(2)
    )
    folder = home / "foundry" / "book_0"
    folder.mkdir(parents=True)
    (folder / "book_0.html").write_text(PAGE.format("".join(chapters)), encoding="utf-8")
    home_of.add_books(home, 1)
    home_of.add_narrators(home)
    with home_of.tables(home) as connection:  # by plain SQL, which the workers adopt
        made = "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language) VALUES (?, ?, ?, ?)"
        connection.execute(made, (home_of.stamp(1), "book_0", "amber", "eng"))
    connection.close()

    command = [sys.executable, "-m", "foundry_tui", "--home", str(home), "--workers", "1"]
    spoken = "SELECT count(*) FROM audio_chunks WHERE status = 'success'"
    with Terminal(command, env={"FOUNDRY_SOUND": "off", "SSH_CONNECTION": "10.0.0.1 5 10.0.0.2 22"}) as terminal:
        until = time.monotonic() + 60
        while rows(home, spoken)[0][0] < 3:
            assert time.monotonic() < until, terminal.seen[-800:]
            terminal.read_for(0.05)
        helpers = children_of(terminal.process.pid)
        assert helpers, "an engine's helper runs"
        terminal.hang_up()
        assert terminal.process.wait(timeout=45) == 130
    left = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() for pid in helpers):
        assert time.monotonic() < left, "a helper outlives the console"
        time.sleep(0.05)

    # Nothing is held, nothing is half written; it is no failure and costs no attempt.
    leases = "SELECT name, status, reason, attempt, lease_expires_at FROM jobs WHERE status != 'success'"
    assert rows(home, leases) == [("STEP3_audio_generation", "pending", "shutdown", 0, None)]
    assert "it goes on where it stopped" in rows(home, LAST_TOLD)[0][0]
    done = rows(home, "SELECT artifact, sha256, take FROM audio_chunks WHERE status = 'success'")
    assert 3 <= len(done) < 18, "it was stopped amid the work"
    kept = {artifact: (home / artifact).stat().st_mtime_ns for artifact, _, _ in done}
    assert not [path for path in (home / "foundry").rglob("*") if path.name.startswith(TEMP_MARK)]
    assert rows(home, "SELECT count(*) FROM audiobook_process_events WHERE status = 'failed'") == [(0,)]

    ended = foundry(home, "--run-all")
    assert "1 finished" in ended.stdout + ended.stderr
    assert rows(home, "SELECT status FROM audiobook_productions") == [("success",)]
    again = {artifact: (home / artifact).stat().st_mtime_ns for artifact in kept}
    assert again == kept, "what was spoken before is not spoken again"
    assert list((home / "library").rglob("*.m4b"))
