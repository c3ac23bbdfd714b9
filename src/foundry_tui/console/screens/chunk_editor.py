"""What a chunk says, changed: the book's own words stay beside it, and it can be heard before it is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Label, Static, TextArea
from textual.widgets.text_area import Edit, EditResult
from textual.worker import Worker, WorkerState

from foundry_tui.console.actions import hints, of_scope
from foundry_tui.console.contract import Console
from foundry_tui.console.keymap import shown_keys
from foundry_tui.domain.plain import plain, plain_lines, without_controls

if TYPE_CHECKING:
    from foundry_tui.operations.chunk_texts import ChunkText

Store = Callable[[str], Awaitable[str | None]]  # what was typed -> a complaint, or None
MOST_CHARACTERS = 2000


class PlainArea(TextArea):
    """Lines to type on that never hold what a terminal would obey, not even from a paste."""

    def edit(self, edit: Edit) -> EditResult:
        """Take out what is no text."""
        edit.text = "\n".join(without_controls(line) for line in edit.text.split("\n"))
        return super().edit(edit)


class ChunkEditor(ModalScreen[str | None]):
    """Answers with the words kept, or None. ``ctrl+s`` is no key of the registry: some terminals keep it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False, priority=True),
        Binding("f3", "keep", show=False, id="editor.keep", priority=True),
        Binding("ctrl+s", "keep", show=False, priority=True),
        Binding("f2", "hear", show=False, id="editor.hear", priority=True),
        Binding("f9", "original", show=False, id="editor.original", priority=True),
    ]

    def __init__(self, text: ChunkText, narrator_id: str, store: Store) -> None:
        super().__init__()
        self.text = text
        self._narrator_id = narrator_id
        self._store = store
        self._busy = False
        self._warned = False
        self.begun_with = one_line(text.spoken if text.overridden else text.original)
        self.area = PlainArea(self.begun_with, id="spoken", soft_wrap=True, compact=True, tab_behavior="focus")
        self.area.cursor_blink = False

    @property
    def console(self) -> Console:
        """The app."""
        return cast("Console", self.app)

    def compose(self) -> ComposeResult:
        """The book's words, the words said, what keeping them changes, the keys."""
        text = self.text
        with Vertical(classes="box wide editor") as box:
            box.border_title = Text(f"Words of chapter {text.chapter}, chunk {text.chunk}: {plain(text.title, 50)}")
            with Horizontal(classes="sides"):
                with Vertical(classes="side"):
                    yield Label("As the book has it", classes="name", markup=False)
                    with VerticalScroll() as area:
                        area.can_focus = False
                        yield Static(Text(plain_lines(text.text)), id="original", markup=False)
                with Vertical(classes="side"):
                    yield Label("As it is said", classes="name", markup=False)
                    yield self.area
            yield Static(Text(self.consequence()), id="consequence", markup=False)
            yield Static("", id="said", markup=False)
            yield Static(self._keys(), classes="hint", markup=False)

    def _keys(self) -> str:
        shown = hints(of_scope("editor", readonly=self.console.readonly))
        keys = [f"{shown_keys(action.id, self.console.keys)} {action.short}" for action in shown]
        return " · ".join([*keys, "ctrl+s keeps too · esc leaves"])

    def consequence(self) -> str:
        """What keeping the words changes, said beforehand."""
        text = self.text
        words = "Kept, this chunk is spoken again at the next rebuild, and its chapter and the book are bound anew."
        if text.elsewhere:
            many = f"{text.elsewhere:,} other chunk{'s' if text.elsewhere != 1 else ''}"
            words += f" {many} of the book with the same words change{'' if text.elsewhere != 1 else 's'} with it."
        if one_line(text.text) != one_line(text.original) and not text.overridden:
            words += " The speech rules have written it out for the voice already."
        if text.spoken != text.original and not text.overridden:
            words += f" The lexicon says: {plain(text.spoken, 300)}"
        return words

    def on_mount(self) -> None:
        """Type."""
        self.area.focus()
        self.area.move_cursor(self.area.document.end)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """An action that broke is told and logged."""
        if event.state is WorkerState.ERROR:
            cast("Any", self.app).on_worker_state_changed(event)

    def say(self, words: str, style: str = "") -> None:
        """Where the operator looks."""
        mark = "✗ " if style == "bad" else ""
        self.query_one("#said", Static).update(Text(plain(f"{mark}{words}", 400)))

    @property
    def typed(self) -> str:
        """The words as they would be kept: on one line."""
        return one_line(self.area.text)

    def action_keep(self) -> None:
        """Keep them, once every key that was pressed before has been typed."""
        self.area.call_later(self._keep_typed)

    def _keep_typed(self) -> None:
        if self._busy:
            return
        if self.console.readonly:
            self.say("This console is read-only.")
        elif not self.typed:
            self.say("A chunk cannot be silent: leave its section out instead (i in the Catalog).", "bad")
        elif len(self.typed) > MOST_CHARACTERS:
            self.say(f"{len(self.typed):,} characters are too many for one chunk ({MOST_CHARACTERS:,}).", "bad")
        elif self.typed == self.begun_with:
            self.say("Nothing was changed.")
        else:
            self._busy = True
            self.run_worker(self._keep(self.typed), group="keep", exit_on_error=False)

    async def _keep(self, words: str) -> None:
        self.say("…")
        try:
            complaint = await self._store(words)
        finally:
            self._busy = False
        if complaint is None:
            await self.console.sound.stop()
            self.dismiss(words)
        else:
            self.say(complaint, "bad")

    def action_hear(self) -> None:
        """Hear them, or be silent."""
        self.run_worker(self._hear(self.typed), group="hear", exclusive=True, exit_on_error=False)

    async def _hear(self, words: str) -> None:
        if await self.console.sound.stop():
            self.say("Stopped.")
            return
        if not words:
            return
        self.say("It is spoken …")
        heard = await self.console.ask(lambda inner: inner.auditions.speak(self._narrator_id, words))
        if heard is not None and self.is_attached:
            self.say(await self.console.play("editor", "the new words", heard.wav, heard.seconds))

    def action_original(self) -> None:
        """The book's own words."""
        self.area.text = one_line(self.text.original)
        self.area.move_cursor(self.area.document.end)

    def action_close(self) -> None:
        """Leave; words that were changed are not thrown away at the first press."""
        if self.typed != self.begun_with and not self._warned:
            self._warned = True
            self.say("These words are not kept: esc again leaves without them.", "bad")
            return
        self.run_worker(self._close(), group="close", exit_on_error=False)

    async def _close(self) -> None:
        await self.console.sound.stop()
        self.dismiss(None)


def one_line(text: str) -> str:
    """Words with single blanks between them and nothing a terminal obeys."""
    return " ".join(plain_lines(text).split())
