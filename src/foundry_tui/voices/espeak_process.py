"""espeak_helper as the engine uses it: one helper that forks, or a fresh one for every chunk where nothing can fork."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundry_tui.errors import EngineRefused
from foundry_tui.voices.helper_process import HelperProcess, Reply, end, read_frame, spawn, write_frame

HELPER = Path(__file__).with_name("espeak_helper.py")


@dataclass(frozen=True, slots=True)
class HelperCommand:
    """What the helper is started with; ``fork`` False starts a fresh process for every chunk."""

    library: Path
    data: Path
    lanes: int
    fork: bool

    def arguments(self) -> list[str]:
        """The command line. -I and -S: nothing of the operator's Python environment, and a quick start."""
        once = [] if self.fork else ["--once"]
        return [sys.executable, "-I", "-S", str(HELPER), str(self.library), str(self.data), str(self.lanes), *once]


class FreshProcesses:
    """A process a request, ``lanes`` at once; asked as HelperProcess is."""

    def __init__(self, command: HelperCommand) -> None:
        self._arguments = command.arguments()
        self._lanes = asyncio.Semaphore(command.lanes)
        self._speaking: set[Process] = set()
        self._version = ""
        self._closed = False

    async def ask(self, request: dict[str, Any]) -> Reply:
        """The reply of a process of its own."""
        async with self._lanes:
            if self._closed:
                raise EngineRefused("The espeak engine was closed.")
            process = await spawn("espeak", self._arguments)
            self._speaking.add(process)
            if self._closed:  # while it was being started
                process.kill()
            try:
                write_frame(process, {**request, "id": 1})
                reply = await read_frame(process)
            except (asyncio.IncompleteReadError, OSError):
                reply = {"ok": False, "error": "crashed", "status": await process.wait()}, b""
            except BaseException:
                process.kill()
                raise
            finally:
                self._speaking.discard(process)
                await end(process)
            return reply

    async def version(self) -> str:
        """espeak-ng's own version."""
        if not self._version:
            reply, _ = await self.ask({"op": "version"})
            self._version = str(reply["version"])
        return self._version

    async def close(self) -> None:
        """End every process."""
        self._closed = True
        for process in list(self._speaking):
            process.kill()


def espeak_process(command: HelperCommand) -> HelperProcess | FreshProcesses:
    """The one or the other, as the system allows."""
    return HelperProcess("espeak", command.arguments()) if command.fork else FreshProcesses(command)
