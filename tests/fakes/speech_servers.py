"""Loopback servers that speak OpenAI's and ElevenLabs' speech protocols, with the faults of real ones as told."""

from __future__ import annotations

import asyncio
import base64
import struct
from typing import Any, Self

import numpy as np
from aiohttp import web

RATE = 24_000
FAULTS = (
    "401",
    "403",
    "429",
    "400",
    "413",
    "422",
    "quota",
    "500",
    "503",
    "halfopen",
    "stall",
    "empty",
    "truncated",
    "early",
    "odd",
    "chatter",
)
SECONDS_PER_CHARACTER = 1 / 15


class SpeechServer:
    """``script`` holds the faults of the next requests in order; ``format_sent`` overrules what was asked for."""

    def __init__(self) -> None:
        self.script: list[str | None] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.format_sent: str | None = None
        self.rate = RATE
        self.lists_voices = True
        self.refuses: tuple[int, dict[str, Any]] | None = None  # what every request to speak is answered with
        self.refuses_lists = 404
        self._leaving = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/audio/speech", self._openai)
        app.router.add_get("/v1/audio/voices", self._openai_voices)
        app.router.add_post("/v1/text-to-speech/{voice}/with-timestamps", self._elevenlabs)
        app.router.add_get("/v1/voices", self._elevenlabs_voices)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.base = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leaving.set()
        await self._runner.cleanup()

    def _next(self, request: web.Request, body: dict[str, Any]) -> str | None:
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        return self.script.pop(0) if self.script else None

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        fault = self._next(request, body)
        if self.refuses:
            return web.json_response(self.refuses[1], status=self.refuses[0])
        text = str(body["input"])
        if request.headers.get("Authorization") != "Bearer right" or fault == "401":
            return _openai_error(401, "Incorrect API key provided: right.", code="invalid_api_key")
        if fault in {"403", "500", "503"}:
            return _openai_error(int(fault), "no", headers={"Retry-After": "3"} if fault == "503" else {})
        if fault == "429":
            return _openai_error(429, "Rate limit reached", headers={"Retry-After": "3"})
        if fault == "quota":
            return _openai_error(429, "You exceeded your current quota", code="insufficient_quota")
        if fault in {"400", "413", "422"}:
            return _openai_error(int(fault), f"A voice cannot say this: {text}", param="input")
        if body["voice"] not in {"alloy", "nova"}:
            return _openai_error(400, f"Input should be 'alloy' or 'nova'; input was {text}", param="voice")
        if body["model"] != "speech-1":
            return _openai_error(404, "The model does not exist", code="model_not_found")
        sound = tone(text, self.rate, float(body.get("speed", 1.0)))
        kind = self.format_sent or body["response_format"]
        return await self._send(request, fault, {"pcm": sound, "wav": wav(sound, self.rate)}[kind], f"audio/{kind}")

    async def _elevenlabs(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        fault = self._next(request, body | {"query": dict(request.query)})
        if self.refuses:
            return web.json_response(self.refuses[1], status=self.refuses[0])
        text = str(body["text"])
        if request.headers.get("xi-api-key") != "right" or fault == "401":
            return _elevenlabs_error(401, "invalid_api_key")
        if fault == "quota":
            return _elevenlabs_error(401, "quota_exceeded")
        if fault == "429":
            return _elevenlabs_error(429, "too_many_concurrent_requests", {"Retry-After": "3"})
        if fault in {"403", "500", "503"}:
            return _elevenlabs_error(int(fault), "system_busy" if fault == "503" else "no", {"Retry-After": "3"})
        if fault in {"400", "413", "422"}:
            return _elevenlabs_error(int(fault), "text_not_supported", said=f"A voice cannot say this: {text}")
        if request.match_info["voice"] != "Rachel/1":
            return _elevenlabs_error(404, "voice_not_found")
        sound = tone(text, RATE, 1.0)
        each = len(sound) / 2 / RATE / len(text)
        spoken = text[: len(text) * 2 // 5] if fault == "early" else text
        starts = [round(number * each, 3) for number in range(len(spoken))]
        if fault in {"empty", "odd"}:
            sound = b"" if fault == "empty" else sound[:-1]
        alignment = {
            "characters": list(spoken),
            "character_start_times_seconds": starts,
            "character_end_times_seconds": [start + each * 0.99 for start in starts],
        }
        reply = web.json_response({"audio_base64": base64.b64encode(sound).decode(), "alignment": alignment})
        assert isinstance(reply.body, bytes)
        return await self._send(
            request, fault if fault not in {"early", "empty", "odd"} else None, reply.body, "application/json"
        )

    async def _send(self, request: web.Request, fault: str | None, data: bytes, kind: str) -> web.StreamResponse:
        if fault == "halfopen":
            await self._leaving.wait()
        if fault == "empty":
            data = b""
        if fault == "early":
            data = data[: len(data) * 2 // 5 // 2 * 2]
        if fault == "odd":
            data = data[:-1]
        if fault == "chatter":
            return web.json_response({"message": "the model is loading"})
        response = web.StreamResponse(headers={"Content-Type": kind})
        response.content_length = len(data)
        await response.prepare(request)
        if fault in {"truncated", "stall"}:
            await response.write(data[: len(data) * 2 // 5])
            if fault == "stall":
                await self._leaving.wait()
            if request.transport is not None:  # else the other side has hung up first
                request.transport.abort()
            return response
        await response.write(data)
        await response.write_eof()
        return response

    async def _openai_voices(self, _: web.Request) -> web.Response:
        return (
            web.json_response({"voices": ["alloy", "nova"]})
            if self.lists_voices
            else web.Response(status=self.refuses_lists)
        )

    async def _elevenlabs_voices(self, request: web.Request) -> web.Response:
        if request.headers.get("xi-api-key") != "right":
            return _elevenlabs_error(401, "invalid_api_key")
        rachel = {
            "voice_id": "Rachel/1",
            "name": "Rachel",
            "labels": {"gender": "female", "accent": "american", "language": "en"},
            "verified_languages": [{"language": "de"}, {"language": "en"}],
        }
        return web.json_response({"voices": [rachel]})


def tone(text: str, rate: int, speed: float) -> bytes:
    """A tone as long as the text takes to say."""
    samples = np.arange(int(len(text) * SECONDS_PER_CHARACTER / speed * rate))
    sound: bytes = (6000 * np.sin(2 * np.pi * (300 + len(text) % 50) / rate * samples)).astype("<i2").tobytes()
    return sound


def wav(pcm: bytes, rate: int) -> bytes:
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(pcm), b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    return head + struct.pack("<4sI", b"data", len(pcm)) + pcm


def _openai_error(status: int, message: str, headers: dict[str, str] | None = None, **more: str) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None, **more}
    return web.json_response({"error": error}, status=status, headers=headers)


def _elevenlabs_error(status: int, code: str, headers: dict[str, str] | None = None, said: str = "") -> web.Response:
    return web.json_response({"detail": {"status": code, "message": said or code}}, status=status, headers=headers)
