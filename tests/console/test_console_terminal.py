"""The console in a real pseudo-terminal: silence, signals, a dropped connection, a terminal given back."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from fakes import console_home as home_of
from fakes.terminal import Terminal

LEFT_SCREEN = b"\x1b[?1049l"


def console(settings, *options: str, **env: str) -> Terminal:
    command = [sys.executable, "-m", "foundry_tui", "--home", str(settings.home), "--workers", "0", *options]
    return Terminal(command, env={"FOUNDRY_SOUND": "off", **env})


@pytest.mark.parametrize("options", [(), ("--low-bandwidth",)])
def test_an_idle_console_sends_nothing(settings, options):
    home_of.a_working_day(settings.home)
    with home_of.tables(settings.home) as connection:
        connection.execute("UPDATE jobs SET status = 'failed' WHERE status = 'processing'")
        connection.execute("UPDATE audiobook_productions SET status = 'failed' WHERE status = 'processing'")
    connection.close()
    with console(settings, *options) as terminal:
        terminal.wait_for(b"Amber")
        terminal.quiet_for(1.5)
        assert terminal.read_for(3.0) == b""
        terminal.type("q")
        assert terminal.ends() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(settings, number):
    home_of.a_working_day(settings.home)
    with console(settings) as terminal:
        terminal.wait_for(b"Amber")
        assert terminal.modes()[3] != terminal.before[3], "raw while the console is open"
        terminal.process.send_signal(number)
        assert terminal.ends() == 130
        assert LEFT_SCREEN in terminal.seen
        assert terminal.modes()[3] == terminal.before[3]


def test_a_dropped_connection_ends_it_quietly(settings):
    home_of.a_working_day(settings.home)
    with console(settings) as terminal:
        terminal.wait_for(b"Amber")
        terminal.hang_up()
        assert terminal.process.wait(timeout=20) == 130


def test_a_fault_in_the_screen_ends_with_a_sentence_and_a_restored_terminal(settings, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import foundry_tui.console.widgets.header as header\n"
        "def broken(self):\n    raise RuntimeError('the header fell off')\n"
        "header.Header.render = broken\n"
    )
    with console(settings, PYTHONPATH=str(tmp_path)) as terminal:
        assert terminal.ends() == 1
        assert LEFT_SCREEN in terminal.seen
        assert terminal.modes()[3] == terminal.before[3]
        said = terminal.seen.rpartition(LEFT_SCREEN)[2]
        assert b"the header fell off" in said
        assert b"No work is lost" in said
        assert b"Traceback" not in terminal.seen
        assert "the header fell off" in (settings.home / "logs" / "foundry.log").read_text()


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {}])
def test_without_a_terminal_it_says_what_to_do(settings, env):
    command = [sys.executable, "-m", "foundry_tui", "--home", str(settings.home)]
    if env:
        with Terminal(command, env=env) as terminal:
            assert terminal.ends() == 2
            assert b"--run-all" in terminal.seen
        return
    ended = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert ended.returncode == 2
    assert "--run-all" in ended.stderr


def test_the_frame_is_painted_before_the_store_is_imported(settings):
    script = (
        "import sys\n"
        "from foundry_tui.console.app import ConsoleApp\n"
        "from foundry_tui.settings import load_settings\n"
        "heavy = [name for name in ('sqlalchemy', 'alembic', 'numpy', 'av', 'lxml', 'scipy') if name in sys.modules]\n"
        "assert not heavy, heavy\n"
        "def first_frame(app):\n"
        "    heavy = [name for name in ('sqlalchemy', 'alembic', 'numpy') if name in sys.modules]\n"
        "    assert not heavy, heavy\n"
        "    app.exit(7 if app.header.size.width > 0 else 8)\n"
        "ConsoleApp._open_house = first_frame\n"
        f"app = ConsoleApp(load_settings(home=__import__('pathlib').Path({str(settings.home)!r})))\n"
        "sys.exit(app.run(headless=True))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == 7, ended.stderr
