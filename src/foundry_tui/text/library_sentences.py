"""Sentences found by a library instead of our own rules, behind the same interface: ``[text] sentences = "yasbd"``."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

from foundry_tui.errors import UsageError
from foundry_tui.text.sentences import Splitter, splitter

_CODES = {
    "eng": "en",
    "fra": "fr",
    "deu": "de",
    "spa": "es",
    "ita": "it",
    "por": "pt",
    "rus": "ru",
    "nld": "nl",
    "pol": "pl",
    "dan": "da",
    "ell": "el",
    "jpn": "ja",
    "zho": "zh",
}


def sentence_splitter(language: str, way: str) -> Splitter:
    """The splitter of a language (ISO 639-2/T): ``way`` is ``own`` or ``yasbd``.

    A language the library does not know is cut by our own. Raises UsageError where the library is not installed.
    """
    return splitter(language) if way == "own" else _library(language)


@lru_cache(maxsize=32)
def _library(language: str) -> Splitter:
    own = splitter(language)
    try:
        yasbd: Any = import_module("yasbd")
    except ImportError as missing:
        raise UsageError(
            "The sentence splitter yasbd is not installed.",
            next_action="Install it with: pip install 'foundry-tui[sentences]', or set [text] sentences to own.",
        ) from missing
    code = _CODES.get(language)
    if code is None or code not in yasbd.get_supported_langs():
        return own
    detector = yasbd.BoundaryDetector(lang=code)

    def split(text: str) -> list[str]:
        pieces = [piece for piece in detector.segment(text) if piece]
        # What the library changed or lost would be missing from the audiobook: our own cut keeps every sign.
        whole = "".join("".join(pieces).split()) == "".join(text.split())
        return pieces if whole and pieces else own(text)

    return split
