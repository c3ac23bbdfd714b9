"""A program in tmux: keys sent, the screen read as text. A server of its own, ended with the block."""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

_NOT_OURS = {"TMUX", "SSH_CONNECTION", "SSH_TTY", "COLUMNS", "LINES"}


class Tmux:
    """One session of ``size`` with one program in it."""

    def __init__(self, size: tuple[int, int], folder: Path) -> None:
        self._name = f"foundry_{secrets.token_hex(4)}"
        self._size = size
        self._folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server", check=False)

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        command = ["tmux", "-L", self._name, "-f", "/dev/null", *arguments]
        env = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
        ended = subprocess.run(command, capture_output=True, text=True, env={**env, "LANG": "C.UTF-8"})
        assert not check or ended.returncode == 0, ended.stderr
        return ended.stdout

    def start(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Begin the program; its exit code is shown when it ends."""
        pairs = " ".join(f"{name}={shlex.quote(value)}" for name, value in env.items())
        line = f"cd {shlex.quote(str(self._folder))}; {pairs} {shlex.join(command)}; echo ENDED $?; exec cat"
        width, height = (str(number) for number in self._size)
        self._tmux("-u", "new-session", "-d", "-x", width, "-y", height, "-s", "day", line)
        self._tmux("set", "-g", "escape-time", "0")

    def hang_up(self) -> None:
        """The connection drops: everything in it gets SIGHUP."""
        self._tmux("kill-session", "-t", "day")

    def screen(self) -> str:
        """What is seen."""
        return self._tmux("capture-pane", "-p", "-t", "day", check=False)

    def sees(self, *words: str, seconds: float = 90.0) -> str:
        """Wait until all of ``words`` are on the screen."""
        until = time.monotonic() + seconds
        while not all(word in (seen := self.screen()) for word in words):
            assert time.monotonic() < until, f"not seen: {words}\n{seen}"
            time.sleep(0.1)
        return seen

    def gone(self, *words: str, seconds: float = 30.0) -> str:
        """Wait until none of ``words`` is on the screen: what lay over it has been closed."""
        until = time.monotonic() + seconds
        while any(word in (seen := self.screen()) for word in words):
            assert time.monotonic() < until, f"still seen: {words}\n{seen}"
            time.sleep(0.05)
        return seen

    def keys(self, *named: str) -> None:
        """Press keys by tmux's names."""
        for key in named:
            self._tmux("send-keys", "-t", "day", key)
            time.sleep(0.15)  # a hand is not faster; Escape and the next key are two keys

    def type(self, text: str) -> None:
        """Type a text."""
        self._tmux("send-keys", "-t", "day", "-l", text)
