"""What a finished file says of itself, made safe: every string from outside is one clean line of bounded length."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_MARK_BYTES = 255  # the Nero chapter list counts a title's bytes in one byte
_DROPPED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_NO_CHARACTERS = "\ufffe\uffff"  # XML cannot hold them
_KEPT_FORMATS = "\u200d\u200c"  # joiners that emoji and some scripts are made of


@dataclass(frozen=True, slots=True)
class BookTags:
    """Tags of a book; ``language`` is ISO 639-2/T, ``year`` digits, ``series_part`` as printed ("1", "2.5").

    ``album`` is the title where it is not given; ``volume`` is (number, of how many) for a book in several files.
    """

    title: str
    author: str | None = None
    narrator: str | None = None
    language: str = "und"
    genre: str | None = None
    year: str | None = None
    description: str | None = None
    series: str | None = None
    series_part: str | None = None
    publisher: str | None = None
    copyright: str | None = None
    comment: str | None = None
    album: str | None = None
    volume: tuple[int, int] | None = None


def one_line(text: str, limit: int = 1000) -> str:
    """``text`` without control and direction signs, its white space single blanks, at most ``limit`` characters."""
    kept = "".join(
        " " if unicodedata.category(sign) in _DROPPED and sign not in _KEPT_FORMATS else sign for sign in text
    )
    for sign in _NO_CHARACTERS:
        kept = kept.replace(sign, " ")
    line = " ".join(kept.split())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def paragraphs(text: str, limit: int = 4000) -> str:
    """Like :func:`one_line`, but line breaks stay: for descriptions."""
    lines = (one_line(line, limit) for line in text.splitlines())
    joined = "\n".join(lines).strip()
    return joined if len(joined) <= limit else f"{joined[: limit - 1].rstrip()}…"


def mark_title(title: str, number: int) -> str:
    """The title of a chapter mark: one line of at most 255 bytes of UTF-8, never empty, never half a character."""
    line = one_line(title) or f"Chapter {number}"
    if len(line.encode("utf-8")) <= _MARK_BYTES:
        return line
    cut = line.encode("utf-8")[: _MARK_BYTES - 3].decode("utf-8", errors="ignore")
    return f"{cut.rstrip()}…"
