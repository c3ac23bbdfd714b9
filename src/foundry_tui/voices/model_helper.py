"""The helper process of engines that are Python libraries: speaks one request after another, ends with its parent.

    python -P -m foundry_tui.voices.model_helper piper|kokoro|pico|openjtalk|moonshine

A model is hundreds of megabytes and its runtime native code: in a process of its own it can crash, be killed and give
its memory back. Frames as helper_process describes them; ``{"op": "speak", "model", "text", "rate", "volume", …}``.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import queue
import signal
import struct
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, BinaryIO

PARENT_CHECK_S = 0.5
MODELS_KEPT = 2
Spoken = tuple[Any, int]  # float samples, rate in Hz


class Models:
    """The models last used; more would only fill the memory."""

    def __init__(self, load: Callable[[str], Any]) -> None:
        self._load = load
        self._loaded: OrderedDict[str, Any] = OrderedDict()

    def get(self, name: str) -> Any:
        """The model, loaded when it is not there."""
        if name not in self._loaded:
            while len(self._loaded) >= MODELS_KEPT:
                self._loaded.popitem(last=False)
            self._loaded[name] = self._load(name)
        self._loaded.move_to_end(name)
        return self._loaded[name]


def piper_speaker() -> tuple[str, Callable[[dict[str, Any]], Spoken]]:
    """Piper's version, and how it speaks a request: ``model`` a path, ``speaker`` a number or null."""
    import numpy as np

    piper = importlib.import_module("piper")
    models = Models(piper.PiperVoice.load)

    def speak(request: dict[str, Any]) -> Spoken:
        voice = models.get(request["model"])
        # Sentences are not each brought to full scale: a short cry would come out as loud as a whole paragraph.
        manner = piper.SynthesisConfig(
            speaker_id=request["speaker"],
            length_scale=voice.config.length_scale / request["rate"],
            normalize_audio=False,
            volume=request["volume"],
        )
        parts = [chunk.audio_float_array for chunk in voice.synthesize(request["text"], manner)]
        return (np.concatenate(parts) if parts else np.zeros(0, np.float32)), int(voice.config.sample_rate)

    return version("piper-tts"), speak


def kokoro_speaker() -> tuple[str, Callable[[dict[str, Any]], Spoken]]:
    """Kokoro's version, and how it speaks a request: ``model`` and ``styles`` are paths, ``voice`` and ``language``."""
    kokoro = importlib.import_module("kokoro_onnx")
    models = Models(lambda both: kokoro.Kokoro(*both.split("\n")))

    def speak(request: dict[str, Any]) -> Spoken:
        model = models.get(f"{request['model']}\n{request['styles']}")
        sound, rate = model.create(
            request["text"], request["voice"], speed=request["rate"], lang=request["language"], trim=False
        )
        return sound * request["volume"], int(rate)

    return version("kokoro-onnx"), speak


def pico_speaker() -> tuple[str, Callable[[dict[str, Any]], Spoken]]:
    """Pico's version, and how it speaks a request: ``voice`` a locale, ``rate``, ``pitch`` and ``volume`` factors.

    A fresh engine for every text (3 ms): one that has spoken before sounds otherwise.
    """
    import numpy as np

    pico = importlib.import_module("ttspico")

    def speak(request: dict[str, Any]) -> Spoken:
        engine = pico.TtsEngine(request["voice"])
        engine.rate = round(100 * request["rate"])
        engine.pitch = round(100 * request["pitch"])
        engine.volume = round(100 * request["volume"])
        return np.frombuffer(engine.speak(request["text"]), "<i2") / np.float32(32768), 16_000

    return version("ttspico"), speak


def openjtalk_speaker() -> tuple[str, Callable[[dict[str, Any]], Spoken]]:
    """Open JTalk's version, and how it speaks a request: ``half_tones`` up or down.

    Its sound reaches 1.4 times the full scale, so it is halved.
    """
    jtalk = importlib.import_module("pyopenjtalk")

    def speak(request: dict[str, Any]) -> Spoken:
        sound, rate = jtalk.tts(request["text"], speed=request["rate"], half_tone=request["half_tones"])
        return sound / 65536 * request["volume"], int(rate)

    return version("pyopenjtalk-plus"), speak


def moonshine_hearer() -> tuple[str, Callable[[dict[str, Any]], str]]:
    """Moonshine's version, and how it writes down what is said in the WAV file at a request's ``path``."""
    import numpy as np
    import soundfile
    import soxr

    moonshine = importlib.import_module("moonshine_voice")
    transcriber = moonshine.Transcriber(str(moonshine.get_model_path("tiny-en")), moonshine.ModelArch.TINY)

    def hear(request: dict[str, Any]) -> str:
        sound, rate = soundfile.read(request["path"], dtype="float32")
        if rate != 16_000:
            sound = soxr.resample(sound, rate, 16_000)
        # Its own detector of speech misses what begins or ends with the file.
        quiet = np.zeros(8_000, np.float32)
        heard = transcriber.transcribe_without_streaming(np.concatenate([quiet, sound, quiet]).tolist(), 16_000)
        return " ".join(line.text for line in heard.lines)

    return version("moonshine-voice"), hear


SPEAKERS = {"piper": piper_speaker, "kokoro": kokoro_speaker, "pico": pico_speaker, "openjtalk": openjtalk_speaker}


def answer(speak: Callable[[dict[str, Any]], Any], request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Reply and PCM at the rate asked for. The text of an error is not passed on: it may quote the book."""
    import numpy as np

    try:
        sound, rate = speak(request)
        if rate != request["sample_rate"]:
            import soxr

            sound = soxr.resample(sound, rate, request["sample_rate"])
        whole = np.nan_to_num(np.asarray(sound, dtype=np.float32).ravel())
        pcm: bytes = np.rint(np.clip(whole, -1.0, 1.0) * 32767).astype("<i2").tobytes()
    except Exception as error:  # noqa: BLE001 - whatever a model throws is one bad request
        return {"ok": False, "error": type(error).__name__}, b""
    return {"ok": True, "rate": request["sample_rate"]}, pcm


def heard(hear: Callable[[dict[str, Any]], Any], request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Reply with the words, and no sound."""
    try:
        return {"ok": True, "text": hear(request)}, b""
    except Exception as error:  # noqa: BLE001 - whatever a model throws is one bad request
        return {"ok": False, "error": type(error).__name__}, b""


class Requests:
    """Reads frames in a thread of its own, so that the end of stdin ends even a model at work."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue()
        self._cancelled: set[int] = set()
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> dict[str, Any]:
        """The next request somebody still waits for."""
        while True:
            request = self._waiting.get()
            if request["id"] not in self._cancelled:
                return request
            self._cancelled.discard(request["id"])

    def _read(self) -> None:
        while len(head := self._source.read(4)) == 4:
            request = json.loads(self._source.read(struct.unpack(">I", head)[0]))
            if request["op"] == "cancel":
                self._cancelled.add(request["id"])
            else:
                self._waiting.put(request)
        os._exit(0)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)
    os._exit(0)


def main() -> None:
    """Serve until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # the parent decides when work stops
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    logging.disable(logging.INFO)  # these libraries log the text they speak
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # and some print

    def say(header: dict[str, Any], pcm: bytes = b"") -> None:
        head = json.dumps({**header, "bytes": len(pcm)}).encode()
        replies.write(struct.pack(">I", len(head)) + head + pcm)
        replies.flush()

    requests = Requests(sys.stdin.buffer)
    work: Callable[[dict[str, Any]], Any]
    try:
        name = sys.argv[1]
        told, work = moonshine_hearer() if name == "moonshine" else SPEAKERS[name]()
    except Exception as error:  # noqa: BLE001 - the parent tells the operator
        say({"id": 0, "ok": False, "error": "library", "message": f"{type(error).__name__}: {error}"})
        return
    say({"id": 0, "ok": True, "version": told})
    with contextlib.suppress(BrokenPipeError):
        while True:
            request = requests.next()
            header, pcm = (heard if request["op"] == "hear" else answer)(work, request)
            say({"id": request["id"], **header}, pcm)


if __name__ == "__main__":
    main()
