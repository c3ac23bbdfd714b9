"""How the panes share the screen: four at once, one at a time, or a word about what is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Static

if TYPE_CHECKING:
    from foundry_tui.console.app import ConsoleApp

NARROW, LOW = 100, 28  # below either, one pane at a time
LEAST = (60, 15)


class Layout:
    """Which pane has, or last had, the keys (``place``), and whether it has the screen to itself."""

    def __init__(self, app: ConsoleApp) -> None:
        self._app = app
        self.zoomed = False
        self.place = 0

    def lay_out(self, width: int, height: int) -> None:
        """Choose by size; focus and scroll stay as they were."""
        main = self._app.screen_stack[0]
        tiny = width < LEAST[0] or height < LEAST[1]
        tabbed = not tiny and (width < NARROW or height < LOW)
        was_tiny = main.has_class("tiny")
        main.set_class(tiny, "tiny")
        main.set_class(tabbed, "tabbed")
        panes = main.query_one("#panes")
        panes.set_class(tabbed or self.zoomed, "single")
        panes.set_class(self.zoomed and not tabbed, "zoomed")
        if tiny:
            words = f"This terminal is {width}x{height}.\nThe console needs {LEAST[0]}x{LEAST[1]}."
            main.query_one("#too_small", Static).update(words)
        alone = tabbed or self.zoomed
        for place, pane in enumerate(self._app.panes):
            # Said inline, it holds at once: the key after the one that brought us here already finds its pane.
            pane.styles.display = "block" if not alone or place == self.place else "none"
        if was_tiny and not tiny:
            self._app.call_after_refresh(self._app.panes[self.place].list.focus)

    def go_to(self, place: int) -> None:
        """Give a pane the keys, and the screen where only one has room."""
        self.place = place % len(self._app.panes)
        self._again()
        self._app.screen_stack[0].set_focus(self._app.panes[self.place].list)

    def zoom(self) -> None:
        """One pane on the whole screen, or all again."""
        self.zoomed = not self.zoomed
        self._again()

    def _again(self) -> None:
        self.lay_out(self._app.size.width, self._app.size.height)
