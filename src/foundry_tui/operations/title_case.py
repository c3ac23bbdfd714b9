"""Names and titles that a source shouts in capitals, as a shelf would show them."""

from __future__ import annotations

import re

from foundry_tui.domain.languages import understood

_WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)?")
_ROMAN = re.compile(r"(?=[IVXLCDM])M{0,3}(?:C[MD]|D?C{0,3})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})")
_SMALL = re.compile(r"an?|and|a[st]|but|by|for|from|in|into|nor|o[fnr]|the|to|with")
_PARTICLES = re.compile(r"d[eaiou]|dos|della|l[ae]|v[ao]n|de[rn]|zu|y|e|a[fv]")
_INITIAL_LENGTH = 1


def eased_name(name: str) -> str:
    """``MARK TWAIN`` as ``Mark Twain``; a name that is not all capitals stays as it is."""
    if not _shouts(name):
        return name
    return _WORD.sub(lambda word: _cased(word, small=_PARTICLES), name)


def eased_title(title: str, language: str | None) -> str:
    """``THE RING OF FIRE, VOL. II`` as ``The Ring of Fire, Vol. II``, in English; other languages have other rules."""
    if not _shouts(title) or language is None or understood(language) != "eng":
        return title
    return _WORD.sub(lambda word: _cased(word, small=_SMALL), title)


def _shouts(text: str) -> bool:
    letters = [char for char in text if char.isalpha()]
    # One word may well be an acronym, and scripts without capitals have none to ease.
    return len(letters) > 3 and len(_WORD.findall(text)) > 1 and text.isupper()


def _cased(found: re.Match[str], *, small: re.Pattern[str]) -> str:
    word = found.group()
    if found.start() > 0 and small.fullmatch(word.casefold()):
        return word.lower()
    if len(word) > _INITIAL_LENGTH and _ROMAN.fullmatch(word):
        return word
    head = 3 if word[1:2] in {"'", "’"} else 1  # O'Brien, D'Artagnan
    return word[:head] + word[head:].lower()
