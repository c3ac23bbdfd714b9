"""``elevenlabs``: ElevenLabs' voices, paid by the character, with the time of every letter."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from foundry_tui.errors import EngineBusy, EngineRefused, SpeechRejected, UsageError, VoiceError, VoiceMissing
from foundry_tui.voices.accents import language_of
from foundry_tui.voices.fit import fit, join_speech
from foundry_tui.voices.http_errors import error_for_status
from foundry_tui.voices.http_speech import Answer, HttpClient, HttpOptions, whole_speech
from foundry_tui.voices.letters import reaches_end
from foundry_tui.voices.options import Options
from foundry_tui.voices.protocol import (
    Boundary,
    EngineProfile,
    Speech,
    Voice,
    VoiceSettings,
    refuse_settings,
    require_speakable,
)

SAMPLE_RATE = 24_000
LIMIT = 5_000
SLACK_S = 0.05
REVISION = 1


@dataclass(frozen=True, slots=True)
class Alignment:
    """When each character is spoken, in seconds."""

    characters: Sequence[str]
    starts: Sequence[float]
    ends: Sequence[float]


class ElevenLabsEngine:
    """``with-timestamps`` requests: their alignment shows that the speech reaches the end of the text."""

    def __init__(self, client: HttpClient, model: str, profile: EngineProfile) -> None:
        self._client = client
        self._model = model
        self._voices: tuple[Voice, ...] = ()
        self.profile = profile

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        """Speak plain text; ``voice`` is a voice's id."""
        require_speakable(text)
        refuse_settings("elevenlabs", settings, "pitch_percent", "volume", "instructions")
        if not 0.7 <= settings.rate <= 1.2:
            raise UsageError("ElevenLabs speaks at a rate of 0.7 to 1.2.", next_action="Edit the narrator's rate.")
        parts = [part for part in fit(text, self.profile) if any(map(str.isalnum, part))]
        return join_speech([await self._speak(part, voice, settings) for part in parts])

    async def voices(self) -> Sequence[Voice]:
        """The account's voices, each in every language it is verified for."""
        if not self._voices:
            answer = await self._client.get("/v1/voices")
            if answer.status != 200:
                raise self._refusal(answer, "", "")
            rows = answer.json()
            if not isinstance(rows, dict) or not isinstance(rows.get("voices"), list):
                raise EngineRefused("The service's list of voices cannot be read.")
            self._voices = tuple(voice for row in rows["voices"] for voice in _voices(row))
        return self._voices

    async def version(self) -> str:
        """The model."""
        return f"{self._model}/pcm_{SAMPLE_RATE}-{REVISION}"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _speak(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        manner = {
            "stability": settings.stability,
            "similarity_boost": settings.similarity,
            "style": settings.style,
            "speed": settings.rate if settings.rate != 1.0 else None,
        }
        manner = {name: value for name, value in manner.items() if value is not None}
        body: dict[str, Any] = {"text": text, "model_id": self._model, "seed": settings.take + 1}
        if manner:
            body["voice_settings"] = manner
        path = f"/v1/text-to-speech/{quote(voice, safe='')}/with-timestamps?output_format=pcm_{SAMPLE_RATE}"
        answer = await self._client.post(path, body)
        if answer.status != 200:
            raise self._refusal(answer, text, voice)
        reply = answer.json()
        try:
            pcm = base64.b64decode(reply["audio_base64"], validate=True)
            alignment = _alignment(reply.get("alignment"))
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise SpeechRejected("elevenlabs sent a reply that cannot be read.") from error
        words = _words(alignment, len(pcm) // 2) if alignment else ()
        speech = whole_speech(text, pcm, SAMPLE_RATE, settings.rate, "elevenlabs", words)
        if alignment:
            _require_end(text, alignment, speech.duration_s)
        return speech

    def _refusal(self, answer: Answer, text: str, voice: str) -> VoiceError:
        error = self._client.refusal(answer, text)
        status = str(answer.complaint().get("status", ""))
        if status == "quota_exceeded":
            return EngineRefused(
                "The elevenlabs account is out of credit.",
                next_action="Top it up, then requeue the step.",
                details=error.details,
            )
        if status in {"voice_not_found", "voice_does_not_exist"} or (answer.status == 404 and voice):
            return VoiceMissing(f"elevenlabs has no voice {voice!r}.", details=error.details)
        if status in {"too_many_concurrent_requests", "system_busy"}:
            return EngineBusy("elevenlabs is busy.", details=error.details, retry_after_s=error.retry_after_s)
        if "model" in status or "api_key" in status:
            return error_for_status("elevenlabs", answer.status, answer.headers, str(error.details.get("said", "")))
        return error


def open_engine(options: dict[str, Any]) -> ElevenLabsEngine:
    """Options: ``api_key``, ``base_url``, ``model``, ``concurrency``, ``cost_per_million_characters``, time-outs.

    The environment's ELEVENLABS_API_KEY and ELEVENLABS_BASE_URL stand in for what is not given.
    """
    given = Options("elevenlabs", options)
    key = given.text("api_key", variable="ELEVENLABS_API_KEY")
    url = given.text("base_url", "https://api.elevenlabs.io", "ELEVENLABS_BASE_URL")
    model = given.text("model", "eleven_multilingual_v2")
    price = given.number("cost_per_million_characters", 200.0, 0, 10_000)
    concurrency = given.whole("concurrency", 4, 1, 64)
    http = HttpOptions(
        engine="elevenlabs",
        base_url=url,
        headers={"xi-api-key": key},
        secret=key,
        proxy=given.text("proxy") or None,
        connect_timeout_s=given.number("connect_timeout_s", 10, 0.1, 300),
        receive_timeout_s=given.number("receive_timeout_s", 90, 0.1, 900),
    )
    given.finish()
    if not key:
        raise UsageError("ElevenLabs needs a key.", next_action="Set ELEVENLABS_API_KEY, or its option api_key.")
    profile = EngineProfile(
        name="elevenlabs",
        limit=LIMIT,
        limit_unit="characters",
        concurrency=concurrency,
        sample_rate=SAMPLE_RATE,
        offline=False,
        cost_per_million_characters=price,
        deterministic=False,
        addresses={"speech": url.split("?", 1)[0]},
        natural=True,
        note="Paid by the character; the price is an estimate unless you set cost_per_million_characters.",
    )
    return ElevenLabsEngine(HttpClient(http), model, profile)


def _voices(row: dict[str, Any]) -> list[Voice]:
    labels = row.get("labels") or {}
    verified = [str(entry.get("language", "")) for entry in row.get("verified_languages") or []]
    languages = dict.fromkeys(language_of(code) for code in [str(labels.get("language") or "en"), *verified] if code)
    return [
        Voice(
            "elevenlabs",
            str(row["voice_id"]),
            str(row.get("name", row["voice_id"])),
            language,
            gender=str(labels.get("gender", "")).lower(),
            accent=str(labels.get("accent", "")).title() if not rank else "",
            rank=rank,
        )
        for rank, language in enumerate(languages)
    ]


def _alignment(given: Any) -> Alignment | None:
    if not given:
        return None
    characters = list(given["characters"])
    starts = [float(value) for value in given["character_start_times_seconds"]]
    ends = [float(value) for value in given["character_end_times_seconds"]]
    if not len(characters) == len(starts) == len(ends):
        raise ValueError("alignment of unequal lengths")
    return Alignment(characters, starts, ends)


def _require_end(text: str, alignment: Alignment, duration_s: float) -> None:
    if not reaches_end(text, "".join(alignment.characters).split()):
        raise SpeechRejected("elevenlabs cut the speech: its last words were not spoken.")
    last_s = max(alignment.ends, default=0.0)
    if duration_s + SLACK_S < last_s:
        raise SpeechRejected(f"elevenlabs cut the speech: {duration_s:.1f} s of {last_s:.1f} s came.")


def _words(alignment: Alignment, samples: int) -> tuple[Boundary, ...]:
    words: list[Boundary] = []
    word, start, end = "", 0.0, 0.0
    spoken = [*zip(alignment.characters, alignment.starts, alignment.ends, strict=True), (" ", 0.0, 0.0)]
    for character, begins, ends in spoken:
        if not character.isspace():
            start = begins if not word else start
            word, end = word + character, ends
        elif word:
            at = min(round(start * SAMPLE_RATE), samples)
            words.append(Boundary(at, max(0, min(round(end * SAMPLE_RATE), samples) - at), word))
            word = ""
    return tuple(words)
