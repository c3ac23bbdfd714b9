"""File and folder names out of titles and people's names: legal on every common filesystem, and never a path.

Limits: 255 bytes of UTF-8 a name (ext4, APFS and NTFS allow at least as much); Windows forbids slashes of
both kinds, ``< > : " | ? *``, trailing dots and spaces, and its device names with any ending.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_BYTES = 255
_NARRATOR_BYTES = 80
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
_REPLACED = str.maketrans(
    {"/": "-", "\\": "-", "|": "-", '"': "'", "<": "(", ">": ")", "*": "", "?": "", "{": "(", "}": ")"}
)
_JOINERS = "\u200c\u200d"  # Persian, Hindi and emoji are misspelt without them


def safe_name(text: str | None, fallback: str, *, longest_bytes: int = LONGEST_BYTES) -> str:
    """One path part out of ``text``, in NFC, of at most ``longest_bytes``; ``fallback`` where nothing of it is left.

    No control, direction or unassigned characters, no slashes, no leading dot, dash or tilde, no device names.
    """
    whole = unicodedata.normalize("NFC", text or "")
    spaced = "".join(" " if letter.isspace() else letter for letter in whole)
    visible = "".join(letter for letter in spaced if letter in _JOINERS or unicodedata.category(letter)[0] != "C")
    legal = re.sub(r"\s*:\s+", " - ", visible).replace(":", "-").translate(_REPLACED)
    name = _trimmed(_cut(_trimmed(" ".join(legal.split())), longest_bytes))
    if not name.strip(_JOINERS):
        return fallback
    stem, dot, rest = name.partition(".")
    if _RESERVED.fullmatch(stem.rstrip()):
        name = _cut(f"{stem}_{dot}{rest}", longest_bytes)
    return name


def file_name(text: str, fallback: str, *, longest_bytes: int = LONGEST_BYTES) -> str:
    """Like safe_name, but a long name keeps its ending (``.m4b``)."""
    stem, dot, ending = text.rpartition(".")
    if not dot or not ending.isascii() or not ending.isalnum() or len(ending) > 8:
        return safe_name(text, fallback, longest_bytes=longest_bytes)
    tail = f".{ending}"
    return safe_name(stem, fallback, longest_bytes=longest_bytes - len(tail)) + tail


def author_folder(author: str | None) -> str:
    """The folder of an author's books."""
    return safe_name(author, "Unknown Author")


def edition_folder(title: str, narrator: str | None, number: int = 1) -> str:
    """``<Title> {<Narrator>}``, and ``<Title> (2) {<Narrator>}`` … where another production has that name already.

    The narrator stays last: Audiobookshelf takes the words in braces at the end of a folder's name for the narrator.
    """
    tail = "" if number == 1 else f" ({number})"
    if narrator and (voice := safe_name(narrator, "", longest_bytes=_NARRATOR_BYTES)):
        tail += f" {{{voice}}}"
    return safe_name(title, "Untitled", longest_bytes=LONGEST_BYTES - len(tail.encode())) + tail


def _trimmed(name: str) -> str:
    return name.lstrip(" .-~").rstrip(" .")


def _cut(name: str, longest_bytes: int) -> str:
    """The first characters of ``name`` that fit, never parting a letter from its accents."""
    if len(name.encode()) <= longest_bytes:
        return name
    kept = name.encode()[: longest_bytes - len("…".encode())].decode("utf-8", "ignore")
    if kept != name and unicodedata.combining(name[len(kept)]):
        kept = kept.rstrip("".join({letter for letter in kept if unicodedata.combining(letter)}))[:-1]
    return f"{kept.rstrip()}…"
