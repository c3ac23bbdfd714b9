"""A recogniser listens: garbled takes are spoken again, voices that are merely plain are left in peace."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import wave
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from fakes.house import QUICK, Speaker, open_house
from foundry_tui.domain.takes import Take
from foundry_tui.errors import EngineMissing, EngineUnreachable, FoundryError, UsageError
from foundry_tui.pipeline.contract import StepContext
from foundry_tui.pipeline.pool import WorkerPool
from foundry_tui.steps import audio_generation
from foundry_tui.steps.booth import Booth
from foundry_tui.steps.chunk_jobs import ChunkJob
from foundry_tui.steps.cpu_pool import CpuPool
from foundry_tui.steps.hearing import Hearing, HearingSettings
from foundry_tui.steps.recipes import build_recipes
from foundry_tui.voices.engines import open_engine
from foundry_tui.voices.protocol import Speech, VoiceSettings
from foundry_tui.voices.recognisers import RecogniserOptions, open_recogniser
from foundry_tui.voices.word_errors import word_errors

TEXT = "The quiet harbour kept its boats close while evening came down over the long grey water."
WAV = Speech(b"\1\0" * 2400, 24_000)


@pytest.mark.parametrize(
    ("text", "heard", "errors", "words", "run"),
    [
        ("Don't stop, Zoë!", "dont stop zoe", 0, 3, 0),
        ("one two three four", "one three four five", 2, 4, 1),
        ("one two three", "", 3, 3, 3),
        ("", "uh", 1, 0, 1),
        ("a b c d e f", "a b x y e f", 2, 6, 2),
        ("a b c", "a b c d e f g", 4, 3, 4),
    ],
)
def test_words_are_counted_against_the_text(text: str, heard: str, errors: int, words: int, run: int) -> None:
    found = word_errors(text, heard)
    assert (found.errors, found.words, found.longest_run) == (errors, words, run)


class Listener:
    """Hears what the test says."""

    def __init__(self, *said: str | FoundryError) -> None:
        self.said = list(said)

    def knows(self, language: str) -> bool:
        return language == "eng"

    async def hear(self, wav: Path, language: str) -> str:
        with wave.open(str(wav)) as file:
            assert file.getnframes() == WAV.samples
        said = self.said.pop(0)
        if isinstance(said, FoundryError):
            raise said
        return said

    async def close(self) -> None:
        return


def hearing(listener: Listener, which: str = "all", language: str = "eng") -> tuple[Hearing, list[str]]:
    told: list[str] = []

    async def trouble(error: FoundryError) -> None:
        told.append(error.message)

    return Hearing(HearingSettings(which, 10), listener, language, trouble), told


def job(text: str = TEXT, key: str = "f" * 64) -> ChunkJob:
    return ChunkJob(1, 1, text, 0, key, {})


async def test_a_plain_voice_is_judged_against_itself() -> None:
    words = TEXT.split()
    plain = " ".join(["blah"] * 5 + words[5:])  # 5 of 16 words wrong, always
    worse = " ".join(["blah"] * 11 + words[11:])
    check, _ = hearing(Listener(*[plain] * 9, worse, TEXT))
    for _ in range(9):
        assert (await check.judge(job(), WAV))[0] is None
    assert check.median() == pytest.approx(5 / 16)
    garbled, rate = await check.judge(job(), WAV)
    assert garbled is not None
    assert garbled.fatal
    assert "11 of 16 words" in garbled.reason
    assert rate == pytest.approx(11 / 16, abs=0.001)
    assert (await check.judge(job(), WAV)) == (None, 0.0)


async def test_a_respelt_word_is_heard_as_the_word_it_stands_for() -> None:
    check, _ = hearing(Listener("Call me Ishmael said the man from Nantucket to the mate"))
    respelt = "Call me ISH-may-el said the man from nan-TUCK-et to the mate"
    asked = ChunkJob(1, 1, respelt, 0, "f" * 64, {}, "Call me Ishmael said the man from Nantucket to the mate")
    assert await check.judge(asked, WAV) == (None, 0.0)


async def test_a_run_of_wrong_words_is_garbled_though_the_rest_is_right() -> None:
    words = [*TEXT.split(), *TEXT.split()]
    heard = " ".join(words[:12] + words[22:])
    check, _ = hearing(Listener(heard))
    garbled, _ = await check.judge(job(" ".join(words)), WAV)
    assert garbled is not None
    assert "10 of them in a row" in garbled.reason


async def test_who_is_heard() -> None:
    check, _ = hearing(Listener(), which="sample")
    drawn = [check.wants(job(key=f"{number:08x}" + "0" * 56), ()) for number in range(1000)]
    assert drawn.count(True) == 100
    assert check.wants(job(), ("odd_rate",))  # type: ignore[arg-type]
    assert not hearing(Listener(), language="deu")[0].wants(job(), ())
    assert not hearing(Listener())[0].wants(job("Come and see."), ()), "of so few words nothing is to be told"


async def test_a_recogniser_in_trouble_stops_nothing() -> None:
    check, told = hearing(Listener(EngineUnreachable("It fell silent.")))
    assert await check.judge(job(), WAV) == (None, None)
    assert told == ["It fell silent."]
    assert not check.wants(job(), ()), "it is off"


async def test_a_command_is_asked_without_a_shell(tmp_path: Path) -> None:
    script = tmp_path / "it hears.py"
    script.write_text("import sys; print('heard', sys.argv[1:])")
    wav = tmp_path / "a; touch x.wav"
    wav.write_bytes(b"")
    command = f"{sys.executable} '{script}' -f {{path}} -l {{language}}"
    heard = open_recogniser(RecogniserOptions("command", command))
    assert await heard.hear(wav, "eng") == f"heard {['-f', str(wav), '-l', 'eng']}\n"
    broken = open_recogniser(RecogniserOptions("command", f"{sys.executable} -c 'import sys; sys.exit(3)' {{path}}"))
    with pytest.raises(EngineUnreachable, match="ended with 3"):
        await broken.hear(wav, "eng")


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(UsageError, match="path"):
        open_recogniser(RecogniserOptions("command", "whisper"))
    with pytest.raises(EngineMissing, match="no-such-program"):
        open_recogniser(RecogniserOptions("command", "no-such-program {path}"))
    with pytest.raises(UsageError, match="address"):
        open_recogniser(RecogniserOptions("endpoint"))


@asynccontextmanager
async def transcriber(said: str, status: int = 200) -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    asked: list[dict[str, str]] = []

    async def hear(request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        fields = {name: str(value) for name, value in form.items() if name != "file"}
        asked.append({**fields, "head": file.file.read(4).decode(), "key": request.headers.get("Authorization", "")})
        return web.json_response({"text": said}, status=status)

    app = web.Application()
    app.router.add_post("/v1/audio/transcriptions", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", asked
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
def cpu() -> Iterator[CpuPool]:
    pool = CpuPool()
    yield pool
    pool.close()


async def test_an_address_is_asked_and_a_garbled_take_is_spoken_again(tmp_path: Path, cpu: CpuPool) -> None:
    async with transcriber("words that nobody wrote in any book that was ever printed anywhere") as (url, asked):
        options = RecogniserOptions("endpoint", url=url, model="ears-1", api_key="k")
        heard = open_recogniser(options)
        async with open_house(tmp_path, cpu, Speaker(natural_takes=True)) as house:
            tools = house.toolbox(heard, HearingSettings("sample", 15))
            await WorkerPool(house.database, build_recipes(tools), settings=QUICK).run_until_idle()
            told = await house.told("retake")
            failed = await house.value("SELECT count(*) FROM audio_chunks WHERE status = 'failed'")
        await heard.close()
    assert failed >= 1
    assert len(told) == 2 * failed, "two retakes each, then the chunk is parked with the reason"
    assert "were not heard as written" in told[0]
    assert len(asked) == 3 * failed
    assert asked[0] == {
        "response_format": "json",
        "language": "en",
        "model": "ears-1",
        "head": "RIFF",
        "key": "Bearer k",
    }


class Mumble:
    """Hears nothing of what was said, so that every take it listened to shows it."""

    def knows(self, language: str) -> bool:
        return language == "eng"

    async def hear(self, wav: Path, language: str) -> str:
        return ""

    async def close(self) -> None:
        return


async def test_a_part_is_checked_like_the_rest_of_the_book(
    tmp_path: Path, cpu: CpuPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of a book is spoken anew by two workers: the other's part is heard, and judged by the whole book's voice."""
    told: list[tuple[bool, bool, int]] = []

    class Watched(Booth):
        def __init__(self, context: StepContext, *given: Any, kept: Sequence[Take], **more: Any) -> None:
            told.append((context.parts is None, given[2].end_db() is not None, len(kept)))
            super().__init__(context, *given, kept=kept, **more)

    monkeypatch.setattr(audio_generation, "Booth", Watched)
    async with open_house(tmp_path, cpu, Speaker(concurrency=1)) as house:
        tools = house.toolbox(Mumble(), HearingSettings("all"))
        await house.run()
        gone = "chapter_number = 3 AND chunk_index > 1"
        rows = await house.database.fetch(f"SELECT artifact FROM audio_chunks WHERE {gone}")
        for row in rows:
            (tmp_path / row["artifact"]).unlink()
        total = await house.value("SELECT count(*) FROM audio_chunks")
        told.clear()
        house.speaker.latency_s = 0.3
        await house.requeue("audio_generation")
        sharing = replace(QUICK, part_chunks=1, workers=1)
        pools = [WorkerPool(house.database, build_recipes(tools), settings=sharing) for _ in range(2)]
        await asyncio.gather(*(pool.run_until_idle() for pool in pools))
        heard = f"SELECT metrics FROM audio_chunks WHERE {gone}"
        metrics = [str(row["metrics"]) for row in await house.database.fetch(heard)]
    parts = [(knows, kept) for is_part, knows, kept in told if is_part]
    assert parts, "the other worker took some"
    assert all(knows and kept >= total - len(rows) for knows, kept in parts)
    assert all("word_error_rate" in each for each in metrics)


def test_a_voice_is_known_by_the_takes_that_were_heard_before() -> None:
    kept = [Take("a", 1, number, f"k{number}", metrics={"word_error_rate": 0.3}) for number in range(8)]
    kept += [
        Take("a", 2, number, f"g{number}", flags=("garbled",), metrics={"word_error_rate": 1}) for number in range(9)
    ]
    assert Hearing(HearingSettings("all"), Mumble(), "eng", _raise, kept).median() == 0.3


@pytest.mark.skipif(importlib.util.find_spec("moonshine_voice") is None, reason="the extra check is not installed")
async def test_the_bundled_recogniser_tells_speech_from_another_text(tmp_path: Path) -> None:
    engine = open_engine("espeak")
    said = [
        await engine.synthesize(text, "en-us", VoiceSettings())
        for text in (TEXT, "Nobody in the kitchen had seen the key since Sunday, and the soup was getting cold.")
    ]
    await engine.close()
    heard = open_recogniser(RecogniserOptions())
    assert heard.knows("eng")
    assert not heard.knows("deu")
    check = Hearing(HearingSettings("all"), heard, "eng", _raise)
    right, rate = await check.judge(job(), said[0])
    wrong, _ = await check.judge(job(), said[1])
    await heard.close()
    assert right is None
    assert rate is not None
    assert rate < 0.5
    assert wrong is not None


async def _raise(error: FoundryError) -> None:
    raise error
