"""Where sentences end, by rules: abbreviations per language, initials, what follows, ideographic stops."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from foundry_tui.text.abbreviations import MONTHS, NEVER_LAST, ORDINAL_DOT

Splitter = Callable[[str], list[str]]

# A pattern that begins with one sign of a set, not with a repeat of it, is searched for several times as fast.
_END = re.compile(r"[.!?…][.!?…]*[\"”’»›)\]'*_]*\s+")
_CJK_END = re.compile(r"[。！？!?｡]+[」』）\)\]”’〉》]*|…{2,}[」』]?(?=[^、，。」』])|[.!?][\"”’)]*\s+")
_OPENERS = "\"“”‘’'«»„‚‹›([{¿¡—–-…*_ "
_OPENING = frozenset(_OPENERS)
_INITIAL = re.compile(r"(?:[^\W\d_]\.)+(?:-?[^\W\d_])?|[^\W\d_]")


def split_sentences(text: str, language: str) -> list[str]:
    """``text`` (one paragraph, no line breaks) cut after each sentence; joined by spaces (or nothing, for Chinese and
    Japanese) the pieces give the text again. Closing quotation marks stay with their sentence.
    """
    return splitter(language)(text)


@lru_cache(maxsize=32)
def splitter(language: str) -> Splitter:
    """The sentence splitter of a language (ISO 639-2/T); every language has one."""
    if language in {"jpn", "zho"}:
        return _split_cjk
    never_last = NEVER_LAST.get(language, frozenset()) | NEVER_LAST["*"]
    ordinals = language in ORDINAL_DOT

    def split(text: str) -> list[str]:
        return list(_split(text, never_last, ordinals=ordinals, language=language))

    return split


def _split(text: str, never_last: frozenset[str], *, ordinals: bool, language: str) -> Iterator[str]:
    start, length = 0, len(text)
    for found in _END.finditer(text):
        at, end = found.span()
        if end >= length:
            break
        first = text[end]
        if first.islower():
            continue
        if first.isupper() and text[at:end] == ". ":
            word = text[max(0, at - 12) : at].rpartition(" ")[2]
            if len(word) > 1 and word.isalpha() and word.lower() not in never_last:
                yield text[start : at + 1]  # by far the most ends: a plain word, and a capital after it
                start = end
                continue
        if _ends(text, found, never_last, ordinals=ordinals, language=language):
            yield text[start:end].rstrip()
            start = end
    rest = text[start:].strip()
    if rest:
        yield rest


def _ends(text: str, found: re.Match[str], never_last: frozenset[str], *, ordinals: bool, language: str) -> bool:
    following = text[found.end() : found.end() + 20]
    if following[0] in _OPENING:
        following = following.lstrip(_OPENERS)
    first = following[:1]
    if first.islower():
        return False
    stop = found[0]
    if stop[0] != "." or stop[1] == ".":
        return True
    stop = stop.rstrip()
    if text[max(0, found.start() - 1) : found.start()].isspace():
        return first != "."  # the last point of an ellipsis set with spaces
    at = found.start()
    word = text[text.rfind(" ", max(0, at - 40), at) + 1 : at].rpartition("—")[2].lstrip(_OPENERS)
    if len(stop) > 1 and stop[1] in '"”’»)' and word.lower() not in never_last:
        return True
    if word.lower() in never_last or f"{word.lower()}." in never_last:
        return False
    if len(word) == 1 and word.isalpha() and following[1:2] == ".":
        return False  # z. B., a. M.: the second letter of an abbreviation follows
    if ordinals and word.isdigit() and len(word) <= 2:
        return (first.isdigit() is False and not following.startswith(MONTHS) and not first.isupper()) or not first
    if _INITIAL.fullmatch(word) and word[-1:].isalpha() and (word[:1].isupper() or "." in word):
        return language == "eng" and word == "I" and first.isupper()
    return not (
        first.isdigit() and word.lower() in {"no", "nos", "nr", "nro", "núm", "vol", "p", "pp", "fig", "cap", "art"}
    )


def _split_cjk(text: str) -> list[str]:
    pieces: list[str] = []
    start = 0
    for found in _CJK_END.finditer(text):
        inside = text[start : found.end()]
        if (
            inside.count("「") + inside.count("『") + inside.count("“")
            > inside.count("」") + inside.count("』") + inside.count("”")
            and len(inside) < 60
        ):
            continue
        if text[found.end() : found.end() + 1] in {"」", "』", "と", "”", "、"} and len(inside) < 80:
            continue
        pieces.append(inside.strip())
        start = found.end()
    rest = text[start:].strip()
    if rest:
        pieces.append(rest)
    return [piece for piece in pieces if piece]
