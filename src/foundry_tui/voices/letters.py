"""The letters of a text: what two writings of the same words have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NOT_LETTERS = re.compile(r"[\W_]+")


def letters(text: str) -> str:
    """Only letters and digits, without case."""
    return _NOT_LETTERS.sub("", text).casefold()


def reaches_end(text: str, words: Sequence[str]) -> bool:
    """Whether the spoken ``words`` go through ``text`` to its last letter; marks and spaces do not count."""
    sent = letters(text)
    spoken = [found for found in map(letters, words) if found]
    at = 0
    for word in spoken:
        found = sent.find(word, at)
        if found >= 0:
            at = found + len(word)
    if at == len(sent):
        return True
    # A word written otherwise than it was sent may leave the search behind: then length and last word decide.
    return bool(spoken) and sum(map(len, spoken)) >= 0.95 * len(sent) and sent.endswith(spoken[-1])
