"""A home in a temporary folder and the real command run on it in real processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import av
import numpy as np

from fakes import command_line, homes

_MARK = "FOUNDRY_TEST_RUN"
_WORKS = {"--run-all", "work"}  # what has helpers, signals and a death of its own


@dataclass
class Press:
    """One home; every process started for it carries a mark, so that orphans can be told."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "foundry_tui", "--home", str(self.home), *self._database(), *words]

    def _database(self) -> list[str]:
        return [] if "FOUNDRY_DATABASE_URL" in self.environment else homes.flags(self.home)

    def env(self) -> dict[str, str]:
        return {**os.environ, **self.environment, _MARK: self.mark}

    def run(self, *words: str, timeout_s: float = 300, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; a verb that only reads and writes, here: starting a program takes a second."""
        if _WORKS & {*words} or _in_a_loop():
            done = subprocess.run(
                self.command(*words),
                env=self.env(),
                capture_output=True,
                text=True,
                timeout=timeout_s,
                stdin=subprocess.DEVNULL,
            )
        else:
            with patch.dict(os.environ, self.environment):
                ran = command_line.run("--home", self.home, *self._database(), *words)
            done = subprocess.CompletedProcess(words, ran.code, ran.out, ran.err)
        if expect is not None:
            assert done.returncode == expect, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(*words),
            env=self.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def rows(self, statement: str, *values: object) -> list[homes.Row]:
        return homes.rows(self.home, statement, *values)

    def finished_chunks(self) -> dict[str, tuple[int, int]]:
        """Chunk files whose rows are committed: artifact -> (inode, mtime in ns)."""
        found = {}
        for row in self.rows("SELECT artifact FROM audio_chunks WHERE status = 'success'"):
            stat = (self.home / row["artifact"]).stat()
            found[row["artifact"]] = (stat.st_ino, stat.st_mtime_ns)
        return found

    def processes(self) -> list[int]:
        """Live processes that carry our mark."""
        wanted = f"{_MARK}={self.mark}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0") and _state(entry) != "Z":
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def m4b(self) -> Path:
        (found,) = self.home.glob("library/*/*/*.m4b")
        return found


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _state(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[0]


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """kill -9 the process and everything it started in its session."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stderr:
        process.stderr.close()


def kill_alone(process: subprocess.Popen[bytes]) -> None:
    """kill -9 the process only; its children have to notice."""
    process.kill()
    process.wait()
    if process.stderr:
        process.stderr.close()


def wait_until(true: Callable[[], object], timeout_s: float, what: str) -> None:
    """Poll a condition; an AssertionError names what never came true."""
    ends = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < ends, f"within {timeout_s} s: {what}"
        time.sleep(0.02)


def decoded(path: Path) -> np.ndarray:
    """Every sample of the file's sound, as float32."""
    return np.concatenate(list(_blocks(path)))


def _blocks(path: Path) -> Iterator[np.ndarray]:
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            yield frame.to_ndarray()[0]


def marks(path: Path) -> list[tuple[str, float, float]]:
    """(title, start s, end s) of the file's chapters."""
    with av.open(str(path)) as container:
        return [
            (
                mark["metadata"]["title"],
                float(mark["start"] * mark["time_base"]),
                float(mark["end"] * mark["time_base"]),
            )
            for mark in container.chapters()
        ]


def json_lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines() if line.strip()]
