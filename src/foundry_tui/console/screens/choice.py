"""A question with a few answers; the harmless one has the focus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from foundry_tui.domain.plain import plain, plain_lines


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer: the key that gives it, its label, and what it means to whoever asked."""

    key: str
    label: str
    value: str


class ChoiceScreen(ModalScreen[str]):
    """Answers with the chosen value, or "" when it is closed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, title: str, words: str, choices: Sequence[Choice], *, focus: int = 0) -> None:
        super().__init__()
        self._title = plain(title, 70)
        self._words = plain_lines(words)
        self._choices = tuple(choices)
        self._first = focus
        for place, choice in enumerate(self._choices):
            self._bindings.bind(choice.key, f"choose({place})", show=False)

    def compose(self) -> ComposeResult:
        """Title, words, buttons."""
        with Vertical(classes="box") as box:
            box.border_title = Text(self._title)
            yield Static(Text(self._words), classes="words", markup=False)
            # Two answers stand beside each other, more of them one below the other: none is ever cut.
            with Horizontal() if len(self._choices) < 3 else Vertical(classes="answers"):
                for place, choice in enumerate(self._choices):
                    yield Button(Text(f"{choice.key} {choice.label}"), id=f"choice_{place}")

    def on_mount(self) -> None:
        """The harmless answer has the focus."""
        self.query_one(f"#choice_{self._first}", Button).focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_choose(int(str(event.button.id).rpartition("_")[2]))

    def action_choose(self, place: int) -> None:
        """Give this answer."""
        self.dismiss(self._choices[place].value)

    def action_close(self) -> None:
        """Give none."""
        self.dismiss("")


def confirm(title: str, words: str, yes: str) -> ChoiceScreen:
    """A danger: No has the focus."""
    return ChoiceScreen(title, words, [Choice("n", "No", ""), Choice("y", yes, "yes")])
