"""Status as an operator reads it: a glyph, a word and a colour, trusted in that order."""

from __future__ import annotations

import locale
import os
from collections.abc import Sequence
from dataclasses import dataclass

from foundry_tui.domain.status import Level, Status


@dataclass(frozen=True, slots=True)
class Sign:
    """How a state is shown; ``ascii`` where the terminal has no better."""

    glyph: str
    ascii: str
    word: str
    style: str

    def drawn(self) -> str:
        """The glyph this terminal can show."""
        return self.glyph if UNICODE else self.ascii


UNICODE = "utf" in (os.environ.get("PYTHONIOENCODING") or locale.getpreferredencoding(False)).lower()
STATUS = {
    Status.PENDING: Sign("○", ".", "queued", "dim"),
    Status.PROCESSING: Sign("▶", ">", "working", "busy"),
    Status.FAILED: Sign("✗", "x", "failed", "bad"),
    Status.SUCCESS: Sign("●", "#", "done", "ok"),
    Status.CANCELLED: Sign("⊘", "-", "cancelled", "off"),
}
HELD = Sign("‖", "=", "held", "warn")
RETRY = Sign("↻", "~", "retrying", "warn")
NO_ROOM = Sign("⊟", "_", "no room", "warn")
GAPS = Sign("◍", "%", "gaps", "warn")
LEVEL = {
    Level.DEBUG: Sign("·", ".", "debug", "dim"),
    Level.INFO: Sign("·", " ", "info", ""),
    Level.WARNING: Sign("!", "!", "warning", "warn"),
    Level.ERROR: Sign("✗", "x", "error", "bad"),
}
DOING = {
    "parsing": "reading",
    "metadata": "metadata",
    "audio_generation": "speaking",
    "audio_processing": "levelling",
    "final_compilation": "binding",
    "quality_check": "proving",
    "publishing": "publishing",
}
_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII_BLOCKS = " .:-=+*%#"


def dots(statuses: Sequence[Status]) -> list[tuple[str, str]]:
    """One sign a step, as (text, style)."""
    return [(STATUS[status].drawn(), STATUS[status].style) for status in statuses]


def waveform(peaks: Sequence[float], width: int) -> str:
    """Peaks (0 to 1) as ``width`` cells of bars."""
    if not peaks or width <= 0:
        return ""
    bars = _BLOCKS if UNICODE else _ASCII_BLOCKS
    cells = []
    for cell in range(width):
        first, last = cell * len(peaks) // width, max((cell + 1) * len(peaks) // width, cell * len(peaks) // width + 1)
        cells.append(bars[min(len(bars) - 1, round(max(peaks[first:last], default=0.0) * (len(bars) - 1)))])
    return "".join(cells)


def bar(done: int, total: int, width: int) -> str:
    """A progress bar of ``width`` cells."""
    full = 0 if total <= 0 else min(width, done * width // total)
    on, off = ("━", "─") if UNICODE else ("=", "-")
    return on * full + off * (width - full)
