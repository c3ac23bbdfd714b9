"""The command line: ``:`` and a word; tab completes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from foundry_tui.console.widgets.line_input import LineInput


class CommandScreen(ModalScreen[str]):
    """Answers with what was typed, or ""."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False, priority=True),
        Binding("tab", "complete", show=False, priority=True),
    ]

    def __init__(self, known: Sequence[str]) -> None:
        super().__init__(classes="bottom")
        self._known = sorted(known)
        self.line = LineInput(
            placeholder="a command; tab completes",
            compact=True,
            suggester=SuggestFromList(self._known, case_sensitive=False),
        )
        self.line.cursor_blink = False

    def compose(self) -> ComposeResult:
        """One line at the foot."""
        with Horizontal(classes="command"):
            yield Static(":", markup=False)
            yield self.line

    def on_mount(self) -> None:
        """Type."""
        self.line.focus()

    def action_complete(self) -> None:
        """The longest text all fitting commands begin with, once what was pressed before has been typed."""
        self.line.call_later(self._complete)

    def _complete(self) -> None:
        typed = self.line.value
        fitting = [name for name in self._known if name.startswith(typed)]
        if fitting:
            shortest, longest = min(fitting), max(fitting)
            same = next((place for place, (a, b) in enumerate(zip(shortest, longest, strict=False)) if a != b), None)
            self.line.value = fitting[0] if len(fitting) == 1 else shortest[: len(shortest) if same is None else same]
            self.line.cursor_position = len(self.line.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip())

    def action_close(self) -> None:
        """Nothing."""
        self.dismiss("")
