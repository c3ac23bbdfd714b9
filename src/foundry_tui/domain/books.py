"""A book of the catalog and a narrator of the roster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Book:
    """A catalog entry; ``language`` is as typed by whoever entered it (see domain.languages)."""

    id: str
    book_id: str
    book_name: str
    language: str
    author: str | None = None
    year_published: int | None = None
    genre: str | None = None
    summary: str | None = None
    source_path: str | None = None
    source_url: str | None = None
    isbn: str | None = None
    narrator_id: str | None = None


@dataclass(frozen=True, slots=True)
class Narrator:
    """A voice of the roster. Without ``engine`` the configured default engine speaks."""

    narrator_id: str
    narrator_name: str
    language: str
    gender: str | None = None
    sample_filepath: str | None = None
    accent: str | None = None
    engine: str | None = None
    voice: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    active: bool = True
    fallback_narrator_id: str | None = None


VOICE_KEPT = "voice_kept"  # of a production's options: the voice it was begun with, when its narrator was changed later
_VOICE = ("engine", "voice", "settings", "gender", "accent")


def voice_of(narrator: Narrator) -> dict[str, Any]:
    """What of a narrator decides how a book sounds."""
    return {name: getattr(narrator, name) for name in _VOICE}


def as_begun(narrator: Narrator, options: Mapping[str, Any]) -> Narrator:
    """The narrator as a production began with it, whatever was changed since."""
    return replace(narrator, **(options.get(VOICE_KEPT) or {}))
