"""Playing one sound at a time: through a subprocess player, or as a one-time link on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from foundry_tui.console.sinks import Sink

_LINK_S = 300.0
_MAX_REQUEST = 8192


@dataclass(frozen=True, slots=True)
class Playing:
    """What is being heard, or offered. ``link`` where it waits for a browser."""

    name: str
    seconds: float
    began: float
    link: str = ""

    def position_s(self, now: float) -> float:
        """How far it is, as far as anybody can tell."""
        return min(self.seconds, max(0.0, now - self.began))


class Sound:
    """Owns the player's process and the link's server; both end with it."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.playing: Playing | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._file: Path | None = None
        self._watch: asyncio.Task[None] | None = None
        self._server: asyncio.Server | None = None

    async def play(self, name: str, wav: bytes, seconds: float) -> Playing | None:
        """Play ``wav``; what was playing stops. None where sound is off."""
        await self.stop()
        if self.sink.kind == "off":
            return None
        if self.sink.kind == "link":
            link = await self._serve(wav)
            self.playing = Playing(name, seconds, time.monotonic(), link)
            return self.playing
        handle, path = tempfile.mkstemp(prefix="foundry_", suffix=".wav")
        with os.fdopen(handle, "wb") as file:
            file.write(wav)
        self._file = Path(path)
        self._process = await asyncio.create_subprocess_exec(
            *self.sink.command,
            path,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.playing = Playing(name, seconds, time.monotonic())
        self._watch = asyncio.create_task(self._ended(self._process))
        return self.playing

    async def stop(self) -> bool:
        """Silence, and no link; False where there was neither."""
        had = self.playing is not None
        self.playing = None
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._watch is not None and self._watch is not asyncio.current_task():
            self._watch.cancel()
            self._watch = None
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._file is not None:
            self._file.unlink(missing_ok=True)
            self._file = None
        return had

    async def _ended(self, process: asyncio.subprocess.Process) -> None:
        await process.wait()
        if self._process is process:
            self._process = None
            self.playing = None
            if self._file is not None:
                self._file.unlink(missing_ok=True)
                self._file = None

    async def _serve(self, wav: bytes) -> str:
        token = secrets.token_urlsafe(16)
        expires = time.monotonic() + _LINK_S

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
                async with asyncio.timeout(10):
                    head = await reader.readuntil(b"\r\n\r\n")
                writer.write(http_answer(head[:_MAX_REQUEST], token, wav, fresh=time.monotonic() < expires))
                await writer.drain()
            writer.close()

        self._server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=_MAX_REQUEST)
        port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/{token}.wav"


def http_answer(head: bytes, token: str, wav: bytes, *, fresh: bool) -> bytes:
    """One answer: the file or a range of it to whoever knows the token in time, 404 to everybody else."""
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    known = (
        len(parts) == 3
        and parts[0] in {"GET", "HEAD"}
        and secrets.compare_digest(parts[1].encode(), f"/{token}.wav".encode())
    )
    if not known or not fresh:
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    headers = {name.strip().casefold(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    first, last = _range(headers.get("range", ""), len(wav))
    status = "206 Partial Content" if headers.get("range") else "200 OK"
    extra = f"Content-Range: bytes {first}-{last}/{len(wav)}\r\n" if headers.get("range") else ""
    answer = (
        f"HTTP/1.1 {status}\r\nContent-Type: audio/wav\r\nAccept-Ranges: bytes\r\n{extra}"
        f"Content-Length: {last - first + 1}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    ).encode()
    return answer if parts[0] == "HEAD" else answer + wav[first : last + 1]


def _range(asked: str, size: int) -> tuple[int, int]:
    unit, _, span = asked.partition("=")
    begin, dash, end = span.partition("-")
    if unit.strip() != "bytes" or not dash:
        return 0, size - 1
    try:
        if not begin:
            return max(0, size - int(end)), size - 1
        first = int(begin)
        last = int(end) if end else size - 1
    except ValueError:
        return 0, size - 1
    return (first, min(last, size - 1)) if first <= last and first < size else (0, size - 1)


def heard_where(playing: Playing | None, said: str, seconds: float, sink: Sink, host: str) -> str:
    """What to tell the operator: where it is heard, or how to get at the link."""
    if playing is None:
        return "Sound is off here: :sink player or :sink link turns it on."
    if playing.link:
        port = playing.link.rpartition("/")[0].rpartition(":")[2]
        tunnel = f"ssh -L {port}:127.0.0.1:{port} {host}"
        return f"{said}: open {playing.link} (5 minutes; over SSH first: {tunnel})"
    return f"{said}: {seconds:.0f} s on {sink.said}."
