"""Voices that have to be installed: which files a voice of piper or kokoro is made of, and where they come from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundry_tui.errors import UsageError, VoiceMissing
from foundry_tui.voices.download import Digest, Downloads, Fetched, Part
from foundry_tui.voices.model_engine import default_folder
from foundry_tui.voices.options import Options

INSTALLABLE = ("piper", "kokoro")
# Where the projects themselves publish their models today; both are settings.
PUBLIC = {
    "piper": "https://huggingface.co/rhasspy/piper-voices/resolve/main",
    "kokoro": "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0",
}
# (as published, as the engine looks for it)
_KOKORO = (("kokoro-v1.0.onnx", "kokoro.onnx"), ("voices-v1.0.bin", "voices.bin"))
_NAME = re.compile(r"([a-z]{2,3})_([A-Z]{2,3})-([\w]+)-([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Offer:
    """A voice of a catalog that can be installed."""

    engine: str
    voice: str
    language: str
    size_bytes: int
    installed: bool


class Installer:
    """Installs voices of one engine. ``options`` are the engine's own, ``download_url`` among them."""

    def __init__(self, engine: str, options: Mapping[str, Any], downloads: Downloads | None = None) -> None:
        if engine not in INSTALLABLE:
            raise UsageError(
                f"{engine} has no voices to install.", next_action=f"That can be done for {' and '.join(INSTALLABLE)}."
            )
        given = Options(engine, options)
        self.engine = engine
        self.base = given.text("download_url", PUBLIC[engine], f"FOUNDRY_{engine.upper()}_DOWNLOAD_URL").rstrip("/")
        models = given.text("models", variable="FOUNDRY_PIPER_MODELS") if engine == "piper" else ""
        self.folder = Path(models or default_folder(engine))
        self._downloads = downloads

    def downloads(self) -> Downloads:
        """What fetches into this engine's folder."""
        return self._downloads or Downloads(self.folder)

    async def install(self, voice: str, *, sha256: str | None = None) -> list[Fetched]:
        """Fetch a voice's files from the engine's address. Raises VoiceMissing, EngineUnreachable, SpeechRejected.

        ``sha256`` is that of the model, where the operator has it from elsewhere.
        """
        parts = await self._piper(voice) if self.engine == "piper" else self._kokoro()
        if sha256:
            model = next(part for part in parts if part.name.endswith(".onnx"))
            parts = [
                Part(part.url, part.name, Digest("sha256", sha256), part.size) if part is model else part
                for part in parts
            ]
        # The model last: a voice is there when its model is.
        downloads = self.downloads()
        return [await downloads.fetch(part) for part in sorted(parts, key=lambda part: part.name.endswith(".onnx"))]

    async def install_from(self, voice: str, source: Path) -> list[Fetched]:
        """Copy a voice's files out of a folder of this machine."""
        wanted = (
            [(f"{voice}.onnx.json", f"{voice}.onnx.json"), (f"{voice}.onnx", f"{voice}.onnx")]
            if self.engine == "piper"
            else [(published, ours) for published, ours in reversed(_KOKORO)]
        )
        found = []
        for published, ours in wanted:
            names = (published, ours)
            path = next((source / name for name in names if (source / name).is_file()), None)
            if path is None:
                raise VoiceMissing(
                    f"{source} holds no {published}.", next_action="Name the folder with the voice's files in --from."
                )
            found.append((path, ours))
        downloads = self.downloads()
        return [await downloads.copy(path, ours) for path, ours in found]

    async def offers(self) -> list[Offer]:
        """What the catalog at the engine's address has; none where it has no catalog."""
        catalog = await self._catalog() if self.engine == "piper" else {}
        return [
            Offer(
                "piper",
                name,
                str((entry.get("language") or {}).get("code", "")),
                sum(int(facts.get("size_bytes") or 0) for facts in entry.get("files", {}).values()),
                (self.folder / f"{name}.onnx").is_file(),
            )
            for name, entry in sorted(catalog.items())
        ]

    async def _catalog(self) -> dict[str, Any]:
        found = await self.downloads().json(f"{self.base}/voices.json")
        if not isinstance(found, dict):
            return {}
        return {str(name): entry for name, entry in found.items() if isinstance(entry, dict)}

    async def _piper(self, voice: str) -> list[Part]:
        named = _NAME.fullmatch(voice)
        if named is None:
            raise UsageError(
                f"{voice!r} is no Piper voice.", next_action="They are named like en_US-amy-medium, en_GB-alba-medium."
            )
        catalog = await self._catalog()
        entry = catalog.get(voice)
        if catalog and entry is None:
            import difflib

            near = difflib.get_close_matches(voice, catalog, n=3, cutoff=0.5)
            hint = (
                f"Near it: {', '.join(near)}." if near else "See `foundry-tui voices list --engine piper --available`."
            )
            raise VoiceMissing(f"The catalog has no voice {voice!r}.", next_action=hint)
        files: dict[str, Any] = (entry or {}).get("files") or {}
        language, region, name, quality = named.groups()
        folder = f"{language}/{language}_{region}/{name}/{quality}"
        parts = []
        for ending in (".onnx.json", ".onnx"):
            path = next((path for path in files if path.endswith(f"{voice}{ending}")), f"{folder}/{voice}{ending}")
            facts = files.get(path) or {}
            digest = _digest(facts)
            size = int(facts["size_bytes"]) if facts.get("size_bytes") else None
            parts.append(Part(f"{self.base}/{path}", f"{voice}{ending}", digest, size))
        return parts

    def _kokoro(self) -> list[Part]:
        return [Part(f"{self.base}/{published}", ours) for published, ours in _KOKORO]


def _digest(facts: Mapping[str, Any]) -> Digest | None:
    for algorithm in ("sha256", "md5"):
        value = facts.get(f"{algorithm}_digest") or facts.get(algorithm)
        if value:
            return Digest(algorithm, str(value))
    return None


def split_name(text: str) -> tuple[str, str]:
    """``ENGINE:VOICE``; kokoro's one model holds every voice, so it may stand alone. Raises UsageError."""
    engine, _, voice = text.partition(":")
    if engine == "piper" and not voice:
        raise UsageError("Say which voice.", next_action="For example piper:en_US-amy-medium.")
    return engine.strip(), voice.strip()


def described(fetched: Fetched) -> str:
    """A line for an operator."""
    proof = "checksum right" if fetched.proven else "no checksum was offered"
    return f"{fetched.path}  {fetched.size_bytes / 1e6:,.1f} MB, {proof}; SHA-256 {fetched.sha256}"
