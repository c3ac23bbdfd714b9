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
    return tuple(_packed(_pieces(whole, limit, measure, _PLACES), limit, measure))


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


def _pieces(
    text: str, limit: int, measure: Callable[[str], int], places: Sequence[re.Pattern[str]]
) -> Iterable[tuple[str, str]]:
    """(piece, what stood before it): each fits; whole sentences where they do."""
    if measure(text) <= limit:
        yield text, ""
    elif not places:
        yield from ((part, "") for part in _anywhere(text, limit, measure))
    else:
        for number, (gap, piece) in enumerate(_split(text, places[0])):
            for at, (part, inner) in enumerate(_pieces(piece, limit, measure, places[1:])):
                yield part, inner if at else (gap if number else "")


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


def _packed(pieces: Iterable[tuple[str, str]], limit: int, measure: Callable[[str], int]) -> Iterable[str]:
    held = ""
    for piece, gap in pieces:
        together = f"{held}{gap}{piece}" if held else piece
        if held and measure(together) > limit:
            yield held
            held = piece
        else:
            held = together
    if held:
        yield held


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
