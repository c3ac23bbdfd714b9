"""What will happen, to be read before it is asked for; the answer that changes nothing has the focus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from foundry_tui.console.screens.choice import Choice
from foundry_tui.console.themes import styles_of
from foundry_tui.domain.plain import plain

Line = Sequence[tuple[str, str]]  # parts of (text, style name), without anything a terminal obeys


class PreviewScreen(ModalScreen[str]):
    """Answers with the chosen value, or "" when it is closed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Line], choices: Sequence[Choice], *, focus: int = 0) -> None:
        super().__init__()
        self._title = plain(title, 70)
        self._lines = tuple(lines)
        self._choices = tuple(choices)
        self._first = focus
        for place, choice in enumerate(self._choices):
            self._bindings.bind(choice.key, f"choose({place})", show=False)

    def compose(self) -> ComposeResult:
        """Title, lines, answers."""
        styles = styles_of(self.app.theme)
        text = Text()
        for place, line in enumerate(self._lines):
            text.append("\n" if place else "")
            for words, style in line:
                text.append(words, styles[style])
        with Vertical(classes="box preview") as box:
            box.border_title = Text(self._title)
            with VerticalScroll() as area:
                area.can_focus = False
                yield Static(text, classes="words", markup=False)
            with Horizontal():
                for place, choice in enumerate(self._choices):
                    yield Button(Text(f"{choice.key} {choice.label}"), id=f"choice_{place}")

    def on_mount(self) -> None:
        """The first answer has the focus."""
        self.query_one(f"#choice_{self._first}", Button).focus()

    def plain_text(self) -> str:
        """What it says."""
        return "\n".join("".join(words for words, _ in line) for line in self._lines)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_choose(int(str(event.button.id).rpartition("_")[2]))

    def action_choose(self, place: int) -> None:
        """Give this answer."""
        self.dismiss(self._choices[place].value)

    def action_scroll(self, by: int) -> None:
        """Read on, or back."""
        area = self.query_one(VerticalScroll)
        area.scroll_to(y=area.scroll_y + by, animate=False, force=True)

    def action_close(self) -> None:
        """Give none."""
        self.dismiss("")
