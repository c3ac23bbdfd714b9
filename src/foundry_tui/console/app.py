"""The console: four panes over one house, driven by the registry of actions."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.events import Key, Resize
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from foundry_tui.console import glyphs
from foundry_tui.console.actions import ACTIONS, BY_ID, PANE_SCOPES, Action, bindings_for, hints, of_scope
from foundry_tui.console.clipboard import osc52
from foundry_tui.console.contract import SayingScreen, ScopedScreen
from foundry_tui.console.header_facts import HOST as _HOST
from foundry_tui.console.house import House
from foundry_tui.console.keeping_up import KeepingUp
from foundry_tui.console.keymap import keymap_of
from foundry_tui.console.layout import LOW, NARROW, Layout
from foundry_tui.console.panes.catalog import CatalogPane
from foundry_tui.console.panes.events import EventsPane
from foundry_tui.console.panes.narrators import NarratorsPane
from foundry_tui.console.panes.pane import Pane
from foundry_tui.console.panes.queue import QueuePane
from foundry_tui.console.sinks import Sink, choose_sink
from foundry_tui.console.sound import Sound, heard_where
from foundry_tui.console.themes import THEMES
from foundry_tui.console.widgets.bars import Flash, Footer, Tabs
from foundry_tui.console.widgets.header import Header
from foundry_tui.domain.plain import plain
from foundry_tui.errors import FoundryError

if TYPE_CHECKING:
    from foundry_tui.console.inner import Glance, Inner
    from foundry_tui.settings import Settings

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


class ConsoleApp(App[int]):
    """Composes and routes; what an action does is in ``doing``, what is shown is in the panes."""

    CSS_PATH = "console.tcss"
    TITLE = "foundry-tui"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in bindings_for("app") if isinstance(binding, Binding) and binding.id != "app.palette"
    ]

    def __init__(
        self,
        settings: Settings,
        *,
        workers: int = 0,
        readonly: bool = False,
        low_bandwidth: bool = False,
        theme: str = "dark",
        rings: bool = False,
        keys: dict[str, str] | None = None,
        house: House | None = None,
        sink: Sink | None = None,
    ) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (LOW, "-high")]
        self.settings = settings
        self.readonly = readonly
        self.low_bandwidth = low_bandwidth
        self.keys: Mapping[str, str] = keymap_of(keys or {})
        self.sink = sink or choose_sink()
        self.sound = Sound(self.sink)
        self.unicode = glyphs.UNICODE
        self.house = house or House(settings, workers=0 if readonly else workers, watch_inbox=not readonly)
        self.flush_s = 0.5 if low_bandwidth else 0.2
        self.animation_level = "none"
        self.layout_of_panes = Layout(self)
        self.keeping_up = KeepingUp(self, rings=rings)
        self.left_by_signal = False
        self.last_words = ""
        # A child process must be given a real descriptor: Textual's own stand-in has none.
        self._capture_stderr.fileno = lambda: 2  # type: ignore[method-assign]
        # Before anything is styled: a theme set later would style everything twice.
        for each in THEMES.values():
            self.register_theme(each)
        wanted = "ansi" if low_bandwidth else theme
        self.theme = wanted if wanted in THEMES else "dark"
        self._leaving = False

    # -- composing ----------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """The frame, which is there before the house is."""
        self.panes: tuple[Pane[object], ...] = (CatalogPane(), NarratorsPane(), QueuePane(), EventsPane())  # type: ignore[assignment]
        self.header = Header()
        self.tabs = Tabs([pane.title for pane in self.panes])
        self.flash = Flash()
        self.footer = Footer()
        yield self.header
        yield self.tabs
        catalog, narrators, queue, events = self.panes
        # Row by row: books and what becomes of them above, who speaks and what happens below.
        yield Container(catalog, queue, narrators, events, id="panes")
        yield self.flash
        yield self.footer
        yield Static(id="too_small", markup=False)

    def on_mount(self) -> None:
        """Paint first; only then open the house."""
        self.set_keymap(self.keys)
        self.narrators.sound = self.sink.said
        self.panes[0].list.focus()
        self._listen_to_signals()
        self.call_after_refresh(self._open_house)

    def _open_house(self) -> None:
        self.house.start()
        self.run_worker(self._opened(), group="opening", exit_on_error=False)
        self.set_interval(self.flush_s, self._keep_up)

    async def _opened(self) -> None:
        try:
            await self.house.opened()
        except FoundryError as error:
            self.say(error.sentence(), "bad", keep=False)
            self.keeping_up.show_header()
            return
        await self.look()
        # What the actions do, with their forms and lists, is imported once there is time for it.
        from foundry_tui.console.doing import router, welcome

        del router
        await welcome.greet(self)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            try:
                loop.add_signal_handler(number, self._signalled, number)
            except (ValueError, RuntimeError, NotImplementedError):
                return  # not the main thread: tests, a browser

    def _signalled(self, number: int) -> None:
        del number
        self.left_by_signal = True
        self._leaving = True
        self.house.ask_to_close()
        self.exit(130)

    # -- the panes by name --------------------------------------------------------------------------------------

    @property
    def catalog(self) -> CatalogPane:
        """The books."""
        return self.query_one(CatalogPane)

    @property
    def narrators(self) -> NarratorsPane:
        """The roster."""
        return self.query_one(NarratorsPane)

    @property
    def queue(self) -> QueuePane:
        """The productions."""
        return self.query_one(QueuePane)

    @property
    def events(self) -> EventsPane:
        """The log."""
        return self.query_one(EventsPane)

    def pane_of(self, scope: str) -> Pane[object]:
        """The pane of a scope."""
        return next(pane for pane in self.panes if pane.scope == scope)

    @property
    def pane(self) -> Pane[object]:
        """The pane keys go to."""
        shown = [pane for pane in self.panes if pane.has_focus_within]
        return shown[0] if shown else self.panes[self.layout_of_panes.place]

    def pane_focused(self, pane: Pane[object]) -> None:
        """Keys go to ``pane`` now."""
        self.layout_of_panes.place = self.panes.index(pane)
        self.tabs.show(self.layout_of_panes.place)
        self.show_hints()

    def show_hints(self) -> None:
        """The footer's keys for what has the focus."""
        scope = self.screen.scope if isinstance(self.screen, ScopedScreen) else self.pane.scope
        shown = of_scope(scope, "list", "app", readonly=self.readonly)
        self.footer.show(hints(self._possible(shown)), self.keys)

    def _possible(self, actions: Iterable[Action]) -> list[Action]:
        return [action for action in actions if self._is_possible(action)]

    def _is_possible(self, action: Action) -> bool:
        if isinstance(self.screen, ScopedScreen):
            return action.id not in self.screen.lacks
        if action.scope == "app":
            return True
        if self.pane.loaded and not self.pane.count and action.scope == "list":
            return False  # nothing to move to, to mark, to filter
        if action.scope == self.pane.scope and self.pane.loaded and self.pane.reason(action.name) is not None:
            return False
        return action.id != "list.sort" or bool(self.pane.orders)

    # -- layout and keeping up ----------------------------------------------------------------------------------

    def on_resize(self, event: Resize) -> None:
        """Four panes, one at a time, or a word about what is needed."""
        self.layout_of_panes.lay_out(event.size.width, event.size.height)

    def go_to(self, place: int) -> None:
        """Give a pane the keys, and the screen where only one has room."""
        self.layout_of_panes.go_to(place)

    @property
    def zoomed(self) -> bool:
        """Whether one pane has the whole screen."""
        return self.layout_of_panes.zoomed

    def zoom(self) -> None:
        """One pane on the whole screen, or all again."""
        self.layout_of_panes.zoom()

    @property
    def glance(self) -> Glance | None:
        """The tables as the header last read them."""
        return self.keeping_up.glance

    def _keep_up(self) -> None:
        if not self._leaving:
            self.keeping_up.tick()

    async def look(self) -> None:
        """Read again what the screen shows."""
        await self.keeping_up.look()

    async def settled(self) -> None:
        """Return when every pane shows what the tables say (for tests and pictures)."""
        await self.house.opened()
        await self.look()
        for pane in self.panes:
            await pane.settled()

    async def ask(self, work: Callable[[Inner], Awaitable[Result]]) -> Result | None:
        """``work`` in the house; an error is said in the flash line, and None comes back."""
        try:
            return await self.house.call(work)
        except FoundryError as error:
            self.say(error.sentence(), "bad")
        except RuntimeError:
            if not self._leaving and self.house.is_open:
                raise
        return None

    def say(self, words: str, style: str = "", *, keep: bool = True, stays: bool = False) -> None:
        """Say it in the flash line, and on the screen that lies over it; what is bad is kept in the event log too.

        What is still under way, or still to be read, ``stays`` until something else is said.
        """
        if not self.is_running:
            return
        self.flash.show(words, style, stays=stays)
        if isinstance(self.screen, SayingScreen):
            self.screen.say(words, style)
        if style == "bad" and keep and not self.readonly and self.house.is_open:
            self.run_worker(self._note(words), group="note", exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """An action that broke says so, and is in the log with its trace; the console goes on."""
        error = event.worker.error
        if event.state is not WorkerState.ERROR or error is None:
            return
        if isinstance(error, FoundryError):
            self.say(error.sentence(), "bad")
            return
        _log.error("an action of the console broke: %s", event.worker.name, exc_info=error)
        self.say(f"A fault in the console: {type(error).__name__}: {error}. The trace is in logs/foundry.log.", "bad")

    def _fatal_error(self) -> None:
        """The screen itself broke: the log has the trace, the operator a sentence, the terminal is restored."""
        error = sys.exc_info()[1] or self._exception
        _log.critical("the console broke", exc_info=error)
        words = f"The console broke: {type(error).__name__}: {plain(error, 200)}\nNo work is lost. "
        words += f"The trace is in {self.settings.home / 'logs' / 'foundry.log'}."
        self.last_words = words
        self._close_messages_no_wait()

    def print_last_words(self) -> None:
        """What is to be read once the terminal is an ordinary one again."""
        if self.last_words:
            sys.stderr.write(f"{self.last_words}\n")

    async def _note(self, words: str) -> None:
        try:
            await self.house.call(lambda inner: inner.desk.note(words))
        except FoundryError:
            return

    # -- acting -------------------------------------------------------------------------------------------------

    async def action_act(self, action_id: str) -> None:
        """A key was pressed."""
        await self.act(action_id)

    def on_key(self, event: Key) -> None:
        """A key that is nobody's here may be somebody's elsewhere: say so, rather than nothing."""
        alone = len(self.screen_stack) == 1 or isinstance(self.screen, ScopedScreen)
        if not alone or event.key in self.screen.active_bindings:
            return
        from foundry_tui.console.doing import router

        words = router.elsewhere(self, event.key)
        if words:
            self.say(words, "warn")

    async def act(self, action_id: str) -> None:
        """Do an action, or say why it cannot be done now."""
        action = BY_ID[action_id]
        if action.writes and self.readonly:
            self.say(f"{action.short}: this console is read-only.", "warn")
            return
        from foundry_tui.console.doing import router

        await router.do(self, action)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette offers what the keys do."""
        scopes = {"app", "list", *PANE_SCOPES}
        if isinstance(screen, ScopedScreen):
            scopes.add(screen.scope)
        for action in ACTIONS:
            if (self.readonly and action.writes) or action.scope not in scopes:
                continue
            title = f"{action.short} ({action.scope})"
            yield SystemCommand(title, action.description, lambda chosen=action.id: self.run_act(chosen))
        for name in THEMES:
            yield SystemCommand(f"theme {name}", "Change the colours.", lambda chosen=name: self.set_theme(chosen))

    def run_act(self, action_id: str) -> None:
        """Do it once the palette is gone."""
        self.call_later(self.act, action_id)

    def set_theme(self, name: str) -> None:
        """Change the colours."""
        self.theme = name
        self.say(f"Theme: {name}")

    async def play(self, name: str, said: str, wav: bytes, seconds: float) -> str:
        """Let it be heard where the operator is, and say where that is."""
        try:
            playing = await self.sound.play(name, wav, seconds)
        except OSError as error:
            words = f"The player did not start: {error.strerror}. :sink link offers a link instead."
            self.say(words, "bad")
            return words
        words = heard_where(playing, said, seconds, self.sink, _HOST)
        self.say(words, "ok", stays=playing is not None and bool(playing.link))
        return words

    def copy(self, text: str) -> str:
        """To the operator's own clipboard by way of the terminal; returns what to tell them."""
        sequence = osc52(text)
        if sequence is None:
            return "Too long for a terminal's clipboard (75 kB): it was not sent."
        if self._driver is not None:
            self._driver.write(sequence)
        return "Sent to the terminal's clipboard (whether it took it, no terminal says)."

    # -- leaving ------------------------------------------------------------------------------------------------

    async def leave(self, code: int = 0, *, drain_s: float | None = None) -> None:
        """Close the house behind us, then the screen."""
        self._leaving = True
        await self.sound.stop()
        await self.house.close(drain_s)
        self.exit(code)
