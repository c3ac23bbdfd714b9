from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from foundry_tui.errors import EngineMissing, EngineRefused, SpeechRejected, UsageError, VoiceMissing
from foundry_tui.voices.choose import choose_voice
from foundry_tui.voices.engines import engine_names, open_engine
from foundry_tui.voices.espeak import EspeakEngine
from foundry_tui.voices.espeak_process import HelperCommand
from foundry_tui.voices.helper_process import HelperProcess
from foundry_tui.voices.protocol import VoiceSettings

PLAIN = VoiceSettings()
TEXT = "It was a bright cold day in April, and the clocks were striking thirteen."
LONG = "The long story went on and on without an end. " * 700


@pytest.fixture
async def engine() -> AsyncIterator[EspeakEngine]:
    opened = open_engine("espeak")
    assert isinstance(opened, EspeakEngine)
    yield opened
    await opened.close()


def helper_of(engine: EspeakEngine) -> psutil.Process:
    assert isinstance(engine._process, HelperProcess)
    return psutil.Process(engine._process.pid)


async def until(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.005)


def gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("language", ["eng", "spa", "fra", "deu", "ita", "por", "rus", "jpn", "zho"])
@pytest.mark.parametrize("gender", ["male", "female"])
async def test_every_language_has_both_voices(engine: EspeakEngine, language: str, gender: str) -> None:
    voice = choose_voice(await engine.voices(), language=language, accent=None, gender=gender)
    assert (voice.language, voice.gender) == (language, gender)
    speech = await engine.synthesize("Alice 1865 Алиса 愛麗絲 アリス", voice.voice, PLAIN)
    assert 1 < speech.duration_s < 20


async def test_words_lie_where_they_are_spoken(engine: EspeakEngine) -> None:
    speech = await engine.synthesize(TEXT, "en-gb", PLAIN)
    words = [boundary.text for boundary in speech.boundaries]
    assert words[:3] == ["It", "was", "bright"] or words[:4] == ["It", "was", "a", "bright"]
    assert words[-1].startswith("thirteen")
    ends = [boundary.offset_samples + boundary.samples for boundary in speech.boundaries]
    assert ends[-1] == speech.samples
    assert all(0 <= start.offset_samples <= end for start, end in zip(speech.boundaries, ends, strict=True))


async def test_settings_are_heard(engine: EspeakEngine) -> None:
    async def spoken(**settings: float) -> bytes:
        return (await engine.synthesize(TEXT, "en-us", VoiceSettings.from_mapping(settings))).pcm

    plain = await spoken()
    assert len(await spoken(rate=2.0)) < 0.65 * len(plain)
    assert len(await spoken(rate=0.5)) > 1.7 * len(plain)
    assert len({plain, await spoken(pitch_percent=40), await spoken(volume=0.5), await spoken(pitch_percent=-40)}) == 4
    assert await spoken(take=3) == plain


async def test_voices_by_their_names(engine: EspeakEngine) -> None:
    one, two = [await engine.synthesize(TEXT, voice, PLAIN) for voice in ("en-GB", "en_gb+m3")]
    assert one.pcm != two.pcm
    for wrong in ("en-gb+nobody", "en-gb+", "", "../voices/en", "en-gb+../en"):
        with pytest.raises(VoiceMissing):
            await engine.synthesize(TEXT, wrong, PLAIN)
    assert await engine.version() == "1.52.0-2"


async def test_a_crash_costs_only_its_chunk_and_the_helper_lives(engine: EspeakEngine) -> None:
    await engine.voices()
    helper = helper_of(engine)
    doomed = asyncio.create_task(engine.synthesize(LONG, "en-us", PLAIN))
    await until(lambda: bool(helper.children()))
    os.kill(helper.children()[0].pid, signal.SIGSEGV)
    fine = await engine.synthesize(TEXT, "en-us", PLAIN)
    with pytest.raises(SpeechRejected, match="crashed"):
        await doomed
    assert fine.samples > 0
    assert helper_of(engine).pid == helper.pid


async def test_a_dead_helper_is_noticed_and_replaced(engine: EspeakEngine) -> None:
    before = await engine.synthesize(TEXT, "en-us", PLAIN)
    helper = helper_of(engine)
    doomed = asyncio.create_task(engine.synthesize(LONG, "en-us", PLAIN))
    await until(lambda: bool(helper.children()))
    orphan = helper.children()[0]
    helper.kill()
    with pytest.raises(SpeechRejected, match="started again"):
        await doomed
    assert await engine.synthesize(TEXT, "en-us", PLAIN) == before
    await until(lambda: gone(orphan))


async def test_a_cancelled_call_stops_speaking(engine: EspeakEngine) -> None:
    await engine.voices()
    helper = helper_of(engine)
    call = asyncio.create_task(engine.synthesize(LONG, "en-us", PLAIN))
    await until(lambda: bool(helper.children()))
    child = helper.children()[0]
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await until(lambda: gone(child))
    assert (await engine.synthesize(TEXT, "en-us", PLAIN)).samples > 0


async def test_signals_of_the_terminal_do_not_end_it(engine: EspeakEngine) -> None:
    await engine.voices()
    helper = helper_of(engine)
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        helper.send_signal(name)
    assert (await engine.synthesize(TEXT, "en-us", PLAIN)).samples > 0
    assert helper_of(engine).pid == helper.pid


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_children_hold_no_pipe_but_their_own(engine: EspeakEngine) -> None:
    await engine.voices()
    helper = helper_of(engine)
    calls = [asyncio.create_task(engine.synthesize(LONG, "en-us", PLAIN)) for _ in range(2)]
    await until(lambda: len(helper.children()) == 2 or all(call.done() for call in calls))

    def held(pid: int, numbers: tuple[str, ...] = ()) -> set[Path]:
        found = set()
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if not numbers or link.name in numbers:
                    found.add(link.readlink())
        return found

    ours = held(helper.pid, ("0", "1"))
    # A child drops them right after its birth; what counts is that it does before it has spoken.
    await until(lambda: all(not ours & held(child.pid) for child in helper.children()))
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("whole_group", [False, True])
def test_nothing_outlives_a_killed_parent(whole_group: bool) -> None:
    program = textwrap.dedent("""
        import asyncio, sys
        from foundry_tui.voices.engines import open_engine
        from foundry_tui.voices.protocol import VoiceSettings

        async def main():
            engine = open_engine("espeak", {"concurrency": 2})
            await engine.voices()
            print("ready", flush=True)
            text = "The long story went on and on without an end. " * 700
            while True:
                await asyncio.gather(*(engine.synthesize(text, "en-us", VoiceSettings()) for _ in range(4)))

        asyncio.run(main())
    """)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, start_new_session=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        tree: list[psutil.Process] = []
        while len(tree) < 2:
            assert parent.poll() is None
            tree = psutil.Process(parent.pid).children(recursive=True)
        if whole_group:
            os.killpg(parent.pid, signal.SIGKILL)
        else:
            parent.kill()
        parent.wait()
        # Promised within 2 s; the rest is for machines with more to do than cores to do it.
        psutil.wait_procs(tree, timeout=20.0)
        assert [process for process in tree if not gone(process)] == []
        assert parent.stdout.read() == b""


async def test_without_fork_the_sound_is_the_same(engine: EspeakEngine) -> None:
    single = open_engine("espeak", {"fork": False, "concurrency": 2})
    for voice in ("en-us", "de+f3"):
        one, two = await asyncio.gather(*(each.synthesize(TEXT, voice, PLAIN) for each in (engine, single)))
        assert one == two
    assert await single.version() == await engine.version()
    await single.close()
    with pytest.raises(EngineRefused):
        await single.synthesize(TEXT, "en-us", PLAIN)


async def test_a_library_that_cannot_be_used_is_explained(tmp_path: Path) -> None:
    engine = EspeakEngine(HelperCommand(tmp_path / "none.so", tmp_path, 1, fork=True))
    with pytest.raises(EngineMissing, match="cannot be used here"):
        await engine.synthesize(TEXT, "en-us", PLAIN)
    await engine.close()


def test_engines_by_name() -> None:
    assert {"edge", "espeak"} <= set(engine_names())
    with pytest.raises(EngineMissing, match="no/such") as unknown:
        open_engine("no/such")
    with pytest.raises(UsageError, match="colour"):
        open_engine("espeak", {"colour": 1})
    assert "espeak" in unknown.value.action
