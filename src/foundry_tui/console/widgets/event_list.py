"""The event log's list: a bounded piece of the log held in memory, painted line by line, following its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.geometry import Size

from foundry_tui.console.widgets.columns import Column, Row
from foundry_tui.console.widgets.line_list import LineList
from foundry_tui.domain.events import Event

KEEP = 5_000  # while it follows
KEEP_PAUSED = 25_000  # while somebody reads


def event_key(event: Event) -> str:
    """Names an event across both tables."""
    return f"{'p' if event.audiobook_id else 'a'}{event.seq}"


class EventList(LineList):
    """Rows are made from events only when they are painted."""

    def __init__(self, columns: Sequence[Column], draw: Callable[[Event], Row], *, id: str) -> None:  # noqa: A002
        super().__init__(columns, id=id, marks=False)
        self.events: list[Event] = []
        self.following = True
        self.unseen = 0
        self._draw = draw
        self._rows = _Drawn(self)

    @property
    def cursor_event(self) -> Event | None:
        """The event under the cursor."""
        return self.events[self.cursor] if 0 <= self.cursor < len(self.events) else None

    def drawn(self, index: int) -> Row | None:
        """The event at ``index`` as a row."""
        return self._draw(self.events[index]) if 0 <= index < len(self.events) else None

    def begin(self, events: Sequence[Event]) -> None:
        """Show these, from the end."""
        self.events = list(events)
        self.following, self.unseen = True, 0
        self._resized()
        self._to_end()
        self.refresh()

    def add_newer(self, events: Sequence[Event]) -> None:
        """These have happened since."""
        self.events += events
        most = KEEP if self.following else KEEP_PAUSED
        over = len(self.events) - most
        if over > 0:
            del self.events[:over]
        if self.following:
            self._resized()
            self._to_end()
            self.refresh()
            return
        self.unseen += len(events)
        if over > 0:
            self.cursor = max(0, self.cursor - over)
            self._resized()
            self.scroll_to(y=max(0, self.scroll_offset.y - over), animate=False, force=True)
            self.refresh()
        else:
            self._resized()

    def add_older(self, events: Sequence[Event]) -> None:
        """These came before; what is seen stays where it is."""
        if not events:
            return
        offset = self.scroll_offset.y
        self.events[:0] = events
        self.cursor += len(events)
        self._resized()
        self.scroll_to(y=offset + len(events), animate=False, force=True)
        self.refresh()

    def move_to(self, index: int) -> None:
        """Moving up stops the following, reaching the end takes it up again."""
        at_end = index >= self.count - 1
        if at_end:
            self.unseen = 0
        self.following = at_end
        super().move_to(index)

    def on_resize(self, event: events.Resize) -> None:
        """Keep to the end while following."""
        super().on_resize(event)
        if self.following:
            self.call_after_refresh(self._to_end)

    def _resized(self) -> None:
        self.count = len(self.events)
        self.virtual_size = Size(self.size.width, self.count)

    def _to_end(self) -> None:
        self.cursor = max(0, self.count - 1)
        self.scroll_to(y=max(0, self.count - max(1, self.size.height)), animate=False, force=True)


class _Drawn(dict[int, Row]):
    """Looks like the rows a list holds; draws the one that is asked for."""

    def __init__(self, of: EventList) -> None:
        super().__init__()
        self._of = of

    def get(self, index: int, default: Row | None = None) -> Row | None:  # type: ignore[override]
        """Draw it."""
        return self._of.drawn(index) or default
