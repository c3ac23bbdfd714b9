"""A production, opened: its steps with what was tried, its chapters, its chunks with what was heard in them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from foundry_tui.console.actions import bindings_for, hints, of_scope
from foundry_tui.console.contract import Console, ScopedScreen
from foundry_tui.console.doing import production as doing
from foundry_tui.console.glyphs import STATUS, dots
from foundry_tui.console.panes.queue import sign_of
from foundry_tui.console.progress import short_time
from foundry_tui.console.screens.error import error_screen
from foundry_tui.console.screens.production_rows import (
    COLUMNS,
    TABS,
    chapter_row,
    chunk_row,
    published_files,
    step_row,
)
from foundry_tui.console.screens.reading import ReadingScreen
from foundry_tui.console.themes import styles_of
from foundry_tui.console.widgets.bars import Flash, Footer
from foundry_tui.console.widgets.heads import Heads
from foundry_tui.console.widgets.line_list import LineList
from foundry_tui.domain.desk import ChunkLine, Opened, StepStory, Window
from foundry_tui.domain.plain import plain, plain_lines
from foundry_tui.domain.status import Status

if TYPE_CHECKING:
    from foundry_tui.console.inner import Inner

_OF_CHUNKS = {"production.play", "production.retake", "production.change", "production.undo"}


class ProductionScreen(ScopedScreen):
    """Keys come from the registry's production scope."""

    scope = "production"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings_for("production"))

    def __init__(self, audiobook_id: str) -> None:
        super().__init__(classes="detail")
        self.audiobook_id = audiobook_id
        self.tab = 0
        self.flash = Flash("production_flash")
        self.footer = Footer("production_footer")
        self.opened: Opened | None = None
        self.chapters: Sequence[Mapping[str, Any]] = ()
        self.lists = [LineList(COLUMNS[tab], marks=tab in {"chunks", "flagged"}) for tab in TABS]
        self.heads = [Heads(each) for each in self.lists]
        self._reading: asyncio.Task[None] | None = None
        self._stale = False

    @property
    def console(self) -> Console:
        """The app."""
        return cast("Console", self.app)

    @property
    def shown(self) -> LineList:
        """The list that is seen."""
        return self.lists[self.tab]

    def compose(self) -> ComposeResult:
        """Facts, the names of the lists, the list."""
        yield Static(id="facts", markup=False)
        yield Static(id="tabline", classes="tabline", markup=False)
        with Vertical():
            for heads, each in zip(self.heads, self.lists, strict=True):
                yield heads
                yield each
        yield self.flash
        yield self.footer

    def on_mount(self) -> None:
        """Read, and show the steps first."""
        shown = of_scope("production", "list", "app", readonly=self.console.readonly)
        self.footer.show(hints(each for each in shown if each.id not in self.lacks), self.console.keys)
        self._show_tab()
        self.tables_changed()

    def say(self, words: str, style: str = "") -> None:
        """The flash line here."""
        self.flash.show(words, style)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """An action that broke is told and logged as one of the panes' is."""
        if event.state is WorkerState.ERROR:
            cast("Any", self.app).on_worker_state_changed(event)

    # -- reading ------------------------------------------------------------------------------------------------

    def tables_changed(self) -> None:
        """Read again; many changes are one read."""
        self._stale = True
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())

    async def settled(self) -> None:
        """Return when no read is under way."""
        while self._reading is not None and not self._reading.done():
            await asyncio.wait([self._reading])

    async def _read(self) -> None:
        while self._stale and self.is_attached:
            self._stale = False
            opened = await self.console.ask(lambda inner: inner.desk.open(self.audiobook_id))
            if opened is None:
                self.query_one("#facts", Static).update("It is gone: somebody has removed it.")
                return
            if self.opened is None or not self.chapters:
                self.chapters = await self.console.ask(lambda inner, of=opened: _chapters(inner, of)) or ()  # type: ignore[misc]
            self.opened = opened
            self._show_facts(opened)
            await self._show_list(opened)

    def _show_facts(self, opened: Opened) -> None:
        styles = styles_of(self.app.theme)
        line, made = opened.line, opened.line.production
        sign = sign_of(line)
        totals = made.totals
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(plain(line.book_name, 200), styles["bold"])
        text.append(f"  {plain(line.author or '', 100)}\n", styles["dim"])
        text.append(f"{sign.drawn()} {sign.word}  ", styles[sign.style])
        for words, style in dots([status for _, status in line.steps]):
            text.append(words, styles[style])
        spoken = totals.get("spoken_by") or {}
        by = f" ({plain(spoken.get('engine', ''))}, {plain(spoken.get('voice', ''))})" if spoken else ""
        text.append(f"  read by {plain(line.narrator_name, 100)}{by}  ", "")
        audio_s = float(totals.get("audio_s") or 0)
        text.append(f"{short_time(audio_s)} of speech  " if audio_s else "", styles["dim"])
        text.append(f"{made.audiobook_id}\n", styles["dim"])
        if made.error_message and made.status is Status.FAILED:
            text.append(f"{plain(made.error_message, 400)}\n", styles["bad"])
        for file in published_files(totals):
            text.append(f"{file}\n", styles["dim"])
        self.query_one("#facts", Static).update(text)

    async def _show_list(self, opened: Opened) -> None:
        name = TABS[self.tab]
        if name == "steps":
            rows = [step_row(step) for step in opened.steps]
            self.shown.show_rows(len(rows), 0, rows, self.shown.cursor)
        elif name == "chapters":
            rows = [chapter_row(chapter) for chapter in self.chapters]
            self.shown.show_rows(len(rows), 0, rows, self.shown.cursor)
        else:
            row, index = self.shown.cursor_row, self.shown.cursor
            around = row.data.place if row is not None and isinstance(row.data, ChunkLine) else None
            only = "flagged" if name == "flagged" else "all"
            window: Window[ChunkLine] | None = await self.console.ask(
                lambda inner: inner.desk.chunks(self.audiobook_id, only=only, around=around, index=index)
            )
            if window is not None and TABS[self.tab] == name:
                rows = [chunk_row(each) for each in window.lines]
                asked = (row.id if row is not None else None, index)
                at = self.shown.place_after(asked, window.first, rows, window.at)
                if at is None:
                    self._stale = True
                    return
                self.shown.show_rows(window.count, window.first, rows, at)
        self._show_tabline()

    @on(LineList.Wanted)
    def _more(self, event: LineList.Wanted) -> None:
        event.stop()
        self.run_worker(self._read_more(event.first, event.last), group="more", exclusive=True, exit_on_error=False)

    async def _read_more(self, first: int, last: int) -> None:
        only = "flagged" if TABS[self.tab] == "flagged" else "all"
        lines = await self.console.ask(
            lambda inner: inner.desk.more_chunks(self.audiobook_id, only=only, first=first, last=last)
        )
        if lines is not None:
            self.shown.put_rows(first, [chunk_row(each) for each in lines])

    # -- lists --------------------------------------------------------------------------------------------------

    def _show_tab(self) -> None:
        for place, (heads, each) in enumerate(zip(self.heads, self.lists, strict=True)):
            heads.display = each.display = place == self.tab
        self.shown.focus()
        self._show_tabline()

    def _show_tabline(self) -> None:
        styles = styles_of(self.app.theme)
        text = Text(no_wrap=True)
        for place, name in enumerate(TABS):
            here = place == self.tab
            words = f"[{name.capitalize()}]" if here else f" {name.capitalize()} "
            text.append(words, styles["accent"] + styles["bold"] if here else styles["dim"])
        if self.shown.count:
            marked = f", {len(self.shown.marked)} marked" if self.shown.marked else ""
            text.append(f"  {self.shown.count:,}{marked}", styles["dim"])
        elif TABS[self.tab] == "flagged" and self.opened is not None:
            text.append("  no chunk failed or was flagged", styles["ok"])
        elif TABS[self.tab] in {"chapters", "chunks"} and self.opened is not None:
            text.append("  none yet", styles["dim"])
        self.query_one("#tabline", Static).update(text)

    # -- acting -------------------------------------------------------------------------------------------------

    def reason(self, action_id: str) -> str | None:
        """Why not now."""
        if self.opened is None and action_id.startswith("production."):
            return "It is still being read."
        if action_id in _OF_CHUNKS and not self.chosen_chunks():
            return "Go to the chunks ( ] ) and choose one."
        return None

    def chosen_chunks(self) -> list[ChunkLine]:
        """The marked chunks, else the one under the cursor."""
        return [row.data for row in self.shown.chosen() if isinstance(row.data, ChunkLine)]

    async def perform(self, name: str) -> bool:
        """Do an action."""
        if self.shown.perform(name):
            self._show_tabline()
            return True
        if name == "back":
            return self.shown.forget_marks()
        if name in {"next_tab", "previous_tab"}:
            self.tab = (self.tab + (1 if name == "next_tab" else -1)) % len(TABS)
            self._show_tab()
            self.tables_changed()
        elif name == "open":
            self._open_row()
        elif name == "error":
            self.run_worker(self._show_error(), group="error", exclusive=True, exit_on_error=False)
        elif name == "play":
            self.run_worker(self._play(), group="play", exclusive=True, exit_on_error=False)
        elif name in {"retake", "requeue", "change", "undo", "forecast"}:
            self.run_worker(doing.perform(self, name), group="redo", exit_on_error=False)
        elif name == "copy":
            row = self.shown.cursor_row
            if row is not None:
                words = "  ".join("".join(text for text, _ in each).strip() for each in row.cells)
                self.console.say(self.console.copy(words))
        else:
            return False
        return True

    def _open_row(self) -> None:
        row = self.shown.cursor_row
        if row is None:
            return
        if isinstance(row.data, StepStory):
            self.app.push_screen(_step_screen(row.data))
        elif isinstance(row.data, ChunkLine):
            self.app.push_screen(_chunk_screen(row.data))
        else:
            self._to_chapter(int(row.id))

    def _to_chapter(self, number: int) -> None:
        self.tab = TABS.index("chunks")
        self._show_tab()
        self.run_worker(self._jump(number), group="jump", exclusive=True, exit_on_error=False)

    async def _jump(self, number: int) -> None:
        window = await self.console.ask(
            lambda inner: inner.desk.chunks(self.audiobook_id, only="all", around=(number, 0), index=0)
        )
        if window is not None:
            self.shown.show_rows(window.count, window.first, [chunk_row(each) for each in window.lines], window.at)
            self.shown.move_to(window.at)

    async def _show_error(self) -> None:
        assert self.opened is not None
        opened = self.opened
        if not any(step.error_message for step in opened.steps) and not opened.line.production.error_message:
            self.console.say("It has not failed.", "warn")
            return
        events = await self.console.ask(lambda inner: inner.loud_events(self.audiobook_id))
        self.app.push_screen(error_screen(opened, events or []))

    async def _play(self) -> None:
        chunk = self.chosen_chunks()[0]
        name = f"{self.audiobook_id}.{chunk.chapter_number}.{chunk.chunk_index}"
        playing = self.console.sound.playing
        if playing is not None:
            await self.console.sound.stop()
            if playing.name == name:
                self.console.say("Stopped.")
                return
        if not chunk.artifact or chunk.status is not Status.SUCCESS:
            self.console.say("That chunk has no sound yet.", "warn")
            return
        artifact = chunk.artifact
        heard = await self.console.ask(lambda inner: inner.auditions.take(artifact, chunk.text))
        if heard is not None:
            said = f"chapter {chunk.chapter_number}, chunk {chunk.chunk_index}"
            await self.console.play(name, said, heard.wav, heard.seconds)


async def _chapters(inner: Inner, opened: Opened) -> Sequence[Mapping[str, Any]]:
    made = opened.line.production
    shown = await inner.foundry.catalog.show(made.book_id)
    found: Sequence[Mapping[str, Any]] = shown["chapters"].get(inner.language(made.language), ())
    return found


def _step_screen(step: StepStory) -> ReadingScreen:
    from foundry_tui.console.screens.reading import plain_json

    sign = STATUS[step.status]
    lines: list[Any] = [[(step.step_number, "bold"), (f"  {sign.drawn()} {sign.word}", sign.style)], []]
    facts = (
        ("Started", step.started_at), ("Finished", step.finished_at), ("Worker", step.worker_id),
        ("Attempt", f"{step.attempt} of {step.max_attempts}" if step.max_attempts else None),
        ("Reason", step.reason), ("Made again", step.requeues or None), ("Error", step.error_code),
    )  # fmt: skip
    lines += [[(f"{name:<12}", "dim"), (plain(value), "")] for name, value in facts if value]
    lines += [[(text, "bad")] for text in plain_lines(step.error_message or "").splitlines()]
    for title, mapping in (("What its result depends on", step.key_parts), ("What it handed on", step.result)):
        if mapping:
            import json

            shown = json.dumps(dict(mapping), indent=2, ensure_ascii=False, default=str)
            lines += [[], [(title, "dim")], *([(text, "")] for text in plain_json(shown))]
    if step.error_trace:
        lines += [[], [("Trace", "dim")], *([(text, "dim")] for text in plain_lines(step.error_trace).splitlines())]
    return ReadingScreen(step.step_number, lines)


def _chunk_screen(chunk: ChunkLine) -> ReadingScreen:
    sign = STATUS[chunk.status]
    lines: list[Any] = [
        [
            (f"{sign.drawn()} {sign.word}", sign.style),
            (f"  take {chunk.take}, {chunk.attempts} attempt{'s' if chunk.attempts != 1 else ''}", "dim"),
        ],
        [],
        [(plain_lines(chunk.text), "")],
        [],
    ]
    if chunk.seconds:
        lines.append([("Sound       ", "dim"), (f"{chunk.seconds:.2f} s", "")])
    if chunk.flags:
        lines.append([("Flags       ", "dim"), (", ".join(plain(flag) for flag in chunk.flags), "warn")])
    if chunk.error:
        lines.append([(plain(chunk.error), "bad")])
    if chunk.artifact:
        lines.append([("File        ", "dim"), (plain(chunk.artifact), "")])
    return ReadingScreen(f"Chapter {chunk.chapter_number}, chunk {chunk.chunk_index}", lines)
