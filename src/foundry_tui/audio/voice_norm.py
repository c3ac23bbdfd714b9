"""What a voice usually sounds like: running medians by length of text, so a take is judged against its own voice."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from foundry_tui.audio.measure import Measures

ENOUGH = 8  # takes before a median means anything
_KEPT = 101  # the latest values of each kind: a median that follows the voice and stays small in JSON
_BOUNDS = (15, 60, 150)  # letters: below 15 the spread of speech rates is too wide to judge by


def letters(text: str) -> int:
    """How much there is to say, in letters of an alphabet: a CJK sign counts 3, a digit 5, a spoken symbol 6."""
    total = 0
    for sign in text:
        if sign.isdigit():
            total += 5
        elif sign.isalpha():
            total += 3 if ord(sign) >= 0x2E80 else 1
        elif sign in "$€£¥%&+=@#":
            total += 6
    return total


def length_class(text: str) -> int:
    """0 for a word or two, 1 for a short line, 2 for a sentence, 3 for a full chunk."""
    return sum(letters(text) >= bound for bound in _BOUNDS)


def speech_rate(measures: Measures, text: str) -> float:
    """Letters a second of speech, silence at both ends left out; 0.0 where there is no speech."""
    return letters(text) * 1000 / measures.speech_ms if measures.speech_ms else 0.0


class VoiceNorm:
    """Running medians of one voice at one setting. Feed it with accepted takes; the order hardly matters."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def learn(self, measures: Measures, text: str) -> None:
        """Take an accepted take into the medians; silence and empty text teach nothing."""
        if not measures.speech_ms or not letters(text):
            return
        self._keep(f"rate_{length_class(text)}", speech_rate(measures, text))
        self._keep("end_db", measures.end_db)
        if length_class(text):
            self._keep("speech_db", measures.speech_db)

    def rate(self, text: str) -> float | None:
        """Median letters a second of this voice for texts of this length; None while too little is known."""
        return self._median(f"rate_{length_class(text)}")

    def end_db(self) -> float | None:
        """Median level of the last 30 ms, relative to the loudest frame."""
        return self._median("end_db")

    def speech_db(self) -> float | None:
        """Median level of the speech in dBFS."""
        return self._median("speech_db")

    def to_json(self) -> dict[str, Any]:
        """JSON-able state."""
        return {name: list(values) for name, values in self._values.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> VoiceNorm:
        """The inverse of :meth:`to_json`."""
        norm = cls()
        norm._values = {str(name): [float(value) for value in values][-_KEPT:] for name, values in data.items()}
        return norm

    def _keep(self, name: str, value: float) -> None:
        values = self._values.setdefault(name, [])
        values.append(round(value, 3))
        del values[:-_KEPT]

    def _median(self, name: str) -> float | None:
        values = self._values.get(name, ())
        return statistics.median(values) if len(values) >= ENOUGH else None
