"""``edge``: Microsoft Edge's read-aloud voices through edge-tts. Natural, free, online, unofficial: never a default."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from foundry_tui.errors import EngineMissing, EngineRefused, SpeechRejected, UsageError, VoiceMissing
from foundry_tui.voices.accents import accent_of, language_of
from foundry_tui.voices.fit import divide, join_speech
from foundry_tui.voices.mp3 import decode_mp3
from foundry_tui.voices.options import Options
from foundry_tui.voices.protocol import Boundary, EngineProfile, Speech, Voice, VoiceSettings, require_speakable

if TYPE_CHECKING:
    from foundry_tui.voices.edge_service import EdgeService
    from foundry_tui.voices.edge_turn import Mark

SAMPLE_RATE = 24_000
SAMPLES_PER_TICK = SAMPLE_RATE / 10_000_000
# The service takes 4,096 bytes of escaped text and cuts a turn at ten minutes; 3,000 stay well under both.
LIMIT_BYTES = 3_000
# The service shifts pitch in Hz only; around 160 Hz lies between its men and its women.
HZ_PER_PERCENT = 1.6
REVISION = 1
# A child's voice is never a narrator unless asked for by name.
_CHILDREN = ("Ana", "Maisie", "Eloise", "Gisela", "Yunxia")
_FIRST_CHOICES = ("Andrew", "Ava", "Brian", "Emma", "Ryan", "Sonia")


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """Addresses and patience. Empty addresses are edge-tts's own."""

    url: str
    voices_url: str
    proxy: str | None
    connect_timeout_s: float
    receive_timeout_s: float
    marks_needed: bool


class EdgeEngine:
    """The engine as the house sees it; EdgeService speaks the protocol."""

    def __init__(self, service: EdgeService, options: EdgeOptions, concurrency: int) -> None:
        self._service = service
        self._options = options
        self._voices: tuple[Voice, ...] = ()
        self._listing = asyncio.Lock()
        # One thread: several of them decoding at once spend a third more time handing each other the interpreter.
        self._decoder = ThreadPoolExecutor(1, thread_name_prefix="edge-mp3")
        self.profile = EngineProfile(
            name="edge",
            limit=LIMIT_BYTES,
            limit_unit="bytes",
            concurrency=concurrency,
            sample_rate=SAMPLE_RATE,
            offline=False,
            deterministic=False,
            addresses={"speech": _shown(service.url), "voices": _shown(service.voices_url)},
            natural=True,
            note="Natural voices over the network. An unofficial use of a Microsoft service: it may refuse or change.",
        )

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        """Speak plain text, in as many turns as it needs."""
        require_speakable(text)
        limit = int(LIMIT_BYTES * min(1.0, settings.rate))
        parts = [part for part in divide(text, limit, _sent_bytes) if any(map(str.isalnum, part))]
        return join_speech([await self._speak(part, voice, settings) for part in parts])

    async def voices(self) -> Sequence[Voice]:
        """The service's list, asked for once."""
        async with self._listing:
            if not self._voices:
                self._voices = tuple(_voice(row) for row in await self._service.list_voices())
            return self._voices

    async def version(self) -> str:
        """The service tells none; this is our own way of asking."""
        return f"24khz-48kbit-{REVISION}"

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()
        self._decoder.shutdown(wait=False, cancel_futures=True)

    async def _speak(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        try:
            turn = await self._service.speak(
                text,
                voice,
                rate=f"{round(100 * (settings.rate - 1)):+d}%",
                volume=f"{round(100 * (settings.volume - 1)):+d}%",
                pitch=f"{round(HZ_PER_PERCENT * settings.pitch_percent):+d}Hz",
            )
            turn.check(marks_needed=self._options.marks_needed)
        except SpeechRejected:
            await self._require_voice(voice)
            raise
        data = b"".join(turn.sound)
        pcm, rate = await asyncio.get_running_loop().run_in_executor(self._decoder, decode_mp3, data)
        if rate != SAMPLE_RATE:
            raise SpeechRejected(f"The service sent sound at {rate} Hz, {SAMPLE_RATE} expected.")
        # 144 bytes hold 576 samples; a decoder that skipped broken frames gives fewer.
        if len(pcm) // 2 < (len(data) // 144 - 1) * 576:
            raise SpeechRejected("Some of the sound the service sent is broken.")
        return Speech(pcm, rate, tuple(_boundary(mark) for mark in turn.marks))

    async def _require_voice(self, voice: str) -> None:
        """The service answers an unknown voice with silence or a closed socket: tell that apart from bad luck."""
        try:
            known = await self.voices()
        except Exception:  # noqa: BLE001 - the list is only wanted to explain an error that is raised anyway
            return
        if voice not in {row.voice for row in known}:
            raise VoiceMissing(f"edge has no voice {voice!r}.")


def open_engine(options: dict[str, Any]) -> EdgeEngine:
    """Options: ``url``, ``voices_url``, ``proxy``, ``connect_timeout_s``, ``receive_timeout_s``, ``concurrency``.

    ``marks`` false believes a turn whose word marks are missing or do not reach the end of the text.
    The environment's FOUNDRY_EDGE_URL and FOUNDRY_EDGE_VOICES_URL stand in for addresses not given.
    """
    given = Options("edge", options)
    read = EdgeOptions(
        url=given.text("url", variable="FOUNDRY_EDGE_URL"),
        voices_url=given.text("voices_url", variable="FOUNDRY_EDGE_VOICES_URL"),
        proxy=given.text("proxy") or None,
        connect_timeout_s=given.number("connect_timeout_s", 10, 0.1, 300),
        receive_timeout_s=given.number("receive_timeout_s", 45, 0.1, 900),
        marks_needed=given.switch("marks", default=True),
    )
    concurrency = given.whole("concurrency", 16, 1, 256)
    given.finish()
    for url, schemes in ((read.url, {"ws", "wss"}), (read.voices_url, {"http", "https"})):
        if url and (urlsplit(url).scheme not in schemes or not urlsplit(url).hostname):
            raise UsageError(f"{url!r} is no {' or '.join(sorted(schemes))} address.", next_action="Correct it.")
    try:
        from foundry_tui.voices.edge_service import EdgeService
    except ImportError as error:
        raise EngineMissing(
            "edge-tts is not installed.", next_action="Install it with `pip install edge-tts`."
        ) from error
    return EdgeEngine(EdgeService(read), read, concurrency)


def _voice(row: dict[str, Any]) -> Voice:
    try:
        locale, short = str(row["Locale"]), str(row["ShortName"])
    except KeyError as error:
        raise EngineRefused("The service's list of voices cannot be read.") from error
    plain = short.removeprefix(f"{locale}-").removesuffix("Neural")
    name = plain.removesuffix("Multilingual")
    rank = 90 if name in _CHILDREN else _FIRST_CHOICES.index(plain) if plain in _FIRST_CHOICES else 20
    return Voice(
        "edge", short, name, language_of(locale), locale, str(row.get("Gender", "")).lower(), accent_of(locale), rank
    )


def _boundary(mark: Mark) -> Boundary:
    return Boundary(round(mark.offset * SAMPLES_PER_TICK), round(mark.duration * SAMPLES_PER_TICK), mark.text)


def _sent_bytes(text: str) -> int:
    return len(escape(text).encode("utf-8", "replace"))


def _shown(url: str) -> str:
    """An address without the tokens of its query."""
    return url.split("?", 1)[0]
