"""An operator's day in a real terminal: from an empty home to published audiobooks, and a connection that drops."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import speech_servers
from fakes.speech_servers import SpeechServer
from fakes.standin_engine import speech_of
from fakes.tmux import Tmux
from foundry_tui.operations.daemon import running_daemon

SENTENCE = "The quiet harbour of {} kept its boats close while evening came down over the long grey water."


def book(title: str) -> str:
    said = SENTENCE.format(title)
    chapters = "".join(
        f"<h2>Chapter {n}</h2>" + "".join(f"<p>{said} Number {n}{k}.</p>" for k in (1, 2, 3)) for n in (1, 2)
    )
    return f"<html lang='en'><head><title>{title}</title></head><body><h1>{title}</h1>{chapters}</body></html>"


def told(home: Path, query: str) -> list[tuple]:
    with contextlib.closing(sqlite3.connect(home / "database" / "foundry.db", timeout=30)) as connection:
        return connection.execute(query).fetchall()


def statuses(home: Path) -> list[str]:
    return [row[0] for row in told(home, "SELECT status FROM audiobook_productions ORDER BY audiobook_id")]


def reached(home: Path, wanted: list[str], seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while (found := statuses(home)) != wanted:
        assert time.monotonic() < until, f"{found} is not {wanted}"
        time.sleep(0.1)


@pytest.fixture
def voice(monkeypatch: pytest.MonkeyPatch) -> Iterator[SpeechServer]:
    """An engine on loopback that never says a thing twice the same way, and that can be told to refuse."""
    nth = itertools.count()
    speech = lambda text, _rate, _speed: speech_of(f"{next(nth)}", text, len(text) / 15).pcm  # noqa: E731
    monkeypatch.setattr(speech_servers, "tone", speech)
    server, loop = SpeechServer(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    yield server
    asyncio.run_coroutine_threadsafe(server.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.parametrize("size", [(80, 24), pytest.param((140, 40), marks=pytest.mark.torture)])
def test_an_operators_day(size: tuple[int, int], tmp_path: Path, voice: SpeechServer) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    home, shelf = tmp_path / "home", tmp_path / "shelf"
    shelf.mkdir()
    for name in ("Amber Bay", "Bold Tide", "Calm Shore"):
        (shelf / f"{name.split()[0].lower()}.html").write_text(book(name), encoding="utf-8")
    command = [sys.executable, "-m", "foundry_tui", "--home", str(home)]
    env = {
        "FOUNDRY_SOUND": "off", "TERM": "xterm-256color", "OPENAI_BASE_URL": f"{voice.base}/v1",
        "OPENAI_API_KEY": "right", "FOUNDRY_OPENAI_MODEL": "speech-1",
    }  # fmt: skip
    with Tmux(size, tmp_path) as terminal:
        first_run(terminal, command, env, shelf)
        a_narrator_heard(terminal)
        two_books_made(terminal, home, voice)
        one_chunk_mended(terminal, home, voice)
        handed_over(terminal, command, env, home)


def first_run(terminal: Tmux, command: list[str], env: dict[str, str], shelf: Path) -> None:
    """Every pane says what comes next; three books at once."""
    terminal.start(command, env)
    terminal.sees("No books yet", "Welcome")
    terminal.keys("a")
    terminal.sees("Add books")
    terminal.type(f"{shelf}/")
    terminal.keys("Enter", "Enter", "Enter", "Enter")
    terminal.sees("Catalog · 3", "Amber Bay")


def a_narrator_heard(terminal: Tmux) -> None:
    """A narrator from the engine's real voices, with a sample, heard beforehand."""
    terminal.keys("2", "a")
    terminal.sees("A new narrator")
    terminal.type("Rowan Field")
    terminal.sees("Name             Rowan Field")
    terminal.keys("Down", "Down", "Down", "C-u")
    terminal.gone("espeak")
    terminal.type("openai")
    terminal.sees("Engine           openai")
    terminal.keys("Down", "C-o")
    terminal.sees("Voices of openai", "nova")
    terminal.type("nova")
    terminal.keys("Enter")
    terminal.gone("Voices of openai")
    terminal.keys(*["Down"] * 5, "Enter")
    terminal.sees("Narrators · 1", "Rowan Field", "– none")
    terminal.keys("s")
    terminal.sees("♪ sample")
    terminal.keys("t")
    terminal.sees("Audition: Rowan Field")
    terminal.keys("Enter")
    terminal.sees("LUFS", "Sound is off here")
    terminal.keys("Escape")
    terminal.gone("Audition:")


def two_books_made(terminal: Tmux, home: Path, voice: SpeechServer) -> None:
    """One is published; the engine refuses the other, which is told, mended and requeued where it is read."""
    make(terminal, "1", "g", title="Amber Bay")
    reached(home, ["success"])
    voice.script = ["401"] * 500
    make(terminal, "1", "j", title="Bold Tide")
    reached(home, ["success", "failed"])
    terminal.keys("3")
    terminal.sees("Queue · 1", "✗ failed", "Bold Tide")
    terminal.keys("e")
    terminal.sees("Why it failed", "What to do", "refused the key")
    voice.script = []
    terminal.keys("r")
    terminal.gone("Why it failed")
    reached(home, ["success", "success"])
    terminal.sees("● 2 done", "Nothing to make")
    terminal.keys("4")
    terminal.sees("The audiobook is finished.")
    assert len(list(home.glob("library/**/*.m4b"))) == 2


def make(terminal: Tmux, *way: str, title: str) -> None:
    """Order an audiobook of the book the keys lead to."""
    terminal.keys(*way, "m")
    terminal.sees(f"Who reads {title}?")
    terminal.keys("Enter")
    terminal.sees("in the queue")


def one_chunk_mended(terminal: Tmux, home: Path, voice: SpeechServer) -> None:
    """The words of one chunk are changed, then another take of it is asked for: only that one is spoken again."""
    terminal.keys("3", "v", "v")
    terminal.sees("finished · 2", "Bold Tide")
    terminal.keys("g", "Enter")
    terminal.sees("STEP7_publishing")
    terminal.keys("]", "]")
    terminal.sees("[Chunks]", "The quiet harbour")
    before = len(voice.requests)
    terminal.keys("j", "c")
    terminal.sees("As it is said")
    terminal.type(" And so it stayed.")
    terminal.sees("And so", "stayed.")  # it may stand on two lines
    terminal.keys("F3")
    terminal.sees("y Rebuild")
    terminal.keys("y")
    terminal.gone("y Rebuild")
    until = time.monotonic() + 60
    while len(voice.requests) == before:
        assert time.monotonic() < until
        time.sleep(0.1)
    reached(home, ["success", "success"])
    terminal.sees("● done  ●●●●●●●")
    said = [request["input"] for request in voice.requests[before:]]
    assert len(said) == 1
    assert said[0].endswith("And so it stayed.")
    mended = len(voice.requests)
    terminal.keys("R")
    terminal.sees("Retake?")
    terminal.keys("y")
    terminal.gone("Retake?")
    takes = "SELECT count(*) FROM audio_chunks WHERE take > 0 AND status = 'success'"
    until = time.monotonic() + 60
    while told(home, takes) != [(1,)]:
        assert time.monotonic() < until
        time.sleep(0.1)
    reached(home, ["success", "success"])
    assert len(voice.requests) == mended + 1, "one chunk, one request"
    terminal.keys("Escape")
    terminal.gone("[Chunks]")


def handed_over(terminal: Tmux, command: list[str], env: dict[str, str], home: Path) -> None:
    """The work is handed over, the connection drops, and one comes back to a finished book."""
    terminal.keys("B")
    terminal.sees("works on", "daemon")
    pid = running_daemon(home)
    assert pid
    try:
        make(terminal, "1", "G", title="Calm Shore")
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
