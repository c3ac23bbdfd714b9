"""The operator's lexicon: words and how they are said, for a book, a language or everywhere. Pure functions.

It acts on a chunk's spoken text just before an engine gets it, so adding a word re-speaks only the sentences it is in.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from foundry_tui.domain.chapters import Chapter
from foundry_tui.domain.corrections import LexiconEntry, by_sound
from foundry_tui.errors import UsageError
from foundry_tui.text.guess_language import common_words

__all__ = ["Lexicon", "LexiconEntry", "LexiconHit", "Suggestion", "from_csv", "suggest", "to_csv", "touched"]

_FIELDS = ("word", "spoken", "ipa", "language", "book_id", "case_sensitive", "inflection", "note")
_POSSESSIVE = "(?P<ending>['’]s|s['’]|['’])?"
_NAME = re.compile(r"(?<![.!?…:“‘\"«„—(\n]\s)(?<!^)(?<![\w’'])([^\W\d_a-z][^\W\d_]{2,}(?:-[^\W\d_]+)?)(?!\w)")


@dataclass(frozen=True, slots=True)
class LexiconHit:
    """``text[start:end]`` was ``word`` and is said as ``said``."""

    word: str
    start: int
    end: int
    said: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A frequent name no common word list knows, with a sentence to hear it in."""

    word: str
    count: int
    sample: str
    chapter: int
    index: int


class Lexicon:
    """The entries that act in one book; those for the book go before those for its language, then those for all."""

    def __init__(self, entries: Iterable[LexiconEntry], *, language: str, book_id: str) -> None:
        """Compile the entries once; ``apply`` is called for every chunk."""
        chosen: dict[str, LexiconEntry] = {}
        acting = [entry for entry in entries if entry.word.strip() and entry.holds_for(language, book_id)]
        for entry in sorted(acting, key=lambda one: (bool(one.book_id), bool(one.language))):
            chosen[entry.word if entry.case_sensitive else entry.word.casefold()] = entry
        self.entries = tuple(sorted(chosen.values(), key=lambda one: -len(one.word)))
        self._patterns = [(entry, _pattern(entry)) for entry in self.entries]

    def apply(self, text: str, *, ipa: bool = False) -> tuple[str, tuple[LexiconHit, ...]]:
        """(text as the lexicon says it, hits in order); longer words win, nothing is changed twice.

        With ``ipa`` a word that has its IPA is put in by its sound (domain.corrections.by_sound); one with an ending
        keeps its respelling, for nobody knows how the two sound together.
        """
        taken: list[LexiconHit] = []
        folded = text.casefold()
        for entry, pattern in self._patterns:
            if (entry.word if entry.case_sensitive else entry.word.casefold()) not in (
                text if entry.case_sensitive else folded
            ):
                continue
            for found in pattern.finditer(text):
                start, end = found.span()
                if any(start < hit.end and hit.start < end for hit in taken):
                    continue
                ending = found.groupdict().get("ending") or ""
                said = by_sound(entry.ipa, entry.spoken) if ipa and entry.ipa and not ending else entry.spoken
                taken.append(LexiconHit(entry.word, start, end, said + ending))
        taken.sort(key=lambda hit: hit.start)
        parts, at = [], 0
        for hit in taken:
            parts += [text[at : hit.start], hit.said]
            at = hit.end
        return "".join(parts) + text[at:], tuple(taken)


def _pattern(entry: LexiconEntry) -> re.Pattern[str]:
    ending = {"none": "", "possessive": _POSSESSIVE, "any_ending": r"(?P<ending>[^\W\d_]{0,4}(?:['’]s)?)"}[
        entry.inflection
    ]
    word = r"\s+".join(re.escape(part) for part in entry.word.split())
    return re.compile(rf"(?<!\w){word}{ending}(?!\w)", 0 if entry.case_sensitive else re.IGNORECASE)


def touched(chapters: Iterable[Chapter], before: Lexicon, after: Lexicon) -> tuple[tuple[int, int], ...]:
    """(chapter, chunk) of everything that would be spoken anew if ``after`` replaced ``before``."""
    return tuple(
        (chapter.number, chunk.index)
        for chapter in chapters
        for chunk in chapter.chunks
        if before.apply(chunk.speech)[0] != after.apply(chunk.speech)[0]
    )


def suggest(
    chapters: Iterable[Chapter], language: str, known: Iterable[str] = (), *, at_least: int = 3, limit: int = 100
) -> tuple[Suggestion, ...]:
    """Names worth an audition: capitalised inside sentences, frequent, never written small, not yet in the lexicon."""
    counts: Counter[str] = Counter()
    small: set[str] = set()
    samples: dict[str, tuple[str, int, int]] = {}
    skip = {word.casefold() for word in known} | common_words(language)
    for chapter in chapters:
        for chunk in chapter.chunks:
            if chunk.kind == "heading":
                continue
            small.update(word for word in re.findall(r"[^\W\d_]+", chunk.text) if word.islower())
            for found in _NAME.finditer(chunk.text):
                counts[found[1]] += 1
                samples.setdefault(found[1], (chunk.text, chapter.number, chunk.index))
    names = [
        Suggestion(word, count, *samples[word])
        for word, count in counts.most_common()
        if count >= at_least and word.casefold() not in skip and word.casefold() not in small
    ]
    return tuple(names[:limit])


def to_csv(entries: Sequence[LexiconEntry]) -> str:
    """The entries as CSV with a head line."""
    file = io.StringIO()
    writer = csv.DictWriter(file, _FIELDS, lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        writer.writerow({name: getattr(entry, name) for name in _FIELDS})
    return file.getvalue()


def from_csv(text: str) -> tuple[LexiconEntry, ...]:
    """The entries of CSV text; raises UsageError naming the first line that is none."""
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    if not reader.fieldnames or not {"word", "spoken"} <= set(reader.fieldnames):
        raise UsageError("A lexicon's CSV needs at least the columns word and spoken.")
    entries = []
    for line, row in enumerate(reader, 2):
        word, spoken = (row.get("word") or "").strip(), (row.get("spoken") or "").strip()
        inflection = (row.get("inflection") or "possessive").strip()
        if not word or not (spoken or row.get("ipa")) or inflection not in {"none", "possessive", "any_ending"}:
            raise UsageError(f"Line {line} of the lexicon is no entry: {row!r}.")
        entries.append(
            LexiconEntry(
                word,
                spoken or word,
                (row.get("ipa") or "").strip(),
                (row.get("language") or "").strip(),
                (row.get("book_id") or "").strip(),
                (row.get("case_sensitive") or "true").strip().lower() in {"true", "1", "yes"},
                "none" if inflection == "none" else "any_ending" if inflection == "any_ending" else "possessive",
                (row.get("note") or "").strip(),
            )
        )
    return tuple(entries)
