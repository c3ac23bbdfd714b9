"""The editions a book can be made in beside its M4B."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foundry_tui.errors import UsageError

# name: what it is, in the order they are made and listed
EDITIONS: dict[str, str] = {
    "mp3": "an MP3 of every chapter, mastered like the M4B",
    "opus": "the whole book as one Opus file, 32 kb/s",
    "flac": "the whole book as one FLAC file, nothing lost",
    "srt": "subtitles as SubRip",
    "vtt": "subtitles as WebVTT",
    "lrc": "subtitles as LRC, for music players",
    "epub": "an EPUB 3 that reads aloud, sentence by sentence",
    "acx": "MP3s as ACX asks for them, with a retail sample and a certificate",
    "sample": "a sample of one to five minutes from the first real chapter",
}


def edition_names(text: str) -> tuple[str, ...]:
    """The editions named in ``text``, with commas or blanks between them, each once; ``none`` is no edition at all.

    Raises UsageError for a name that is none.
    """
    names = dict.fromkeys(name.casefold() for name in text.replace(",", " ").split())
    names.pop("none", None)
    for name in names:
        if name not in EDITIONS:
            raise UsageError(f"There is no edition {name!r}.", next_action=f"Known editions: {', '.join(EDITIONS)}.")
    return tuple(names)


def ordered_editions(options: Mapping[str, Any], configured: Sequence[str], *, mp3: bool) -> tuple[str, ...]:
    """The editions of a production with ``options``: as ordered, else as ``configured``, in the order of EDITIONS.

    The older ``mp3`` adds its edition. Raises UsageError for a name that is none.
    """
    ordered = options.get("editions")
    if isinstance(ordered, list | tuple):
        ordered = " ".join(map(str, ordered))
    names = set(configured if ordered is None else edition_names(str(ordered)))
    if options.get("mp3", mp3 if ordered is None else False):
        names.add("mp3")
    return tuple(name for name in EDITIONS if name in names)
