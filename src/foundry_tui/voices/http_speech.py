"""Speech over HTTP: one session, every failure in our own errors, nothing of the key or the text in them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from foundry_tui.errors import EngineRefused, EngineUnreachable, SpeechRejected, UsageError, VoiceError
from foundry_tui.voices.http_errors import ABOUT_THE_TEXT, error_for_status, text_refused
from foundry_tui.voices.protocol import BYTES_PER_SAMPLE, Boundary, Speech
from foundry_tui.voices.till import CHARGED

LONGEST_REPLY_BYTES = 256 << 20
# Voices speak about 12 letters and digits a second and none 24: sound shorter than that was cut, whatever the server
# says. Spaces, dots and drawn lines take no time of their own.
LETTERS_PER_SECOND = 24.0
SURE_FROM_LETTERS = 20


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Where and how patiently. ``secret`` is never shown."""

    engine: str
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""
    proxy: str | None = None
    connect_timeout_s: float = 10.0
    receive_timeout_s: float = 60.0
    total_timeout_s: float = 600.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(f"{self.base_url!r} is no http or https address.", next_action="Correct base_url.")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; SpeechRejected where it is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise SpeechRejected("The service sent JSON that cannot be read.") from error

    def complaint(self) -> dict[str, Any]:
        """What an error's body says under ``error`` or ``detail``; words alone are its ``message``."""
        try:
            body = json.loads(self.body)
        except ValueError:
            return {}
        said = (body.get("error") or body.get("detail") or {}) if isinstance(body, dict) else {}
        return said if isinstance(said, dict) else {"message": json.dumps(said)}


class HttpClient:
    """Requests to one service from one event loop."""

    def __init__(self, options: HttpOptions) -> None:
        self._options = options
        self._session: Any = None
        self._closed = False

    async def get(self, path: str) -> Answer:
        """A GET below the base address, whatever its status."""
        return await self._ask("GET", path, None, {})

    async def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
        """A POST of JSON below the base address, whatever its status."""
        return await self._ask("POST", path, body, headers or {})

    async def post_file(self, path: str, file: Path, fields: Mapping[str, str]) -> Answer:
        """A POST of form fields and a WAV ``file`` below the base address, whatever its status."""
        import aiohttp

        form = aiohttp.FormData(dict(fields))
        form.add_field("file", await asyncio.to_thread(file.read_bytes), filename=file.name, content_type="audio/wav")
        return await self._ask("POST", path, None, {}, form)

    async def close(self) -> None:
        """Close the connections."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def refusal(self, answer: Answer, text: str = "") -> VoiceError:
        """The error an answer's status means, with what the service said but for the key and the text.

        ``text`` is what was to be spoken: a request that was refused as such is that text's failure then.
        """
        said = answer.body[:2000].decode("utf-8", "replace")
        for hidden in (self._options.secret, text, json.dumps(text)[1:-1]):
            if hidden:
                said = said.replace(hidden, "…")
        if text and answer.status in ABOUT_THE_TEXT:
            words = replace(answer, body=said.encode()).complaint().get("message")
            return text_refused(self._options.engine, answer.status, str(words or ""), said)
        return error_for_status(self._options.engine, answer.status, answer.headers, said)

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str], form: Any = None
    ) -> Answer:
        import aiohttp

        if self._closed:
            raise EngineRefused(f"The {self._options.engine} engine was closed.")
        options = self._options
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=dict(options.headers),
                timeout=aiohttp.ClientTimeout(
                    total=options.total_timeout_s,
                    sock_connect=options.connect_timeout_s,
                    sock_read=options.receive_timeout_s,
                ),
                connector=aiohttp.TCPConnector(limit=0),
                trust_env=True,
            )
        url = options.base_url.rstrip("/") + path
        try:
            async with self._session.request(
                method, url, json=body, data=form, headers=dict(headers), proxy=options.proxy, allow_redirects=False
            ) as answer:
                data = bytearray()
                async for part in answer.content.iter_chunked(1 << 16):
                    data += part
                    if len(data) > LONGEST_REPLY_BYTES:
                        raise SpeechRejected(f"{options.engine} sent more than one text can sound.")
                return Answer(answer.status, answer.headers, bytes(data))
        except aiohttp.ClientPayloadError as error:
            raise SpeechRejected(f"{options.engine} broke off in the middle of the sound.") from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            details = {"cause": str(error)[:300], CHARGED: False}  # nothing was sent
            raise EngineUnreachable(f"{options.engine} cannot be reached.", details=details) from error
        except TimeoutError as error:
            raise EngineUnreachable(f"{options.engine} fell silent.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise EngineUnreachable(
                f"{options.engine} cannot be reached: {type(error).__name__}.", details={"cause": str(error)[:300]}
            ) from error


def whole_speech(
    text: str,
    pcm: bytes,
    sample_rate: int,
    rate: float,
    engine: str,
    boundaries: tuple[Boundary, ...] = (),
) -> Speech:
    """The speech of a reply's PCM, if it can be all of ``text``; raises SpeechRejected."""
    if len(pcm) % BYTES_PER_SAMPLE:
        raise SpeechRejected(f"{engine} cut the sound in the middle of a sample.")
    require_plausible(text, len(pcm) // BYTES_PER_SAMPLE, sample_rate, rate, engine)
    return Speech(pcm, sample_rate, boundaries)


def require_plausible(text: str, samples: int, sample_rate: int, rate: float, engine: str) -> None:
    """SpeechRejected where the sound is empty, or too short for anybody to have spoken the text in it."""
    if not samples:
        raise SpeechRejected(f"{engine} gave no sound for the text.")
    letters = sum(map(str.isalnum, text))
    least_s = letters / (LETTERS_PER_SECOND * rate)
    if letters >= SURE_FROM_LETTERS and samples / sample_rate < least_s:
        raise SpeechRejected(
            f"{engine} cut the speech: {samples / sample_rate:.1f} s came, at least {least_s:.1f} s are needed."
        )
