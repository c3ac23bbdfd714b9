"""Something to read: an error in full, an event, the keys, the doctor's findings. ``y`` copies it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from foundry_tui.console.actions import SCOPES, of_scope
from foundry_tui.console.keymap import shown_keys
from foundry_tui.console.themes import styles_of
from foundry_tui.domain.events import Event
from foundry_tui.domain.plain import plain, plain_lines

if TYPE_CHECKING:
    from foundry_tui.console.contract import Console

Line = Sequence[tuple[str, str]]  # parts of (text, style name)


class ReadingScreen(ModalScreen[None]):
    """Lines to read and to copy."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "close", show=False),
        Binding("y", "copy", show=False),
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown,space", "scroll(15)", show=False),
        Binding("pageup", "scroll(-15)", show=False),
        Binding("g,home", "scroll(-100000)", show=False),
        Binding("G,end", "scroll(100000)", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__()
        self._title = title
        self.lines = list(lines)
        self.keys_here = "esc closes · y copies"

    def compose(self) -> ComposeResult:
        """A frame around what is to be read."""
        with Vertical(classes="box wide") as box:
            box.border_title = Text(plain(self._title, 100))
            with VerticalScroll(classes="reading"):
                yield Static(self._text(), id="words", markup=False)
            yield Static(self.keys_here, classes="hint", markup=False)

    def on_mount(self) -> None:
        """Keys scroll it."""
        self.query_one(VerticalScroll).can_focus = False

    def show(self, lines: Sequence[Line]) -> None:
        """Other lines."""
        self.lines = list(lines)
        self.query_one("#words", Static).update(self._text())

    def _text(self) -> Text:
        styles = styles_of(self.app.theme)
        text = Text()
        for line in self.lines:
            for words, style in line:
                text.append(words, styles[style])
            text.append("\n")
        return text

    def plain_text(self) -> str:
        """As it is copied."""
        return "\n".join("".join(words for words, _ in line) for line in self.lines)

    def action_scroll(self, by: int) -> None:
        """Up or down by lines."""
        area = self.query_one(VerticalScroll)
        area.scroll_to(y=area.scroll_y + by, animate=False, force=True)

    def action_copy(self) -> None:
        """To the operator's clipboard."""
        self.hint(cast("Console", self.app).copy(self.plain_text()))

    def say(self, words: str, style: str = "") -> None:
        """Where the operator looks."""
        del style
        self.hint(words)

    def hint(self, words: str) -> None:
        """Say it at the foot."""
        self.query_one(".hint", Static).update(Text(plain(words, 400)))

    def action_close(self) -> None:
        """Enough."""
        self.dismiss(None)


class EventScreen(ReadingScreen):
    """An event in full."""

    def __init__(self, event: Event, titles: Mapping[str, str]) -> None:
        facts: list[tuple[str, object]] = [
            ("Time (UTC)", event.timestamp),
            ("Level", event.level),
            ("Kind", event.kind),
            ("Production", event.audiobook_id),
            ("Book", titles.get(event.audiobook_id or "")),
            ("Step", event.step_number),
            ("Phase", event.step_name),
            ("Status", event.status),
            ("Attempt", event.attempt),
            ("Worker", event.worker_id),
            ("Number", event.seq),
        ]
        lines: list[Line] = [[(line, "bold")] for line in plain_lines(event.message).splitlines() or [""]]
        lines.append([])
        lines += [[(f"{name:<12}", "dim"), (plain(value), "")] for name, value in facts if value not in {None, ""}]
        if event.details:
            shown = json.dumps(dict(event.details), indent=2, ensure_ascii=False, default=str)
            lines += [[], [("Details", "dim")], *([(text, "")] for text in plain_json(shown))]
        super().__init__(f"Event: {event.kind}", lines)


class HelpScreen(ReadingScreen):
    """Every key that works where the operator is, from the registry."""

    def __init__(self, scopes: Sequence[str], keymap: Mapping[str, str], *, readonly: bool) -> None:
        lines: list[Line] = []
        for scope in scopes:
            lines.append([(SCOPES[scope], "bold")])
            for action in of_scope(scope, readonly=readonly):
                keys = shown_keys(action.id, keymap)
                command = f"  :{action.command}" if action.command else ""
                lines.append([(f"  {keys:<14}", "accent"), (f"{action.description}", ""), (command, "dim")])
            lines.append([])
        super().__init__("Keys", lines)


def plain_json(shown: str) -> list[str]:
    """The lines of indented JSON with nothing in them a terminal obeys."""
    lines = []
    for line in shown.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        lines.append(" " * indent + plain(line))
    return lines
