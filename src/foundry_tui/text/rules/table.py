"""The one table of speech rules: which act in which language, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import import_module

from foundry_tui.text.rules.common import FIRST, LAST, heading_rule
from foundry_tui.text.rules.engine import Rule

_MODULES = {
    "eng": "english",
    "fra": "french",
    "deu": "german",
    "spa": "spanish",
    "ita": "italian",
    "por": "portuguese",
    "rus": "russian",
    "nld": "dutch",
    "jpn": "japanese",
    "zho": "chinese",
}


@lru_cache(maxsize=64)
def rules_for(language: str, off: frozenset[str] = frozenset()) -> tuple[Rule, ...]:
    """The rules that act in ``language`` (ISO 639-2/T) but those named in ``off``; a name with ``+`` before it in
    ``off`` switches on a rule that rests by default.
    """
    return tuple(
        rule
        for rule in all_rules(language)
        if (rule.on or f"+{rule.name}" in off) and rule.name not in off and f"{language}:{rule.name}" not in off
    )


_HEADING, _OPENING, _VERSE, _LIST, _PROSE = (
    frozenset({name}) for name in ("heading", "opening", "verse", "list", "prose")
)


def places_of(kinds: Sequence[str]) -> list[frozenset[str]]:
    """Where in its chapter each chunk stands, from the chunks' kinds: rules are for headings, for a chapter's first
    words, for verse.
    """
    places: list[frozenset[str]] = []
    opened = False
    for kind in kinds:
        if kind == "heading":
            places.append(_HEADING)
        elif not opened:
            places.append(_OPENING)
            opened = True
        else:
            places.append({"verse": _VERSE, "list": _LIST}.get(kind, _PROSE))
    return places


@lru_cache(maxsize=32)
def all_rules(language: str) -> tuple[Rule, ...]:
    """Every rule of a language, those that rest by default too."""
    name = _MODULES.get(language)
    own: tuple[Rule, ...] = import_module(f"foundry_tui.text.rules.{name}").RULES if name else ()
    return (*FIRST, heading_rule(language), *own, *LAST)


def languages() -> Iterable[str]:
    """The languages with rules of their own."""
    return _MODULES.keys()
