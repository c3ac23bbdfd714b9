"""A loopback server that speaks Edge's read-aloud websocket protocol, with faults as told or drawn from a seed.

Binary frames: 2 bytes of header length, header lines, MP3. Text frames: header lines, blank line, JSON. Each word is
reported with its offset and length in ticks of 100 ns, and sounds as a tone of its own.
"""

from __future__ import annotations

import asyncio
import functools
import html
import json
import random
import re
import struct
from collections.abc import Sequence
from typing import Self
from xml.sax.saxutils import escape

import lameenc
import numpy as np
from aiohttp import WSCloseCode, WSMsgType, web

RATE = 24_000
FRAME = 144
GAP = 1_200  # samples of silence after a word: speech is never one long sound
FAULTS = ("403", "429", "503", "noaudio", "cut", "cut_words", "reset", "unfinished", "halfopen", "stall", "badframe")
VOICES = (
    ("en-US", "Andrew", "Male"), ("en-US", "Emma", "Female"), ("en-US", "Ana", "Female"), ("en-GB", "Ryan", "Male"),
    ("en-GB", "Sonia", "Female"), ("de-DE", "Conrad", "Male"), ("de-DE", "Katja", "Female"), ("fr-FR", "Denise", "Female"),
    ("zh-CN", "Xiaoxiao", "Female"), ("ja-JP", "Nanami", "Female"),
)  # fmt: skip


class EdgeServer:
    """``script`` holds the faults of the next requests in order (None: none); after it ``error_rate`` draws them."""

    def __init__(
        self,
        *,
        error_rate: float = 0.0,
        kinds: Sequence[str] = FAULTS,
        seed: int = 1,
        latency_s: float = 0.0,
        ms_per_character: float = 20.0,
        date: str | None = None,
    ) -> None:
        self.error_rate, self.kinds, self.random = error_rate, tuple(kinds), random.Random(seed)
        self.latency_s, self.ms_per_character, self.date = latency_s, ms_per_character, date
        self.script: list[str | None] = []
        self.requests: list[tuple[str, str, str | None]] = []  # (text, voice, fault)
        self.refusals: list[str] = []
        self.lists = 0
        self.prosody: list[dict[str, str]] = []
        self.in_flight = self.peak_in_flight = 0
        self._leaving = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/edge/v1", self._socket)
        app.router.add_get("/voices/list", self._list)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"ws://127.0.0.1:{port}/edge/v1"
        self.voices_url = f"http://127.0.0.1:{port}/voices/list"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leaving.set()
        await self._runner.cleanup()

    def options(self, **more: object) -> dict[str, object]:
        """What ``open_engine("edge", …)`` needs to reach this server."""
        return {"url": self.url, "voices_url": self.voices_url, **more}

    def _draw(self) -> str | None:
        if self.script:
            return self.script.pop(0)
        return self.random.choice(self.kinds) if self.random.random() < self.error_rate else None

    async def _list(self, _: web.Request) -> web.Response:
        self.lists += 1
        rows = [
            {"ShortName": f"{locale}-{name}Neural", "Locale": locale, "Gender": gender, "FriendlyName": name}
            for locale, name, gender in VOICES
        ]
        return web.json_response(rows)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        fault = self._draw()
        if fault in {"403", "429", "503"}:
            self.refusals.append(fault)
            headers = {"Retry-After": "2"} if fault != "403" else {}
            if self.date:
                headers["Date"] = self.date
            return web.Response(status=int(fault), headers=headers, text="not now")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT and "Path:ssml" in message.data:
                self.in_flight += 1
                self.peak_in_flight = max(self.peak_in_flight, self.in_flight)
                try:
                    if not await self._turn(socket, request, message.data, fault):
                        break
                finally:
                    self.in_flight -= 1
        return socket

    async def _turn(self, socket: web.WebSocketResponse, request: web.Request, frame: str, fault: str | None) -> bool:
        ssml = frame.partition("\r\n\r\n")[2]
        voice = re.search(r"voice name='[^(]*\(([^,]*), ([^)]*)\)", ssml)
        name = f"{voice[1]}-{voice[2]}" if voice else ""
        text = html.unescape(re.sub(r"<[^>]*>", "", ssml))
        self.prosody.append(dict(re.findall(r"(pitch|rate|volume)='([^']*)'", ssml)))
        self.requests.append((text, name, fault))
        if name not in {f"{locale}-{who}Neural" for locale, who, _ in VOICES}:
            await socket.close(code=WSCloseCode.INVALID_TEXT, message=b"Unsupported voice")
            return False
        await socket.send_str(_text_frame("turn.start", {"context": {}}))
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        if fault == "halfopen":
            await self._leaving.wait()
            return False
        await socket.send_str(_text_frame("response", {"audio": {"type": "inline"}}))
        sound, words = spoken(text, self.ms_per_character)
        speech = sum(words[-1][:2]) if words else 0.0  # seconds until the last word's end, the silence after it apart
        if fault == "noaudio":
            sound, words = b"", ()
        if fault in {"cut", "cut_words", "reset", "stall"}:
            sound = sound[: int(speech * 0.4 * 6000) // FRAME * FRAME]
        if fault in {"cut_words", "reset", "stall"}:  # a plain "cut" tells of words whose sound never comes
            words = tuple(word for word in words if word[0] + word[1] <= len(sound) / 6000)
        for start, length, word in words:
            data = {"Offset": round(start * 1e7), "Duration": round(length * 1e7), "text": {"Text": escape(word)}}
            await socket.send_str(_text_frame("audio.metadata", {"Metadata": [{"Type": "WordBoundary", "Data": data}]}))
        for at in range(0, len(sound), 1440):
            await socket.send_bytes(sound_frame(sound[at : at + 1440]))
        if fault == "badframe":
            await socket.send_bytes(b"\xff\xff too short")
        if fault == "reset":
            assert request.transport is not None
            request.transport.abort()
            return False
        if fault == "unfinished":
            return False
        if fault == "stall":
            await self._leaving.wait()
            return False
        await socket.send_bytes(sound_frame(b""))
        await socket.send_str(_text_frame("turn.end", {}))
        return True


@functools.lru_cache(maxsize=512)
def spoken(text: str, ms_per_character: float) -> tuple[bytes, tuple[tuple[float, float, str], ...]]:
    """MP3 of the text and its words as (start s, length s, word): real coded tones, one a word, silence after the last."""
    sound: list[np.ndarray] = []
    at = 0
    words = []
    for word in re.findall(r"\S+", text):
        length = max(480, round(len(word) * ms_per_character * RATE / 1000))
        pitch = 200 + 40 * (sum(word.encode()) % 16)
        if any(map(str.isalnum, word)):
            words.append((at / RATE, length / RATE, word.strip(".,;:!?\"'“”‘’()")))
        tone = 6000 * np.sin(2 * np.pi * pitch / RATE * np.arange(length))
        sound += [tone.astype("<i2"), np.zeros(GAP, "<i2")]
        at += length + GAP
    sound.append(np.zeros(RATE // 5, "<i2"))
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_bit_rate(48)
    encoder.set_in_sample_rate(RATE)
    encoder.set_channels(1)
    encoder.set_quality(7)
    return bytes(encoder.encode(np.concatenate(sound).tobytes()) + encoder.flush()), tuple(words)


def _text_frame(path: str, body: object) -> str:
    return f"X-RequestId:1\r\nContent-Type:application/json; charset=utf-8\r\nPath:{path}\r\n\r\n{json.dumps(body)}"


def sound_frame(sound: bytes) -> bytes:
    """A binary frame as it goes down the socket; one without sound ends the stream."""
    kind = b"Content-Type:audio/mpeg\r\n" if sound else b""
    head = b"X-RequestId:1\r\n" + kind + b"X-StreamId:1\r\nPath:audio\r\n"
    return struct.pack(">H", len(head)) + head + sound
