"""The live face of a run on a terminal: what happened scrolls by, what is at work stays at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from foundry_tui.cli.run_faces import cramped_line, progress_text, waiting_line
from foundry_tui.cli.run_summary import summary_lines
from foundry_tui.domain.plain import plain, plain_lines

if TYPE_CHECKING:
    from foundry_tui.cli.run_watch import Line
    from foundry_tui.domain.events import Event
    from foundry_tui.operations.run_report import RunReport
    from foundry_tui.pipeline.summary import Elsewhere
    from foundry_tui.store.disk_waits import DiskWait

_STYLES = {"warning": "yellow", "error": "bold red"}
# What an operator watching wants to see pass by; all the rest is a `foundry-tui events` away.
_QUIET = {"step_pending", "step_started", "retry", "reading", "worker_started", "worker_stopped"}
_BAR_CELLS = 20


class LiveFace:
    """A line for each step at work, redrawn twice a second; finished things scroll up and stay."""

    def __init__(self, console: Console | None = None) -> None:
        # Strings from outside are data: no markup, no emoji names, no highlighting anywhere on this console.
        self._console = console or Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._lines: Sequence[Line] = ()
        self._note = ""
        self._retries = 0

    def begin(self) -> None:
        """Take the bottom of the terminal."""
        self._live = Live(
            self._picture(), console=self._console, refresh_per_second=2, transient=True, redirect_stderr=False
        )
        self._live.start()

    def event(self, event: Event, label: str) -> None:
        """Let what matters scroll by."""
        self._retries += event.kind == "retry"
        if event.level == "debug" or event.kind in _QUIET:
            return
        time_of_day = (event.timestamp or "")[11:19]
        text = Text(f"{time_of_day}  {plain(label, 60) or 'Foundry'}: {plain(event.message)}")
        text.stylize(_STYLES.get(str(event.level), ""))
        self._console.print(text)

    def progress(self, lines: Sequence[Line]) -> None:
        """Redraw what is at work."""
        self._lines = lines
        if self._live is not None:
            self._live.update(self._picture())

    def waiting(self, elsewhere: Sequence[Elsewhere]) -> None:
        """Whom the run waits for, at the bottom."""
        self._note = plain(waiting_line(elsewhere)) if elsewhere else ""

    def cramped(self, waits: Sequence[DiskWait]) -> None:
        """What waits for room, at the bottom."""
        self._note = plain(cramped_line(waits)) if waits else ""

    def stopping(self, message: str) -> None:
        """What the signal means."""
        self._note = message
        self._console.print(Text(message, style="yellow"))

    def end(self) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def summary(self, report: RunReport) -> None:
        """The summary as lines of text."""
        for line in summary_lines(report):
            self._console.print(Text(plain_lines(line)))

    def _picture(self) -> Group:
        grid = Table.grid(padding=(0, 1))
        for _ in range(3):
            grid.add_column(no_wrap=True, overflow="ellipsis")
        grid.add_column(overflow="fold")
        for line in self._lines:
            grid.add_row(
                Text(plain(line.label, 44)),
                Text(line.step_name + (f" (attempt {line.attempt})" if line.attempt > 1 else "")),
                _bar(line.done, line.total),
                Text(plain(progress_text(line))),
            )
        foot = [part for part in (f"{self._retries:,} retries" if self._retries else "", self._note) if part]
        return Group(grid, Text("  ".join(foot), style="dim")) if foot else Group(grid)


def _bar(done: int, total: int) -> Text:
    """How far it is, in two runs of characters: a cell with a colour of its own costs a dozen bytes over SSH."""
    if total <= 0:
        return Text()
    full = min(_BAR_CELLS * done // total, _BAR_CELLS)
    return Text.assemble(("━" * full, "green"), ("━" * (_BAR_CELLS - full), "bright_black"))
