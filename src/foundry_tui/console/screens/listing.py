"""A screen with a few facts above one list: filter, marks, hints and a flash line, all as in the panes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from foundry_tui.console.actions import bindings_for, hints, of_scope
from foundry_tui.console.contract import Console, ScopedScreen
from foundry_tui.console.themes import styles_of
from foundry_tui.console.widgets.bars import Flash, Footer
from foundry_tui.console.widgets.columns import Column, Row
from foundry_tui.console.widgets.heads import Heads
from foundry_tui.console.widgets.line_input import LineInput
from foundry_tui.console.widgets.line_list import LineList
from foundry_tui.domain.plain import plain

Line = Sequence[tuple[str, str]]  # parts of (text, style name)


class ListingScreen(ScopedScreen):
    """A list short enough to be read whole. A screen of its own says what is in it and what its actions do."""

    BINDINGS: ClassVar[list[BindingType]] = []
    lacks: ClassVar[frozenset[str]] = frozenset({"list.sort", "list.reverse", "app.zoom"})
    columns: ClassVar[Sequence[Column]] = ()
    marks: ClassVar[bool] = True
    costly: ClassVar[bool] = False  # what is read takes seconds: somebody's event is no reason to read it again

    def __init_subclass__(cls) -> None:
        cls.BINDINGS = list(bindings_for(cls.scope))  # before Textual merges them with those of its own classes
        super().__init_subclass__()

    def __init__(self) -> None:
        super().__init__(classes="detail")
        self.list = LineList(self.columns, marks=self.marks)
        self.heads = Heads(self.list)
        self.empty = Static(classes="empty", markup=False)
        self.line = LineInput(placeholder="filter", classes="filter", compact=True)
        self.line.cursor_blink = False
        self.flash = Flash(f"{self.scope}_flash")
        self.footer = Footer(f"{self.scope}_footer")
        self.rows: Sequence[Row] = ()
        self.loaded = False
        self._reading: asyncio.Task[None] | None = None
        self._stale = False

    # -- what a screen says of itself ---------------------------------------------------------------------------

    async def read(self) -> Sequence[Row] | None:
        """The rows as they stand now; None keeps those that are shown."""
        raise NotImplementedError

    def facts(self) -> Sequence[Line]:
        """The lines above the list, title first."""
        raise NotImplementedError

    def empty_words(self) -> str:
        """What to do where there is nothing."""
        raise NotImplementedError

    async def do(self, name: str) -> None:
        """Do an action of this screen's own scope; runs in a worker, so it may ask."""
        raise NotImplementedError

    async def open_row(self) -> None:
        """Enter on a row."""

    # -- composing ----------------------------------------------------------------------------------------------

    @property
    def console(self) -> Console:
        """The app."""
        return cast("Console", self.app)

    def compose(self) -> ComposeResult:
        """Facts, filter, list."""
        self.line.display = self.empty.display = False
        yield Static(id="facts", markup=False)
        with Vertical():
            yield self.line
            yield self.heads
            yield self.list
            yield self.empty
        yield self.flash
        yield self.footer

    def on_mount(self) -> None:
        """Read."""
        shown = of_scope(self.scope, "list", "app", readonly=self.console.readonly)
        self.footer.show(hints(each for each in shown if each.id not in self.lacks), self.console.keys)
        self.list.focus()
        self.list.on_cursor = self.show_facts
        self.show_facts()
        self.tables_changed()

    def say(self, words: str, style: str = "") -> None:
        """The flash line here."""
        self.flash.show(words, style)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """An action that broke is told and logged as one of the panes' is."""
        if event.state is WorkerState.ERROR:
            cast("Any", self.app).on_worker_state_changed(event)

    # -- rows ---------------------------------------------------------------------------------------------------

    def tables_changed(self) -> None:
        """Somebody has written."""
        if not self.costly or self._reading is None:
            self.read_again()

    def read_again(self) -> None:
        """Many changes are one read."""
        self._stale = True
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())

    async def settled(self) -> None:
        """Return when no read is under way."""
        while self._reading is not None and not self._reading.done():
            await asyncio.wait([self._reading])

    async def _read(self) -> None:
        while self._stale and self.is_attached:
            self._stale = False
            rows = await self.read()
            if rows is not None and self.is_attached:
                self.rows, self.loaded = rows, True
                self.show_rows()

    def fitting(self) -> list[Row]:
        """The rows the filter leaves."""
        words = self.line.value.casefold().split()
        return [row for row in self.rows if all(word in _text_of(row) for word in words)]

    def show_rows(self) -> None:
        """Paint what the filter leaves; the cursor stays on its row where that is still there."""
        rows = self.fitting()
        here = self.list.cursor_row.id if self.list.cursor_row is not None else None
        at = next((place for place, row in enumerate(rows) if row.id == here), self.list.cursor)
        self.list.show_rows(len(rows), 0, rows, at)
        nothing = self.loaded and not rows
        self.empty.display = nothing
        self.list.set_class(nothing, "nothing")
        self.heads.display = not nothing
        if nothing:
            typed = self.line.value
            words = f"Nothing fits {plain(typed, 60)!r}: esc shows all again." if typed else self.empty_words()
            self.empty.update(Text(words))
        self.show_facts()

    def show_facts(self) -> None:
        """Paint the lines above the list."""
        if not self.is_attached:
            return
        styles = styles_of(self.app.theme)
        text = Text(no_wrap=True, overflow="ellipsis")
        for place, line in enumerate(self.facts()):
            text.append("\n" if place else "")
            for words, style in line:
                text.append(words, styles[style])
        self.query_one("#facts", Static).update(text)

    def counted(self) -> str:
        """How many rows there are, are shown, are marked."""
        shown, of = self.list.count, len(self.rows)
        count = f"{shown:,} of {of:,}" if shown != of else f"{of:,}"
        return f"{count}, {len(self.list.marked)} marked" if self.list.marked else count

    # -- acting -------------------------------------------------------------------------------------------------

    async def perform(self, name: str) -> bool:
        """Do an action; False where it is not this screen's."""
        if self.list.perform(name):
            return True
        if name == "back":
            return self._back()
        if name == "filter":
            self.line.display = True
            self.line.focus()
        elif name == "mark_all":
            if not self.list.forget_marks():
                self.list.mark_rows(self.fitting())
        elif name == "copy":
            row = self.list.cursor_row
            if row is not None:
                words = "  ".join("".join(text for text, _ in each).strip() for each in row.cells)
                self.console.say(self.console.copy(words))
        elif name == "open":
            self.run_worker(self.open_row(), group="open", exclusive=True, exit_on_error=False)
        elif any(each.name == name for each in of_scope(self.scope)):
            self.run_worker(self.do(name), group=f"do_{name}", exclusive=True, exit_on_error=False)
        else:
            return False
        return True

    def _back(self) -> bool:
        if self.line.display or self.line.value:
            self.line.value = ""
            self.line.display = False
            self.list.focus()
            return True
        return self.list.forget_marks()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow as one types."""
        event.stop()
        self.show_rows()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter."""
        event.stop()
        self.list.focus()
        self.line.display = bool(self.line.value)

    def key_escape(self, event: Key) -> None:
        """The filter's line gives the keys back, and that is all this press does."""
        if self.line.has_focus:
            event.stop()
            event.prevent_default()
            self._back()


def _text_of(row: Row) -> str:
    return " ".join(text for each in row.cells for text, _ in each).casefold()
