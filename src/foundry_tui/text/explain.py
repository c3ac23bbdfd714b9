"""What the speech rules changed, before and after, for `parse --explain`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from foundry_tui.domain.chapters import Chapter
from foundry_tui.text.rules.engine import RuleSet
from foundry_tui.text.rules.table import all_rules, places_of, rules_for


@dataclass(frozen=True, slots=True)
class Change:
    """In chunk ``index`` of ``chapter`` the rule ``rule`` says ``after`` for the printed ``before``."""

    chapter: int
    index: int
    rule: str
    before: str
    after: str
    words: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "chapter": self.chapter,
            "index": self.index,
            "rule": self.rule,
            "before": self.before,
            "after": self.after,
            "words": self.words,
        }


def explain(chapters: Iterable[Chapter], language: str, rules_off: frozenset[str] = frozenset()) -> Iterator[Change]:
    """Every change of every chunk, in the order of the book."""
    rules = RuleSet(rules_for(language, rules_off))
    for chapter in chapters:
        places = places_of([chunk.kind for chunk in chapter.chunks])
        for chunk, where in zip(chapter.chunks, places, strict=True):
            for hit in rules.apply(chunk.text, where)[1]:
                yield Change(
                    chapter.number, chunk.index, hit.rule, chunk.text[hit.start : hit.end], hit.said, hit.words
                )


def rule_table(language: str, counts: Counter[str] | None = None) -> list[dict[str, Any]]:
    """Every rule of a language: its name, what it is about, whether it acts by default, how often it acted."""
    counts = counts or Counter()
    return [
        {"rule": rule.name, "about": rule.about, "on": rule.on, "changes": counts[rule.name]}
        for rule in all_rules(language)
    ]
