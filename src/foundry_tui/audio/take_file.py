"""Takes on disk: one FLAC file a spoken chunk, with the key and the text's hash inside it.

The tags make an orphaned file adoptable: its key says for which words, voice and settings it stands.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from mutagen import MutagenError
from mutagen.flac import FLAC
from numpy.typing import NDArray

from foundry_tui.errors import ArtifactBroken, SpeechRejected
from foundry_tui.files import replacing, unnamed_file

KEY_TAG = "foundry_key"
TEXT_TAG = "foundry_text_sha"


@dataclass(frozen=True, slots=True)
class TakeFile:
    """A mono take as it lies on disk: ``samples`` at ``sample_rate`` Hz, ``tags`` with lower-case names."""

    path: Path
    sha256: str
    size_bytes: int
    samples: int
    sample_rate: int
    tags: Mapping[str, str]


def write_take(path: Path, pcm: bytes, sample_rate: int, tags: Mapping[str, str]) -> TakeFile:
    """Write s16le mono ``pcm`` as FLAC to ``path``, atomically, proven to decode to the same samples.

    Raises SpeechRejected for no sound or half a sample, WriteFailed or DiskFull where the disk refuses.
    """
    if not pcm or len(pcm) % 2:
        raise SpeechRejected("The engine gave no whole samples of sound.", details={"bytes": len(pcm)})
    samples = np.frombuffer(pcm, dtype="<i2")
    data = _tagged(_encode(samples, sample_rate), tags)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
        written = temporary.read_bytes()
        if not np.array_equal(_decode(written, path)[0], samples):
            raise ArtifactBroken(f"{path.name} did not read back as it was written.", details={"path": str(path)})
    return TakeFile(
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        samples=len(samples),
        sample_rate=sample_rate,
        tags={name.lower(): value for name, value in tags.items()},
    )


def read_take(path: Path, sha256: str | None = None) -> NDArray[np.int16]:
    """The take's samples; with ``sha256`` the bytes are proven first. Raises ArtifactBroken."""
    data = _bytes_of(path)
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ArtifactBroken(f"{path.name} no longer holds what was written.", details={"path": str(path)})
    return _decode(data, path)[0]


def key_of_take(path: Path) -> str | None:
    """The chunk key a found file names, from its tags alone; None where it names none or cannot be read."""
    try:
        file: Any = FLAC(path)  # type: ignore[no-untyped-call]
        found = file.get(KEY_TAG)
    except (OSError, MutagenError, ValueError):
        return None
    return str(found[0]) if found else None


def inspect_take(path: Path) -> TakeFile:
    """What a found file is, its whole sound decoded as proof. Raises ArtifactBroken."""
    data = _bytes_of(path)
    samples, sample_rate = _decode(data, path)
    try:
        file: Any = FLAC(io.BytesIO(data))  # type: ignore[no-untyped-call]
        tags = {str(name).lower(): str(value) for name, value in file.tags or ()}
    except (MutagenError, ValueError) as error:
        raise _broken(path, error) from error
    return TakeFile(path, hashlib.sha256(data).hexdigest(), len(data), len(samples), sample_rate, tags)


def _encode(samples: NDArray[np.int16], sample_rate: int) -> bytes:
    with unnamed_file() as handle:
        with soundfile.SoundFile(handle, "w", sample_rate, 1, "PCM_16", format="FLAC", closefd=False) as file:
            file.write(samples)
        os.lseek(handle, 0, os.SEEK_SET)
        with os.fdopen(handle, "rb", closefd=False) as written:
            return written.read()


def _tagged(flac: bytes, tags: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO(flac)
    file: Any = FLAC(buffer)  # type: ignore[no-untyped-call]
    for name, value in tags.items():
        file[name] = value
    buffer.seek(0)
    file.save(buffer, padding=lambda _info: 0)
    return buffer.getvalue()


def _decode(data: bytes, path: Path) -> tuple[NDArray[np.int16], int]:
    try:
        with unnamed_file(data) as handle, soundfile.SoundFile(handle, closefd=False) as file:
            declared, sample_rate, channels = file.frames, file.samplerate, file.channels
            samples = file.read(dtype="int16")
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise _broken(path, error) from error
    if channels != 1 or not len(samples) or len(samples) != declared:
        raise ArtifactBroken(
            f"{path.name} holds {len(samples)} of {declared} samples on {channels} channels.",
            details={"path": str(path)},
        )
    return samples, int(sample_rate)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> ArtifactBroken:
    return ArtifactBroken(f"{path.name} cannot be read: {error}.", details={"path": str(path)})
