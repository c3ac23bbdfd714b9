"""The daemon that works a home's queue in the background: is there one, and starting one that outlives us."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foundry_tui.settings import Settings

_PATIENCE_S = 15.0


def lock_file(home: Path) -> Path:
    """The file a daemon holds locked while it lives; its text is the pid."""
    return home / "database" / "work.lock"


def running_daemon(home: Path) -> int | None:
    """The pid of the daemon of this home on this machine; None where none lives."""
    try:
        with lock_file(home).open("r+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().strip()
                return int(text) if text.isdigit() else 0
            return None
    except OSError:
        return None


def start_daemon(settings: Settings) -> int | None:
    """Start ``foundry-tui work`` in a session of its own; its pid once it holds the lock, else None."""
    command = [sys.executable, "-m", "foundry_tui", "--home", str(_top(settings))]
    command += ["--env", settings.environment, "--database-url", settings.database_url]
    command += ["work", "--workers", str(settings.workers)]
    process = subprocess.Popen(  # noqa: S603 - our own program, arguments apart
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "FOUNDRY_HOME": str(_top(settings))},
    )
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        pid = running_daemon(settings.home)
        if pid is not None:
            return pid or process.pid
        if process.poll() is not None:
            return None
        time.sleep(0.05)
    return None


def _top(settings: Settings) -> Path:
    return settings.home.parent if settings.environment == "alpha" else settings.home
