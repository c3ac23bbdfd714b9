"""About how much disk a production takes, before it has taken it. Estimates lean to the large side."""

from __future__ import annotations

from collections.abc import Iterable

# Speech runs at about 14 characters a second, scripts without spaces at about 5.
_CHARACTERS_PER_S = 12.0
_CJK_CHARACTERS_PER_S = 4.0
_WORDS_PER_S = 2.2
_FLAC_SHARE = 0.6  # of 16-bit PCM, for speech
_WORD_TAGS_PER_S = 60  # a take's file also says when each word is heard
# kb/s of each edition that holds sound; the EPUB carries the M4B's own packets.
_EDITION_KBPS = {"mp3": 192, "acx": 194, "opus": 36, "flac": 230, "sample": 1}


def speech_seconds(characters: int, language: str) -> float:
    """About how long ``characters`` of ``language`` take to say."""
    return characters / (_CJK_CHARACTERS_PER_S if language in {"jpn", "zho"} else _CHARACTERS_PER_S)


def speech_seconds_of_words(words: int) -> float:
    """The same for a count of words."""
    return words / _WORDS_PER_S


def chunk_bytes(audio_s: float, sample_rate: int) -> int:
    """About how much disk chunk FLACs of ``audio_s`` take."""
    return int(audio_s * (sample_rate * 2 * _FLAC_SHARE + _WORD_TAGS_PER_S))


def coded_bytes(audio_s: float, bitrate_kbps: int) -> int:
    """About how much disk coded sound of ``audio_s`` takes."""
    return int(audio_s * bitrate_kbps * 125 * 1.05)


def editions_kbps(editions: Iterable[str], bitrate_kbps: int) -> int:
    """Kilobits a second of all ``editions`` together; subtitles weigh nothing beside them."""
    return sum(bitrate_kbps if name == "epub" else _EDITION_KBPS.get(name, 0) for name in editions)
