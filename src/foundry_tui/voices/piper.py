"""``piper``: Piper's neural voices, offline, from model files the operator brings."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foundry_tui.domain.corrections import sounded
from foundry_tui.errors import EngineMissing, VoiceMissing
from foundry_tui.voices.accents import accent_of, bcp47, language_of
from foundry_tui.voices.model_engine import ModelHelper, default_folder, require_library
from foundry_tui.voices.options import Options
from foundry_tui.voices.protocol import EngineProfile, Speech, Voice, VoiceSettings, refuse_settings, require_speakable

SAMPLE_RATE = 22_050
REVISION = 1


class PiperEngine:
    """Voices are ``*.onnx`` files with their ``*.onnx.json`` beside them; ``model#speaker`` where one has several."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._models: dict[str, tuple[Path, int | None]] = {}
        self._by_ipa: set[Path] = set()  # models trained on IPA; others know letters or pinyin
        self._voices: tuple[Voice, ...] = ()
        self.profile = EngineProfile(
            name="piper",
            limit=1_500,
            limit_unit="characters",
            concurrency=1,
            sample_rate=SAMPLE_RATE,
            offline=True,
            deterministic=False,
            addresses={"models": str(folder)},
            natural=True,
            note="Each voice has a licence of its own: read it before you publish.",
            ipa=True,
        )
        self._helper = ModelHelper(self.profile)

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        """Speak plain text; ``voice`` is a model file's name without its ending."""
        require_speakable(text)
        refuse_settings("piper", settings, "pitch_percent")
        if not self._models:
            await self.voices()
        if voice not in self._models:
            raise VoiceMissing(f"piper has no voice {voice!r} in {self._folder}.")
        model, speaker = self._models[voice]
        # Piper takes what stands in double brackets for phonemes; in a book they are brackets.
        plain = re.sub(r"\[(?=\[)", "[ ", text)
        plain = sounded(plain, lambda ipa, spoken: f"[[{ipa}]]" if model in self._by_ipa else spoken)
        asked = {"model": str(model), "speaker": speaker, "volume": settings.volume}
        return await self._helper.speak(plain, asked, settings.rate)

    async def voices(self) -> Sequence[Voice]:
        """The models in the folder, read anew each time."""
        self._models, self._by_ipa, listed = {}, set(), []
        for config in sorted(self._folder.glob("**/*.onnx.json")):
            model = config.with_suffix("")
            if model.is_file():
                listed += self._listed(model, config)
        self._voices = tuple(listed)
        return self._voices

    async def version(self) -> str:
        """piper-tts's version. A model replaced under the same name is not noticed: name another voice."""
        return f"{await self._helper.version()}-{REVISION}"

    async def close(self) -> None:
        """End the helper process."""
        await self._helper.close()

    def _listed(self, model: Path, config: Path) -> list[Voice]:
        try:
            read: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
            locale = bcp47(str((read.get("language") or {}).get("code") or read["espeak"]["voice"]))
            speakers: dict[str, int] = dict(read.get("speaker_id_map") or {})
            by_ipa = read.get("phoneme_type", "espeak") == "espeak"
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return []
        name = model.stem
        if by_ipa:
            self._by_ipa.add(model)
        language, accent = language_of(locale), accent_of(locale)
        if not speakers:
            self._models[name] = (model, None)
            return [Voice("piper", name, name, language, locale, "", accent)]
        voices = []
        for speaker, number in sorted(speakers.items(), key=lambda item: item[1]):
            self._models[f"{name}#{speaker}"] = (model, int(number))
            title = f"{name}, speaker {speaker}"
            voices.append(Voice("piper", f"{name}#{speaker}", title, language, locale, "", accent, int(number)))
        return voices


def open_engine(options: dict[str, Any]) -> PiperEngine:
    """Options: ``models``, the folder of the model files (FOUNDRY_PIPER_MODELS)."""
    given = Options("piper", options)
    folder = Path(given.text("models", variable="FOUNDRY_PIPER_MODELS") or default_folder("piper"))
    given.text("download_url", variable="FOUNDRY_PIPER_DOWNLOAD_URL")  # voices.install's
    given.finish()
    require_library("piper", "piper", "piper")
    if not folder.is_dir():
        raise EngineMissing(
            f"There are no Piper models: {folder} is no folder.",
            next_action="`foundry-tui voices install piper:en_US-amy-medium` fetches one; or name a folder in models.",
        )
    return PiperEngine(folder)
