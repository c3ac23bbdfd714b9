"""What every engine must keep, whatever it speaks with."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import psutil
import pytest

from fakes.edge_server import EdgeServer
from fakes.speech_servers import SpeechServer
from fakes.standin_engine import StandinEngine
from foundry_tui.errors import EngineRefused, NothingToSpeak, VoiceMissing
from foundry_tui.voices.engines import open_engine
from foundry_tui.voices.guard import GuardedEngine
from foundry_tui.voices.protocol import Engine, Speech, VoiceSettings

PLAIN = VoiceSettings()
A = "Alice was beginning to get very tired of sitting by her sister on the bank."
B = "“Dr. Jekyll & Mr. Hyde” cost £3 in 1886 — naïve, wasn’t it?"


@asynccontextmanager
async def standin() -> AsyncIterator[tuple[Engine, str]]:
    yield StandinEngine(latency_s=0.001, any_voice=False), "one"


@asynccontextmanager
async def espeak() -> AsyncIterator[tuple[Engine, str]]:
    yield open_engine("espeak"), "en-gb"


@asynccontextmanager
async def espeak_without_fork() -> AsyncIterator[tuple[Engine, str]]:
    yield open_engine("espeak", {"fork": False}), "en-us+f3"


@asynccontextmanager
async def edge() -> AsyncIterator[tuple[Engine, str]]:
    async with EdgeServer(latency_s=0.001) as server:
        yield open_engine("edge", server.options()), "en-GB-SoniaNeural"


@asynccontextmanager
async def guarded_edge() -> AsyncIterator[tuple[Engine, str]]:
    kinds = ("403", "503", "noaudio", "cut", "cut_words", "reset")
    async with EdgeServer(error_rate=0.05, kinds=kinds, seed=3) as server:
        engine = GuardedEngine(open_engine("edge", server.options()), attempts=6, sleep=lambda _: asyncio.sleep(0))
        yield engine, "en-GB-SoniaNeural"


@asynccontextmanager
async def flite() -> AsyncIterator[tuple[Engine, str]]:
    yield open_engine("flite"), "kal16"


@asynccontextmanager
async def openai() -> AsyncIterator[tuple[Engine, str]]:
    async with SpeechServer() as server:
        yield open_engine("openai", {"base_url": f"{server.base}/v1", "api_key": "right", "model": "speech-1"}), "nova"


@asynccontextmanager
async def elevenlabs() -> AsyncIterator[tuple[Engine, str]]:
    async with SpeechServer() as server:
        yield open_engine("elevenlabs", {"base_url": server.base, "api_key": "right"}), "Rachel/1"


Opening = Callable[[], AbstractAsyncContextManager[tuple[Engine, str]]]
ENGINES: dict[str, Opening] = {
    "standin": standin,
    "espeak": espeak,
    "espeak without fork": espeak_without_fork,
    "edge": edge,
    "openai": openai,
    "elevenlabs": elevenlabs,
    "edge, guarded, 5 % errors": guarded_edge,
}

if shutil.which("flite"):  # its absence is told by test_voices_processes
    ENGINES["flite"] = flite


@pytest.fixture(params=ENGINES)
async def spoken_by(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Engine, str]]:
    async with ENGINES[request.param]() as (engine, voice):
        yield engine, voice
        await engine.close()


def whole(speech: Speech, engine: Engine) -> None:
    assert speech.sample_rate == engine.profile.sample_rate
    assert speech.samples > 0
    assert len(speech.pcm) == 2 * speech.samples
    assert any(speech.pcm)
    for boundary in speech.boundaries:
        assert boundary.kind in {"word", "sentence"}
        assert boundary.offset_samples >= 0
        assert boundary.offset_samples + boundary.samples <= speech.samples


async def test_the_order_of_speaking_does_not_matter(spoken_by: tuple[Engine, str]) -> None:
    engine, voice = spoken_by
    texts = [A, B, A, A]
    alone = {text: await engine.synthesize(text, voice, PLAIN) for text in (A, B)}
    for seed in range(3):
        lanes = list(enumerate(texts))
        random.Random(seed).shuffle(lanes)
        said = await asyncio.gather(*(engine.synthesize(text, voice, PLAIN) for _, text in lanes))
        for (_, text), speech in zip(lanes, said, strict=True):
            whole(speech, engine)
            if engine.profile.deterministic:
                assert speech == alone[text]


@pytest.mark.parametrize("text", ["", " \n\t ", "…", "— * —", "\u200b"])
async def test_blank_text_is_refused(spoken_by: tuple[Engine, str], text: str) -> None:
    engine, voice = spoken_by
    with pytest.raises(NothingToSpeak) as raised:
        await engine.synthesize(text, voice, PLAIN)
    assert not raised.value.retryable


async def test_long_text_is_spoken_whole(spoken_by: tuple[Engine, str]) -> None:
    engine, voice = spoken_by
    text = " ".join(f"This is sentence number {number}, and it is heard." for number in range(1, 115))
    assert len(text) > 5000
    part = await engine.synthesize(text[: len(text) // 2], voice, PLAIN)
    speech = await engine.synthesize(text, voice, PLAIN)
    whole(speech, engine)
    assert 1.8 < speech.samples / part.samples < 2.3


@pytest.mark.parametrize(
    "text",
    ["<b>&amp;</b> <break time='30s'/> said", "[[h@'loU]] and %s {0}", "a\x00b\x07c\x1b[2J", "Ærøskøbing — 東京, Москва ☂"],
)  # fmt: skip
async def test_text_is_data(spoken_by: tuple[Engine, str], text: str) -> None:
    engine, voice = spoken_by
    speech = await engine.synthesize(text, voice, PLAIN)
    whole(speech, engine)
    assert speech.duration_s < 25


async def test_a_missing_voice_is_named(spoken_by: tuple[Engine, str]) -> None:
    engine, _ = spoken_by
    with pytest.raises(VoiceMissing, match="xx-XX-NobodyNeural"):
        await engine.synthesize(A, "xx-XX-NobodyNeural", PLAIN)


async def test_voices_and_version(spoken_by: tuple[Engine, str]) -> None:
    engine, voice = spoken_by
    voices = await engine.voices()
    assert voice in {listed.voice for listed in voices}
    assert len({(listed.voice, listed.language) for listed in voices}) == len(voices)
    assert all(len(listed.language) >= 2 and listed.engine == engine.profile.name for listed in voices)
    assert await engine.version()


async def test_cancelling_leaves_the_engine_usable(spoken_by: tuple[Engine, str]) -> None:
    engine, voice = spoken_by
    for after_s in (0.0, 0.005, 0.02):
        calls = [asyncio.create_task(engine.synthesize(A * 20, voice, PLAIN)) for _ in range(4)]
        await asyncio.sleep(after_s)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    whole(await engine.synthesize(A, voice, PLAIN), engine)


def speaks(child: psutil.Process) -> bool:
    try:
        return any(name in " ".join(child.cmdline()) for name in ("espeak", "tether", "flite", "helper"))
    except psutil.NoSuchProcess:
        return False


async def test_closing_ends_every_child_and_call(spoken_by: tuple[Engine, str]) -> None:
    engine, voice = spoken_by
    await engine.synthesize(A, voice, PLAIN)
    calls = [asyncio.create_task(engine.synthesize(A * 300, voice, PLAIN)) for _ in range(3)]
    await asyncio.sleep(0.01)
    began = asyncio.get_running_loop().time()
    await engine.close()
    await asyncio.gather(*calls, return_exceptions=True)
    assert asyncio.get_running_loop().time() - began < 4.0  # promised within 2 s on a machine with cores to spare
    assert [child for child in psutil.Process().children(recursive=True) if speaks(child)] == []
    await engine.close()
    if not isinstance(engine, StandinEngine):
        with pytest.raises(EngineRefused):
            await engine.synthesize(A, voice, PLAIN)
