"""The lines at the edges: the tabs of a narrow screen, the flash line, and the footer's hints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual.timer import Timer
from textual.widget import Widget

from foundry_tui.console.actions import Action
from foundry_tui.console.keymap import shown_keys
from foundry_tui.console.themes import styles_of
from foundry_tui.domain.plain import plain

FLASH_S = 6.0


class Tabs(Widget):
    """The panes by name, where only one of them has room."""

    DEFAULT_CSS = "Tabs { height: 1; padding: 0 1; }"

    def __init__(self, titles: Sequence[str]) -> None:
        super().__init__(id="tabs")
        self._titles = titles
        self._active = 0

    def show(self, active: int) -> None:
        """This one is seen."""
        if active != self._active:
            self._active = active
            self.refresh()

    def render(self) -> Text:
        """``1 Catalog  [2 Narrators]  3 Queue  4 Events``."""
        styles = styles_of(self.app.theme)
        line = Text(no_wrap=True)
        for place, title in enumerate(self._titles):
            here = place == self._active
            text = f"[{place + 1} {title}]" if here else f" {place + 1} {title} "
            line.append(text, styles["accent"] + styles["bold"] if here else styles["dim"])
            line.append(" ")
        return line


class Flash(Widget):
    """One line that says what just happened, and is gone after a while."""

    DEFAULT_CSS = "Flash { height: 1; padding: 0 1; }"

    def __init__(self, id: str = "flash") -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self.words = ""
        self._style = ""
        self._timer: Timer | None = None

    def show(self, words: str, style: str = "") -> None:
        """Say it for a while."""
        self.words, self._style = plain(words, 500), style
        self.refresh()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(FLASH_S * (2 if style == "bad" else 1), self._gone)

    def _gone(self) -> None:
        self.words = ""
        self.refresh()

    def render(self) -> Text:
        """The words, cut to the line."""
        line = Text(self.words, styles_of(self.app.theme)[self._style], no_wrap=True)
        line.truncate(max(1, self.size.width), overflow="ellipsis")
        return line


class Footer(Widget):
    """At most eight keys that work here, the most used first, none of them cut."""

    DEFAULT_CSS = "Footer { height: 1; padding: 0 1; background: $panel; }"

    def __init__(self, id: str = "footer") -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self._hints: tuple[tuple[str, str], ...] = ()

    def show(self, actions: Sequence[Action], keymap: Mapping[str, str]) -> None:
        """Hint at these."""
        hints = tuple((shown_keys(action.id, keymap).split()[0], action.short) for action in actions)
        if hints != self._hints:
            self._hints = hints
            self.refresh()

    def render(self) -> Text:
        """``enter open  m make …``; a hint that has no room is left out whole."""
        styles = styles_of(self.app.theme)
        line = Text(no_wrap=True)
        for key, words in self._hints:
            gap = "  " if line else ""
            if line.cell_len + len(gap) + len(key) + 1 + len(words) > self.size.width:
                continue
            line.append(gap)
            line.append(key, styles["accent"] + styles["bold"])
            line.append(f" {words}", styles["dim"])
        return line
