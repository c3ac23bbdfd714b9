"""The Events: everything that happens, as it happens, here and in other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from foundry_tui.console.actions import bindings_for
from foundry_tui.console.glyphs import DOING, LEVEL
from foundry_tui.console.panes.pane import Pane
from foundry_tui.console.widgets.columns import Column, Row, cell
from foundry_tui.console.widgets.event_list import EventList, event_key
from foundry_tui.console.widgets.line_list import LineList
from foundry_tui.domain.desk import Wanted, Window
from foundry_tui.domain.events import Event
from foundry_tui.domain.plain import plain
from foundry_tui.domain.status import Level

if TYPE_CHECKING:
    from foundry_tui.console.inner import Inner

_FIRST = 500
_OLDER = 500
_LEVELS = (Level.INFO, Level.WARNING, Level.ERROR, Level.DEBUG)


class EventsPane(Pane[Event]):
    """A log that follows, stops following when one looks back, and reaches all the way back."""

    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("events"))
    scope = "events"
    title = "Events"
    columns = (
        Column("TIME", 8),
        Column("", 1),
        Column("OF", 10, share=1, rank=2),
        Column("STEP", 10, rank=3),
        Column("WHAT HAPPENED", 20, share=3),
    )

    def __init__(self) -> None:
        super().__init__()
        self.level = Level.INFO
        self.audiobook_id: str | None = None
        self.titles: dict[str, str] = {}
        self._zone = datetime.now(UTC).astimezone().strftime("%z")
        self._begun = False
        self._older: asyncio.Task[None] | None = None
        self._oldest_reached = False

    def make_list(self) -> LineList:
        """The log's own list."""
        zone = datetime.now(UTC).astimezone().strftime("%z")
        columns = [Column(f"UTC{zone[:3]}", 8), *self.columns[1:]]
        return EventList(columns, self.row_of, id="events_list")

    @property
    def rows(self) -> EventList:
        """The list, with its own type."""
        assert isinstance(self.list, EventList)
        return self.list

    def key_of(self, line: Event) -> str:
        """Table and seq."""
        return event_key(line)

    def row_of(self, line: Event) -> Row:
        """An event on one line, in local time."""
        sign = LEVEL[line.level]
        of = "foundry"
        if line.audiobook_id:
            of = self.titles.get(line.audiobook_id, line.audiobook_id)
        return Row(
            event_key(line),
            (
                cell(local_time(line.timestamp), "dim"),
                cell(sign.drawn(), sign.style),
                cell(plain(of, 120), "dim"),
                cell(DOING.get(line.step_name or "", plain(line.step_name or "", 40).replace("_", " ")), "dim"),
                cell(plain(line.message, 400), sign.style),
            ),
            data=line,
        )

    # -- following ----------------------------------------------------------------------------------------------

    async def fetch(self, inner: Inner, wanted: Wanted) -> Window[Event]:
        """Not read by windows."""
        raise NotImplementedError

    def begin_again(self) -> None:
        """Read the newest page anew: the filter has changed."""
        self._begun = False
        self._oldest_reached = False
        self.loaded = False
        self.refresh_rows()

    async def _read(self) -> None:
        while self._stale and self.is_attached:
            self._stale = False
            if not self._begun:
                await self._begin()
                continue
            page = await self.console.ask(lambda inner: inner.events.after())
            if page is None:
                return
            events, more = page
            if events:
                await self._learn_titles(events)
                self.rows.add_newer(events)
                self._shown()
            if more:
                self._stale = True
                # A flood: let keys and paint in between the slices.
                await asyncio.sleep(0.05)

    async def _begin(self) -> None:
        text, level, of = self.text or None, self.level, self.audiobook_id
        events = await self.console.ask(
            lambda inner: inner.events.newest(_FIRST, audiobook_id=of, level=level, text=text)
        )
        if events is None:
            return
        if (text or "", level, of) != (self.text, self.level, self.audiobook_id):
            self._stale = True
            return
        self._begun = True
        await self._learn_titles(events)
        self.rows.begin(events)
        self._shown()

    def _shown(self) -> None:
        self.loaded = True
        self.count = self.rows.count
        self._show_empty()
        self.retitle()

    async def _learn_titles(self, events: Sequence[Event]) -> None:
        unknown = {event.audiobook_id for event in events if event.audiobook_id} - self.titles.keys()
        if unknown:
            ids = sorted(str(audiobook_id) for audiobook_id in unknown)
            found = await self.console.ask(lambda inner: inner.desk.titles(ids))
            self.titles |= found or {}

    async def look_back(self) -> None:
        """Read older events once the first of those here is in view."""
        if self._oldest_reached or not self._begun or (self._older is not None and not self._older.done()):
            return
        self._older = asyncio.create_task(self._read_older())

    async def _read_older(self) -> None:
        shown = list(self.rows.events)
        events = await self.console.ask(lambda inner: inner.events.before(shown, _OLDER))
        if events is None:
            return
        self._oldest_reached = len(events) < _OLDER
        await self._learn_titles(events)
        self.rows.add_older(events)
        self._shown()

    def _on_cursor(self) -> None:
        super()._on_cursor()
        if self.rows.cursor < 10 and self.rows.count and not self.rows.following:
            self.run_worker(self.look_back(), group="older", exit_on_error=False)

    # -- filters ------------------------------------------------------------------------------------------------

    def set_filter(self, text: str) -> None:
        """Only events with ``text`` in them."""
        if text != self.text:
            self.text = text
            self.begin_again()

    def next_level(self) -> Level:
        """From info, warnings, errors, everything."""
        self.level = _LEVELS[(_LEVELS.index(self.level) + 1) % len(_LEVELS)]
        self.begin_again()
        return self.level

    def only_of(self, audiobook_id: str | None) -> None:
        """Only the events of one production, or all again."""
        self.audiobook_id = audiobook_id
        self.begin_again()

    def back(self) -> bool:
        """Close a layer: the filter, then the one production, then a level."""
        if super().back():
            return True
        if self.audiobook_id is not None:
            self.only_of(None)
            return True
        if self.level is not Level.INFO:
            self.level = Level.INFO
            self.begin_again()
            return True
        return False

    def title_parts(self) -> list[str]:
        """What is filtered, and whether it follows."""
        parts = [f"{self.count:,}"] if self.loaded else []
        if self.level is not Level.INFO:
            parts.append("everything" if self.level is Level.DEBUG else f"{self.level} and up")
        if self.audiobook_id is not None:
            parts.append(plain(self.titles.get(self.audiobook_id, self.audiobook_id), 24))
        if self.text:
            parts.append(f"/{plain(self.text, 20)}")
        if not self.rows.following:
            parts.append(f"paused, {self.rows.unseen:,} new: G follows")
        return parts

    def count_words(self) -> str:
        """What the filter lets through, in words."""
        parts = [plain(self.titles.get(self.audiobook_id, self.audiobook_id), 30)] if self.audiobook_id else []
        parts += [f"{self.level} and up"] if self.level is not Level.DEBUG else []
        parts += [f"with {plain(self.text, 20)!r}"] if self.text else []
        return f"the events: {', '.join(parts) or 'all'}"

    def empty_text(self) -> str:
        """Nothing has happened."""
        if self.audiobook_id is not None or self.level is not Level.INFO:
            return "No such events: esc shows all again."
        return "Nothing has happened yet. Every step that begins, ends, is retried or fails is told here."

    def reason(self, name: str) -> str | None:
        """Why not now."""
        if name == "of_production" and self.audiobook_id is None:
            event = self.rows.cursor_event
            if event is None or event.audiobook_id is None:
                return "That event belongs to no production."
        return None


def local_time(timestamp: str | None) -> str:
    """``14:03:22`` today, ``Nov 20`` … before: in the time of this machine."""
    if not timestamp:
        return ""
    try:
        moment = datetime.fromisoformat(timestamp).replace(tzinfo=UTC).astimezone()
    except ValueError:
        return plain(timestamp, 8)
    today = datetime.now(UTC).astimezone().date()
    return moment.strftime("%H:%M:%S") if moment.date() == today else moment.strftime("%d %b%H")[:6].ljust(8)
