"""What an operator decides about a book's words: how a word is said, what a chunk says, which sections are narrated."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Inflection = Literal["none", "possessive", "any_ending"]
INFLECTIONS: tuple[Inflection, ...] = ("none", "possessive", "any_ending")


@dataclass(frozen=True, slots=True)
class LexiconEntry:
    """``word`` is said as ``spoken`` (or as ``ipa`` where the engine takes it). Empty ``language`` or ``book_id``:
    everywhere. ``inflection``: none, possessive (’s is kept) or any_ending (up to four letters more are kept).
    """

    word: str
    spoken: str
    ipa: str = ""
    language: str = ""
    book_id: str = ""
    case_sensitive: bool = True
    inflection: Inflection = "possessive"
    note: str = ""

    def holds_for(self, language: str, book_id: str) -> bool:
        """Whether it acts in this book."""
        return self.language in {"", language} and self.book_id in {"", book_id}


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A lexicon entry under its id."""

    entry_id: int
    entry: LexiconEntry


@dataclass(frozen=True, slots=True)
class SectionDecision:
    """A decision about a section of one source: ``language`` (ISO 639-2/T) says of which. They act in order of id."""

    override_id: int
    book_id: str
    language: str
    action: str
    anchor: str = ""
    text_hash: str = ""
    title: str = ""

    def to_override(self) -> dict[str, str]:
        """As text.overrides takes it, and as the key of a parse keeps it: without the number."""
        named = {"anchor": self.anchor, "text_hash": self.text_hash, "title": self.title}
        return {"action": self.action, **{name: value for name, value in named.items() if value}}


@dataclass(frozen=True, slots=True)
class ChunkOverride:
    """What a chunk that would say ``original`` says instead, wherever in the book it stands."""

    override_id: int
    book_id: str
    text_hash: str
    original: str
    spoken: str


@dataclass(frozen=True, slots=True)
class Corrections:
    """Everything decided about one book in one language. ``chunk_texts``: spoken form by ``speech_hash``."""

    book_id: str
    language: str
    entries: tuple[LexiconEntry, ...] = ()
    sections: tuple[SectionDecision, ...] = ()
    chunk_texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def overrides(self) -> tuple[dict[str, Any], ...]:
        """The decisions about sections, in the order they act."""
        return tuple(decision.to_override() for decision in self.sections)

    @property
    def of_words(self) -> bool:
        """Whether anything said may be changed by them."""
        return bool(self.entries or self.chunk_texts)


# A word that an engine may say by its sound stands in a text as OPEN ipa OR respelling CLOSE: noncharacters of Unicode,
# which no source's text comes with.
_OPEN, _OR, _CLOSE = "\ufdd0", "\ufdd1", "\ufdd2"
_BY_SOUND = re.compile(f"{_OPEN}([^{_OPEN}{_OR}{_CLOSE}]*){_OR}([^{_OPEN}{_OR}{_CLOSE}]*){_CLOSE}")


def by_sound(ipa: str, spoken: str) -> str:
    """A word for an engine that takes IPA, with the respelling for a voice of it that does not."""
    return f"{_OPEN}{ipa}{_OR}{spoken}{_CLOSE}"


def sounded(text: str, say: Callable[[str, str], str]) -> str:
    """``text`` with each word given by its sound as ``say(ipa, respelling)`` puts it."""
    return _BY_SOUND.sub(lambda found: say(found[1], found[2]), text) if _OPEN in text else text


def speech_hash(text: str) -> str:
    """64 hex digits that name what a chunk says without a correction."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
