"""Free space against what a step is about to write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from foundry_tui.errors import DiskFull
from foundry_tui.pipeline.room import free_bytes

# Speech runs at about 14 characters a second, scripts without spaces at about 5; estimates lean to the large side.
_CHARACTERS_PER_S = 12.0
_CJK_CHARACTERS_PER_S = 4.0
_FLAC_SHARE = 0.6  # of 16-bit PCM, for speech
_SPARE_BYTES = 32 * 1024 * 1024  # database, logs and the neighbours go on writing


def speech_seconds(characters: int, language: str) -> float:
    """About how long ``characters`` of ``language`` take to say."""
    return characters / (_CJK_CHARACTERS_PER_S if language in {"jpn", "zho"} else _CHARACTERS_PER_S)


def chunk_bytes(audio_s: float, sample_rate: int) -> int:
    """About how much disk chunk FLACs of ``audio_s`` take."""
    return int(audio_s * sample_rate * 2 * _FLAC_SHARE)


def coded_bytes(audio_s: float, bitrate_kbps: int) -> int:
    """About how much disk coded sound of ``audio_s`` takes."""
    return int(audio_s * bitrate_kbps * 125 * 1.05)


def require_space(folder: Path, needed_bytes: int, what: str, free: Callable[[Path], int] = free_bytes) -> None:
    """Raise DiskFull, with both figures, unless ``needed_bytes`` and some to spare are free."""
    there = free(folder)
    if there < needed_bytes + _SPARE_BYTES:
        raise DiskFull(
            f"{what} needs about {_mb(needed_bytes + _SPARE_BYTES)} MB, and {folder} has {_mb(there)} MB free.",
            details={"path": str(folder), "needed_bytes": needed_bytes + _SPARE_BYTES, "free_bytes": there},
        )


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f}"
