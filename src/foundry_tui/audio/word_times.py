"""When each word is heard: boundaries the engine gave, kept in the take's own file, brought onto the book's timeline.

They travel with the sound: a take that is found again, linked or copied has its words with it. Engines give none, words
or sentences; texts on a page differ from what is spoken where a rule or the lexicon acts, so words are matched in order
and what has no counterpart lies between its neighbours by its letters.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from mutagen import MutagenError
from mutagen.flac import FLAC

from foundry_tui.audio.layout import ChapterPlan, PlacedTake
from foundry_tui.audio.voice_norm import letters
from foundry_tui.domain.timing import TimingTable

WORDS_TAG = "foundry_words"
_CJK = "\u3040-\u30ff\u3400-\u9fff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*")


class Word(NamedTuple):
    """A piece of spoken text over ``[start, end)`` samples, of its take or of the book's timeline."""

    start: int
    end: int
    text: str


def words_tag(words: Iterable[Word]) -> dict[str, str]:
    """The tag a take's file carries its words in; nothing for an engine that gives none."""
    rows = [[word.start, word.end - word.start, word.text] for word in words]
    return {WORDS_TAG: json.dumps(rows, ensure_ascii=False, separators=(",", ":"))} if rows else {}


def take_words(path: Path) -> tuple[Word, ...]:
    """The words of a take's file, in its own samples; empty where it has none or cannot be read."""
    try:
        file: Any = FLAC(path)  # type: ignore[no-untyped-call]
        rows = json.loads((file.get(WORDS_TAG) or ["[]"])[0])
        return tuple(Word(int(start), int(start) + int(samples), str(text)) for start, samples, text in rows)
    except (OSError, MutagenError, ValueError, TypeError):
        return ()


def book_words(plans: Sequence[ChapterPlan], timing: TimingTable) -> dict[tuple[int, int], tuple[Word, ...]]:
    """Words on the book's timeline by (chapter number, chunk index); chunks whose engine gave none are left out."""
    starts = {chapter.number: chapter.start for chapter in timing.chapters}
    found = {}
    for plan in plans:
        for take in plan.takes:
            words = tuple(_placed(take, starts[plan.number]))
            if words:
                found[plan.number, take.chunk_index] = words
    return found


def _placed(take: PlacedTake, chapter_start: int) -> Iterator[Word]:
    scale, latest = take.samples / take.source_samples, 0
    for word in take_words(take.path):
        start = round((word.start - take.source_offset) * scale)
        end = round((word.end - take.source_offset) * scale)
        start = max(latest, min(start, take.samples))  # engines are not always in order at a joint
        end = max(start, min(end, take.samples))
        latest = start
        yield Word(chapter_start + take.start + start, chapter_start + take.start + end, word.text)


def borders(start: int, end: int, parts: Sequence[str], words: Sequence[Word]) -> list[int]:
    """Where each of ``parts`` begins in ``[start, end)``, and the end: len(parts) + 1 places that never go back.

    A part whose first word was heard begins there; one whose was not, between its neighbours by letters.
    """
    weights = [max(1, letters(part)) for part in parts]
    said = [0, *accumulate(weights)]
    anchors = _anchors(parts, said, words, start, end)
    places = [start]
    for part in range(1, len(parts)):
        places.append(max(places[-1], min(end, round(_between(anchors, said[part])))))
    return [*places, end]


def _anchors(
    parts: Sequence[str], said: Sequence[int], words: Sequence[Word], start: int, end: int
) -> list[tuple[float, int]]:
    """(letters said before, place) of every printed word that was heard, ends included, both rising."""
    printed: list[tuple[str, float]] = []
    for place, part in enumerate(parts):
        printed += [
            (found[0].casefold(), said[place] + letters(part[: found.start()])) for found in _TOKEN.finditer(part)
        ]
    heard = [(token, word.start) for word in words for token in _tokens(word.text)]
    matcher = SequenceMatcher(None, [token for token, _ in printed], [token for token, _ in heard], autojunk=False)
    anchors: list[tuple[float, int]] = [(0.0, start)]
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            before, place = printed[block.a + step][1], heard[block.b + step][1]
            if before > anchors[-1][0] and anchors[-1][1] <= place <= end:
                anchors.append((before, place))
    total = float(said[-1])
    return [*anchors, (total, end)] if anchors[-1][0] < total else anchors


def _tokens(text: str) -> list[str]:
    return [found[0].casefold() for found in _TOKEN.finditer(text)]


def _between(anchors: Sequence[tuple[float, int]], at: float) -> float:
    above = bisect_right(anchors, at, key=lambda anchor: anchor[0])
    low, high = anchors[above - 1], anchors[min(above, len(anchors) - 1)]
    if high[0] == low[0]:
        return low[1]
    return low[1] + (high[1] - low[1]) * (at - low[0]) / (high[0] - low[0])


Words = Mapping[tuple[int, int], Sequence[Word]]
