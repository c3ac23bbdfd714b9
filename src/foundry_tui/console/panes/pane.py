"""What the panes have in common: a titled list over windows of the tables, a live filter, a sort, an empty sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from foundry_tui.console.contract import Console
from foundry_tui.console.widgets.columns import Column, Row
from foundry_tui.console.widgets.heads import Heads
from foundry_tui.console.widgets.line_list import LineList
from foundry_tui.domain.desk import Wanted, Window
from foundry_tui.domain.plain import plain

if TYPE_CHECKING:
    from textual.widgets import Input

    from foundry_tui.console.inner import Inner

Line = TypeVar("Line")
_LOADING_S = 0.15  # a list that is there sooner never says that it loads


class Pane(Vertical, Generic[Line]):
    """A pane. ``name`` is its scope in the registry; what is specific to it is in the methods that raise."""

    scope: ClassVar[str] = ""
    title: ClassVar[str] = ""
    columns: ClassVar[Sequence[Column]] = ()
    orders: ClassVar[Sequence[str]] = ()

    def __init__(self) -> None:
        super().__init__(id=self.scope, classes="pane")
        self.list = self.make_list()
        self.heads = Heads(self.list)
        self._filter: Input | None = None  # made when somebody wants to filter
        self.empty = Static(classes="empty", markup=False)
        self.text = ""
        self.order = 0
        self.descending = False
        self.count = 0
        self.total: int | None = None  # unfiltered, where known
        self.loaded = False
        self._nothing: bool | None = None
        self._stale = False
        self._loading: asyncio.Task[None] | None = None
        self._lines: dict[str, Line] = {}

    @property
    def console(self) -> Console:
        """The app, with its own type."""
        return cast("Console", self.app)

    def make_list(self) -> LineList:
        """The list of this pane."""
        return LineList(self.columns, id=f"{self.scope}_list")

    def compose(self) -> ComposeResult:
        """Filter, heads, list, and the sentence where there is nothing."""
        self.empty.display = False
        yield self.heads
        yield self.list
        yield self.empty

    def on_mount(self) -> None:
        """Show the frame; the rows come when the house is open."""
        self.list.on_cursor = self._on_cursor
        self.retitle()
        self.set_timer(_LOADING_S, self._say_loading)

    # -- what a pane says of itself -----------------------------------------------------------------------------

    async def fetch(self, inner: Inner, wanted: Wanted) -> Window[Line]:
        """The window around what is wanted; runs in the house's loop."""
        raise NotImplementedError

    async def fetch_more(self, inner: Inner, wanted: Wanted, first: int, last: int) -> Sequence[Line]:
        """Lines ``first`` to ``last``; runs in the house's loop."""
        raise NotImplementedError

    def key_of(self, line: Line) -> str:
        """The id of a line."""
        raise NotImplementedError

    def row_of(self, line: Line) -> Row:
        """A line as it is painted."""
        raise NotImplementedError

    def empty_text(self) -> str:
        """What to do where there is nothing."""
        raise NotImplementedError

    def reason(self, name: str) -> str | None:
        """Why an action of this pane cannot be done now; None where it can."""
        if name != "add" and not self.list.chosen():
            return "There is no row to do that with."
        return None

    # -- rows ---------------------------------------------------------------------------------------------------

    def wanted(self, *, keep: bool = True) -> Wanted:
        """What the list shows now, around its cursor."""
        row = self.list.cursor_row if keep else None
        return Wanted(
            text=self.text or None,
            order=self.orders[self.order] if self.orders else "",
            descending=self.descending,
            around=row.id if row is not None else None,
            index=self.list.cursor if keep else 0,
        )

    def refresh_rows(self) -> None:
        """Read the window again; asked many times at once it is read once more after the one under way."""
        self._stale = True
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._read())

    async def settled(self) -> None:
        """Return when no read is under way."""
        while self._loading is not None and not self._loading.done():
            await asyncio.wait([self._loading])

    async def _read(self) -> None:
        while self._stale and self.is_attached:
            self._stale = False
            wanted = self.wanted()
            window = await self.console.ask(lambda inner, wanted=wanted: self.fetch(inner, wanted))  # type: ignore[misc]
            if window is None:
                return
            self.show_window(window, wanted)

    def show_window(self, window: Window[Line], wanted: Wanted) -> None:
        """Put what was read on the screen."""
        if (wanted.text or "") != self.text:
            return  # typed on meanwhile: the next read is on its way
        rows = [self.row_of(line) for line in window.lines]
        at = self.list.place_after((wanted.around, wanted.index), window.first, rows, window.at)
        if at is None:
            self._stale = True
            return
        self.loaded = True
        self.count = window.count
        if not self.text:
            self.total = window.count
        self._lines = {self.key_of(line): line for line in window.lines}
        self.list.show_rows(window.count, window.first, rows, at)
        self._show_empty()
        self.retitle()

    def _show_empty(self) -> None:
        nothing = self.loaded and self.count == 0
        if nothing != self._nothing:
            self._nothing = nothing
            if self.has_focus_within:
                self.console.pane_focused(self)  # other keys can be pressed now
        if nothing:
            words = f"Nothing fits {self.text!r}: esc shows all again." if self.text else self.empty_text()
            self.empty.update(Text(plain(words, 400) if self.text else words))
        had_focus = self.list.has_focus
        self.empty.display = nothing
        self.heads.display = not nothing
        self.list.set_class(nothing, "nothing")
        if had_focus and nothing:
            self.list.focus()

    def _say_loading(self) -> None:
        if not self.loaded:
            self.empty.update(Text(f"Reading the {self.title.casefold()} …"))
            self.empty.display = True

    @on(LineList.Wanted)
    def _more(self, event: LineList.Wanted) -> None:
        event.stop()
        self.run_worker(self._read_more(event.first, event.last), group="more", exclusive=True, exit_on_error=False)

    async def _read_more(self, first: int, last: int) -> None:
        wanted = self.wanted()
        lines = await self.console.ask(lambda inner: self.fetch_more(inner, wanted, first, last))
        if lines is not None and (wanted.text or "") == self.text:
            self._lines |= {self.key_of(line): line for line in lines}
            self.list.put_rows(first, [self.row_of(line) for line in lines])

    @on(LineList.Opened)
    async def _clicked(self, event: LineList.Opened) -> None:
        event.stop()
        await self.console.act("list.open")

    def repaint(self) -> None:
        """Make the rows that are here anew from their lines (progress has moved)."""
        lines = [self._lines[row.id] for row in self.list.rows_here() if row.id in self._lines]
        self.list.replace_rows([self.row_of(line) for line in lines])

    # -- filter, sort, title ------------------------------------------------------------------------------------

    async def open_filter(self, typed: str | None = None) -> None:
        """Let the operator type; ``typed`` is typed already."""
        line = self._filter
        if line is None:
            from foundry_tui.console.widgets.line_input import LineInput

            words = f"filter {self.title.casefold()}"
            line = self._filter = LineInput(placeholder=words, classes="filter", compact=True)
            line.cursor_blink = False
            await self.mount(line, before=self.heads)
        line.display = True
        if typed is not None:
            line.value = typed
            return
        line.focus()

    @property
    def filtering(self) -> bool:
        """Whether the filter's line is open."""
        return self._filter is not None and bool(self._filter.display)

    def set_filter(self, text: str) -> None:
        """Filter by ``text``; the cursor stays on its row if it survives."""
        if text == self.text:
            return
        self.text = text
        self.retitle()
        self.refresh_rows()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow as one types."""
        event.stop()
        self.set_filter(event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter."""
        event.stop()
        self.list.focus()
        event.input.display = bool(self.text)

    def back(self) -> bool:
        """Close one layer: the filter being typed or kept, then the marks; False where there is none."""
        if self.filtering or self.text:
            if self._filter is not None:
                self._filter.value = ""
                self._filter.display = False
            self.set_filter("")
            self.list.focus()
            return True
        return self.list.forget_marks()

    def next_order(self) -> str:
        """Sort by the next column; returns its name."""
        if not self.orders:
            return ""
        self.order = (self.order + 1) % len(self.orders)
        self.retitle()
        self.refresh_rows()
        return self.orders[self.order]

    def reverse(self) -> None:
        """Turn the order round."""
        self.descending = not self.descending
        self.retitle()
        self.refresh_rows()

    def _on_cursor(self) -> None:
        self.retitle()

    def title_parts(self) -> list[str]:
        """What stands behind the title."""
        parts = []
        if self.loaded:
            here = f"{self.count:,}"
            parts.append(f"{here} of {self.total:,}" if self.text and self.total is not None else here)
        if self.text:
            parts.append(f"/{plain(self.text, 20)}")
        if self.list.marked:
            parts.append(f"{len(self.list.marked):,} marked")
        if self.orders and (self.order or self.descending):
            parts.append(f"by {self.orders[self.order].replace('_', ' ')}{' ↓' if self.descending else ''}")
        return parts

    def retitle(self) -> None:
        """Title, counts, filter and marks in the frame; a bullet says, without colour, that keys go here."""
        lead = "◆ " if self.has_focus_within else ""
        title = " · ".join([f"{lead}{self.title}", *self.title_parts()])
        if str(self.border_title) != title:
            self.border_title = Text(title)

    def on_descendant_focus(self) -> None:
        """Say that keys go here."""
        self.retitle()
        self.console.pane_focused(self)

    def on_descendant_blur(self) -> None:
        """Say that they do not any more."""
        self.retitle()
