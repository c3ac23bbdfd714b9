"""The lines at the edges: the tabs of a narrow screen, the flash line, and the footer's hints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual import events
from textual.timer import Timer
from textual.widget import Widget

from foundry_tui.console.actions import Action
from foundry_tui.console.keymap import shown_keys
from foundry_tui.console.themes import styles_of
from foundry_tui.domain.plain import plain

FLASH_S = 6.0
_MOST_LINES = 5


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
    """Says what just happened, and is gone after a while.

    One line above the footer is its own; a sentence that needs more of them lies over what is above for as long as it
    is shown, so that what to do next is never cut off and nothing moves.
    """

    DEFAULT_CSS = """
    Flash { layer: over; dock: bottom; height: 1; margin-bottom: 1; padding: 0 1; background: $background; }
    """

    def __init__(self, id: str = "flash") -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id)
        self.words = ""
        self._style = ""
        self._timer: Timer | None = None

    def show(self, words: str, style: str = "", *, stays: bool = False) -> None:
        """Say it for a while, or (``stays``) until something else is said."""
        self.words, self._style = plain(words, 500), style
        self._fit()
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if not stays:
            self._timer = self.set_timer(FLASH_S * (2 if style == "bad" else 1), self._gone)

    def _gone(self) -> None:
        self.words = ""
        self._fit()

    def on_resize(self, event: events.Resize) -> None:
        """Other lines, another height."""
        del event
        self._fit()

    def _fit(self) -> None:
        height = max(1, len(self._lines()))
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height
        self.refresh()

    def _lines(self) -> list[Text]:
        words = Text(self.words, styles_of(self.app.theme)[self._style])
        width = max(1, self.size.width)
        lines = list(words.wrap(self.app.console, width))
        if len(lines) > _MOST_LINES:
            del lines[_MOST_LINES:]
            lines[-1].append("…")
            lines[-1].truncate(width, overflow="ellipsis")
        return lines

    def render(self) -> Text:
        """The words, on as many lines as they need."""
        text = Text("\n").join(self._lines())
        text.no_wrap = True
        return text


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
        # The last one leads to all the others: it has its room whatever the others take.
        last = sum(len(part) for part in self._hints[-1]) + 3 if self._hints else 0
        for place, (key, words) in enumerate(self._hints):
            gap = "  " if line else ""
            room = self.size.width - (last if place < len(self._hints) - 1 else 0)
            if line.cell_len + len(gap) + len(key) + 1 + len(words) > room:
                continue
            line.append(gap)
            line.append(key, styles["accent"] + styles["bold"])
            line.append(f" {words}", styles["dim"])
        return line
