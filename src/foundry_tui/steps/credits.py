"""Opening and closing credits: chapters of their own that the narrator speaks before and after the book.

They are no words of the book: the coverage receipt knows nothing of them. Chapter 0 opens, the one after the last
closes, so the book's own chapters keep their numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from foundry_tui.domain.chapters import Chapter, Chunk
from foundry_tui.domain.credit_texts import FIELD, NEUTRAL, TEXTS
from foundry_tui.domain.languages import understood
from foundry_tui.pipeline.contract import StepContext
from foundry_tui.steps.ordered import editions_of
from foundry_tui.steps.toolbox import StepSettings
from foundry_tui.text.rules.engine import RuleSet
from foundry_tui.text.rules.table import places_of, rules_for

KIND = "credits"
_LONGEST = 200  # letters a field may bring into a line
_LINE_PAUSE_MS = 700


def credits_wanted(context: StepContext, settings: StepSettings) -> bool:
    """Whether this production has credits: as ordered, else as configured, else where a shop asks for them."""
    ordered = context.production.options.get("credits")
    if isinstance(ordered, bool):
        return ordered
    if settings.credits != "auto":
        return settings.credits == "on"
    return settings.mastering_profile == "acx" or "acx" in editions_of(context.production, settings)


def credits_key(context: StepContext, settings: StepSettings) -> dict[str, Any]:
    """What the credits add to a step's key: nothing where there are none."""
    chapters = _credits(context, settings, after=0) if credits_wanted(context, settings) else ()
    return {"credits": [chunk.speech for chapter in chapters for chunk in chapter.chunks]} if chapters else {}


def with_credits(context: StepContext, settings: StepSettings, chapters: Sequence[Chapter]) -> tuple[Chapter, ...]:
    """The book's chapters, with the credits before and after them where they are wanted."""
    if not credits_wanted(context, settings) or not chapters:
        return tuple(chapters)
    made = _credits(context, settings, after=chapters[-1].number)
    return (
        *(chapter for chapter in made if chapter.number == 0),
        *chapters,
        *(chapter for chapter in made if chapter.number != 0),
    )


def _credits(context: StepContext, settings: StepSettings, after: int) -> tuple[Chapter, ...]:
    language = understood(context.production.language)
    texts = TEXTS.get(language, NEUTRAL)
    facts = context.results["metadata"]["facts"]
    fields = {
        "title": str(facts.get("title") or ""),
        "author": str(facts.get("author") or ""),
        "narrator": context.narrator.narrator_name,
        "year": str(facts.get("year_published") or ""),
    }
    rules = RuleSet(rules_for(language, settings.parsing.rules_off))
    found = (
        _chapter(0, texts.opening_title, settings.opening_credits or texts.opening, fields, rules),
        _chapter(after + 1, texts.closing_title, settings.closing_credits or texts.closing, fields, rules),
    )
    return tuple(chapter for chapter in found if chapter.chunks)


def _chapter(number: int, title: str, template: str, fields: Mapping[str, str], rules: RuleSet) -> Chapter:
    lines = [line for line in (_filled(line, fields) for line in template.splitlines()) if line]
    places = places_of(["prose"] * len(lines))
    chunks = []
    for index, (line, place) in enumerate(zip(lines, places, strict=True), start=1):
        spoken = rules.apply(line, place)[0]
        chunks.append(
            Chunk(index, line, KIND, _LINE_PAUSE_MS, (-index, -index), spoken=spoken if spoken != line else None)
        )
    return Chapter(number, title, KIND, 0, tuple(chunks))


def _filled(line: str, fields: Mapping[str, str]) -> str:
    """The line with its fields filled in; empty where a field it names is not known, or nothing can be said."""
    names = FIELD.findall(line)
    if any(not fields.get(name) for name in names):
        return ""
    text = FIELD.sub(lambda found: _clean(fields[found[1]]), line)
    text = re.sub(r"([.!?…。！？])\.+", r"\1", " ".join(text.split()))  # a title may end in a mark of its own
    text = re.sub(r"([.!?…。！？])。", r"\1", text)
    return text if any(map(str.isalnum, text)) else ""


def _clean(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= _LONGEST else line[:_LONGEST].rsplit(" ", 1)[0]
