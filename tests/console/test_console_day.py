"""An operator's day in a real terminal: from an empty home to a published audiobook, and a connection that drops."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from fakes.tmux import Tmux
from foundry_tui.operations.daemon import running_daemon

SENTENCE = "The quiet harbour kept its boats close while evening came down over the long grey water."


def book(title: str) -> str:
    chapters = "".join(f"<h2>Chapter {n}</h2>" + f"<p>{SENTENCE} Number {n}.</p>" * 3 for n in (1, 2))
    return f"<html lang='en'><head><title>{title}</title></head><body><h1>{title}</h1>{chapters}</body></html>"


def statuses(home: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(home / "database" / "foundry.db", timeout=30)) as connection:
        return [row[0] for row in connection.execute("SELECT status FROM audiobook_productions ORDER BY audiobook_id")]


def reached(home: Path, wanted: list[str], seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while (found := statuses(home)) != wanted:
        assert time.monotonic() < until, f"{found} is not {wanted}"
        time.sleep(0.2)


@pytest.mark.parametrize("size", [(80, 24), pytest.param((140, 40), marks=pytest.mark.torture)])
def test_an_operators_day(size: tuple[int, int], tmp_path: Path) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    home, shelf = tmp_path / "home", tmp_path / "shelf"
    shelf.mkdir()
    for name in ("Amber Bay", "Bold Tide", "Calm Shore"):
        (shelf / f"{name.split()[0].lower()}.html").write_text(book(name), encoding="utf-8")
    command = [sys.executable, "-m", "foundry_tui", "--home", str(home)]
    env = {"FOUNDRY_SOUND": "off", "TERM": "xterm-256color"}
    with Tmux(size, tmp_path) as terminal:
        # First run: every pane says what comes next; three books at once.
        terminal.start(command, env)
        terminal.sees("No books yet", "Welcome")
        terminal.keys("a")
        terminal.sees("Add books")
        terminal.type(";".join(str(path) for path in sorted(shelf.iterdir())))
        terminal.keys("Enter", "Enter", "Enter", "Enter")
        terminal.sees("Catalog · 3", "Amber Bay")
        # A narrator from the engine's real voices, with a sample, heard beforehand.
        terminal.keys("2", "a")
        terminal.sees("A new narrator")
        terminal.type("Rowan Field")
        terminal.keys("Down", "Down", "Down", "Down", "C-o")
        terminal.sees("Voices of espeak")
        terminal.type("en-gb")
        terminal.keys("Enter")
        terminal.sees("Voice            en-gb")
        terminal.keys(*["Down"] * 5, "Enter")
        terminal.sees("Narrators · 1", "Rowan Field", "– none")
        terminal.keys("s")
        terminal.sees("♪ sample")
        terminal.keys("t")
        terminal.sees("Audition: Rowan Field")
        terminal.keys("Enter")
        terminal.sees("LUFS", "Sound is off here")
        terminal.keys("Escape")
        # Two books made: one is published, the other's file has gone, which is told, mended and requeued.
        terminal.sees("♪ sample", "enter open")
        with contextlib.suppress(StopIteration):
            gone = next(home.glob("foundry/bold*/*.html"))
            gone.rename(tmp_path / "away.html")
        terminal.keys("1", "Space", "Space", "m")
        terminal.sees("Who reads these 2 books?")
        terminal.keys("Enter")
        terminal.sees("in the queue")
        reached(home, ["success", "failed"])
        terminal.keys("3")
        terminal.sees("Queue · 1", "✗ failed", "Bold Tide")
        terminal.keys("e")
        terminal.sees("Why it failed", "What to do")
        terminal.keys("Escape")
        (tmp_path / "away.html").rename(gone)
        terminal.keys("r")
        reached(home, ["success", "success"])
        terminal.sees("● 2 done", "Nothing to make")
        terminal.keys("4")
        terminal.sees("The audiobook is finished.")
        assert sorted(path.name for path in home.glob("library/**/*.m4b"))
        # The work is handed over, the connection drops, and one comes back to a finished book.
        terminal.keys("B")
        terminal.sees("works on", "daemon")
        pid = running_daemon(home)
        assert pid
        try:
            terminal.keys("1", "G", "m")
            terminal.sees("Who reads Calm Shore?")
            terminal.keys("Enter")
            terminal.sees("in the queue")
            terminal.hang_up()
            reached(home, ["success", "success", "success"])
            terminal.start(command, env)
            terminal.sees("● 3 done", f"daemon {pid}", "watches and steers")
            terminal.keys("q")
            terminal.sees("ENDED 0")
        finally:
            os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 30
        while running_daemon(home) is not None:
            assert time.monotonic() < until
            time.sleep(0.1)
