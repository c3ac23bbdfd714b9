"""The header: the whole house on one or two lines, painted only when what it says has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.geometry import Region
from textual.widget import Widget

from foundry_tui.console.glyphs import STATUS
from foundry_tui.console.themes import styles_of
from foundry_tui.domain.plain import plain
from foundry_tui.domain.status import Status

_ORDER = (Status.PROCESSING, Status.PENDING, Status.FAILED, Status.SUCCESS)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the header says. Empty texts are left out."""

    counts: tuple[tuple[Status, int], ...] = ()
    held: int = 0
    rate: str = ""
    left: str = ""
    disk: str = ""
    disk_low: bool = False
    cpu: str = ""
    host: str = ""
    home: str = ""
    database: str = ""
    alpha: bool = False
    readonly: bool = False
    workers: str = "opening the house …"


class Header(Widget):
    """Two lines: what the work does, and where one is with what room."""

    DEFAULT_CSS = "Header { height: 2; background: $panel; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__(id="header")
        self.facts = Facts()

    def show(self, facts: Facts) -> None:
        """Say this from now on."""
        if facts == self.facts:
            return
        before, self.facts = self.facts, facts
        if _place(before) == _place(facts):
            self.refresh(Region(0, 0, self.size.width, 1))
        else:
            self.refresh()

    def render(self) -> Text:
        """Both lines; the pieces that do not fit are dropped from the end, whole."""
        facts, width = self.facts, self.size.width
        work: list[tuple[str, str]] = []
        for status, number in facts.counts:
            sign = STATUS[status]
            work.append((f"{sign.drawn()} {number:,} {sign.word}", sign.style if number else "dim"))
        if facts.held:
            work.append((f"{facts.held:,} held", "warn"))
        if facts.rate:
            work.append((facts.rate, "busy"))
        if facts.left:
            work.append((f"left {facts.left}", ""))
        if facts.cpu:
            work.append((f"cpu {facts.cpu}", "dim"))
        place: list[tuple[str, str]] = [("FOUNDRY", "bold")]
        if facts.alpha:
            place.append(("ALPHA", "warn"))
        if facts.readonly:
            place.append(("READ-ONLY", "warn"))
        place.append((facts.workers, "" if "0" not in facts.workers[:2] else "warn"))
        if facts.disk:
            place.append((f"disk {facts.disk}", "bad" if facts.disk_low else "dim"))
        place.append((facts.host, "dim"))
        place.append((facts.database, "dim"))
        place.append((facts.home, "dim"))
        return Text("\n").join([self._line(work, width), self._line(place, width)])

    def _line(self, pieces: Sequence[tuple[str, str]], width: int) -> Text:
        styles = styles_of(self.app.theme)
        line = Text(no_wrap=True)
        for words, style in pieces:
            text = plain(words, 120)
            gap = "  " if line else ""
            if text and line.cell_len + len(gap) + Text(text).cell_len <= width:
                line.append(gap)
                line.append(text, styles[style])
        return line


def _place(facts: Facts) -> tuple[object, ...]:
    return (
        facts.host,
        facts.home,
        facts.database,
        facts.alpha,
        facts.readonly,
        facts.workers,
        facts.disk,
        facts.disk_low,
    )


def ordered(by_status: dict[Status, int]) -> tuple[tuple[Status, int], ...]:
    """The counts in the order they are read."""
    return tuple((status, by_status.get(status, 0)) for status in _ORDER)
