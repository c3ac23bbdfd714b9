"""Every fault an engine or its sound can have: how often injected, caught, believed, and false alarms on clean sound.

usage: faults.py [--times 20] [--takes 100] [--hearing 0] [--book FILE.html]   Prints JSON.

The engines speak their real protocols to loopback stand-ins; takes are espeak's reading of a real book, spoilt.
Bar: nothing of the protocols' faults is believed, and no clean take is refused.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
CORPUS = Path(os.environ.get("FOUNDRY_CORPUS", ROOT.parent / "shared" / "corpus"))

from fakes.edge_server import FAULTS as EDGE_FAULTS  # noqa: E402
from fakes.edge_server import EdgeServer  # noqa: E402
from fakes.speech_servers import FAULTS as HTTP_FAULTS  # noqa: E402
from fakes.speech_servers import SpeechServer  # noqa: E402
from foundry_tui.audio.check import VoiceNorm, check  # noqa: E402
from foundry_tui.audio.measure import measure  # noqa: E402
from foundry_tui.errors import FoundryError, TextRefused  # noqa: E402
from foundry_tui.text.parse import parse_novel  # noqa: E402
from foundry_tui.voices.engines import open_engine  # noqa: E402
from foundry_tui.voices.guard import GuardedEngine  # noqa: E402
from foundry_tui.voices.protocol import Engine, VoiceSettings  # noqa: E402

TEXT = "Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about a little."
PLAIN = VoiceSettings()
# Stands for the minutes a stalled line is waited for; clean requests are counted with the usual patience.
SILENCE_S = 0.25
Samples = NDArray[np.int16]


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


async def one_fault(engine: Engine, voice: str, inject: Callable[[], None], times: int) -> dict[str, Any]:
    """Bare: is it seen? Behind the guard: what becomes of the text?"""
    codes: Counter[str] = Counter()
    whole = await engine.synthesize(TEXT, voice, PLAIN)
    for _ in range(times):
        inject()
        try:
            speech = await engine.synthesize(TEXT, voice, PLAIN)
            codes["believed" if speech.pcm != whole.pcm else "sound as it should be"] += 1
        except FoundryError as error:
            codes[error.code] += 1
    guard = GuardedEngine(engine, sleep=at_once)
    inject()
    try:
        after = await guard.synthesize(TEXT, voice, PLAIN)
        outcome = "tried again, then whole" if after.pcm == whole.pcm else "BELIEVED"
    except FoundryError as error:
        alone = isinstance(error, TextRefused)
        outcome = f"{error.code}: {'the chunk fails alone' if alone else 'the step stops'}, saying so"
    missed = codes["believed"] + codes["sound as it should be"]
    return {"injected": times, "caught": times - missed, "as": dict(codes), "outcome": outcome}


async def false_alarms(engine: Engine, voice: str, times: int) -> int:
    """Errors over clean requests."""
    wrong = 0
    for number in range(times):
        try:
            await engine.synthesize(f"{TEXT} Number {number}.", voice, PLAIN)
        except FoundryError:
            wrong += 1
    return wrong


async def protocols(times: int) -> dict[str, Any]:
    """Engine by engine, fault by fault."""
    told: dict[str, Any] = {}
    async with EdgeServer(latency_s=0) as server:
        patient = open_engine("edge", server.options())
        engine = open_engine("edge", {**server.options(), "receive_timeout_s": SILENCE_S, "connect_timeout_s": 2})
        voice = "en-GB-SoniaNeural"
        rows: dict[str, Any] = {}
        for fault in EDGE_FAULTS:
            rows[fault] = await one_fault(engine, voice, lambda f=fault: server.script.append(f), times)
        told["edge"] = {
            "faults": rows,
            "clean": times * 5,
            "false_alarms": await false_alarms(patient, voice, times * 5),
        }
        await engine.close()
        await patient.close()
    for name, voice, path in (("openai", "nova", "/v1"), ("elevenlabs", "Rachel/1", "")):
        async with SpeechServer() as http:
            options = {"base_url": http.base + path, "api_key": "right", "receive_timeout_s": SILENCE_S}
            options |= {"model": "speech-1"} if name == "openai" else {"cost_per_million_characters": 0}
            engine = open_engine(name, options)
            patient = open_engine(name, options | {"receive_timeout_s": 60})
            rows = {}
            for fault in HTTP_FAULTS:
                rows[fault] = await one_fault(engine, voice, lambda f=fault: http.script.append(f), times)
            if name == "openai":
                rows["wrong rate"] = await wrong_rate(http, times)
            alarms = await false_alarms(patient, voice, times * 5)
            told[name] = {"faults": rows, "clean": times * 5, "false_alarms": alarms}
            await engine.close()
            await patient.close()
    return told


async def wrong_rate(http: SpeechServer, times: int) -> dict[str, Any]:
    http.format_sent, http.rate = "wav", 22_050
    engine = open_engine("openai", {"base_url": f"{http.base}/v1", "api_key": "right", "model": "speech-1"})
    codes: Counter[str] = Counter()
    for _ in range(times):
        try:
            await engine.synthesize(TEXT, "nova", PLAIN)
            codes["believed"] += 1
        except FoundryError as error:
            codes[error.code] += 1
    await engine.close()
    http.format_sent, http.rate = None, 24_000
    outcome = "engine_refused: the step stops, naming the option to set"
    return {"injected": times, "caught": times - codes["believed"], "as": dict(codes), "outcome": outcome}


def _hole(sound: Samples, rate: int) -> Samples:
    half = len(sound) // 2
    return np.concatenate([sound[:half], np.zeros(3 * rate, np.int16), sound[half:]])


def _noise(sound: Samples, _rate: int) -> Samples:
    return (np.random.default_rng(1).normal(0, 3000, len(sound))).astype(np.int16)


SPOILT: dict[str, Callable[[Samples, int], Samples]] = {
    "empty": lambda sound, _: sound[:0],
    "silence": lambda sound, _: np.zeros_like(sound),
    "the first 30 % only": lambda sound, _: sound[: len(sound) * 3 // 10],
    "the last 30 % cut off": lambda sound, _: sound[: len(sound) * 7 // 10],
    "said twice": lambda sound, _: np.concatenate([sound, sound]),
    "half speed": lambda sound, _: np.repeat(sound, 2),
    "double speed": lambda sound, _: sound[::2],
    "a hole of 3 s": _hole,
    "clipped": lambda sound, _: np.clip(sound.astype(np.int32) * 12, -32768, 32767).astype(np.int16),
    "an offset": lambda sound, _: np.clip(sound.astype(np.int32) + 1500, -32768, 32767).astype(np.int16),
    "noise": _noise,
}


async def takes(book: Path, count: int) -> dict[str, Any]:
    """The chunk checks against a real voice reading a real book."""
    texts = [chunk.speech for chapter in parse_novel(book, book_id="bench").chapters for chunk in chapter.chunks]
    engine = open_engine("espeak")
    said = [await engine.synthesize(text, "en-us", PLAIN) for text in texts[: 3 * count]]
    await engine.close()
    norm, clean = VoiceNorm(), Counter[str]()
    for text, speech in zip(texts, said, strict=False):
        measured = measure(speech.pcm, speech.sample_rate)
        flags = check(measured, text, norm)
        clean["fatal"] += any(flag.fatal for flag in flags)
        clean["advisory"] += bool(flags) and not any(flag.fatal for flag in flags)
        norm.learn(measured, text)
    rows: dict[str, Any] = {}
    chosen = [(text, speech) for text, speech in zip(texts, said, strict=False) if len(text) >= 40][-count:]
    for name, spoil in SPOILT.items():
        seen: Counter[str] = Counter()
        for text, speech in chosen:
            sound = spoil(np.frombuffer(speech.pcm, "<i2"), speech.sample_rate)
            flags = check(measure(sound, speech.sample_rate), text, norm)
            kind = "refused" if any(flag.fatal for flag in flags) else "flagged" if flags else "missed"
            seen[kind] += 1
        rows[name] = {"injected": len(chosen), **{kind: seen[kind] for kind in ("refused", "flagged", "missed")}}
    return {
        "voice": "espeak en-us",
        "clean": len(said),
        "refused_clean": clean["fatal"],
        "flagged_clean": clean["advisory"],
        "faults": rows,
    }


async def hearing(book: Path, count: int) -> dict[str, Any]:
    """The hearing check with the bundled recogniser."""
    from foundry_tui.steps.chunk_jobs import ChunkJob
    from foundry_tui.steps.hearing import Hearing, HearingSettings
    from foundry_tui.voices.recognisers import RecogniserOptions, open_recogniser

    async def trouble(error: FoundryError) -> None:
        raise error

    chapters = parse_novel(book, book_id="bench").chapters
    every = [chunk.speech for chapter in chapters for chunk in chapter.chunks if len(chunk.speech.split()) >= 12]
    texts = every[:: max(1, len(every) // (3 * count))][: 3 * count]
    engine, ears = open_engine("espeak"), open_recogniser(RecogniserOptions())
    check_by_ear = Hearing(HearingSettings("all"), ears, "eng", trouble)

    async def garbled(text: str, spoken: str) -> bool:
        speech = await engine.synthesize(spoken, "en-us", PLAIN)
        flag, _ = await check_by_ear.judge(ChunkJob(1, 1, text, 0, "0" * 64, {}), speech)
        return flag is not None

    alarms = sum([await garbled(text, text) for text in texts])
    others = sum([await garbled(text, texts[place - 1]) for place, text in enumerate(texts[:count])])
    halves = 0
    for place, text in enumerate(texts[:count]):
        words, strange = text.split(), texts[place - 1].split()
        halves += await garbled(text, " ".join([*words[: len(words) // 2], *strange[: len(words) // 2]]))
    await ears.close()
    await engine.close()
    return {
        "clean": len(texts),
        "false_alarms": alarms,
        "median_word_error_rate": round(check_by_ear.median(), 3),
        "another text": {"injected": count, "caught": others},
        "its second half another text": {"injected": count, "caught": halves},
    }


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--takes", type=int, default=100)
    parser.add_argument("--hearing", type=int, default=0, help="texts the bundled recogniser is tried on; 0: none")
    parser.add_argument("--book", type=Path, default=CORPUS / "pg11-alice.html")
    told = parser.parse_args()
    work: dict[str, Awaitable[dict[str, Any]]] = {
        "protocols": protocols(told.times),
        "takes": takes(told.book, told.takes),
    }
    if told.hearing:
        work["hearing"] = hearing(told.book, told.hearing)
    found = {name: await doing for name, doing in work.items()}
    believed = sum(
        row["injected"] - row["caught"] for engine in found["protocols"].values() for row in engine["faults"].values()
    )
    alarms = sum(engine["false_alarms"] for engine in found["protocols"].values()) + found["takes"]["refused_clean"]
    met = believed == 0 and alarms == 0
    print(
        json.dumps({"benchmark": "faults", "met": met, "believed": believed, "false_alarms": alarms, **found}, indent=1)
    )
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
