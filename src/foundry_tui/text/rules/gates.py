"""What keeps most rules from most texts: each different word is looked at once, and most words meet no rule's needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

_DIGIT = re.compile(r"[0-9]")
_CAPITALS = re.compile(r"[A-ZÀ-ÖØ-ÞА-ЯЁ][A-ZÀ-ÖØ-ÞА-ЯЁ]")
_SIGNS = {"#": _DIGIT, "AA": _CAPITALS}
_SHORT = re.compile(r"[a-z]{1,3}")
_LINE = "\n"
Test = Callable[[str, str], bool]


class Gates:
    """Which rules may act on a text, by what they need: bit ``n`` stands for the n-th rule.

    A need is a string the text must hold; ``#`` stands for a digit, ``AA`` for two capitals. A word that holds a part
    of some need is telling; a text without a telling word meets no need, and that is asked of a set.
    """

    def __init__(self, needs: Sequence[Sequence[str]]) -> None:
        """``needs`` of each rule in order; a rule without any may always act."""
        wanted: dict[str, int] = {}
        self._always = 0
        for at, its in enumerate(needs):
            if not its:
                self._always |= 1 << at
            for need in its:
                wanted[need] = wanted.get(need, 0) | 1 << at
        self._line = wanted.pop(_LINE, 0)
        self._needs = tuple(wanted.items())
        self._parts: list[tuple[str, int, Test]] = []
        self._signs: list[tuple[re.Pattern[str], int]] = []
        self._plain: list[tuple[str, int]] = []  # needs no word gives away
        for number, (need, rules) in enumerate(self._needs):
            if need in _SIGNS:
                self._signs.append((_SIGNS[need], number))
            elif _SHORT.fullmatch(need.split()[-1]):
                self._plain.append((need, rules))
            else:
                self._parts.append((need.split()[-1], number, _test(need)))
        self._kept: dict[int, tuple[tuple[str, int], ...]] = {}
        self._known: set[str] = set()
        self._telling: dict[str, int] = {}

    def wanted(self, texts: Sequence[str]) -> list[int]:
        """The rules that may act on each text."""
        split = [text.split() if _LINE in text else text.split(" ") for text in texts]
        self._learn(set().union(*split) - self._known)
        telling, always, line = self._telling, self._always, self._line
        bits: list[int] = []
        for text, words in zip(texts, split, strict=True):
            its = always
            if not telling.keys().isdisjoint(words):
                its |= self._met(text, words)
            for need, rules in self._plain:
                if need in text:
                    its |= rules
            if line and _LINE in text:
                its |= line
            bits.append(its)
        return bits

    def _met(self, text: str, words: Iterable[str]) -> int:
        """The rules one of whose needs stands in ``text``."""
        found = bits = 0
        for word in words:
            if word in self._telling:
                found |= self._telling[word]
        needs = self._kept.get(found)
        if needs is None:
            needs = tuple(need for number, need in enumerate(self._needs) if found >> number & 1)
            self._kept[found] = needs
        for need, its in needs:
            if its & ~bits and (need in _SIGNS or need in text):
                bits |= its
        return bits

    def _learn(self, words: set[str]) -> None:
        """Note which of ``words`` hold a part of which needs."""
        if not words:
            return
        self._known |= words
        joined = _LINE.join(words)
        parts = [(part, number, test) for part, number, test in self._parts if part in joined]
        for word in words:
            found = 0
            for part, number, test in parts:
                if part in word and test(word, part):
                    found |= 1 << number
            for pattern, number in self._signs:
                if pattern.search(word):
                    found |= 1 << number
            if found:
                self._telling[word] = found


def _test(need: str) -> Test:
    """How a word must hold a need's last part: at its start after a space, at its end before one, anywhere else."""
    part = need.rsplit(maxsplit=1)[-1]
    starts, ends = need[: need.rindex(part)][-1:].isspace(), need[-1].isspace()
    if starts:
        return (lambda word, part: word == part) if ends else str.startswith
    return str.endswith if ends else str.__contains__
