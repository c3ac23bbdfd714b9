"""The wire of ``edge``: edge-tts's tokens, headers and SSML, our own connection and reading.

edge-tts's Communicate has no way to name another address but its module's constants, which two engines in one process
would share, and hides whether a turn was ended; so its parts are used and the exchange is ours.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import aiohttp
import certifi
import edge_tts.communicate as wire
from edge_tts.constants import SEC_MS_GEC_VERSION, VOICE_HEADERS, VOICE_LIST, WSS_HEADERS, WSS_URL
from edge_tts.data_classes import TTSConfig
from edge_tts.drm import DRM
from edge_tts.exceptions import SkewAdjustmentError

from foundry_tui.errors import EngineBusy, EngineRefused, EngineUnreachable, SpeechRejected, VoiceMissing
from foundry_tui.voices.edge_turn import Turn
from foundry_tui.voices.http_errors import error_for_status, retry_after_s

if TYPE_CHECKING:
    from foundry_tui.voices.edge import EdgeOptions

# The service answers 403 to a wrong clock, to too many requests, and for good; only many in a row mean the last.
FORBIDDEN_IN_A_ROW = 32
SKEW_WORTH_RETRYING_S = 30.0
CONFIG = (
    '{"context":{"synthesis":{"audio":{"metadataoptions":'
    '{"sentenceBoundaryEnabled":"false","wordBoundaryEnabled":"true"},'
    '"outputFormat":"audio-24khz-48kbitrate-mono-mp3"}}}}\r\n'
)


class EdgeService:
    """One address, one connector; every turn has a socket of its own, as Edge itself does it."""

    def __init__(self, options: EdgeOptions) -> None:
        self._options = options
        self.url = _with_query(options.url or WSS_URL)
        self.voices_url = _with_query(options.voices_url or VOICE_LIST)
        self._session: aiohttp.ClientSession | None = None
        self._forbidden = 0
        self._closed = False

    async def speak(self, text: str, voice: str, *, rate: str, volume: str, pitch: str) -> Turn:
        """What the service sent for ``text``, whole or not. Raises as Engine.synthesize does."""
        try:
            manner = TTSConfig(voice, rate, volume, pitch, "WordBoundary")
        except ValueError as error:
            raise VoiceMissing(f"edge has no voice {voice!r}.") from error
        plain = wire.remove_incompatible_characters(text)
        ssml = wire.mkssml(manner, escape(plain).encode("utf-8", "replace"))
        try:
            return await self._turn(plain, ssml)
        except aiohttp.WSServerHandshakeError as error:
            if error.status != 403 or not _adjusted_clock(error):
                raise self._refused(error) from error
        try:  # once more: the token hangs on the clock, which is right now
            return await self._turn(plain, ssml)
        except aiohttp.WSServerHandshakeError as error:
            raise self._refused(error) from error

    async def list_voices(self) -> list[dict[str, Any]]:
        """The service's own list of voices."""
        try:
            async with self._opened().get(
                f"{self.voices_url}&Sec-MS-GEC={DRM.generate_sec_ms_gec()}&Sec-MS-GEC-Version={SEC_MS_GEC_VERSION}",
                headers=_headers(VOICE_HEADERS),
                proxy=self._options.proxy,
                timeout=aiohttp.ClientTimeout(total=self._options.receive_timeout_s),
            ) as answer:
                if answer.status == 403:
                    _adjusted_clock(
                        aiohttp.ClientResponseError(answer.request_info, (), status=403, headers=answer.headers)
                    )
                    raise EngineBusy("edge refused to list its voices for now (HTTP 403).")
                if answer.status != 200:
                    raise error_for_status("edge", answer.status, answer.headers)
                rows = json.loads(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(error) from error
        except ValueError as error:
            raise EngineRefused("The service's list of voices cannot be read.") from error
        if not isinstance(rows, list):
            raise EngineRefused("The service's list of voices is no list.")
        return rows

    async def close(self) -> None:
        """Close every connection; those in use end with an error."""
        self._closed = True
        if self._session:
            await self._session.close()

    async def _turn(self, text: str, ssml: str) -> Turn:
        """One socket, one turn. Silence longer than the receive time-out is an error; a closed socket ends the turn."""
        options = self._options
        turn = Turn(text)
        now = asyncio.get_running_loop().time
        grain = min(1.0, options.receive_timeout_s / 4)  # moving the alarm costs more than reading a message
        try:
            async with asyncio.timeout(options.connect_timeout_s + options.receive_timeout_s) as patience:
                async with self._opened().ws_connect(
                    f"{self.url}&ConnectionId={wire.connect_id()}&Sec-MS-GEC={DRM.generate_sec_ms_gec()}"
                    f"&Sec-MS-GEC-Version={SEC_MS_GEC_VERSION}",
                    compress=15,
                    proxy=options.proxy,
                    headers=_headers(WSS_HEADERS),
                    max_msg_size=4 << 20,
                ) as socket:
                    stamp = wire.date_to_string()
                    await socket.send_str(
                        f"X-Timestamp:{stamp}\r\nContent-Type:application/json; charset=utf-8\r\n"
                        f"Path:speech.config\r\n\r\n{CONFIG}"
                    )
                    await socket.send_str(wire.ssml_headers_plus_data(wire.connect_id(), stamp, ssml))
                    heard = now()
                    patience.reschedule(heard + options.receive_timeout_s)
                    async for message in socket:
                        if now() - heard > grain:
                            heard = now()
                            patience.reschedule(heard + options.receive_timeout_s)
                        if message.type is aiohttp.WSMsgType.BINARY:
                            turn.take_binary(message.data)
                        elif message.type is aiohttp.WSMsgType.TEXT:
                            turn.take_text(message.data)
                            if turn.ended:
                                break
                    self._require_answer(turn, socket)
        except aiohttp.WSServerHandshakeError:
            raise
        except TimeoutError as error:
            raise EngineUnreachable(f"edge fell silent for {options.receive_timeout_s:g} s.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _unreachable(error) from error
        self._forbidden = 0
        return turn

    def _require_answer(self, turn: Turn, socket: aiohttp.ClientWebSocketResponse) -> None:
        if turn.ended:
            return
        if socket.close_code == aiohttp.WSCloseCode.INVALID_TEXT:
            raise SpeechRejected("The service closed the connection: it does not take this text or voice.")
        if not turn.sound:
            raise EngineUnreachable("The connection dropped before any sound came.")

    def _refused(self, error: aiohttp.WSServerHandshakeError) -> Exception:
        if error.status != 403:
            return error_for_status("edge", error.status, dict(error.headers or {}))
        self._forbidden += 1
        if self._forbidden >= FORBIDDEN_IN_A_ROW:
            return EngineRefused(
                f"edge refused {self._forbidden} requests in a row (HTTP 403).",
                next_action="Upgrade edge-tts, or give the narrator another engine; then requeue the step.",
                details={"status": 403},
            )
        return EngineBusy(
            "edge refused the request for now (HTTP 403).",
            details={"status": 403},
            retry_after_s=retry_after_s(dict(error.headers or {})),
        )

    def _opened(self) -> aiohttp.ClientSession:
        if self._closed:
            raise EngineRefused("The edge engine was closed.")
        if self._session is None:
            secure = {"wss", "https"} & {urlsplit(self.url).scheme, urlsplit(self.voices_url).scheme}
            trusted: ssl.SSLContext | bool = ssl.create_default_context(cafile=certifi.where()) if secure else True
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=trusted),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._options.connect_timeout_s),
                trust_env=True,
            )
        return self._session


def _headers(plain: dict[str, str]) -> dict[str, str]:
    """edge-tts's headers, with the browser id its later versions send."""
    with_id = getattr(DRM, "headers_with_muid", dict)
    headers: dict[str, str] = with_id(plain)
    return headers


def _adjusted_clock(error: aiohttp.ClientResponseError) -> bool:
    """Whether the server's date showed our clock to be wrong; edge-tts then reckons with the difference."""
    before = DRM.clock_skew_seconds
    try:
        DRM.handle_client_response_error(error)
    except SkewAdjustmentError:
        return False
    return abs(DRM.clock_skew_seconds - before) > SKEW_WORTH_RETRYING_S


def _unreachable(error: BaseException) -> EngineUnreachable:
    return EngineUnreachable(f"edge cannot be reached: {type(error).__name__}.", details={"cause": str(error)[:300]})


def _with_query(url: str) -> str:
    """More is appended with ``&``, so the address must hold a ``?``."""
    return url if "?" in url else f"{url}?"
