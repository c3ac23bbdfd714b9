from __future__ import annotations

import struct
from collections.abc import AsyncIterator

import pytest

from fakes.speech_servers import RATE, SpeechServer, tone, wav
from foundry_tui.errors import (
    EngineBusy,
    EngineRefused,
    EngineUnreachable,
    FoundryError,
    SpeechRejected,
    TextRefused,
    UsageError,
    VoiceMissing,
)
from foundry_tui.voices.engines import open_engine
from foundry_tui.voices.http_errors import error_for_status, retry_after_s
from foundry_tui.voices.http_speech import require_plausible
from foundry_tui.voices.protocol import Engine, VoiceSettings
from foundry_tui.voices.wav import parse_wav

PLAIN = VoiceSettings()
TEXT = "Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about a little."


@pytest.fixture
async def server() -> AsyncIterator[SpeechServer]:
    async with SpeechServer() as running:
        yield running


def openai(server: SpeechServer, **more: object) -> Engine:
    options = {"base_url": f"{server.base}/v1", "api_key": "right", "model": "speech-1", "receive_timeout_s": 1.0}
    return open_engine("openai", options | more)


def elevenlabs(server: SpeechServer, **more: object) -> Engine:
    return open_engine("elevenlabs", {"base_url": server.base, "api_key": "right", "receive_timeout_s": 1.0} | more)


ENGINES = {"openai": (openai, "nova"), "elevenlabs": (elevenlabs, "Rachel/1")}
FAULTS: list[tuple[str, type[FoundryError]]] = [
    ("401", EngineRefused),
    ("403", EngineRefused),
    ("quota", EngineRefused),
    ("400", TextRefused),
    ("413", TextRefused),
    ("422", TextRefused),
    ("429", EngineBusy),
    ("503", EngineBusy),
    ("500", EngineUnreachable),
    ("halfopen", EngineUnreachable),
    ("stall", EngineUnreachable),
    ("empty", SpeechRejected),
    ("truncated", SpeechRejected),
    ("early", SpeechRejected),
    ("odd", SpeechRejected),
    ("chatter", SpeechRejected),
]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("fault", "error"), FAULTS)
async def test_faults_become_our_errors(server: SpeechServer, name: str, fault: str, error: type[FoundryError]) -> None:
    opening, voice = ENGINES[name]
    engine = opening(server)
    server.script = [fault]
    with pytest.raises(error) as raised:
        await engine.synthesize(TEXT, voice, PLAIN)
    told = f"{raised.value.sentence()} {raised.value.details}"
    assert "right" not in told
    assert "Ishmael" not in told
    assert raised.value.retry_after_s == (3.0 if fault in {"429", "503"} else None)
    assert (await engine.synthesize(TEXT, voice, PLAIN)).pcm == tone(TEXT, RATE, 1.0)
    await engine.close()


async def test_what_openai_is_asked(server: SpeechServer) -> None:
    engine = openai(server)
    await engine.synthesize(TEXT, "nova", VoiceSettings(rate=1.25, instructions="Whisper."))
    assert server.requests == [
        {
            "model": "speech-1",
            "input": TEXT,
            "voice": "nova",
            "response_format": "pcm",
            "speed": 1.25,
            "instructions": "Whisper.",
        }
    ]
    await engine.synthesize(TEXT, "nova", VoiceSettings(rate=1.25, instructions="Whisper."))
    await engine.synthesize(TEXT, "nova", VoiceSettings(rate=1.25, instructions="Whisper.", take=1))
    once, again, retake = (headers["Idempotency-Key"] for headers in server.headers)
    assert once == again != retake
    await engine.close()


async def test_what_elevenlabs_is_asked(server: SpeechServer) -> None:
    engine = elevenlabs(server)
    speech = await engine.synthesize("One two.", "Rachel/1", VoiceSettings(stability=0.3, similarity=0.8, take=4))
    assert server.requests == [
        {
            "text": "One two.",
            "model_id": "eleven_multilingual_v2",
            "seed": 5,
            "voice_settings": {"stability": 0.3, "similarity_boost": 0.8},
            "query": {"output_format": "pcm_24000"},
        }
    ]
    assert [boundary.text for boundary in speech.boundaries] == ["One", "two."]
    assert speech.boundaries[1].offset_samples == pytest.approx(4 / 15 * RATE, abs=25)
    german = [voice for voice in await engine.voices() if voice.language == "deu"]
    assert [(voice.voice, voice.gender) for voice in german] == [("Rachel/1", "female")]
    with pytest.raises(UsageError):
        await engine.synthesize(TEXT, "Rachel/1", VoiceSettings(rate=1.5))
    await engine.close()


@pytest.mark.parametrize("sent", ["pcm", "wav"])
async def test_formats_are_known_by_their_bytes(server: SpeechServer, sent: str) -> None:
    server.format_sent = sent
    engine = openai(server, format="wav" if sent == "wav" else "pcm")
    assert (await engine.synthesize(TEXT, "nova", PLAIN)).pcm == tone(TEXT, RATE, 1.0)
    await engine.close()


async def test_a_wrong_rate_is_for_good(server: SpeechServer) -> None:
    server.format_sent, server.rate = "wav", 22_050
    engine = openai(server)
    with pytest.raises(EngineRefused, match="22050") as raised:
        await engine.synthesize(TEXT, "nova", PLAIN)
    assert "sample_rate to 22050" in raised.value.action
    other = openai(server, sample_rate=22_050)
    assert (await other.synthesize(TEXT, "nova", PLAIN)).sample_rate == 22_050
    await engine.close()
    await other.close()


async def test_voices_that_are_missing_or_not_listed(server: SpeechServer) -> None:
    server.lists_voices = False
    engine = openai(server)
    with pytest.raises(VoiceMissing, match="zelda"):
        await engine.synthesize(TEXT, "zelda", PLAIN)
    with pytest.raises(VoiceMissing, match="does not list"):
        await engine.voices()
    named = openai(server, voices="alloy, nova", languages=["en", "fr"])
    assert [(v.voice, v.language) for v in await named.voices()] == [
        ("alloy", "eng"),
        ("alloy", "fra"),
        ("nova", "eng"),
        ("nova", "fra"),
    ]
    wrong = openai(server, model="speech-0")
    with pytest.raises(EngineRefused):
        await wrong.synthesize(TEXT, "nova", PLAIN)
    for each in (engine, named, wrong):
        await each.close()


COMPLAINTS: list[tuple[int, dict[str, object], type[FoundryError]]] = [
    (400, {"message": "This voice cannot speak such input.", "param": "input"}, TextRefused),
    (400, {"message": "The text is too innovative.", "param": None}, TextRefused),
    (400, {"message": f"Not to be spoken: {TEXT} The voice of nova."}, VoiceMissing),
    (400, {"message": f"Not to be spoken: {TEXT}"}, TextRefused),
    (400, {"message": "Voice 'nova' is not known."}, VoiceMissing),
    (422, {"message": "No such thing.", "param": "voice"}, VoiceMissing),
    (400, {"message": "Unknown.", "param": "model"}, EngineRefused),
    (400, {"message": "No such model.", "code": "model_not_found"}, EngineRefused),
    (400, {"message": "API key not valid.", "code": "invalid_api_key"}, EngineRefused),
    (400, {"message": "Pay first.", "code": "billing_hard_limit_reached"}, EngineRefused),
    (404, {"message": "Nothing here."}, EngineRefused),
]


@pytest.mark.parametrize(("status", "complaint", "error"), COMPLAINTS)
async def test_what_openai_complains_of(
    server: SpeechServer, status: int, complaint: dict[str, object], error: type[FoundryError]
) -> None:
    server.refuses = (status, {"error": complaint})
    engine = openai(server)
    with pytest.raises(FoundryError) as raised:
        await engine.synthesize(TEXT, "nova", PLAIN)
    assert type(raised.value) is error
    assert "Ishmael" not in f"{raised.value.sentence()} {raised.value.details}"
    await engine.close()


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "voice_not_found", VoiceMissing),
        (400, "voice_settings_odd", TextRefused),
        (400, "max_character_limit_exceeded", TextRefused),
        (400, "model_not_found", EngineRefused),
        (400, "invalid_api_key", EngineRefused),
        (404, "", VoiceMissing),
    ],
)
async def test_what_elevenlabs_complains_of(
    server: SpeechServer, status: int, code: str, error: type[FoundryError]
) -> None:
    server.refuses = (status, {"detail": {"status": code, "message": "The voice cannot."}})
    engine = elevenlabs(server)
    with pytest.raises(FoundryError) as raised:
        await engine.synthesize(TEXT, "Rachel/1", PLAIN)
    assert type(raised.value) is error
    await engine.close()


async def test_a_refused_text_is_told_in_the_services_words(server: SpeechServer) -> None:
    server.refuses = (422, {"error": {"message": "\x1b[2JEmoji\nare not spoken."}})
    engine = openai(server)
    with pytest.raises(TextRefused, match=r"HTTP 422\): Emoji are not spoken\.") as raised:
        await engine.synthesize(TEXT, "nova", PLAIN)
    assert not raised.value.retryable
    assert "chunk's text" in raised.value.action
    server.lists_voices, server.refuses_lists = False, 400
    with pytest.raises(EngineRefused):
        await engine.voices()
    await engine.close()


async def test_no_request_is_long_enough_for_the_ten_minute_cut(server: SpeechServer) -> None:
    with pytest.raises(UsageError, match="limit"):
        openai(server, limit=8_001)
    engine = openai(server)
    text = "It rained on the harbour all that day and the next. " * 200
    speech = await engine.synthesize(text, "nova", PLAIN)
    assert speech.duration_s > 600
    assert max(len(asked["input"]) for asked in server.requests) * 1.0 / 15 < 600
    await engine.close()


async def test_settings_an_engine_lacks_are_refused(server: SpeechServer) -> None:
    for opening, voice in ENGINES.values():
        engine = opening(server)
        with pytest.raises(UsageError, match="pitch"):
            await engine.synthesize(TEXT, voice, VoiceSettings(pitch_percent=10))
        await engine.close()
    assert server.requests == []


def test_keys_and_models_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "FOUNDRY_OPENAI_MODEL", "ELEVENLABS_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(UsageError, match="model"):
        open_engine("openai", {"api_key": "k"})
    with pytest.raises(UsageError, match="key"):
        open_engine("openai", {"model": "m"})
    with pytest.raises(UsageError, match="key"):
        open_engine("elevenlabs")
    with pytest.raises(UsageError, match="address"):
        open_engine("openai", {"model": "m", "base_url": "local"})
    assert (
        open_engine("openai", {"model": "m", "base_url": "http://127.0.0.1:1/v1"}).profile.cost_per_million_characters
        == 0
    )
    assert open_engine("openai", {"model": "m", "api_key": "k"}).profile.cost_per_million_characters > 0


@pytest.mark.parametrize("text", ["Signed, __________________________", "“Oh—oh! . . . . . . . . . . . . . . .”"])
def test_what_nobody_speaks_takes_no_time(text: str) -> None:
    require_plausible(text, RATE // 2, RATE, 1.0, "test")


@pytest.mark.parametrize(
    "text", [TEXT, TEXT.replace(" ", " _______ "), "東京の港には朝の霧が深く立ちこめていた。船はまだ動かない。"]
)
def test_a_text_spoken_in_two_fifths_of_its_time_was_cut(text: str) -> None:
    usual = TEXT if text.isascii() else text
    with pytest.raises(SpeechRejected, match="cut the speech"):
        require_plausible(text, round(len(usual) / 15 * 0.4 * RATE), RATE, 1.0, "test")
    require_plausible(text, round(len(usual) / 15 * RATE), RATE, 1.0, "test")


def test_wav_is_read_whole_or_not_at_all() -> None:
    pcm = tone("hello", 16_000, 1.0)
    good = wav(pcm, 16_000)
    assert parse_wav(good) == (pcm, 16_000)
    streamed = good[:40] + struct.pack("<I", 0xFFFFFFFF) + good[44:]
    assert parse_wav(streamed) == (pcm, 16_000)
    extra = good[:12] + struct.pack("<4sI", b"LIST", 3) + b"abc\0" + good[12:]
    assert parse_wav(extra) == (pcm, 16_000)
    stereo = good[:22] + struct.pack("<H", 2) + good[24:]
    for broken in (b"", good[:30], good[:-2], stereo, b"x" * 60, good[:12] + good[36:]):
        with pytest.raises(SpeechRejected):
            parse_wav(broken)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("", None), ("soon", None), ("99999", 600.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after_s({"Retry-After": value}) == seconds


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, EngineRefused), (402, EngineRefused), (408, EngineBusy), (418, EngineRefused), (502, EngineUnreachable), (529, EngineBusy)],
)  # fmt: skip
def test_statuses(status: int, error: type[FoundryError]) -> None:
    assert type(error_for_status("test", status)) is error
