"""Choosing one of many: a list with a filter that is typed at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from foundry_tui.console.widgets.columns import Column, Row, cell
from foundry_tui.console.widgets.line_input import LineInput
from foundry_tui.console.widgets.line_list import LineList
from foundry_tui.domain.plain import plain


@dataclass(frozen=True, slots=True)
class Option:
    """One of the many: its value, and what is shown of it."""

    value: str
    cells: tuple[str, ...]

    def holds(self, words: Sequence[str]) -> bool:
        """Whether every word is somewhere in it."""
        text = " ".join(self.cells).casefold()
        return all(word in text for word in words)


class PickScreen(ModalScreen[str | None]):
    """Answers with the value chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("pagedown", "move(10)", show=False, priority=True),
        Binding("pageup", "move(-10)", show=False, priority=True),
        Binding("enter", "choose", show=False, priority=True),
    ]

    def __init__(
        self, title: str, columns: Sequence[Column], options: Sequence[Option], *, at: str | None = None
    ) -> None:
        super().__init__()
        self._title = title
        self._options = tuple(options)
        self._shown = self._options
        self._at = at
        self._typed_last = ""
        self.list = LineList(columns, marks=False)
        self.list.can_focus = False
        self.list.lit = True
        self.line = LineInput(placeholder="type to filter", compact=True)
        self.line.cursor_blink = False

    def compose(self) -> ComposeResult:
        """The line typed on, and the list."""
        with Vertical(classes="box wide") as box:
            box.border_title = Text(plain(self._title, 70))
            yield self.line
            yield self.list
            yield Static("enter chooses · esc closes", classes="hint", markup=False)

    def on_mount(self) -> None:
        """Show everything, at the one that stands now."""
        values = [option.value for option in self._options]
        self._fill(values.index(self._at) if self._at in values else 0)
        self.line.focus()

    def _fill(self, at: int) -> None:
        rows = [
            Row(f"{place}", tuple(cell(plain(text, 200)) for text in option.cells))
            for place, option in enumerate(self._shown)
        ]
        self.list.show_rows(len(rows), 0, rows, at)
        self.list.move_to(at)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._narrow(event.value)

    def _narrow(self, typed: str) -> None:
        if typed == self._typed_last:
            return
        self._typed_last = typed
        words = typed.casefold().split()
        self._shown = tuple(option for option in self._options if option.holds(words))
        self._fill(0)

    def action_move(self, by: int) -> None:
        """Another row."""
        self.list.move_to(self.list.cursor + by)

    def action_choose(self) -> None:
        """This one, once every key that was pressed before has been typed and has narrowed the list."""
        self.line.call_later(self._choose)

    def _choose(self) -> None:
        self._narrow(self.line.value)
        if 0 <= self.list.cursor < len(self._shown):
            self.dismiss(self._shown[self.list.cursor].value)

    def action_close(self) -> None:
        """None of them."""
        self.dismiss(None)
