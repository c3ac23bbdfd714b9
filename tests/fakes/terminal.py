"""A real pseudo-terminal around a program: what it sends, and what it is sent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from typing import Self


class Terminal:
    """``seen`` is every byte the program has sent."""

    def __init__(
        self, command: Sequence[str], *, size: tuple[int, int] = (100, 30), env: Mapping[str, str] | None = None
    ) -> None:
        self._command = list(command)
        self._size = size
        # A size in the environment would stand above that of the terminal; a pool of test processes sets one.
        around = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        self._env = {**around, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **(env or {})}
        self.seen = b""

    def __enter__(self) -> Self:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", self._size[1], self._size[0], 0, 0))
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            self._command, stdin=slave, stdout=slave, stderr=slave, env=self._env, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - the controlling terminal
        )  # fmt: skip
        self._slave = slave
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for handle in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(handle)

    def read_for(self, seconds: float) -> bytes:
        """What comes within ``seconds``."""
        came, until = b"", time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self._master], [], [], left)[0]:
                break
            try:
                piece = os.read(self._master, 65536)
            except OSError:
                break
            came += piece
        self.seen += came
        return came

    def wait_for(self, words: bytes, seconds: float = 90.0) -> None:
        """Read until ``words`` have been sent."""
        until = time.monotonic() + seconds
        while words not in self.seen:
            assert time.monotonic() < until, f"not sent: {words!r}; the end of what was: {self.seen[-600:]!r}"
            self.read_for(0.1)

    def quiet_for(self, seconds: float, patience: float = 90.0) -> None:
        """Read until nothing has been sent for ``seconds``."""
        until = time.monotonic() + patience
        while self.read_for(seconds):
            assert time.monotonic() < until, "it never falls silent"

    def type(self, keys: str) -> None:
        """Send keys."""
        os.write(self._master, keys.encode())

    def hang_up(self) -> None:
        """The connection drops: the kernel sends SIGHUP."""
        os.close(self._slave)
        os.close(self._master)

    def modes(self) -> list[object]:
        """The terminal's settings now."""
        return termios.tcgetattr(self._slave)

    def ends(self, seconds: float = 60.0) -> int:
        """The exit code, read along until then."""
        until = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < until:
            self.read_for(0.05)
        self.read_for(0.05)
        return self.process.wait(timeout=10)
