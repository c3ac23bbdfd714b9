"""``pico``: SVOX Pico, offline and free; in its six languages clearer than espeak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foundry_tui.errors import VoiceMissing
from foundry_tui.voices.accents import accent_of, language_of
from foundry_tui.voices.model_engine import ModelHelper, require_library
from foundry_tui.voices.options import Options
from foundry_tui.voices.protocol import EngineProfile, Speech, Voice, VoiceSettings, require_speakable

SAMPLE_RATE = 16_000
LOCALES = ("en-GB", "en-US", "de-DE", "es-ES", "fr-FR", "it-IT")
REVISION = 1


class PicoEngine:
    """One female voice a locale, named after it."""

    def __init__(self) -> None:
        self.profile = EngineProfile(
            name="pico",
            limit=2_000,
            limit_unit="characters",
            concurrency=2,
            sample_rate=SAMPLE_RATE,
            offline=True,
            deterministic=True,
            note="Letters of other scripts are passed over.",
        )
        self._helper = ModelHelper(self.profile)
        self._voices = tuple(
            Voice("pico", locale, f"Pico {locale}", language_of(locale), locale, "female", accent_of(locale))
            for locale in LOCALES
        )

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        """Speak plain text; ``voice`` is a locale."""
        require_speakable(text)
        if voice not in LOCALES:
            raise VoiceMissing(f"pico has no voice {voice!r}.")
        # Pico obeys tags wherever they stand; in a book they are text.
        plain = text.replace("<", " ").replace(">", " ").replace("\0", " ")
        asked = {"voice": voice, "volume": settings.volume, "pitch": 1 + settings.pitch_percent / 100}
        return await self._helper.speak(plain, asked, settings.rate)

    async def voices(self) -> Sequence[Voice]:
        """Six locales."""
        return self._voices

    async def version(self) -> str:
        """The version of ttspico."""
        return f"{await self._helper.version()}-{REVISION}"

    async def close(self) -> None:
        """End the helper process."""
        await self._helper.close()


def open_engine(options: dict[str, Any]) -> PicoEngine:
    """No options."""
    Options("pico", options).finish()
    require_library("pico", "ttspico", "pico")
    return PicoEngine()
