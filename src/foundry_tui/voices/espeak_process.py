"""Our end of the pipes to espeak_helper: starts it, tells replies apart, notices when it ends, starts it again."""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundry_tui.errors import EngineMissing, EngineRefused, SpeechRejected

HELPER = Path(__file__).with_name("espeak_helper.py")
START_TIMEOUT_S = 20.0
END_TIMEOUT_S = 1.0

Reply = tuple[dict[str, Any], bytes]


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


class EspeakProcess:
    """The helper, as one asynchronous call. Used from one event loop."""

    def __init__(self, command: HelperCommand) -> None:
        self._command = command
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._lanes = asyncio.Semaphore(command.lanes)
        self._running: _Running | None = None
        self._version = ""
        self._closed = False
        self._singles: set[Process] = set()

    async def ask(self, request: dict[str, Any]) -> Reply:
        """The helper's reply to one request. SpeechRejected where the helper ended before it answered."""
        request = {**request, "id": next(self._numbers)}
        if not self._command.fork:
            async with self._lanes:
                return await self._ask_once(request)
        running = await self._ready()
        return await running.ask(request)

    async def version(self) -> str:
        """espeak-ng's own version."""
        if not self._version:
            if self._command.fork:
                await self._ready()
            else:
                reply, _ = await self.ask({"op": "version"})
                self._version = reply["version"]
        return self._version

    async def close(self) -> None:
        """End the helper and whatever it speaks: at most a second, then it is killed."""
        self._closed = True
        async with self._starting:
            running, self._running = self._running, None
            if running:
                await running.close()
        for process in list(self._singles):
            process.kill()

    async def _ready(self) -> _Running:
        async with self._starting:
            if self._closed:
                raise EngineRefused("The espeak engine was closed.")
            if self._running and self._running.alive:
                return self._running
            if self._running:
                await self._running.close()
            self._running = await self._start()
            return self._running

    async def _start(self) -> _Running:
        process = await _spawn(self._command)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                hello, _ = await _read(process)
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            await _end(process)
            raise EngineMissing("The espeak helper process did not start.") from error
        except BaseException:
            await _end(process)
            raise
        if not hello["ok"]:
            await _end(process)
            raise EngineMissing(f"The espeak library cannot be used here: {hello['message']}")
        self._version = hello["version"]
        return _Running(process)

    async def _ask_once(self, request: dict[str, Any]) -> Reply:
        if self._closed:
            raise EngineRefused("The espeak engine was closed.")
        process = await _spawn(self._command)
        self._singles.add(process)
        if self._closed:  # while it was being started
            process.kill()
        try:
            _write(process, request)
            reply = await _read(process)
        except (asyncio.IncompleteReadError, OSError):
            reply = {"ok": False, "error": "crashed", "status": await process.wait()}, b""
        except BaseException:
            process.kill()
            raise
        finally:
            self._singles.discard(process)
            await _end(process)
        return reply


class _Running:
    """A helper that said hello."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._asked: dict[int, asyncio.Future[Reply]] = {}
        self._ended = False
        self._listener = asyncio.create_task(self._listen(), name="espeak helper replies")

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return not self._ended

    async def ask(self, request: dict[str, Any]) -> Reply:
        number = request["id"]
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            if self._ended:
                raise _gone()
            _write(self._process, request)
            return await answer
        except asyncio.CancelledError:
            if not self._ended:
                _write(self._process, {"id": number, "op": "cancel"})
            raise
        finally:
            self._asked.pop(number, None)

    async def close(self) -> None:
        await _end(self._process)
        await self._listener

    async def _listen(self) -> None:
        try:
            while True:
                header, pcm = await _read(self._process)
                waiting = self._asked.get(header["id"])
                if waiting and not waiting.done():
                    waiting.set_result((header, pcm))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._ended = True
            for waiting in self._asked.values():
                if not waiting.done():
                    waiting.set_exception(_gone())
            await _end(self._process)


def _gone() -> SpeechRejected:
    return SpeechRejected("The espeak helper process ended; it is started again.")


async def _spawn(command: HelperCommand) -> Process:
    try:
        return await asyncio.create_subprocess_exec(*command.arguments(), stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    except OSError as error:
        raise EngineMissing(f"The espeak helper process cannot be started: {error.strerror}.") from error


def _write(process: Process, request: dict[str, Any]) -> None:
    """Small frames: the transport buffers what the pipe does not take at once."""
    assert process.stdin is not None
    frame = json.dumps(request).encode()
    process.stdin.write(struct.pack(">I", len(frame)) + frame)


async def _read(process: Process) -> Reply:
    assert process.stdout is not None
    (size,) = struct.unpack(">I", await process.stdout.readexactly(4))
    header: dict[str, Any] = json.loads(await process.stdout.readexactly(size))
    pcm = await process.stdout.readexactly(header["bytes"]) if header["bytes"] else b""
    return header, pcm


async def _end(process: Process) -> None:
    """Close its stdin, which ends it; kill it where that takes too long."""
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        try:
            async with asyncio.timeout(END_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
