"""Secrets taken out of what is written down."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

HIDDEN = "***"
_SECRET_NAME = re.compile(r"(?i)(key|token|secret|passw(or)?d|credential)s?$")
_IN_TEXT = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}"), r"\1 " + HIDDEN),
    (
        re.compile(r"(?i)\b([\w-]*(?:api[_-]?key|token|secret|passw(?:or)?d))(['\"]?\s*[:=]\s*['\"]?)[^\s'\"&,;]+"),
        r"\1\2***",
    ),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]+):[^\s@/]+@"), rf"\1:{HIDDEN}@"),
)
_SHORTEST = 6  # a shorter "secret" would blank out ordinary words


def redacted(text: str, environment: Mapping[str, str] | None = None) -> str:
    """``text`` without the values of variables named as secrets, bearer tokens, ``key=value`` pairs and passwords."""
    for name, value in (os.environ if environment is None else environment).items():
        if len(value) >= _SHORTEST and _SECRET_NAME.search(name):
            text = text.replace(value, HIDDEN)
    for pattern, shown in _IN_TEXT:
        text = pattern.sub(shown, text)
    return text
