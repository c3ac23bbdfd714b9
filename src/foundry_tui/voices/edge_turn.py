"""One turn of the Edge read-aloud protocol: a text goes up, sound and word marks come down, and was it all?

Frames as in edge-tts, whose helpers build them: text frames of header lines, a blank line and JSON; binary frames of a
2-byte header length, the header lines and MP3 data (24 kHz, 48 kbit/s, mono). edge-tts's own reader returns what it has
when a turn is cut or the socket drops; this one believes nothing without the turn's end, the last word and its sound.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from xml.sax.saxutils import unescape

from foundry_tui.errors import SpeechRejected
from foundry_tui.voices.letters import reaches_end

TICKS_PER_SECOND = 10_000_000
BYTES_PER_SECOND = 6_000
# The service ends a turn at ten minutes; twice that is no answer to any text.
LONGEST_BYTES = 20 * 60 * BYTES_PER_SECOND
# One MP3 frame: how far the last word may reach beyond the sound through rounding.
SLACK_TICKS = 240_000
SLACK_SHARE = 0.002


@dataclass(frozen=True, slots=True)
class Mark:
    """A word as the service reports it, in ticks of 100 ns."""

    offset: int
    duration: int
    text: str


@dataclass(slots=True)
class Turn:
    """What came down in one turn so far."""

    text: str
    sound: list[bytes] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    ended: bool = False
    size_bytes: int = 0

    def take_text(self, frame: str) -> None:
        """A text frame: metadata or the turn's end; SpeechRejected where it is neither known nor harmless."""
        head, _, body = frame.partition("\r\n\r\n")
        path = next((line[5:].strip() for line in head.split("\r\n") if line[:5].lower() == "path:"), "")
        if path == "audio.metadata":
            try:
                self.marks += _marks(body)
            except (ValueError, KeyError, TypeError) as error:
                raise SpeechRejected("The service sent word marks that cannot be read.") from error
        elif path == "turn.end":
            self.ended = True

    def take_binary(self, frame: bytes) -> None:
        """A binary frame of sound."""
        size = 2 + int.from_bytes(frame[:2], "big")
        if len(frame) < 2 or size > len(frame) or b"Path:audio" not in frame[:size]:
            raise SpeechRejected("The service sent a broken sound frame.")
        data = frame[size:]
        if data:
            if b"Content-Type:audio/mpeg" not in frame[:size]:
                raise SpeechRejected("The service sent sound that is not MP3.")
            self.sound.append(data)
            self.size_bytes += len(data)
            if self.size_bytes > LONGEST_BYTES:
                raise SpeechRejected("The service sent more sound than a turn can hold.")

    def check(self, *, marks_needed: bool = True) -> None:
        """SpeechRejected unless this is the whole of the text's sound."""
        if not self.size_bytes:
            raise SpeechRejected("The service gave no sound for the text.")
        if not self.ended:
            raise SpeechRejected("The connection dropped in the middle of the speech.")
        if not self.marks:
            if marks_needed:
                raise SpeechRejected("The service sent no word marks, so nothing shows that the speech is whole.")
            return
        if marks_needed and not reaches_end(self.text, [mark.text for mark in self.marks]):
            raise SpeechRejected("The speech was cut: its last words were not spoken.")
        last = max(mark.offset + mark.duration for mark in self.marks)
        have = self.size_bytes * TICKS_PER_SECOND // BYTES_PER_SECOND
        if have + SLACK_TICKS + SLACK_SHARE * last < last:
            raise SpeechRejected(
                f"The speech was cut: {have / TICKS_PER_SECOND:.1f} s of at least {last / TICKS_PER_SECOND:.1f} s came."
            )


def _marks(body: str) -> list[Mark]:
    marks = []
    for entry in json.loads(body)["Metadata"]:
        if entry["Type"] == "WordBoundary":
            data = entry["Data"]
            marks.append(Mark(int(data["Offset"]), int(data["Duration"]), unescape(data["text"]["Text"])))
    return marks
