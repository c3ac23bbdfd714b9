"""Numbers as words, through num2words where it serves, imported only when a number is met."""

from __future__ import annotations

import re
from functools import lru_cache

from foundry_tui.text.numerals import ROMAN_WORDS, roman

_CODES = {"eng": "en", "fra": "fr", "deu": "de", "spa": "es", "ita": "it", "por": "pt", "rus": "ru", "nld": "nl"}


@lru_cache(maxsize=8192)
def spell(number: int, language: str, to: str = "cardinal") -> str | None:
    """``number`` in words (``to``: cardinal, ordinal or year), or None where the language has none."""
    code = _CODES.get(language)
    if code is None or number >= 10**12:
        return None
    from num2words import num2words

    try:
        said = str(num2words(number, lang=code, to=to))
    except (NotImplementedError, OverflowError, TypeError, ValueError, KeyError, IndexError):
        return None
    return said.replace(",", "") if language == "eng" else said


def digits(text: str) -> int | None:
    """The value of 1,000 or 1.000 or 1 000 or 1000."""
    bare = re.sub(r"[.,\s'’\u00a0](?=[0-9]{3}(?![0-9]))", "", text)
    return int(bare) if bare.isdigit() else None


def roman_value(text: str) -> int | None:
    """The value of a Roman numeral in capitals that is no word."""
    return None if text in ROMAN_WORDS and len(text) > 2 else roman(text)
