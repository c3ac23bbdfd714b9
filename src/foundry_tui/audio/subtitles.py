"""Subtitles from the timing table: SRT, WebVTT and LRC.

Places stay whole samples on the book's timeline and are rounded once, when they are written: nothing drifts. Within a
chunk a sentence begins where the engine said its first word does; where no boundaries are known, time is shared out by
letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from foundry_tui.audio.tags import mark_title, one_line
from foundry_tui.audio.voice_norm import letters
from foundry_tui.audio.word_times import Word, Words, borders
from foundry_tui.domain.timing import TimingTable

LINE = 42  # characters a line, two lines a cue: what broadcasters' guides agree on
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+|(?<=[。！？])[」』）]*(?=[^」』）])")
_SHORTENED = re.compile(
    r"(?:^|[\s(“‘«\"'])(?:Mrs?|Ms|Dr|St|Prof|Messrs|Mme|Mlle|Hr|Sra?|Dª?|No|vol|pp?|[A-Z])\.\s*$", re.IGNORECASE
)
_CLAUSE_END = re.compile(r"(?<=[,;:—–])\s+")


@dataclass(frozen=True, slots=True)
class Cue:
    """A line of text over ``[start, end)`` samples of the book's timeline."""

    start: int
    end: int
    text: str
    chapter_number: int
    chunk_index: int


def sentences(text: str) -> list[str]:
    """The sentences of a chunk's text, each on one line; never empty for a text that is not."""
    parts, start = [], 0
    line = one_line(text, 100_000)
    for match in _SENTENCE_END.finditer(line):
        if _SHORTENED.search(line[start : match.end()]):
            continue
        parts.append(line[start : match.end()].strip())
        start = match.end()
    parts.append(line[start:].strip())
    return [part for part in parts if part]


def share_out(start: int, end: int, parts: Sequence[str]) -> list[tuple[int, int]]:
    """``[start, end)`` divided among ``parts`` by how much there is to say; whole samples, no gap, no overlap."""
    weights = [max(1, letters(part)) + 4 for part in parts]  # the 4: every sentence ends in a breath
    total, said = sum(weights), 0
    borders = [start]
    for weight in weights:
        said += weight
        borders.append(start + (end - start) * said // total)
    return list(pairwise(borders))


def placed_parts(start: int, end: int, parts: Sequence[str], words: Sequence[Word] = ()) -> list[tuple[int, int]]:
    """``[start, end)`` divided among ``parts`` by the ``words`` heard, else by how much there is to say."""
    return list(pairwise(borders(start, end, parts, words))) if words else share_out(start, end, parts)


def cues(
    timing: TimingTable,
    texts: Mapping[tuple[int, int], str],
    *,
    limit: int = 2 * LINE,
    words: Words | None = None,
) -> list[Cue]:
    """One cue a sentence, or a piece of one no longer than ``limit``; ``texts`` and ``words`` (see word_times) by
    (chapter number, chunk index).
    """
    result = []
    for chapter in timing.chapters:
        for chunk in chapter.chunks:
            text = texts.get((chapter.number, chunk.chunk_index), "")
            pieces = [piece for sentence in sentences(text) for piece in _pieces(sentence, limit)]
            heard = (words or {}).get((chapter.number, chunk.chunk_index), ())
            spans = placed_parts(chunk.start, chunk.end, pieces, heard) if pieces else []
            for (start, end), piece in zip(spans, pieces, strict=True):
                if end > start:
                    result.append(Cue(start, end, piece, chapter.number, chunk.chunk_index))
    return result


def to_srt(entries: Iterable[Cue], sample_rate: int) -> str:
    """SubRip: numbered cues, comma before the milliseconds."""
    blocks = []
    for number, cue in enumerate(entries, start=1):
        begin, end = _clock(cue.start, sample_rate, ","), _clock(cue.end, sample_rate, ",")
        blocks.append(f"{number}\n{begin} --> {end}\n{_wrapped(cue.text)}\n")
    return "\n".join(blocks)


def to_vtt(entries: Iterable[Cue], timing: TimingTable) -> str:
    """WebVTT; chapter titles as notes, text escaped."""
    starts = {chapter.number: mark_title(chapter.title, chapter.number) for chapter in timing.chapters}
    lines, told = ["WEBVTT", ""], None
    for cue in entries:
        if cue.chapter_number != told:
            told = cue.chapter_number
            lines += [f"NOTE {_escaped(starts.get(told, '')).replace('--&gt;', '')}", ""]
        begin, end = _clock(cue.start, timing.sample_rate, "."), _clock(cue.end, timing.sample_rate, ".")
        lines += [f"{begin} --> {end}", _escaped(_wrapped(cue.text)), ""]
    return "\n".join(lines)


def to_lrc(entries: Iterable[Cue], sample_rate: int, *, title: str, author: str | None = None) -> str:
    """LRC: minutes (which may pass 59) and hundredths of a second."""
    lines = [f"[ti:{_unbracketed(title)}]"] + ([f"[ar:{_unbracketed(author)}]"] if author else [])
    for cue in entries:
        hundredths = round(cue.start * 100 / sample_rate)
        lines.append(
            f"[{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}]{_untagged(cue.text)}"
        )
    return "\n".join([*lines, ""])


def _pieces(sentence: str, limit: int) -> Iterator[str]:
    while len(sentence) > limit:
        clause = [match.start() for match in _CLAUSE_END.finditer(sentence) if limit // 3 < match.start() <= limit]
        blank = sentence.rfind(" ", limit // 3, limit + 1)
        cut = clause[-1] if clause else blank if blank > 0 else limit
        yield sentence[:cut].strip()
        sentence = sentence[cut:].strip()
    if sentence:
        yield sentence


def _wrapped(text: str) -> str:
    if len(text) <= LINE:
        return text
    middle = min(
        (match.start() for match in re.finditer(" ", text)), key=lambda place: abs(place - len(text) // 2), default=None
    )
    return text if middle is None else f"{text[:middle]}\n{text[middle + 1 :]}"


def _clock(samples: int, sample_rate: int, point: str) -> str:
    total = round(samples * 1000 / sample_rate)
    return f"{total // 3_600_000:02d}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d}{point}{total % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _untagged(text: str) -> str:
    return f"({text[1:]}" if text.startswith("[") else text


def _unbracketed(text: str) -> str:
    return one_line(text).replace("[", "(").replace("]", ")")
