"""Large files fetched so that a broken line costs nothing: resumed, proven, and in place only when they are whole."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from foundry_tui.errors import EngineRefused, EngineUnreachable, SpeechRejected, UsageError, VoiceMissing
from foundry_tui.files import replacing, sync_file, sync_folder, writing

ATTEMPTS = 6
FIRST_DELAY_S = 0.5
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 15.0, 60.0
_PIECE = 1 << 18
_HEX = re.compile(r"[0-9a-f]{64}")
OnProgress = Callable[[str, int, int | None], None]  # file's name, bytes there, bytes in all


@dataclass(frozen=True, slots=True)
class Digest:
    """What a file's bytes must come to. ``algorithm`` is sha256 or md5."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Part:
    """One file to be fetched. ``digest`` None: the server is asked for one (``.sha256`` beside it, X-Linked-Etag)."""

    url: str
    name: str
    digest: Digest | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file in its place. ``proven`` is False where nobody offered a checksum; ``sha256`` is what it came to."""

    path: Path
    sha256: str
    size_bytes: int
    proven: bool


class Downloads:
    """Fetches parts into one folder. ``on_progress`` hears of every piece; ``sleep`` waits between tries."""

    def __init__(
        self,
        folder: Path,
        *,
        on_progress: OnProgress = lambda _name, _done, _total: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._folder = folder
        self._on_progress = on_progress
        self._sleep = sleep

    async def json(self, url: str) -> Any | None:
        """What stands at an address as JSON; None where nothing does, or something else."""
        import aiohttp

        async with _session() as session:
            try:
                async with session.get(_checked(url)) as answer:
                    return await answer.json(content_type=None) if answer.status == 200 else None
            except ValueError:
                return None
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise EngineUnreachable(f"{_host(url)} cannot be reached.") from error

    async def fetch(self, part: Part) -> Fetched:
        """The file, whole and proven.

        What was fetched of it before is kept beside it (``.partial``) and gone on from. Raises EngineUnreachable where
        the line broke too often, SpeechRejected where it is not what its checksum says, VoiceMissing, DiskFull.
        """
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        target, partial = self._folder / part.name, self._folder / f"{part.name}.partial"
        digest = part.digest or await self._offered(part.url)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                linked = await self._more(part, partial)
                break
            except EngineUnreachable:
                if attempt == ATTEMPTS:
                    raise
                await self._sleep(FIRST_DELAY_S * 2 ** (attempt - 1))
        return await asyncio.to_thread(_settled, partial, target, digest or linked, part.size)

    async def copy(self, source: Path, name: str) -> Fetched:
        """A file that is on this machine already, copied whole or not at all."""

        def copied() -> Fetched:
            target = self._folder / name
            with replacing(target) as temp:
                shutil.copyfile(source, temp)
            return Fetched(target, _hash(target, "sha256"), target.stat().st_size, proven=True)

        return await asyncio.to_thread(copied)

    async def _more(self, part: Part, partial: Path) -> Digest | None:
        """Fetch what is still wanting; the digest the server itself named, if it did."""
        import aiohttp

        there = await asyncio.to_thread(lambda: partial.stat().st_size if partial.exists() else 0)
        headers = {"Range": f"bytes={there}-"} if there else {}
        async with _session() as session:
            try:
                async with session.get(_checked(part.url), headers=headers) as answer:
                    if answer.status == 416 and there:  # there is no more of it
                        return _linked(answer)
                    _require_file(part, answer.status)
                    if answer.status != 206:
                        there = 0
                    total = there + answer.content_length if answer.content_length is not None else part.size
                    await self._written(answer.content, partial, part.name, there, total)
                    return _linked(answer)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise EngineUnreachable(
                    f"The line to {_host(part.url)} broke while {part.name} was fetched.",
                    next_action="Run it again: it goes on where it stopped.",
                ) from error

    async def _written(self, content: Any, partial: Path, name: str, there: int, total: int | None) -> None:
        with writing(partial), partial.open("r+b" if there else "wb") as file:
            file.seek(there)
            done = there
            async for piece in content.iter_chunked(_PIECE):
                await asyncio.to_thread(file.write, piece)
                done += len(piece)
                self._on_progress(name, done, total)
            file.truncate()
        if total is not None and done < total:
            raise EngineUnreachable(f"The line broke after {done:,} of {total:,} bytes of {name}.")

    async def _offered(self, url: str) -> Digest | None:
        """The SHA-256 a ``.sha256`` file beside it names."""
        import aiohttp

        async with _session() as session:
            try:
                async with session.get(f"{_checked(url)}.sha256") as answer:
                    if answer.status != 200 or (answer.content_length or 0) > 4096:
                        return None
                    found = _HEX.search((await answer.content.read(4096)).decode("ascii", "replace").lower())
            except (aiohttp.ClientError, OSError, TimeoutError):
                return None
        return Digest("sha256", found.group()) if found else None


def _settled(partial: Path, target: Path, digest: Digest | None, size: int | None) -> Fetched:
    length = partial.stat().st_size
    sha256 = _hash(partial, "sha256")
    if size is not None and length != size:
        partial.unlink()
        raise SpeechRejected(f"{target.name} has {length:,} bytes, not {size:,}.", next_action="Run it again.")
    if digest is not None:
        found = sha256 if digest.algorithm == "sha256" else _hash(partial, digest.algorithm)
        if found != digest.value.lower():
            partial.unlink()
            raise SpeechRejected(
                f"{target.name} is not what its checksum says: {found} instead of {digest.value}.",
                next_action="Run it again; if it stays so, the source has been changed: do not use it.",
            )
    with writing(target):
        sync_file(partial)
        partial.replace(target)
        sync_folder(target.parent)
    return Fetched(target, sha256, length, proven=digest is not None)


def _hash(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def _require_file(part: Part, status: int) -> None:
    if status in {404, 410}:
        raise VoiceMissing(f"There is no {part.name} at {part.url}.", next_action="Check its name and download_url.")
    if status in {408, 425, 429} or status >= 500:
        raise EngineUnreachable(f"{_host(part.url)} answers HTTP {status}.")
    if status not in {200, 206}:
        raise EngineRefused(f"{_host(part.url)} refuses {part.name} (HTTP {status}).")


def _linked(answer: Any) -> Digest | None:
    """The SHA-256 that large-file stores name in a header, of this answer or of one that led to it."""
    headers: list[Mapping[str, str]] = [*(each.headers for each in answer.history), answer.headers]
    for each in headers:
        found = _HEX.fullmatch(each.get("X-Linked-Etag", "").strip('"').lower())
        if found:
            return Digest("sha256", found.group())
    return None


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{url!r} is no http or https address.", next_action="Correct download_url.")
    return url


def _host(url: str) -> str:
    return urlsplit(url).hostname or url


def _session() -> Any:
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=READ_TIMEOUT_S)
    # Compressed answers could not be gone on from.
    return aiohttp.ClientSession(timeout=timeout, trust_env=True, headers={"Accept-Encoding": "identity"})
