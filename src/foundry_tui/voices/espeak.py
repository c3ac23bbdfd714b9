"""``espeak``: the embedded voice. Offline, free, every language, robotic; the same text gives the same bytes."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foundry_tui.errors import EngineMissing, EngineRefused, SpeechRejected, VoiceMissing
from foundry_tui.voices.accents import accent_of, bcp47, language_of
from foundry_tui.voices.espeak_process import HelperCommand, espeak_process
from foundry_tui.voices.options import Options
from foundry_tui.voices.protocol import Boundary, EngineProfile, Speech, Voice, VoiceSettings, require_speakable

FEMALE_VARIANT = "f3"
WORDS_PER_MINUTE = 175
SAMPLE_RATE = 22_050
# Raised when the same request would sound different for a reason of ours (parameters, mapping).
REVISION = 2


class EspeakEngine:
    """espeak-ng in a helper process of its own; see espeak_helper for why."""

    def __init__(self, command: HelperCommand) -> None:
        self._process = espeak_process(command)
        self._names: dict[str, str] = {}
        self._variants: frozenset[str] = frozenset()
        self._voices: tuple[Voice, ...] = ()
        self._listing = asyncio.Lock()
        self.profile = EngineProfile(
            name="espeak",
            limit=20_000,
            limit_unit="characters",
            concurrency=command.lanes,
            sample_rate=SAMPLE_RATE,
            offline=True,
            deterministic=True,
            note="Built in, clear but robotic. For a natural voice give the narrator another engine, such as edge.",
        )

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        """Speak plain text; ``voice`` is a locale with an optional variant: ``en-gb``, ``de+f3``."""
        require_speakable(text)
        spoken = text.replace("\0", " ")
        reply, pcm = await self._process.ask(
            {
                "op": "speak",
                "text": spoken,
                "voice": await self._native(voice),
                "rate": round(WORDS_PER_MINUTE * settings.rate),
                # 50 is the voice's own pitch, 0 half of it, 100 twice.
                "pitch": max(0, min(100, round(50 + 50 * math.log2(1 + settings.pitch_percent / 100)))),
                "volume": round(100 * settings.volume),
            }
        )
        if not reply["ok"]:
            raise _refusal(reply, voice)
        if not pcm:
            raise SpeechRejected("espeak-ng gave no sound for the text.")
        if reply["rate"] != SAMPLE_RATE:
            raise EngineRefused(f"espeak-ng speaks at {reply['rate']} Hz, {SAMPLE_RATE} expected.")
        return Speech(pcm, SAMPLE_RATE, _boundaries(spoken, reply["words"], len(pcm) // 2))

    async def voices(self) -> Sequence[Voice]:
        """Each of espeak-ng's own voices, with a female variant after it."""
        await self._list()
        return self._voices

    async def version(self) -> str:
        """espeak-ng's version, and our own mapping's."""
        return f"{await self._process.version()}-{REVISION}"

    async def close(self) -> None:
        """End the helper process."""
        await self._process.close()

    async def _native(self, voice: str) -> str:
        """What espeak-ng calls the voice; it takes an unknown variant silently, so that is checked here."""
        await self._list()
        name, _, variant = voice.partition("+")
        native = self._names.get(name.replace("_", "-").casefold())
        if native is None or (variant and variant not in self._variants) or voice.endswith("+"):
            raise VoiceMissing(f"espeak has no voice {voice!r}.")
        return f"{native}+{variant}" if variant else native

    async def _list(self) -> None:
        async with self._listing:
            if self._voices:
                return
            reply, _ = await self._process.ask({"op": "voices"})
            if not reply["ok"]:
                raise _refusal(reply, "")
            self._variants = frozenset(reply["variants"])
            listed: list[Voice] = []
            for row in reply["voices"]:
                listed += self._listed(row)
            self._voices = tuple(listed)

    def _listed(self, row: Mapping[str, Any]) -> list[Voice]:
        native = row["identifier"].rpartition("/")[2]
        tags = sorted(row["tags"], key=lambda tag: tag[0])
        tag = tags[0][1].casefold() if tags else native.casefold()
        voice = tag if tag not in self._names else native.casefold()
        for name in (voice, native.casefold()):
            self._names.setdefault(name, native)
        locale = bcp47(tag)
        shared = {"language": language_of(tag), "locale": locale, "accent": accent_of(locale)}
        rank = 10 * tags[0][0] + (voice != tag) if tags else 100
        voices = [Voice("espeak", voice, row["name"], gender="male", rank=rank, **shared)]
        if FEMALE_VARIANT in self._variants:
            named = f"{voice}+{FEMALE_VARIANT}"
            voices.append(Voice("espeak", named, f"{row['name']}, female", gender="female", rank=rank + 2, **shared))
        return voices


def open_engine(options: dict[str, Any]) -> EspeakEngine:
    """Options: ``concurrency`` (chunks spoken at once; the number of cores), ``fork`` (false: a process per chunk)."""
    given = Options("espeak", options)
    lanes = given.cores()
    fork = given.switch("fork", hasattr(os, "fork"))
    given.finish()
    try:
        import espeakng_loader
    except ImportError as error:
        raise EngineMissing(
            "The embedded voice is not installed.", next_action="Install it with `pip install espeakng-loader`."
        ) from error
    library, data = Path(espeakng_loader.get_library_path()), Path(espeakng_loader.get_data_path())
    if not library.is_file():
        raise EngineMissing(f"espeakng-loader brings no library for this system: {library.name} is not there.")
    return EspeakEngine(HelperCommand(library, data, lanes, fork))


def _boundaries(text: str, words: Sequence[Sequence[int]], samples: int) -> tuple[Boundary, ...]:
    """Words in the order of the text; espeak-ng reports some twice (numbers, sentence ends), and those go."""
    kept: list[tuple[int, str, int]] = []
    end = 0
    for sample, position, length in words:
        word = text[position : position + length]
        if position < end or not word.strip():
            continue
        kept.append((sample, word, position))
        end = position + length
    # Of "!" or a lone dash espeak-ng reports no word at all.
    ends = [*(sample for sample, _, _ in kept[1:]), samples][: len(kept)]
    return tuple(
        Boundary(sample, max(0, until - sample), word) for (sample, word, _), until in zip(kept, ends, strict=True)
    )


def _refusal(reply: Mapping[str, Any], voice: str) -> Exception:
    if reply["error"] == "no_voice":
        return VoiceMissing(f"espeak has no voice {voice!r}.")
    if reply["error"] == "crashed":
        return SpeechRejected("espeak-ng crashed on this piece of text.", details={"status": reply.get("status")})
    return SpeechRejected("espeak-ng refused this piece of text.", details={"status": reply.get("status")})
