"""A small form: named lines of text, some with a list to choose from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Button, Input, Label, Static

from foundry_tui.console.widgets.line_input import LineInput
from foundry_tui.domain.plain import plain

Check = Callable[[Mapping[str, str]], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Field:
    """``pick`` opens a list of choices for this line (ctrl+o, or enter where it is empty and must not be)."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    pick: Callable[[Mapping[str, str]], Awaitable[str | None]] | None = None
    suggester: Suggester | None = None
    secret: bool = False


class FormScreen(ModalScreen[dict[str, str] | None]):
    """Answers with what was typed once ``submit`` has taken it (it returns a complaint, or None), else with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False),
        # At once: what is typed after them must find the new line, however fast it comes.
        Binding("down", "app.focus_next", show=False, priority=True),
        Binding("up", "app.focus_previous", show=False, priority=True),
        Binding("ctrl+o", "pick", show=False),
    ]

    def __init__(
        self, title: str, fields: Sequence[Field], submit: Check, *, done: str = "Save", words: str = ""
    ) -> None:
        super().__init__()
        self._title = title
        self._fields = tuple(fields)
        self._submit = submit
        self._done = done
        self._words = words
        self._busy = False

    def compose(self) -> ComposeResult:
        """One line a field."""
        with Vertical(classes="box") as box:
            box.border_title = Text(plain(self._title, 70))
            if self._words:
                yield Static(Text(self._words), classes="words", markup=False)
            for field in self._fields:
                with Horizontal(classes="field"):
                    yield Label(Text(field.label), classes="name", markup=False)
                    line = LineInput(
                        field.value, id=f"field_{field.name}", compact=True, suggester=field.suggester,
                        password=field.secret,
                    )  # fmt: skip
                    line.cursor_blink = False
                    yield line
            yield Static("", classes="hint", id="hint", markup=False)
            with Horizontal():
                yield Button(Text(self._done), id="done")
                yield Button(Text("Cancel"), id="cancel")

    def on_mount(self) -> None:
        """Begin at the first line."""
        self.query(Input).first().focus()

    def values(self) -> dict[str, str]:
        """What is typed now."""
        return {field.name: self.query_one(f"#field_{field.name}", Input).value.strip() for field in self._fields}

    def put(self, name: str, value: str) -> None:
        """Type ``value`` into a line."""
        line = self.query_one(f"#field_{name}", Input)
        line.value = value
        line.cursor_position = len(value)

    def on_descendant_focus(self) -> None:
        """Say what the line takes."""
        field = self._current()
        if field is not None:
            more = "ctrl+o: list" if field.pick else ""
            self._hint(" · ".join(words for words in (field.hint, more, "esc cancels") if words))

    def _current(self) -> Field | None:
        name = str(getattr(self.focused, "id", "") or "").removeprefix("field_")
        return next((field for field in self._fields if field.name == name), None)

    def say(self, words: str, style: str = "") -> None:
        """Where the operator looks: the line under the fields."""
        self._hint(words, bad=style == "bad")

    def _hint(self, words: str, *, bad: bool = False) -> None:
        mark = "✗ " if bad else ""
        self.query_one("#hint", Static).update(Text(plain(f"{mark}{words}", 400)))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        field = self._current()
        if field is not None and field.pick is not None and not event.value.strip():
            self.action_pick()
            return
        if field is not None and field is not self._fields[-1]:
            self.focus_next()
            return
        self._send()

    @on(Button.Pressed, "#done")
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self._send()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(None)

    def action_close(self) -> None:
        """Change nothing."""
        self.dismiss(None)

    def action_pick(self) -> None:
        """Choose from a list instead of typing."""
        field = self._current()
        if field is not None and field.pick is not None:
            self.run_worker(self._picked(field), exclusive=True, group="pick", exit_on_error=False)

    async def _picked(self, field: Field) -> None:
        assert field.pick is not None
        chosen = await field.pick(self.values())
        if chosen is not None and self.is_attached:
            self.put(field.name, chosen)
            self.query_one(f"#field_{field.name}", Input).focus()

    def _send(self) -> None:
        if not self._busy:  # pressed twice, done once
            self._busy = True
            self.run_worker(self._sending(), group="send", exit_on_error=False)

    async def _sending(self) -> None:
        values = self.values()
        self._hint("…")
        try:
            complaint = await self._submit(values)
        finally:
            self._busy = False
        if complaint is None:
            self.dismiss(values)
        elif self.is_attached:
            self._hint(complaint, bad=True)
