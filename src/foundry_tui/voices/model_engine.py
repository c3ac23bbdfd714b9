"""What the engines that are Python libraries share: a helper that holds them, and replies turned into speech."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from foundry_tui.errors import EngineMissing, SpeechRejected
from foundry_tui.voices.fit import fit, join_speech
from foundry_tui.voices.helper_process import HelperProcess
from foundry_tui.voices.http_speech import require_plausible
from foundry_tui.voices.protocol import EngineProfile, Speech

START_TIMEOUT_S = 120.0


class ModelHelper:
    """The helper of one engine; started at the first request."""

    def __init__(self, profile: EngineProfile) -> None:
        self._profile = profile
        command = [sys.executable, "-P", "-m", "foundry_tui.voices.model_helper", profile.name]
        self._process = HelperProcess(profile.name, command, start_timeout_s=START_TIMEOUT_S)

    async def speak(self, text: str, request: dict[str, Any], rate: float) -> Speech:
        """The parts of ``text`` spoken one after another."""
        parts = [part for part in fit(text, self._profile) if any(map(str.isalnum, part))]
        return join_speech([await self._part(part, request, rate) for part in parts])

    async def version(self) -> str:
        """The library's version."""
        return await self._process.version()

    async def close(self) -> None:
        """End the helper."""
        await self._process.close()

    async def _part(self, text: str, request: dict[str, Any], rate: float) -> Speech:
        name, sample_rate = self._profile.name, self._profile.sample_rate
        asked = {"op": "speak", "text": text, "rate": rate, "sample_rate": sample_rate, **request}
        reply, pcm = await self._process.ask(asked)
        if not reply["ok"]:
            raise SpeechRejected(f"{name} failed on this piece of text.", details={"error": reply.get("error")})
        require_plausible(text, len(pcm) // 2, sample_rate, rate, name)
        return Speech(pcm, sample_rate)


def require_library(engine: str, module: str, extra: str) -> None:
    """EngineMissing with what to install where the library is not there."""
    if importlib.util.find_spec(module) is None:
        raise EngineMissing(
            f"The engine {engine} is not installed.",
            next_action=f"Install it with `pip install 'foundry-tui[{extra}]'`.",
        )


def default_folder(engine: str) -> Path:
    """Where an engine's models lie unless an option says otherwise."""
    import platformdirs

    return platformdirs.user_data_path("foundry-tui") / "voices" / engine
