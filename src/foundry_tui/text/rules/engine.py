"""How speech rules act: all look at the printed text, none at another's work; the first to claim a word keeps it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from foundry_tui.text.rules.gates import Gates

Say = Callable[[re.Match[str]], str | None]

_SPACE = re.compile(r"\s")
_SPACES = re.compile(r"[ \t]{2,}")


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """``say`` gives the spoken form of a match, or None to leave it alone.

    ``needs``: the rule is tried only where one of these strings is in the text; ``#`` stands for a digit, ``AA`` for
    two capitals. ``place``: "" everywhere, or the kind of chunk (heading, opening, verse, list) it is for. ``on``:
    whether it acts unless switched on or off.
    """

    name: str
    pattern: re.Pattern[str]
    say: Say
    needs: tuple[str, ...] = ()
    place: str = ""
    on: bool = True
    about: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """One change: ``text[start:end]`` is said as ``said`` because of ``rule``; ``words`` source words were touched."""

    rule: str
    start: int
    end: int
    said: str
    words: int


def apply_rules(
    text: str, rules: tuple[Rule, ...], places: frozenset[str] = frozenset()
) -> tuple[str, tuple[Hit, ...]]:
    """(spoken text, hits in order) of a chunk's printed ``text``; ``places`` says what kind of chunk it is."""
    return RuleSet(rules).apply(text, places)


class RuleSet:
    """Rules made ready to act on many texts."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        """Nothing is prepared before it is needed."""
        self._rules = rules
        self._gates = Gates([rule.needs for rule in rules])
        self._here: dict[frozenset[str], int] = {}
        self._chosen: dict[int, tuple[Rule, ...]] = {}

    def apply(self, text: str, places: frozenset[str] = frozenset()) -> tuple[str, tuple[Hit, ...]]:
        """As apply_rules()."""
        return self.apply_all([text], [places])[0]

    def apply_all(self, texts: Sequence[str], places: Sequence[frozenset[str]]) -> list[tuple[str, tuple[Hit, ...]]]:
        """As apply_rules() for each text with its place; far cheaper than one by one."""
        made: list[tuple[str, tuple[Hit, ...]]] = []
        for text, place, met in zip(texts, places, self._gates.wanted(texts), strict=True):
            bits = met & self._allowed(place)
            made.append(_applied(text, self._rules_of(bits)) if bits else (text, ()))
        return made

    def _allowed(self, places: frozenset[str]) -> int:
        bits = self._here.get(places)
        if bits is None:
            bits = sum(1 << at for at, rule in enumerate(self._rules) if not rule.place or rule.place in places)
            self._here[places] = bits
        return bits

    def _rules_of(self, bits: int) -> tuple[Rule, ...]:
        chosen = self._chosen.get(bits)
        if chosen is None:
            chosen = tuple(rule for at, rule in enumerate(self._rules) if bits >> at & 1)
            self._chosen[bits] = chosen
        return chosen


def _applied(text: str, rules: Sequence[Rule]) -> tuple[str, tuple[Hit, ...]]:
    claimed: list[tuple[int, int, str, str]] = []
    for rule in rules:
        for found in rule.pattern.finditer(text):
            start, end = found.span()
            if start == end or any(start < taken_end and taken_start < end for taken_start, taken_end, _, _ in claimed):
                continue
            said = rule.say(found)
            if said is not None and said != found[0]:
                claimed.append((start, end, said, rule.name))
    if not claimed:
        return text, ()
    claimed.sort()
    return _spoken(text, claimed), _hits(text, claimed)


def _spoken(text: str, claimed: Sequence[tuple[int, int, str, str]]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, said, _ in claimed:
        parts += [text[at:start], said]
        at = end
    parts.append(text[at:])
    spoken = "".join(parts)
    return (_SPACES.sub(" ", spoken) if "  " in spoken else spoken).strip()


def _hits(text: str, claimed: Sequence[tuple[int, int, str, str]]) -> tuple[Hit, ...]:
    """The hits with the words each touched; a word touched twice counts for the first."""
    hits: list[Hit] = []
    counted = 0
    for start, end, said, name in claimed:
        first = max(start, counted)
        while first > counted and not (text[start].isspace() or text[first - 1].isspace()):
            first -= 1
        following = _SPACE.search(text, end) if not text[end - 1].isspace() else None
        last = following.start() if following else end if text[end - 1].isspace() else len(text)
        hits.append(Hit(name, start, end, said, len(text[first:last].split())))
        counted = max(counted, last)
    return tuple(hits)


def plain(replacement: str) -> Say:
    """A rule that always says the same."""
    return lambda _: replacement


def of_table(table: dict[str, str]) -> Say:
    """A rule that says what a table holds for the matched text (its case aside)."""
    folded = {key.casefold(): value for key, value in table.items()}

    def say(found: re.Match[str]) -> str | None:
        words = " ".join(found[0].split())
        said = table.get(words) or folded.get(words.casefold())
        if said is None:
            return None
        if found.start() == 0 and found[0][:1].isupper():
            said = said[:1].upper() + said[1:]
        return f"{said}." if found.end() == len(found.string) and found[0].endswith(".") else said

    return say


@lru_cache(maxsize=256)
def any_of(words: tuple[str, ...]) -> str:
    """A pattern for any of ``words``, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
