"""Casting: which engine and voice speaks a production, decided once and said aloud."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from foundry_tui.domain.books import Narrator
from foundry_tui.voices.choose import choose_voice
from foundry_tui.voices.guard import GuardedEngine
from foundry_tui.voices.protocol import VoiceSettings


@dataclass(frozen=True, slots=True)
class Cast:
    """The voice of a production. ``named`` is False where the narrator left engine or voice to us.

    ``stands_in_for`` names the narrator whose place a declared fallback has taken, for ``reason``.
    """

    engine: GuardedEngine
    engine_name: str
    voice: str
    version: str
    settings: VoiceSettings
    named: bool
    narrator_id: str = ""
    narrator_name: str = ""
    stands_in_for: str = ""
    reason: str = ""

    @property
    def price(self) -> float:
        """US dollars a million characters; 0 where the engine is free."""
        return self.engine.profile.cost_per_million_characters

    @property
    def natural(self) -> bool:
        """Whether listeners take it for a person."""
        return self.engine.profile.natural

    def key_parts(self) -> dict[str, Any]:
        """What of the voice a chunk's sound depends on."""
        return {
            "engine": self.engine_name,
            "voice": self.voice,
            "version": self.version,
            "settings": self.settings.to_mapping(),
        }


def engine_name(narrator: Narrator, default_engine: str) -> str:
    """The engine a narrator is spoken by."""
    return narrator.engine or default_engine


async def cast(narrator: Narrator, language: str, engine: GuardedEngine) -> Cast:
    """Find the voice: the narrator's own, else by language, accent and gender. Raises VoiceMissing."""
    voice = narrator.voice
    if not voice or not narrator.engine:
        chosen = choose_voice(await engine.voices(), language=language, accent=narrator.accent, gender=narrator.gender)
        voice = chosen.voice
    return Cast(
        engine=engine,
        engine_name=engine.profile.name,
        voice=voice,
        version=await engine.version(),
        settings=VoiceSettings.from_mapping(narrator.settings),
        named=bool(narrator.engine and narrator.voice),
        narrator_id=narrator.narrator_id,
        narrator_name=narrator.narrator_name,
    )


def standing_in(voice: Cast, fallback: Narrator, place_of: str, reason: str) -> Cast:
    """The fallback's voice, marked as such."""
    return replace(voice, narrator_name=fallback.narrator_name, stands_in_for=place_of, reason=reason)
