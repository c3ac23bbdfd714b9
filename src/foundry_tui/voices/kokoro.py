"""``kokoro``: the Kokoro model, offline, from a model file and a file of voices the operator brings."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foundry_tui.errors import EngineMissing, VoiceMissing
from foundry_tui.voices.accents import accent_of, language_of
from foundry_tui.voices.model_engine import ModelHelper, default_folder, require_library
from foundry_tui.voices.options import Options
from foundry_tui.voices.protocol import EngineProfile, Speech, Voice, VoiceSettings, refuse_settings, require_speakable

SAMPLE_RATE = 24_000
REVISION = 1
# A voice's first letter is its language: (locale, what the phonemizer calls it).
_LANGUAGES = {
    "a": ("en-US", "en-us"),
    "b": ("en-GB", "en-gb"),
    "e": ("es-ES", "es"),
    "f": ("fr-FR", "fr-fr"),
    "h": ("hi-IN", "hi"),
    "i": ("it-IT", "it"),
    "j": ("ja-JP", "ja"),
    "p": ("pt-BR", "pt-br"),
    "z": ("zh-CN", "cmn"),
}


class KokoroEngine:
    """One model, many voices; ``af_heart`` is American, female, Heart."""

    def __init__(self, model: Path, styles: Path) -> None:
        self._model, self._styles = model, styles
        self._voices: tuple[Voice, ...] = ()
        self.profile = EngineProfile(
            name="kokoro",
            limit=1_500,
            limit_unit="characters",
            concurrency=1,
            sample_rate=SAMPLE_RATE,
            offline=True,
            deterministic=False,
            addresses={"model": str(model), "voices": str(styles)},
            natural=True,
        )
        self._helper = ModelHelper(self.profile)

    async def synthesize(self, text: str, voice: str, settings: VoiceSettings) -> Speech:
        """Speak plain text with one of the voices in the file."""
        require_speakable(text)
        refuse_settings("kokoro", settings, "pitch_percent")
        if voice not in {listed.voice for listed in await self.voices()}:
            raise VoiceMissing(f"kokoro has no voice {voice!r} in {self._styles.name}.")
        asked = {
            "model": str(self._model),
            "styles": str(self._styles),
            "voice": voice,
            "language": _LANGUAGES[voice[0]][1],
            "volume": settings.volume,
        }
        return await self._helper.speak(text, asked, settings.rate)

    async def voices(self) -> Sequence[Voice]:
        """The voices in the file, by their names alone."""
        if not self._voices:
            try:
                with zipfile.ZipFile(self._styles) as file:
                    names = sorted(name.removesuffix(".npy") for name in file.namelist())
            except (OSError, zipfile.BadZipFile) as error:
                raise EngineMissing(f"{self._styles} is no file of Kokoro voices.") from error
            self._voices = tuple(_voice(name) for name in names if name[:1] in _LANGUAGES and name[2:3] == "_")
        return self._voices

    async def version(self) -> str:
        """kokoro-onnx's version and the model file's name."""
        return f"{await self._helper.version()}/{self._model.name}-{REVISION}"

    async def close(self) -> None:
        """End the helper process."""
        await self._helper.close()


def open_engine(options: dict[str, Any]) -> KokoroEngine:
    """Options: ``model`` (FOUNDRY_KOKORO_MODEL) and ``voices`` (FOUNDRY_KOKORO_VOICES), the two files' paths."""
    given = Options("kokoro", options)
    folder = default_folder("kokoro")
    model = Path(given.text("model", variable="FOUNDRY_KOKORO_MODEL") or folder / "kokoro.onnx")
    styles = Path(given.text("voices", variable="FOUNDRY_KOKORO_VOICES") or folder / "voices.bin")
    given.text("download_url", variable="FOUNDRY_KOKORO_DOWNLOAD_URL")  # voices.install's
    given.finish()
    require_library("kokoro", "kokoro_onnx", "kokoro")
    for path in (model, styles):
        if not path.is_file():
            raise EngineMissing(
                f"Kokoro's file {path} is not there.",
                next_action="`foundry-tui voices install kokoro` fetches it; or name the files in model and voices.",
            )
    return KokoroEngine(model, styles)


def _voice(name: str) -> Voice:
    locale, _ = _LANGUAGES[name[0]]
    gender = {"f": "female", "m": "male"}.get(name[1:2], "")
    title = name[3:].replace("_", " ").title()
    return Voice("kokoro", name, title, language_of(locale), locale, gender, accent_of(locale))
