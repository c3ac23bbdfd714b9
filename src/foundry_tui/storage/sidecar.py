"""The files beside the audio, as Audiobookshelf (2.x) reads them: metadata.json, desc.txt and reader.txt.

Its scanner takes the keys of metadata.json flat, wants strings and lists of strings (the year too is a string, a series
reads ``Name #2``), and refuses the whole list of chapters when one title is empty.
"""

from __future__ import annotations

import json
import re
from typing import Any

from foundry_tui.domain.languages import english_name
from foundry_tui.storage.library import Edition

_BETWEEN_AUTHORS = re.compile(r"\s*(?:;|\s&\s)\s*")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def sidecars(edition: Edition) -> dict[str, bytes]:
    """The sidecar files of an edition by name."""
    made = {"metadata.json": _json(metadata(edition))}
    if edition.summary:
        made["desc.txt"] = _text(edition.summary)
    if edition.narrator:
        made["reader.txt"] = _text(edition.narrator)
    return made


def metadata(edition: Edition) -> dict[str, Any]:
    """What Audiobookshelf's metadata.json says of the edition."""
    return {
        "tags": [],
        "chapters": [
            {
                "id": number,
                "start": round(mark.start_s, 6),
                "end": round(mark.end_s, 6),
                "title": _clean(mark.title) or f"Chapter {number + 1}",
            }
            for number, mark in enumerate(edition.chapters)
        ],
        "title": _clean(edition.title) or "Untitled",
        "subtitle": None,
        "authors": _list(_BETWEEN_AUTHORS.split(edition.author or "")),
        "narrators": _list([edition.narrator or ""]),
        "series": _list(edition.series),
        "genres": _list(edition.genres),
        "publishedYear": str(edition.year) if edition.year is not None else None,
        "publishedDate": None,
        "publisher": None,
        "description": _clean(edition.summary or "") or None,
        "isbn": edition.isbn,
        "asin": None,
        "language": english_name(edition.language),
        "explicit": False,
        "abridged": False,
    }


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("", text).strip()


def _list(names: tuple[str, ...] | list[str]) -> list[str]:
    return [name for name in dict.fromkeys(_clean(name) for name in names) if name]


def _text(text: str) -> bytes:
    return f"{_clean(text)}\n".encode()


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode("utf-8")
