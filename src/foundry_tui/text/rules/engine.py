"""How speech rules act: all look at the printed text, none at another's work; the first to claim a word keeps it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

Say = Callable[[re.Match[str]], str | None]

_DIGIT = re.compile(r"[0-9]")
_CAPITALS = re.compile(r"[A-ZÀ-ÖØ-ÞА-ЯЁ]{2}")
_WORD = re.compile(r"\S+")
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
        self._by_places: dict[frozenset[str], _Gates] = {}

    def apply(self, text: str, places: frozenset[str] = frozenset()) -> tuple[str, tuple[Hit, ...]]:
        """As apply_rules()."""
        gates = self._by_places.get(places)
        if gates is None:
            gates = self._by_places[places] = _gates(self._rules, places)
        wanted = gates.wanted(text)
        return _applied(text, wanted) if wanted else (text, ())


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


def likely(texts: Sequence[str], rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The rules, with those of their needs, that anything in ``texts`` may meet: asked once for a whole book.

    Looking through each different word once is far cheaper than through every chunk for every need.
    """
    whole = "\n".join(texts)
    words = " ".join(set(whole.split()))
    digits, capitals, lines = _DIGIT.search(words), _CAPITALS.search(words), any("\n" in text for text in texts)
    kept = []
    for rule in rules:
        needs = tuple(need for need in rule.needs if _may_meet(need, words, digits, capitals, lines=lines))
        if len(needs) == len(rule.needs):
            kept.append(rule)
        elif needs:
            kept.append(replace(rule, needs=needs))
    return tuple(kept)


def _may_meet(need: str, words: str, digits: object, capitals: object, *, lines: bool) -> bool:
    if need == "#":
        return digits is not None
    if need == "AA":
        return capitals is not None
    if need == "\n":
        return lines
    return all(part in words for part in need.split())


@dataclass(frozen=True, slots=True, eq=False)
class _Gates:
    """What keeps most rules from most texts: strings are looked for far faster than patterns."""

    rules: tuple[Rule, ...]
    table: tuple[tuple[str, int], ...]
    always: int
    digits: int
    capitals: int

    def wanted(self, text: str) -> list[Rule]:
        """The rules whose needs ``text`` meets, in their order."""
        bits = self.always
        for its in [its for need, its in self.table if need in text]:  # a comprehension runs twice as fast here
            bits |= its
        if self.digits and _DIGIT.search(text):
            bits |= self.digits
        if self.capitals and _CAPITALS.search(text):
            bits |= self.capitals
        return [rule for place, rule in enumerate(self.rules) if bits >> place & 1] if bits else []


@lru_cache(maxsize=256)
def _gates(rules: tuple[Rule, ...], places: frozenset[str]) -> _Gates:
    here = tuple(rule for rule in rules if not rule.place or rule.place in places)
    table: dict[str, int] = {}
    always = digits = capitals = 0
    for place, rule in enumerate(here):
        if not rule.needs:
            always |= 1 << place
        for need in rule.needs:
            if need == "#":
                digits |= 1 << place
            elif need == "AA":
                capitals |= 1 << place
            else:
                table[need] = table.get(need, 0) | 1 << place
    return _Gates(here, tuple(table.items()), always, digits, capitals)


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
    words = [found.span() for found in _WORD.finditer(text)]
    place = 0
    for start, end, said, name in claimed:
        touched = 0
        while place < len(words) and words[place][1] <= start:
            place += 1
        while place < len(words) and words[place][0] < end:
            touched += 1
            place += 1
        hits.append(Hit(name, start, end, said, touched))
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
