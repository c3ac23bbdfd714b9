"""Fitting a text to an engine's limit, and joining the sound of its parts again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from foundry_tui.errors import SpeechRejected
from foundry_tui.voices.protocol import Boundary, EngineProfile, Speech

# Where a text may be divided, best first: after a sentence, after a clause, at a space.
_PLACES = (
    re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+|(?<=[。！？])[」』”’)]*|\n+"),
    re.compile(r"(?<=[,;:—–])\s+|(?<=[、，；：—])"),
    re.compile(r"\s+"),
)


def fit(text: str, profile: EngineProfile) -> tuple[str, ...]:
    """``text`` in as few parts as the engine's limit allows, none with white space at its ends, no word lost."""
    return divide(text, profile.limit, len if profile.limit_unit == "characters" else _utf8_bytes)


def divide(text: str, limit: int, measure: Callable[[str], int]) -> tuple[str, ...]:
    """Parts of ``text`` that ``measure`` at most ``limit``: divided at sentences, else clauses, words, anywhere."""
    whole = text.strip()
    if measure(whole) <= limit:
        return (whole,) if whole else ()
    return tuple(_parts(whole, limit, measure, _PLACES))


def join_speech(parts: Sequence[Speech]) -> Speech:
    """The parts' sound end to end, with their boundaries moved to where they now lie. SpeechRejected on mixed rates."""
    if len(parts) == 1:
        return parts[0]
    rates = {part.sample_rate for part in parts}
    if len(rates) != 1:
        raise SpeechRejected(f"The parts of one text came at {len(rates)} sample rates.")
    boundaries: list[Boundary] = []
    start = 0
    for part in parts:
        boundaries += [Boundary(start + b.offset_samples, b.samples, b.text, b.kind) for b in part.boundaries]
        start += part.samples
    return Speech(b"".join(part.pcm for part in parts), rates.pop(), tuple(boundaries))


def _parts(text: str, limit: int, measure: Callable[[str], int], places: Sequence[re.Pattern[str]]) -> Iterable[str]:
    """Neighbouring pieces go together while they fit; one too long by itself is divided at the next lesser place."""
    if not places:
        yield from _anywhere(text, limit, measure)
        return
    held = ""
    for gap, piece in _split(text, places[0]):
        together = f"{held}{gap}{piece}" if held else piece
        if measure(together) <= limit:
            held = together
            continue
        if held:
            yield held
        held = ""
        if measure(piece) <= limit:
            held = piece
        else:
            yield from _parts(piece, limit, measure, places[1:])
    if held:
        yield held


def _split(text: str, place: re.Pattern[str]) -> Iterable[tuple[str, str]]:
    """(white space before, piece) at each place; marks that close a sentence stay with it."""
    start, gap = 0, ""
    for found in place.finditer(text):
        if found.start() == start == found.end():
            continue
        closing = found.group().rstrip()
        end = found.start() + len(closing)
        if text[start:end].strip():
            yield gap, text[start:end].strip()
            gap = text[end : found.end()]
        start = found.end()
    if text[start:].strip():
        yield gap, text[start:].strip()


def _anywhere(text: str, limit: int, measure: Callable[[str], int]) -> Iterable[str]:
    """A word longer than the limit: cut between characters."""
    start = 0
    for at in range(1, len(text) + 1):
        if measure(text[start:at]) > limit and at - start > 1:
            yield text[start : at - 1]
            start = at - 1
    yield text[start:]


def _utf8_bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
