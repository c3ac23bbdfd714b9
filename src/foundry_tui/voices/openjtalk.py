"""``openjtalk``: Open JTalk with its voice Mei, offline and free; Japanese that reads kanji."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from foundry_tui.errors import VoiceMissing
from foundry_tui.voices.model_engine import ModelHelper, require_library
from foundry_tui.voices.options import Options
from foundry_tui.voices.protocol import EngineProfile, Speech, Voice, VoiceSettings, require_speakable

SAMPLE_RATE = 48_000
VOICE = "mei_normal"
REVISION = 1


class OpenJTalkEngine:
    """The dictionary and the voice come with pyopenjtalk-plus."""

    def __init__(self) -> None:
        self.profile = EngineProfile(
            name="openjtalk",
            limit=500,
            limit_unit="characters",
            concurrency=1,
            sample_rate=SAMPLE_RATE,
            offline=True,
            deterministic=True,
            note="Voice Mei: MMDAgent Project Team, Nagoya Institute of Technology, CC BY 3.0. Credit them.",
        )
        self._helper = ModelHelper(self.profile)

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        """Speak plain Japanese text."""
        require_speakable(text)
        if voice != VOICE:
            raise VoiceMissing(f"openjtalk has no voice {voice!r}.")
        half_tones = 12 * math.log2(1 + settings.pitch_percent / 100)
        asked = {"volume": settings.volume, "half_tones": half_tones}
        return await self._helper.speak(text.replace("\0", " "), asked, settings.rate)

    async def voices(self) -> Sequence[Voice]:
        """Mei."""
        return (Voice("openjtalk", VOICE, "Mei", "jpn", "ja-JP", "female"),)

    async def version(self) -> str:
        """pyopenjtalk-plus's version."""
        return f"{await self._helper.version()}-{REVISION}"

    async def close(self) -> None:
        """End the helper process."""
        await self._helper.close()


def open_engine(options: dict[str, Any]) -> OpenJTalkEngine:
    """No options."""
    Options("openjtalk", options).finish()
    require_library("openjtalk", "pyopenjtalk", "openjtalk")
    return OpenJTalkEngine()
