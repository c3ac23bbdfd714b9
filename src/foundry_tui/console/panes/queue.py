"""The Queue: what is to be made, oldest first, and how far each of it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from foundry_tui.console.actions import bindings_for
from foundry_tui.console.glyphs import DOING, GAPS, HELD, NO_ROOM, RETRY, STATUS, Sign, dots
from foundry_tui.console.panes.pane import Pane
from foundry_tui.console.progress import Paces, short_time
from foundry_tui.console.widgets.columns import Column, Part, Row, cell
from foundry_tui.domain.desk import ProductionLine, ProductionView, Wanted, Window
from foundry_tui.domain.plain import plain
from foundry_tui.domain.status import Status

if TYPE_CHECKING:
    from foundry_tui.console.inner import Inner

_VIEWS = tuple(ProductionView)


class QueuePane(Pane[ProductionLine]):
    """Productions with their steps as dots."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("queue"))
    scope = "queue"
    title = "Queue"
    columns = (
        Column("STATUS", 11),
        Column("STEPS", 7, rank=1),
        Column("TITLE", 20, share=4),
        Column("NARRATOR", 8, share=1, rank=5),
        Column("NOW", 11, rank=4),
        Column("DONE", 11, right=True, rank=2),
        Column("RATE", 7, right=True, rank=7),
        Column("LEFT", 9, right=True, rank=3),
        Column("PRI", 4, right=True, rank=8),
        Column("ID", 14, rank=9),
    )

    def __init__(self) -> None:
        super().__init__()
        self.view = ProductionView.UNFINISHED
        self.paces = Paces()

    def wanted(self, *, keep: bool = True) -> Wanted:
        """With the view."""
        base = super().wanted(keep=keep)
        return Wanted(text=base.text, view=self.view, around=base.around, index=base.index)

    async def fetch(self, inner: Inner, wanted: Wanted) -> Window[ProductionLine]:
        """Read from the tables."""
        return await inner.desk.productions(wanted)

    async def fetch_more(self, inner: Inner, wanted: Wanted, first: int, last: int) -> Sequence[ProductionLine]:
        """Read from the tables."""
        return await inner.desk.more_productions(wanted, first, last)

    def show_window(self, window: Window[ProductionLine], wanted: Wanted) -> None:
        """Take up how far other processes' jobs are, then paint."""
        now = time.monotonic()
        for line in window.lines:
            self.paces.saw_row(line, now)
        super().show_window(window, wanted)

    def tick(self) -> None:
        """Own workers have got on, or time has passed for those at work: paint what that changes."""
        snapshot = self.console.house.snapshot()
        if snapshot is not None:
            self.paces.saw_feed(snapshot)
        self.repaint()

    def lines_here(self) -> list[ProductionLine]:
        """The productions whose lines are here."""
        return list(self._lines.values())

    @property
    def at_work(self) -> bool:
        """Whether any row here moves with time."""
        return any(line.production.status is Status.PROCESSING for line in self._lines.values())

    def key_of(self, line: ProductionLine) -> str:
        """Its audiobook_id."""
        return line.production.audiobook_id

    def row_of(self, line: ProductionLine) -> Row:
        """A production on one line."""
        made = line.production
        pace = self.paces.of(line, time.monotonic())
        sign = NO_ROOM if pace.waits else sign_of(line)
        done = f"{pace.done:,}/{pace.total:,}" if pace.total else ""
        return Row(
            made.audiobook_id,
            (
                cell(f"{sign.drawn()} {sign.word}", sign.style),
                tuple(dots([status for _, status in line.steps])) or cell("·······", "dim"),
                cell(plain(line.book_name, 300)),
                cell(plain(line.narrator_name, 120), "dim"),
                _now(line, pace.stalled_s),
                cell(done, ""),
                cell(pace.rate, "dim"),
                cell(pace.left, "dim"),
                cell(f"{made.priority:+d}" if made.priority else "", "accent"),
                cell(made.audiobook_id, "dim"),
            ),
            data=line,
        )

    def title_parts(self) -> list[str]:
        """With the view."""
        parts = super().title_parts()
        return [str(self.view), *parts] if self.view is not ProductionView.UNFINISHED else parts

    def next_view(self) -> ProductionView:
        """Unfinished, failed, finished, all."""
        self.show_view(_VIEWS[(_VIEWS.index(self.view) + 1) % len(_VIEWS)])
        return self.view

    def show_view(self, view: ProductionView) -> None:
        """Show these productions only."""
        self.view = view
        self.total = None
        self.list.forget_marks()
        self.retitle()
        self.refresh_rows()

    def empty_text(self) -> str:
        """What would put something here."""
        if self.view is ProductionView.FAILED:
            return "Nothing has failed. v shows the others."
        if self.view is ProductionView.FINISHED:
            return "Nothing is finished yet. v shows the others."
        return "Nothing to make.\n\nGo to the Catalog (1), choose a book and press m to make an audiobook of it."

    def reason(self, name: str) -> str | None:
        """Why not now."""
        if name == "view":
            return None
        return super().reason(name)


def sign_of(line: ProductionLine) -> Sign:
    """How a production is to be told at a glance."""
    made = line.production
    if made.status is Status.SUCCESS:
        return GAPS if made.totals.get("gaps") else STATUS[Status.SUCCESS]
    if made.paused_at is not None and made.status in {Status.PENDING, Status.PROCESSING}:
        return HELD
    if made.status is Status.PENDING and line.job.get("reason") == "retry":
        return RETRY
    if made.status is Status.PENDING and line.job.get("reason") == "disk_full":
        return NO_ROOM
    return STATUS[made.status]


def _now(line: ProductionLine, stalled_s: float | None) -> tuple[Part, ...]:
    made = line.production
    step = line.at_step
    word = DOING.get(step or "", (step or "").replace("_", " "))
    if made.status is Status.SUCCESS:
        return cell((made.publish_date or "")[:10], "dim")
    if made.status is Status.PROCESSING and stalled_s is not None:
        return cell(f"quiet {short_time(stalled_s)}", "warn")
    if made.status is Status.FAILED:
        return cell(word, "bad")
    return cell(word, "" if made.status is Status.PROCESSING else "dim")
