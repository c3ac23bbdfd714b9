"""A loopback vendor in a thread of its own: OpenAI's speech protocol, every answered request counted and charged."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from aiohttp import web

RATE = 24_000
PRICE = 15.0  # dollars a million characters, so micros a character


class PaidServer:
    """``spoil(text, nth)`` says what becomes of the nth request of a text: None, an HTTP status, or new PCM."""

    def __init__(self, latency_s: float = 0.03, spoil: Callable[[str, int], Any] | None = None) -> None:
        self.latency_s = latency_s
        self.spoil = spoil
        self.charged: list[str] = []  # texts of requests that were answered in full
        self.keys: list[str] = []
        self.seen: Counter[str] = Counter()
        self.in_flight = 0
        self.url = ""

    @property
    def charged_micros(self) -> int:
        return sum(round(len(text) * PRICE) for text in self.charged)

    def options(self) -> dict[str, str]:
        return {
            "FOUNDRY_OPENAI_BASE_URL": self.url,
            "FOUNDRY_OPENAI_MODEL": "speech-1",
            "FOUNDRY_OPENAI_VOICES": "nova",
            "FOUNDRY_OPENAI_COST_PER_MILLION_CHARACTERS": str(PRICE),
        }

    async def _speak(self, request: web.Request) -> web.Response:
        text = str((await request.json())["input"])
        self.seen[text] += 1
        self.keys.append(request.headers.get("Idempotency-Key", ""))
        self.in_flight += 1
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.in_flight -= 1
        fault = self.spoil(text, self.seen[text]) if self.spoil else None
        if isinstance(fault, int):
            return web.json_response({"error": {"message": "no"}}, status=fault)
        self.charged.append(text)  # before it is sent: a client that is gone has to pay all the same
        return web.Response(body=speech(text) if fault is None else fault, content_type="audio/pcm")

    async def _start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/v1/audio/speech", self._speak)
        runner = web.AppRunner(app, shutdown_timeout=0.2, handler_cancellation=False)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        return runner


def speech(text: str) -> bytes:
    """Bursts of a tone, a word each, at 15 letters a second, ending in silence: clean to every check."""
    pcm = []
    for number, word in enumerate(text.split()):
        length = int(len(word) * RATE / 17) + 400
        at = np.arange(length)
        envelope = np.minimum(1, np.minimum(at, length - at) / 300)
        pcm += [5000 * envelope * np.sin(2 * np.pi * (180 + 20 * (number % 7)) / RATE * at), np.zeros(900)]
    return bytes(np.concatenate([*pcm, np.zeros(2400)]).astype("<i2").tobytes())


@contextmanager
def paid_server(latency_s: float = 0.03, spoil: Callable[[str, int], Any] | None = None) -> Iterator[PaidServer]:
    server = PaidServer(latency_s, spoil)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(server._start(), loop).result()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
