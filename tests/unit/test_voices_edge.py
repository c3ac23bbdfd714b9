from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email.utils import formatdate

import pytest

from fakes.edge_server import EdgeServer, sound_frame, spoken
from foundry_tui.errors import (
    EngineBusy,
    EngineRefused,
    EngineUnreachable,
    FoundryError,
    SpeechRejected,
    UsageError,
    VoiceMissing,
)
from foundry_tui.voices.edge_turn import BYTES_PER_SECOND, LONGEST_BYTES, Mark, Turn
from foundry_tui.voices.engines import open_engine
from foundry_tui.voices.letters import reaches_end
from foundry_tui.voices.protocol import Engine, VoiceSettings

PLAIN = VoiceSettings()
TEXT = "It is a truth universally acknowledged, that a single man must be in want of a wife."
VOICE = "en-GB-SoniaNeural"


@pytest.fixture
async def server() -> AsyncIterator[EdgeServer]:
    async with EdgeServer() as running:
        yield running


@pytest.fixture
async def engine(server: EdgeServer) -> AsyncIterator[Engine]:
    opened = open_engine("edge", server.options(receive_timeout_s=1.0))
    yield opened
    await opened.close()


async def test_sound_and_words_arrive_whole(server: EdgeServer, engine: Engine) -> None:
    speech = await engine.synthesize(TEXT, VOICE, PLAIN)
    sound, words = spoken(TEXT, 20.0)
    assert speech.sample_rate == 24_000
    assert speech.samples == len(sound) // 144 * 576
    assert [boundary.text for boundary in speech.boundaries] == [word for _, _, word in words]
    last = speech.boundaries[-1]
    assert last.offset_samples == round(words[-1][0] * 24_000)
    assert last.offset_samples + last.samples <= speech.samples


async def test_text_is_data_and_settings_become_prosody(server: EdgeServer, engine: Engine) -> None:
    text = "<b>Bold</b> &amp; 'quoted' \x0b text"
    await engine.synthesize(text, VOICE, VoiceSettings(rate=1.25, pitch_percent=-10, volume=0.5))
    assert server.requests[0][0] == text.replace("\x0b", " ")
    assert server.prosody[0] == {"rate": "+25%", "pitch": "-16Hz", "volume": "-50%"}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("403", EngineBusy),
        ("429", EngineBusy),
        ("503", EngineBusy),
        ("noaudio", SpeechRejected),
        ("cut", SpeechRejected),
        ("cut_words", SpeechRejected),
        ("reset", SpeechRejected),
        ("unfinished", SpeechRejected),
        ("halfopen", EngineUnreachable),
        ("stall", EngineUnreachable),
        ("badframe", SpeechRejected),
    ],
)
async def test_no_broken_sound_is_believed(
    server: EdgeServer, engine: Engine, fault: str, error: type[FoundryError]
) -> None:
    server.script = [fault]
    with pytest.raises(error) as raised:
        await engine.synthesize(TEXT, VOICE, PLAIN)
    assert raised.value.retryable
    assert "truth" not in raised.value.sentence()
    assert raised.value.retry_after_s == (2.0 if fault in {"429", "503"} else None)
    assert (await engine.synthesize(TEXT, VOICE, PLAIN)).samples > 0


@pytest.mark.parametrize("fault", ["cut", "cut_words", "reset"])
@pytest.mark.parametrize("text", ["No.", "Yes, sir.", "the the the the", "彼は行った。そして帰った。", "1984 & 1985"])
async def test_short_texts_are_not_cut_either(server: EdgeServer, engine: Engine, fault: str, text: str) -> None:
    server.script = [fault]
    with pytest.raises((SpeechRejected, EngineUnreachable)):
        await engine.synthesize(text, VOICE, PLAIN)


async def test_long_text_goes_in_turns_and_marks_stay_in_time(server: EdgeServer) -> None:
    text = " ".join(f"Sentence number {number} is spoken & heard." for number in range(250))
    engine = open_engine("edge", server.options())
    speech = await engine.synthesize(text, VOICE, PLAIN)
    await engine.close()
    assert len(server.requests) > 2
    assert " ".join(sent for sent, _, _ in server.requests) == text
    offsets = [boundary.offset_samples for boundary in speech.boundaries]
    assert offsets == sorted(offsets)
    assert speech.boundaries[-1].text == "heard"
    assert offsets[-1] + speech.boundaries[-1].samples <= speech.samples


async def test_many_refusals_in_a_row_are_for_good(server: EdgeServer, engine: Engine) -> None:
    server.script = ["403"] * 40
    errors = []
    for _ in range(33):
        with pytest.raises((EngineBusy, EngineRefused)) as raised:
            await engine.synthesize(TEXT, VOICE, PLAIN)
        errors.append(raised.value)
    assert [type(error) for error in errors[:31]] == [EngineBusy] * 31
    assert isinstance(errors[31], EngineRefused)


async def test_a_wrong_clock_is_corrected_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_tts.drm import DRM

    monkeypatch.setattr(DRM, "clock_skew_seconds", 0.0)
    async with EdgeServer(date=formatdate(2_000_000_000, usegmt=True)) as server:
        server.script = ["403", None]
        engine = open_engine("edge", server.options())
        assert (await engine.synthesize(TEXT, VOICE, PLAIN)).samples > 0
        await engine.close()
    assert server.refusals == ["403"]


async def test_unknown_voices_are_named(server: EdgeServer, engine: Engine) -> None:
    for voice in ("en-GB-NobodyNeural", "nobody", ""):
        with pytest.raises(VoiceMissing) as raised:
            await engine.synthesize(TEXT, voice, PLAIN)
        assert not raised.value.retryable


async def test_voices_are_listed_once(server: EdgeServer, engine: Engine) -> None:
    voices = await engine.voices()
    await engine.voices()
    assert server.lists == 1
    sonia = next(voice for voice in voices if voice.voice == VOICE)
    assert (sonia.language, sonia.locale, sonia.gender, sonia.accent) == ("eng", "en-GB", "female", "British")


async def test_a_server_that_is_not_there() -> None:
    engine = open_engine("edge", {"url": "ws://127.0.0.1:9/edge", "voices_url": "http://127.0.0.1:9/list"})
    with pytest.raises(EngineUnreachable):
        await engine.synthesize(TEXT, VOICE, PLAIN)
    with pytest.raises(EngineUnreachable):
        await engine.voices()
    await engine.close()


async def test_two_engines_have_two_addresses(server: EdgeServer, engine: Engine) -> None:
    async with EdgeServer() as other:
        second = open_engine("edge", other.options())
        await asyncio.gather(*(e.synthesize(TEXT, VOICE, PLAIN) for e in (engine, second)))
        await second.close()
    assert len(server.requests) == len(other.requests) == 1


def test_addresses_come_from_the_environment_and_hide_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOUNDRY_EDGE_URL", "ws://127.0.0.1:1/a?key=secret")
    monkeypatch.setenv("FOUNDRY_EDGE_VOICES_URL", "http://127.0.0.1:1/b")
    profile = open_engine("edge").profile
    assert profile.addresses == {"speech": "ws://127.0.0.1:1/a", "voices": "http://127.0.0.1:1/b"}


@pytest.mark.parametrize(
    "options", [{"url": "http://x/"}, {"voices_url": "ftp://x"}, {"colour": 1}, {"concurrency": 0}]
)
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        open_engine("edge", options)


@pytest.mark.parametrize(
    ("text", "words", "whole"),
    [
        ("The end, the end.", ["The", "end", "the", "end"], True),
        ("The end, the end.", ["The", "end"], False),
        ("It cost £5 — 'cheap'!", ["It", "cost", "£5", "cheap"], True),
        ("Don’t go…", ["Don’t", "go"], True),
        ("One two three", ["one", "TWO", "three"], True),
        ("One two three four five six seven eight, number ten", ["One", "two", "three", "four", "five", "six", "seven", "eight", "number"], False),
        ("text", [], False),
    ],
)  # fmt: skip
def test_the_last_word_must_be_spoken(text: str, words: list[str], whole: bool) -> None:
    assert reaches_end(text, words) is whole


def test_sound_without_end_is_refused() -> None:
    turn = Turn(TEXT, size_bytes=LONGEST_BYTES - 1)
    turn.take_binary(sound_frame(b"x"))
    with pytest.raises(SpeechRejected, match="more sound"):
        turn.take_binary(sound_frame(b"x"))


def test_every_cut_of_a_turn_is_seen() -> None:
    sound, words = spoken(TEXT, 20.0)
    marks = [Mark(round(start * 1e7), round(length * 1e7), word) for start, length, word in words]
    end = marks[-1].offset + marks[-1].duration
    for frames in range(len(sound) // 144):
        turn = Turn(TEXT, marks=marks, ended=True)
        if frames:
            turn.take_binary(sound_frame(sound[: frames * 144]))
        missing_s = end / 1e7 - frames * 144 / BYTES_PER_SECOND
        if missing_s > 0.05:
            with pytest.raises(SpeechRejected):
                turn.check()
