"""The daemon that works a home's queue in the background: asking for it, being it, starting one that outlives us."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATIENCE_S = 20.0
_STARTER = """
import subprocess, sys
nowhere = subprocess.DEVNULL
started = subprocess.Popen(sys.argv[1:], start_new_session=True, stdin=nowhere, stdout=nowhere, stderr=nowhere)
print(started.pid)
"""


def lock_file(home: Path) -> Path:
    """The file a daemon holds locked while it lives; its text is the pid."""
    return home / "database" / "work.lock"


def running_daemon(home: Path) -> int | None:
    """The pid of the daemon of this home on this machine (0 where it does not say); None where none lives."""
    try:
        with lock_file(home).open("r", encoding="ascii") as file:
            try:
                # Shared: two that ask at once must not take each other for a daemon.
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read().strip()
                return int(text) if text.isdigit() else 0
            return None
    except OSError:
        return None


@contextmanager
def hold_lock(home: Path, patience_s: float = 1.0) -> Iterator[bool]:
    """Be the daemon of ``home`` for the block; False where another is. Who only asks holds it for a moment."""
    path = lock_file(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not _locked(handle, patience_s):
            yield False
            return
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode("ascii"))
        yield True
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _locked(handle: int, patience_s: float) -> bool:
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
        else:
            return True


def start_daemon(home: Path, *, top: Path, environment: str, database_url: str, workers: int) -> int | None:
    """Start ``foundry-tui work`` in a session of its own; its pid once it holds the lock, else None. It blocks.

    ``top`` is the home as ``--home`` names it, ``home`` the tree in use. The address goes by the environment: a
    password has no place in a list of processes.
    """
    command = [sys.executable, "-m", "foundry_tui", "--home", str(top), "--env", environment]
    command += ["work", "--workers", str(max(1, workers))]
    # By way of a process that ends at once: the daemon is nobody's child, and leaves no zombie with the console.
    asked = subprocess.run(  # noqa: S603 - our own program, arguments apart
        [sys.executable, "-c", _STARTER, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        text=True,
        env={**os.environ, "FOUNDRY_DATABASE_URL": database_url},
    )
    if asked.returncode:
        return None
    started = int(asked.stdout)
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        pid = running_daemon(home)
        if pid is not None:
            return pid or started
        if not Path("/proc", str(started)).exists() and Path("/proc/self").exists():
            return None
        time.sleep(0.05)
    return None
