"""Engines that are Python libraries, through their real loaders; Piper and Kokoro on tiny models made here."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from foundry_tui.domain.corrections import by_sound
from foundry_tui.errors import EngineMissing, NothingToSpeak, UsageError, VoiceMissing
from foundry_tui.voices import model_engine
from foundry_tui.voices.engines import open_engine
from foundry_tui.voices.helper_process import HelperProcess
from foundry_tui.voices.protocol import Engine, VoiceSettings

PLAIN = VoiceSettings()
TEXT = "Call me Ishmael. [[Some]] years ago <b>&amp;</b> never mind how long."
PER_PHONEME = 1_500


def tiny_model(path: Path, inputs: dict[str, tuple[str, list[object]]], ids: str) -> None:
    """A model that turns every phoneme into a level of its own for PER_PHONEME samples."""
    onnx = pytest.importorskip("onnx", reason="making a model needs the package onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    types = {"int": kinds.INT64, "float": kinds.FLOAT}
    given = [helper.make_tensor_value_info(name, types[kind], shape) for name, (kind, shape) in inputs.items()]
    made = helper.make_tensor_value_info("output", kinds.FLOAT, [None])
    constants = [
        helper.make_tensor("many", kinds.INT64, [2], [1, PER_PHONEME]),
        helper.make_tensor("flat", kinds.INT64, [1], [-1]),
        helper.make_tensor("scale", kinds.FLOAT, [1], [0.002]),
    ]
    nodes = [
        helper.make_node("Reshape", [ids, "flat"], ["row"]),
        helper.make_node("Cast", ["row"], ["real"], to=kinds.FLOAT),
        helper.make_node("Mul", ["real", "scale"], ["level"]),
        helper.make_node("Unsqueeze", ["level", "axis"], ["column"]),
        helper.make_node("Expand", ["column", "many"], ["wide"]),
        helper.make_node("Reshape", ["wide", "flat"], ["output"]),
    ]
    constants.append(helper.make_tensor("axis", kinds.INT64, [1], [1]))
    graph = helper.make_graph(nodes, "tiny", given, [made], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def piper_voice(folder: Path, name: str, rate: int, speakers: dict[str, int]) -> None:
    ids = {mark: [number] for number, mark in enumerate("_^$ abcdefghijklmnopqrstuvwxyzæðŋəɛɪɹʃʊʌˈˌː.,!?&;<>[]ɔɑɒθʒɡ")}
    config = {
        "audio": {"sample_rate": rate},
        "espeak": {"voice": "en-us"},
        "language": {"code": "en_GB"},
        "num_symbols": len(ids),
        "num_speakers": max(1, len(speakers)),
        "speaker_id_map": speakers,
        "phoneme_id_map": ids,
    }
    (folder / f"{name}.onnx.json").write_text(json.dumps(config), encoding="utf-8")
    inputs: dict[str, tuple[str, list[object]]] = {
        "input": ("int", [1, None]),
        "input_lengths": ("int", [1]),
        "scales": ("float", [3]),
    }
    if speakers:
        inputs["sid"] = ("int", [1])
    tiny_model(folder / f"{name}.onnx", inputs, "input")


@pytest.fixture
async def piper(tmp_path: Path) -> AsyncIterator[Engine]:
    pytest.importorskip("piper", reason="the extra piper is not installed")
    piper_voice(tmp_path, "en_GB-tiny-medium", 22_050, {})
    piper_voice(tmp_path, "en_GB-two-low", 16_000, {"ann": 0, "bob": 1})
    (tmp_path / "broken.onnx.json").write_text("{", encoding="utf-8")
    engine = open_engine("piper", {"models": tmp_path})
    yield engine
    await engine.close()


@pytest.fixture
async def kokoro(tmp_path: Path) -> AsyncIterator[Engine]:
    pytest.importorskip("kokoro_onnx", reason="the extra kokoro is not installed")
    inputs: dict[str, tuple[str, list[object]]] = {
        "tokens": ("int", [1, None]),
        "style": ("float", [1, 256]),
        "speed": ("float", [1]),
    }
    tiny_model(tmp_path / "tiny.onnx", inputs, "tokens")
    with (tmp_path / "voices.bin").open("wb") as file:
        np.savez(file, af_heart=np.zeros((510, 1, 256), np.float32), bm_george=np.ones((510, 1, 256), np.float32))
    engine = open_engine("kokoro", {"model": tmp_path / "tiny.onnx", "voices": tmp_path / "voices.bin"})
    yield engine
    await engine.close()


async def test_piper_speaks_every_voice_at_one_rate(piper: Engine) -> None:
    voices = {voice.voice: voice for voice in await piper.voices()}
    assert sorted(voices) == ["en_GB-tiny-medium", "en_GB-two-low#ann", "en_GB-two-low#bob"]
    assert {(voice.language, voice.locale, voice.accent) for voice in voices.values()} == {("eng", "en-GB", "British")}
    lengths = []
    for name in voices:
        speech = await piper.synthesize(TEXT, name, PLAIN)
        assert speech.sample_rate == piper.profile.sample_rate
        lengths.append(speech.duration_s)
    assert lengths[1] == lengths[2] == pytest.approx(lengths[0] * 22_050 / 16_000, rel=0.01)
    assert (await piper.version()).endswith("-1")


async def test_piper_reads_brackets_as_brackets(piper: Engine) -> None:
    one = await piper.synthesize(
        "Before [[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]] after.", "en_GB-tiny-medium", PLAIN
    )
    two = await piper.synthesize(
        "Before [ [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]] after.", "en_GB-tiny-medium", PLAIN
    )
    assert one == two


async def test_piper_says_a_word_by_its_sound_where_the_voice_knows_ipa(piper: Engine, tmp_path: Path) -> None:
    """The tiny voice's sound lasts as long as its phonemes are many."""
    long = by_sound("ɑː" * 60, "Ah")
    by_ipa = await piper.synthesize(f"Before {long} after.", "en_GB-tiny-medium", PLAIN)
    respelt = await piper.synthesize("Before Ah after.", "en_GB-tiny-medium", PLAIN)
    assert by_ipa.samples > respelt.samples

    config = tmp_path / "en_GB-tiny-medium.onnx.json"
    letters = {**json.loads(config.read_text(encoding="utf-8")), "phoneme_type": "text"}
    config.write_text(json.dumps(letters), encoding="utf-8")
    await piper.voices()
    # The model in memory still takes phonemes: what differs is what it is given.
    assert await piper.synthesize(f"Before {long} after.", "en_GB-tiny-medium", PLAIN) == respelt


async def test_kokoro_speaks_with_the_voices_of_its_file(kokoro: Engine) -> None:
    assert [(v.voice, v.gender, v.locale) for v in await kokoro.voices()] == [
        ("af_heart", "female", "en-US"),
        ("bm_george", "male", "en-GB"),
    ]
    for voice in ("af_heart", "bm_george"):
        speech = await kokoro.synthesize(TEXT * 30, voice, VoiceSettings(volume=0.5))
        assert speech.sample_rate == 24_000
        assert speech.duration_s > 20


async def test_piper_keeps_the_promises(piper: Engine) -> None:
    await keeps_the_promises(piper)


async def test_kokoro_keeps_the_promises(kokoro: Engine) -> None:
    await keeps_the_promises(kokoro)


async def keeps_the_promises(engine: Engine) -> None:
    voice = (await engine.voices())[0].voice
    with pytest.raises(NothingToSpeak):
        await engine.synthesize("…", voice, PLAIN)
    with pytest.raises(VoiceMissing, match="nobody"):
        await engine.synthesize(TEXT, "nobody", PLAIN)
    with pytest.raises(UsageError, match="pitch"):
        await engine.synthesize(TEXT, voice, VoiceSettings(pitch_percent=5))
    calls = [asyncio.create_task(engine.synthesize(TEXT, voice, PLAIN)) for _ in range(3)]
    await asyncio.sleep(0.01)
    calls[1].cancel()
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(done[1], asyncio.CancelledError)
    assert done[0] == done[2] == await engine.synthesize(TEXT, voice, PLAIN)
    process = engine._helper._process  # type: ignore[attr-defined]
    assert isinstance(process, HelperProcess)
    helper = psutil.Process(process.pid)
    await engine.close()
    assert not helper.is_running()


@pytest.mark.parametrize("name", ["piper", "kokoro"])
def test_what_is_missing_is_said(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(EngineMissing) as raised:
        open_engine(name)
    assert f"foundry-tui[{name}]" in raised.value.action
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(model_engine, "default_folder", lambda engine: tmp_path / engine)
    given = {"piper": {"models": tmp_path / "none"}, "kokoro": {"model": tmp_path / "none.onnx"}}[name]
    with pytest.raises(EngineMissing, match="none"):
        open_engine(name, given)


@pytest.mark.parametrize(
    ("name", "module", "voice", "text"),
    [
        ("pico", "ttspico", "en-GB", "The <break time='30s'/> clocks were striking thirteen &amp; more."),
        ("pico", "ttspico", "de-DE", "Größe ist <b>nicht</b> alles, sagte sie im Jahr 1984."),
        ("openjtalk", "pyopenjtalk", "mei_normal", "吾輩は猫である。<b>名前</b>はまだ無い。"),
    ],
)
async def test_pico_and_openjtalk_speak_the_same_in_any_order(name: str, module: str, voice: str, text: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"the extra {name} is not installed")
    engine = open_engine(name)
    alone = await engine.synthesize(text, voice, PLAIN)
    said = await asyncio.gather(*(engine.synthesize(each, voice, PLAIN) for each in (text + text, text, text)))
    assert said[1] == said[2] == alone
    assert 1 < alone.duration_s < 10
    assert 1.7 < said[0].samples / alone.samples < 2.3
    fast = await engine.synthesize(text, voice, VoiceSettings(rate=1.5, pitch_percent=20, volume=0.5))
    assert 0.5 < fast.samples / alone.samples < 0.85
    assert voice in {listed.voice for listed in await engine.voices()}
    with pytest.raises(VoiceMissing, match="nobody"):
        await engine.synthesize(text, "nobody", PLAIN)
    with pytest.raises(NothingToSpeak):
        await engine.synthesize("…", voice, PLAIN)
    assert await engine.version()
    await engine.close()
