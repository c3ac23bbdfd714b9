"""The receipt in a published folder, ``.foundry.json``: whose edition it is, which files are ours, and their sums."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from foundry_tui.files import sha256_of

RECEIPT = ".foundry.json"
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """``audio``: size in bytes of every audio file by its path inside the folder; ``beside``: our other files.

    Only the audio is held to what it was: a media server may rewrite the files beside it as its users edit them.
    ``proofs`` are SHA-256 and time of change in ns of the audio; a receipt of an earlier Foundry has none.
    """

    audiobook_id: str
    audio: Mapping[str, int]
    beside: tuple[str, ...] = ()
    proofs: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it into a folder that is still being built; OSErrors pass through."""
        value = {
            "schema_version": _SCHEMA,
            "audiobook_id": self.audiobook_id,
            "audio": dict(self.audio),
            "beside": list(self.beside),
            "proofs": {name: list(proof) for name, proof in self.proofs.items()},
        }
        (folder / RECEIPT).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    def stands(self, folder: Path, *, thorough: bool = False) -> bool:
        """Whether every audio file is there as it was published.

        One in its size that was not written since counts as unchanged; ``thorough`` reads it all the same.
        """
        try:
            return all(self._same(folder / name, name, size, thorough=thorough) for name, size in self.audio.items())
        except OSError:
            return False

    def _same(self, path: Path, name: str, size_bytes: int, *, thorough: bool) -> bool:
        now = path.stat()
        if now.st_size != size_bytes:
            return False
        if name not in self.proofs:
            return True
        sha256, changed_ns = self.proofs[name]
        return (now.st_mtime_ns == changed_ns and not thorough) or sha256_of(path) == sha256


def proof_of(path: Path) -> tuple[str, int]:
    """SHA-256 and time of change of a file."""
    return sha256_of(path), path.stat().st_mtime_ns


def read_receipt(folder: Path) -> Receipt | None:
    """The receipt of ``folder``, or None where it has none that can be read."""
    try:
        value = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
        audio = {str(name): int(size) for name, size in value["audio"].items()}
        proofs = {str(name): (str(sha), int(ns)) for name, (sha, ns) in value.get("proofs", {}).items()}
        return Receipt(str(value["audiobook_id"]), audio, tuple(str(name) for name in value["beside"]), proofs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
