"""A run that is told to stop: real processes, real signals, nothing lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from fakes import homes
from fakes.command_line import CommandLine

WAIT_S = 90


@pytest.fixture
def foundry(tmp_path: Path) -> CommandLine:
    line = CommandLine(tmp_path / "home")
    line.well("init")
    line.well("produce", "tin_kettle")
    return line


def start(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "foundry_tui", "--home", str(home), *homes.flags(home), "--run-all", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until_speaking(process: subprocess.Popen[str]) -> None:
    """Read its lines until chunks are being made."""
    assert process.stdout is not None
    for text in process.stdout:
        line = json.loads(text)
        if line["type"] == "progress" and any(step["audio_s"] for step in line["steps"]):
            return
    raise AssertionError("it ended before it spoke")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_run_with_130_and_the_next_one_goes_on(foundry: CommandLine, number: signal.Signals) -> None:
    process = start(foundry.home)
    until_speaking(process)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, number)  # as a terminal does: to everybody in the foreground
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert any(line["type"] == "stopping" and number.name in line["message"] for line in lines)
    summary = lines[-1]
    assert summary["interrupted"]
    assert [made["outcome"] for made in summary["productions"]] == ["pending"]
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    (row,) = foundry.well("queue", "--json").json
    assert row["next_step"] == "STEP3_audio_generation"
    assert row["attempt"] == 0, "stopping costs nothing"
    kept = len(list((foundry.home / "foundry").rglob("*.flac")))
    assert kept > 0
    if number is signal.SIGHUP:  # going on is the same whatever stopped it
        return
    made_before = {path: path.stat().st_mtime_ns for path in (foundry.home / "foundry").rglob("*.flac")}
    assert foundry.well("--run-all", "--json").lines[-1]["counts"] == {"success": 1}
    assert all(path.stat().st_mtime_ns == moment for path, moment in made_before.items())


def test_a_reader_that_goes_away_does_not_stop_the_work(foundry: CommandLine) -> None:
    with start(foundry.home) as process:
        until_speaking(process)
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
        assert process.wait(WAIT_S) == 0
    assert foundry.well("queue", "--json").json == []
