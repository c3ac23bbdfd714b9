"""The one list of the console: a line-API view over rows that live elsewhere, with a cursor that is held by id.

Rows are asked for by window; a list of 100,000 costs what its visible lines cost. The cursor stays on the same row, on
the same line of the screen, when rows come and go around it; only the lines that changed are painted again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from foundry_tui.console.actions import bindings_for
from foundry_tui.console.themes import styles_of
from foundry_tui.console.widgets.columns import GAP, Column, Part, Row, cut, fit_columns

_KEPT = 2000  # rows held around what is seen


class LineList(ScrollView, can_focus=True):
    """``show_rows`` and ``put_rows`` fill it; ``Wanted`` says which rows it would like to have."""

    # Tab goes round the panes here; a screen of its own would let it go round everything that takes the focus.
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_for("list"), *bindings_for("app", "next_pane", "previous_pane")]

    class Wanted(Message):
        """These rows came into view and are not here."""

        def __init__(self, sender: LineList, first: int, last: int) -> None:
            super().__init__()
            self.list = sender
            self.first, self.last = first, last

    class Moved(Message):
        """The cursor was moved to another row."""

        def __init__(self, sender: LineList) -> None:
            super().__init__()
            self.list = sender

    class Opened(Message):
        """A row was clicked while the cursor was on it."""

        def __init__(self, sender: LineList) -> None:
            super().__init__()
            self.list = sender

    def __init__(self, columns: Sequence[Column], *, id: str | None = None, marks: bool = True) -> None:  # noqa: A002
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.count = 0
        self.cursor = 0
        self.marked: dict[str, Row] = {}
        self._can_mark = marks
        self.lit = False  # the cursor shows as if the keys went here: they go to the line above it
        self._rows: dict[int, Row] = {}
        self._fitted: tuple[int, tuple[int, ...]] = (0, ())
        self._styles: Mapping[str, Style] = {}
        self._asked: tuple[int, int] | None = None
        self.on_cursor: Callable[[], None] | None = None

    # -- what is in it ------------------------------------------------------------------------------------------

    def row(self, index: int) -> Row | None:
        """The row at ``index`` if it is here."""
        return self._rows.get(index)

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor, once it is here."""
        return self._rows.get(self.cursor)

    def rows_here(self) -> list[Row]:
        """Every row that is here, in order."""
        return [self._rows[index] for index in sorted(self._rows)]

    def chosen(self) -> list[Row]:
        """What an action applies to: the marked rows, else the one under the cursor."""
        if self.marked:
            return list(self.marked.values())
        return [self.cursor_row] if self.cursor_row is not None else []

    def in_view(self) -> tuple[int, int]:
        """(first, last + 1) of the rows in view."""
        first = self.scroll_offset.y
        return first, min(self.count, first + max(1, self.size.height))

    def show_rows(self, count: int, first: int, rows: Sequence[Row], cursor: int) -> None:
        """The list as it stands now: ``count`` rows, ``rows`` of them from ``first`` on, the cursor's at ``cursor``.

        The cursor keeps its line on the screen; lines that look as before are not painted again.
        """
        before, offset, old_cursor = self._rows, self.scroll_offset.y, self.cursor
        self._rows = {first + place: row for place, row in enumerate(rows)}
        self._asked = None
        cursor = max(0, min(cursor, count - 1))
        grown = count != self.count
        self.count, self.cursor = count, cursor
        for place in [*self.marked]:
            fresh = next((row for row in rows if row.id == place), None)
            if fresh is not None:
                self.marked[place] = fresh
        if grown:
            self.virtual_size = Size(self.size.width, count)
        wanted = max(0, min(offset + cursor - old_cursor, count - max(1, self.size.height)))
        if wanted != offset:
            self.scroll_to(y=wanted, animate=False, force=True)
            self.refresh()
        else:
            top, end = offset, offset + max(1, self.size.height)
            if grown and (count < end or self.count < end):
                self.refresh()
            for index in range(top, end):
                if before.get(index) != self._rows.get(index) or (
                    index in {cursor, old_cursor} and cursor != old_cursor
                ):
                    self._paint(index)
        self._tell()

    def place_after(self, asked: tuple[str | None, int], first: int, rows: Sequence[Row], at: int) -> int | None:
        """Where the cursor stands in ``rows`` (from ``first`` on), which were ``asked`` for around this (id, index).

        ``at`` is where that row is now. None where a key has moved the cursor since, to a row these do not hold: they
        are not to be shown, for a list never takes back what was pressed.
        """
        row = self.cursor_row
        here = row.id if row is not None else None
        if here == asked[0] and (here is not None or self.cursor == asked[1]):
            return at
        return next((first + place for place, row in enumerate(rows) if row.id == here), None)

    def put_rows(self, first: int, rows: Sequence[Row]) -> None:
        """Rows asked for with ``Wanted``."""
        self._asked = None
        for place, row in enumerate(rows):
            self._rows[first + place] = row
        if len(self._rows) > _KEPT:
            middle = self.scroll_offset.y
            keep = sorted(self._rows, key=lambda index: abs(index - middle))[: _KEPT // 2]
            self._rows = {index: self._rows[index] for index in keep}
        self.refresh()
        self._tell()

    def replace_rows(self, rows: Sequence[Row]) -> None:
        """The rows of these ids look like this now; only those that differ are painted."""
        places = {row.id: index for index, row in self._rows.items()}
        for row in rows:
            index = places.get(row.id)
            before = self._rows[index] if index is not None else row
            if index is not None and before != row:
                self._rows[index] = row
                self._paint_cells(index, before, row)

    def forget_marks(self) -> bool:
        """Unmark everything; False where nothing was marked."""
        had = bool(self.marked)
        self.marked.clear()
        if had:
            self.refresh()
            self._tell()
        return had

    # -- moving -------------------------------------------------------------------------------------------------

    def move_to(self, index: int) -> None:
        """Put the cursor on the row at ``index``, in view."""
        index = max(0, min(index, self.count - 1))
        before, self.cursor = self.cursor, index
        height = max(1, self.size.height)
        top = self.scroll_offset.y
        if index < top:
            self.scroll_to(y=index, animate=False, force=True)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False, force=True)
        if before != index:
            self._paint(before)
            self._paint(index)
        self._tell()
        self.post_message(self.Moved(self))

    def perform(self, name: str) -> bool:
        """Do one of the list's own actions; False for those it leaves to its pane."""
        page = max(1, self.size.height - 1)
        targets = {
            "down": self.cursor + 1,
            "up": self.cursor - 1,
            "page_down": self.cursor + page,
            "page_up": self.cursor - page,
            "first": 0,
            "last": self.count - 1,
        }
        if name in targets:
            self.move_to(targets[name])
        elif name == "mark" and self._can_mark:
            self._toggle_mark()
        else:
            return False
        return True

    def _toggle_mark(self) -> None:
        row = self.cursor_row
        if row is None:
            return
        if self.marked.pop(row.id, None) is None:
            self.marked[row.id] = row
        self._paint(self.cursor)
        self.move_to(self.cursor + 1)

    def mark_rows(self, rows: Sequence[Row]) -> None:
        """Mark all of ``rows``."""
        self.marked = {row.id: row for row in rows}
        self.refresh()
        self._tell()

    def _tell(self) -> None:
        if self.on_cursor is not None:
            self.on_cursor()

    # -- painting -----------------------------------------------------------------------------------------------

    def _paint(self, index: int) -> None:
        y = index - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _paint_cells(self, index: int, before: Row, row: Row) -> None:
        """Paint only from the first to the last cell that differs: every byte goes over somebody's connection."""
        y = index - self.scroll_offset.y
        if not 0 <= y < self.size.height:
            return
        x, first, last = 2, None, 0
        for place, width in enumerate(self._shares(self.line_width)):
            if width:
                if before.cells[place] != row.cells[place]:
                    first = x if first is None else first
                    last = x + width
                x += width + GAP
        if first is not None:
            self.refresh(Region(first, y, last - first, 1))

    def on_mount(self) -> None:
        """Follow the theme."""
        super().on_mount()  # type: ignore[no-untyped-call]
        self._styles = styles_of(self.app.theme)
        self.app.theme_changed_signal.subscribe(self, self._on_theme)

    def _on_theme(self, _theme: object) -> None:
        self._styles = styles_of(self.app.theme)
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Share the new width; keep the cursor in view."""
        self.virtual_size = Size(event.size.width, self.count)
        if self.count:
            self.call_after_refresh(self._keep_cursor_in_view)
        self.refresh()

    def _keep_cursor_in_view(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if not top <= self.cursor < top + height:
            self.scroll_to(y=max(0, self.cursor - height // 2), animate=False, force=True)

    def on_focus(self) -> None:
        """The cursor row shows where the keys go."""
        self._paint(self.cursor)

    def on_blur(self) -> None:
        """The cursor row shows where the keys do not go any more."""
        self._paint(self.cursor)

    def on_click(self, event: events.Click) -> None:
        """The mouse may, but need not, be used."""
        index = event.y + self.scroll_offset.y
        if index >= self.count:
            return
        if index == self.cursor and event.chain > 1:
            self.post_message(self.Opened(self))
        else:
            self.move_to(index)

    @property
    def line_width(self) -> int:
        """Cells of a line, the scroll bar left out."""
        return self.scrollable_content_region.width

    def heads(self, width: int) -> list[tuple[str, str]]:
        """The titles of the columns over their cells."""
        line: list[tuple[str, str]] = [("  ", "dim")]
        for column, size in zip(self.columns, fit_columns(self.columns, max(1, width - 2)), strict=True):
            if size:
                line += [*cut([(column.title, "dim")], size, right=column.right), (" " * GAP, "")]
        return line

    def render_line(self, y: int) -> Strip:
        """One line of what is seen."""
        index = y + self.scroll_offset.y
        width = self.line_width
        base = self.rich_style
        if index >= self.count:
            return Strip.blank(width, base)
        row = self._rows.get(index)
        if row is None:
            self._want(index)
            return Strip([Segment(cut([("  …", "")], width)[0][0].ljust(width), base + self._styles["dim"])], width)
        return self._drawn(row, at_cursor=index == self.cursor, width=width, base=base)

    def _drawn(self, row: Row, *, at_cursor: bool, width: int, base: Style) -> Strip:
        over: Style | None = None
        if at_cursor:
            over = self._styles["cursor" if self._shines else "cursor_blurred"]
        # Seen without colour too: a bar marks the cursor, a plus the mark.
        lead = ("›" if at_cursor and self._shines else " ") + ("+" if row.id in self.marked else " ")
        parts = [(lead, "accent")]
        for place, (column, size) in enumerate(zip(self.columns, self._shares(width), strict=True)):
            if size:
                parts += [*cut(row.cells[place], size, right=column.right), (" " * GAP, "")]
        segments: list[Segment] = []
        for text, style in _joined(parts):
            drawn = base + self._styles.get(style, Style())
            if over is not None:
                # On the bar of a list with the keys the text takes the bar's own colours; elsewhere it keeps its own.
                drawn = base + over if self._shines else drawn + over
            segments.append(Segment(text, drawn))
        strip = Strip(segments)
        return strip.crop_extend(0, width, base + over if over is not None else base)

    @property
    def _shines(self) -> bool:
        return self.lit or self.has_focus

    def _shares(self, width: int) -> tuple[int, ...]:
        if self._fitted[0] != width:
            self._fitted = (width, fit_columns(self.columns, max(1, width - 2)))
        return self._fitted[1]

    def _want(self, index: int) -> None:
        if self._asked is not None and self._asked[0] <= index < self._asked[1]:
            return
        height = max(1, self.size.height)
        first = max(0, self.scroll_offset.y - height)
        self._asked = (first, self.scroll_offset.y + 2 * height)
        self.post_message(self.Wanted(self, *self._asked))


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Neighbours of one style as one piece, and blanks with whatever stands before them: every change costs bytes."""
    joined: list[Part] = []
    for text, style in parts:
        if joined and (joined[-1][1] == style or not text.strip()):
            joined[-1] = (joined[-1][0] + text, joined[-1][1])
        else:
            joined.append((text, style))
    return joined
