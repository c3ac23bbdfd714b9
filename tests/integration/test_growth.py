"""Years of history cost a verb next to nothing: neither memory nor work grows with what is finished."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from fakes import homes
from fakes.console_home import make_template
from fakes.long_history import write_history


def cost(home: Path, *arguments: str) -> tuple[float, float]:
    """(CPU s, peak MB) of one command."""
    process = subprocess.Popen(
        [sys.executable, "-m", "foundry_tui", "--home", str(home), *homes.flags(home), *arguments],
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def test_what_is_finished_costs_nothing(tmp_path: Path) -> None:
    young = make_template(tmp_path / "young")
    old = homes.copy(young, tmp_path / "old")
    write_history(young, 10)
    write_history(old, 3000)
    for arguments in (("queue", "--json"), ("--run-all", "--json")):
        before, now = (cost(home, *arguments) for home in (young, old))
        assert now[0] < 2.5 * before[0], (arguments, before, now)
        assert now[1] < before[1] + 32, (arguments, before, now)
