"""Our end of the pipes to a helper process: starts it, tells replies apart, notices when it ends, starts it again.

Frames both ways are a 4-byte big-endian length and JSON; a reply's ``bytes`` says how much PCM follows it. A helper
says hello first (id 0, ``ok``, ``version``), and ends at the end of its stdin.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from typing import Any

from foundry_tui.errors import EngineMissing, EngineRefused, SpeechRejected
from foundry_tui.voices.helper_memory import MOST_GROWTH_BYTES, Growth

END_TIMEOUT_S = 1.0
ANSWER_TIMEOUT_S = 300.0  # a long chunk of a large model on a slow machine, with others before it

Reply = tuple[dict[str, Any], bytes]


class HelperProcess:
    """A helper, as one asynchronous call. Used from one event loop; started when first asked.

    One that has grown by more than ``most_growth_bytes`` answers what it was asked, ends, and is started afresh.
    """

    def __init__(
        self,
        engine: str,
        arguments: Sequence[str],
        *,
        start_timeout_s: float = 20.0,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        most_growth_bytes: int = MOST_GROWTH_BYTES,
    ) -> None:
        self.hello: dict[str, Any] = {}
        self._answer_timeout_s = answer_timeout_s
        self._most_growth_bytes = most_growth_bytes
        self._engine = engine
        self._arguments = tuple(arguments)
        self._start_timeout_s = start_timeout_s
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._running: _Running | None = None
        self._closed = False

    async def ask(self, request: dict[str, Any]) -> Reply:
        """The helper's reply to one request. SpeechRejected where it ended, or fell silent, before it answered."""
        running = await self._ready()
        try:
            async with asyncio.timeout(self._answer_timeout_s):
                return await running.ask({**request, "id": next(self._numbers)})
        except TimeoutError as error:
            # Nobody can say what it is at: what else it was asked is asked again of the next one.
            running.process.kill()
            said = f"The {self._engine} helper process did not answer for {self._answer_timeout_s:g} s"
            raise SpeechRejected(f"{said}; it is started again.") from error

    async def version(self) -> str:
        """What the helper said of itself at its start."""
        if not self.hello:
            await self._ready()
        return str(self.hello["version"])

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._running.process.pid if self._running and self._running.alive else None

    async def close(self) -> None:
        """End the helper and whatever it speaks: at most a second, then it is killed."""
        self._closed = True
        async with self._starting:
            running, self._running = self._running, None
            if running:
                await running.close()

    async def _ready(self) -> _Running:
        async with self._starting:
            if self._closed:
                raise EngineRefused(f"The {self._engine} engine was closed.")
            if self._running and self._running.alive:
                if not self._running.growth.too_much:
                    return self._running
                await self._running.idle.wait()
            if self._running:
                await self._running.close()
            self._running = await self._start()
            return self._running

    async def _start(self) -> _Running:
        process = await spawn(self._engine, self._arguments)
        try:
            async with asyncio.timeout(self._start_timeout_s):
                hello, _ = await read_frame(process)
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            await end(process)
            raise EngineMissing(f"The {self._engine} helper process did not start.") from error
        except BaseException:
            await end(process)
            raise
        if not hello["ok"]:
            await end(process)
            raise EngineMissing(f"The engine {self._engine} cannot be used here: {hello['message']}")
        self.hello = hello
        return _Running(self._engine, process, Growth(process.pid, self._most_growth_bytes))


class _Running:
    """A helper that said hello."""

    def __init__(self, engine: str, process: Process, growth: Growth) -> None:
        self.process = process
        self.growth = growth
        self.idle = asyncio.Event()  # nothing is asked of it
        self.idle.set()
        self._engine = engine
        self._asked: dict[int, asyncio.Future[Reply]] = {}
        self._ended = False
        self._listener = asyncio.create_task(self._listen(), name=f"{engine} helper replies")

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return not self._ended

    async def ask(self, request: dict[str, Any]) -> Reply:
        number = request["id"]
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self.idle.clear()
        try:
            if self._ended:
                raise _gone(self._engine)
            write_frame(self.process, request)
            return await answer
        except asyncio.CancelledError:
            if not self._ended:
                write_frame(self.process, {"id": number, "op": "cancel"})
            raise
        finally:
            self._asked.pop(number, None)
            if not self._asked:
                self.idle.set()

    async def close(self) -> None:
        await end(self.process)
        await self._listener

    async def _listen(self) -> None:
        try:
            while True:
                header, pcm = await read_frame(self.process)
                self.growth.replied()
                waiting = self._asked.get(header["id"])
                if waiting and not waiting.done():
                    waiting.set_result((header, pcm))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._ended = True
            for waiting in self._asked.values():
                if not waiting.done():
                    waiting.set_exception(_gone(self._engine))
            await end(self.process)


def _gone(engine: str) -> SpeechRejected:
    return SpeechRejected(f"The {engine} helper process ended; it is started again.")


async def spawn(engine: str, arguments: Sequence[str]) -> Process:
    """Start a process with pipes for stdin and stdout; EngineMissing where that cannot be."""
    try:
        return await asyncio.create_subprocess_exec(*arguments, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    except OSError as error:
        raise EngineMissing(f"The {engine} process cannot be started: {error.strerror}.") from error


def write_frame(process: Process, request: dict[str, Any]) -> None:
    """Small frames: the transport buffers what the pipe does not take at once."""
    assert process.stdin is not None
    frame = json.dumps(request).encode()
    process.stdin.write(struct.pack(">I", len(frame)) + frame)


async def read_frame(process: Process) -> Reply:
    """The next reply; IncompleteReadError at the end of its stdout."""
    assert process.stdout is not None
    (size,) = struct.unpack(">I", await process.stdout.readexactly(4))
    header: dict[str, Any] = json.loads(await process.stdout.readexactly(size))
    pcm = await process.stdout.readexactly(header["bytes"]) if header["bytes"] else b""
    return header, pcm


async def end(process: Process) -> None:
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
