"""The titles of a list's columns, on a line that does not scroll."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from foundry_tui.console.themes import styles_of
from foundry_tui.console.widgets.line_list import LineList


class Heads(Widget):
    """One line above a list."""

    DEFAULT_CSS = "Heads { height: 1; }"

    def __init__(self, of: LineList) -> None:
        super().__init__()
        self._of = of

    def render(self) -> Text:
        """The titles, each over its cells."""
        styles = styles_of(self.app.theme)
        return Text.assemble(
            *((text, styles[name]) for text, name in self._of.heads(self._of.line_width or self.size.width)),
            no_wrap=True,
        )
