"""``openai``: any server with OpenAI's ``POST /audio/speech``: the vendor's own, or a local one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from foundry_tui.domain.languages import understood
from foundry_tui.errors import EngineRefused, SpeechRejected, UsageError, VoiceError, VoiceMissing
from foundry_tui.voices.fit import fit, join_speech
from foundry_tui.voices.http_errors import error_for_status
from foundry_tui.voices.http_speech import Answer, HttpClient, HttpOptions, whole_speech
from foundry_tui.voices.mp3 import decode_mp3
from foundry_tui.voices.options import Options
from foundry_tui.voices.protocol import EngineProfile, Speech, Voice, VoiceSettings, refuse_settings, require_speakable
from foundry_tui.voices.till import CHARGED
from foundry_tui.voices.wav import parse_wav

OFFICIAL_HOST = "api.openai.com"
OFFICIAL_URL = f"https://{OFFICIAL_HOST}/v1"
LIMIT = 4_096
MOST_LIMIT = 8_000  # less than ten minutes of speech, where services cut without a word
FORMATS = ("pcm", "wav", "mp3")
OFFICIAL_PRICE = 15.0
REVISION = 1
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
_OF_THE_SETTINGS = frozenset({"model_not_found", "invalid_api_key"})  # some servers say so with 400


@dataclass(frozen=True, slots=True)
class Model:
    """What is asked for in every request."""

    name: str
    format: str
    sample_rate: int
    voices: tuple[str, ...]
    languages: tuple[str, ...]


class OpenAIEngine:
    """The engine on aiohttp: one POST a text needs no SDK, and a dropped or silent connection is noticed here."""

    def __init__(self, client: HttpClient, model: Model, profile: EngineProfile) -> None:
        self._client = client
        self._model = model
        self._voices: tuple[Voice, ...] = ()
        self.profile = profile

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        """Speak plain text in as many requests as the limit asks for."""
        require_speakable(text)
        refuse_settings("openai", settings, "pitch_percent", "volume")
        parts = [part for part in fit(text, self.profile) if any(map(str.isalnum, part))]
        return join_speech([await self._speak(part, voice, settings) for part in parts])

    async def voices(self) -> Sequence[Voice]:
        """The voices named in the options, else those the server lists; each in every language configured."""
        if not self._voices:
            names = self._model.voices or await self._listed()
            self._voices = tuple(
                Voice("openai", name, name.replace("_", " ").title(), language, rank=rank)
                for rank, name in enumerate(names)
                for language in self._model.languages
            )
        return self._voices

    async def version(self) -> str:
        """Server and model: another one sounds otherwise."""
        host = urlsplit(self.profile.addresses["speech"]).netloc
        return f"{host}/{self._model.name}/{self._model.format}-{REVISION}"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _speak(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        body: dict[str, Any] = {
            "model": self._model.name,
            "input": text,
            "voice": voice,
            "response_format": self._model.format,
        }
        if settings.rate != 1.0:
            body["speed"] = settings.rate
        if settings.instructions:
            body["instructions"] = settings.instructions
        once = _once(body, settings)
        answer = await self._client.post("/audio/speech", body, {"Idempotency-Key": once})
        if answer.status != 200:
            raise self._refusal(answer, text, voice)
        return whole_speech(text, *self._sound(answer), settings.rate, "openai")

    def _sound(self, answer: Answer) -> tuple[bytes, int]:
        """Judged by its first bytes: compatible servers do not all send the format they are asked for."""
        data, wanted = answer.body, self._model.sample_rate
        if answer.headers.get("Content-Type", "").startswith(("application/json", "text/")) and data[:1] in b"{<":
            raise SpeechRejected("openai answered with text instead of sound.")
        if data[:4] == b"RIFF":
            pcm, rate = parse_wav(data)
        elif data[:3] == b"ID3" or (self._model.format == "mp3" and data[:1] == b"\xff"):
            pcm, rate = decode_mp3(data)
        elif self._model.format == "pcm":
            pcm, rate = data, wanted
        else:
            raise (
                SpeechRejected(f"openai sent no {self._model.format} sound.")
                if data
                else SpeechRejected("openai gave no sound for the text.")
            )
        if rate != wanted:
            raise EngineRefused(
                f"The server speaks at {rate} Hz, {wanted} expected.",
                next_action=f"Set the engine's option sample_rate to {rate}, then requeue the step.",
                details={CHARGED: True},
            )
        return pcm, rate

    def _refusal(self, answer: Answer, text: str, voice: str) -> VoiceError:
        error = self._client.refusal(answer, text)
        said = answer.complaint()
        if str(said.get("code")) in _NO_CREDIT:
            return EngineRefused(
                "The openai account is out of credit.",
                next_action="Top it up, then requeue the step.",
                details=error.details,
            )
        if answer.status in {400, 404, 422} and _is_about_voice(said, text, voice):
            return VoiceMissing(f"openai has no voice {voice!r}.", details=error.details)
        if said.get("param") == "model" or str(said.get("code")) in _OF_THE_SETTINGS:
            return error_for_status("openai", answer.status, answer.headers, str(error.details.get("said", "")))
        return error

    async def _listed(self) -> tuple[str, ...]:
        answer = await self._client.get("/audio/voices")
        if answer.status != 200 and answer.status not in {404, 405}:
            raise self._client.refusal(answer)
        rows = answer.json() if answer.status == 200 else None
        if isinstance(rows, dict):
            rows = rows.get("voices")
        names = [row if isinstance(row, str) else row.get("id") or row.get("name") for row in rows or []]
        if not names:
            raise VoiceMissing(
                "The server does not list its voices.",
                next_action="Name them in the engine's option voices, separated by commas.",
            )
        return tuple(map(str, names))


def open_engine(options: dict[str, Any]) -> OpenAIEngine:
    """Options: ``base_url``, ``api_key``, ``model`` (needed), ``voices``, ``languages``, ``format``, ``sample_rate``…

    The environment's OPENAI_BASE_URL, OPENAI_API_KEY and FOUNDRY_OPENAI_MODEL stand in for what is not given. No model
    is assumed: vendors retire them.
    """
    given = Options("openai", options)
    url = given.text("base_url", OFFICIAL_URL, "OPENAI_BASE_URL")
    key = given.text("api_key", variable="OPENAI_API_KEY")
    name = given.text("model", variable="FOUNDRY_OPENAI_MODEL")
    voices = given.words("voices")
    languages = given.words("languages") or ("eng", "spa", "fra", "deu", "ita", "por", "rus", "jpn", "zho")
    sound = given.text("format", "pcm").lower()
    sample_rate = given.whole("sample_rate", 24_000, 8_000, 48_000)
    official = urlsplit(url).hostname == OFFICIAL_HOST
    price = given.number("cost_per_million_characters", OFFICIAL_PRICE if official else 0.0, 0, 10_000)
    concurrency = given.whole("concurrency", 8 if official else 4, 1, 256)
    limit = given.whole("limit", LIMIT, 50, MOST_LIMIT)
    http = HttpOptions(
        engine="openai",
        base_url=url,
        headers={"Authorization": f"Bearer {key}"} if key else {},
        secret=key,
        proxy=given.text("proxy") or None,
        connect_timeout_s=given.number("connect_timeout_s", 10, 0.1, 300),
        receive_timeout_s=given.number("receive_timeout_s", 90, 0.1, 900),
    )
    given.finish()
    if not name:
        raise UsageError(
            "The engine openai needs to be told a model.",
            next_action="Set its option model, or FOUNDRY_OPENAI_MODEL.",
        )
    if sound not in FORMATS:
        raise UsageError(f"The engine openai knows no format {sound!r}.", next_action=f"One of {', '.join(FORMATS)}.")
    if official and not key:
        raise UsageError("The engine openai needs a key.", next_action="Set OPENAI_API_KEY, or its option api_key.")
    profile = EngineProfile(
        name="openai",
        limit=limit,
        limit_unit="characters",
        concurrency=concurrency,
        sample_rate=sample_rate,
        offline=False,
        cost_per_million_characters=price,
        deterministic=False,
        addresses={"speech": url.split("?", 1)[0]},
        natural=True,
        note="Prices are estimates unless you set cost_per_million_characters.",
    )
    spoken = tuple(understood(language) for language in languages)
    return OpenAIEngine(HttpClient(http), Model(name, sound, sample_rate, voices, spoken), profile)


def _is_about_voice(said: Mapping[str, Any], text: str, voice: str) -> bool:
    """Whether a complaint is about the voice: the word alone is not enough, for services say it of texts too."""
    message, name = str(said.get("message", "")).replace(text, "…").lower(), voice.lower()
    return said.get("param") == "voice" or (name in message and "voice" in message.replace(name, ""))


def _once(body: dict[str, Any], settings: VoiceSettings) -> str:
    """The request's idempotency key: what it is paid for under, and of each part of a text divided here its own."""
    whole = json.dumps([settings.request_key, body, settings.take], sort_keys=True)
    return hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest()
