"""The receipt in a published folder, ``.foundry.json``: whose edition it is, and which files in it are ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RECEIPT = ".foundry.json"
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """``audio``: size in bytes of every audio file by its path inside the folder; ``beside``: our other files.

    Only the audio is held to its size: a media server may rewrite the files beside it as its users edit them.
    """

    audiobook_id: str
    audio: Mapping[str, int]
    beside: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Write it into a folder that is still being built; OSErrors pass through."""
        value = {
            "schema_version": _SCHEMA,
            "audiobook_id": self.audiobook_id,
            "audio": dict(self.audio),
            "beside": list(self.beside),
        }
        (folder / RECEIPT).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def stands(self, folder: Path) -> bool:
        """Whether every audio file is there in its size."""
        try:
            return all((folder / name).stat().st_size == size for name, size in self.audio.items())
        except OSError:
            return False


def read_receipt(folder: Path) -> Receipt | None:
    """The receipt of ``folder``, or None where it has none that can be read."""
    try:
        value = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
        audio = {str(name): int(size) for name, size in value["audio"].items()}
        return Receipt(str(value["audiobook_id"]), audio, tuple(str(name) for name in value["beside"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
