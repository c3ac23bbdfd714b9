"""Auditions: a passage spoken by one narrator, or by two at equal loudness, and kept as the sample if it is good."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from foundry_tui.console.actions import BY_ID, of_scope
from foundry_tui.console.contract import Console
from foundry_tui.console.doing.saving import save
from foundry_tui.console.glyphs import waveform
from foundry_tui.console.keymap import shown_keys
from foundry_tui.console.themes import styles_of
from foundry_tui.console.widgets.line_input import LineInput
from foundry_tui.domain.books import Narrator
from foundry_tui.domain.plain import plain

if TYPE_CHECKING:
    from foundry_tui.operations.audition import Heard

_EQUAL_LUFS = -20.0
_FROM_BOOK = ("dialogue", "numbers", "longest")


class AuditionScreen(ModalScreen[None]):
    """Enter speaks; the other keys are the registry's, in the scope ``audition``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", show=False),
        *(
            Binding(",".join(BY_ID[f"audition.{name}"].keys), action, show=False, id=f"audition.{name}")
            for name, action in (
                ("hear", "play(0)"), ("keep", "keep(0)"), ("save", "save(0)"), ("passage", "passage"),
                ("hear_second", "play(1)"), ("keep_second", "keep(1)"), ("save_second", "save(1)"),
            )
        ),
    ]  # fmt: skip

    def __init__(self, narrators: Sequence[Narrator], *, book_id: str | None) -> None:
        super().__init__()
        self.narrators = tuple(narrators)
        self.heard: list[Heard | None] = [None for _ in narrators]
        self.status = ""
        self._book_id = book_id
        self._from_book = -1
        self._speaking = False
        self.line = LineInput(placeholder="what to say; empty: the passage of the language", compact=True)
        self.line.cursor_blink = False

    @property
    def console(self) -> Console:
        """The app."""
        return cast("Console", self.app)

    def compose(self) -> ComposeResult:
        """The passage, the sound as it looks, the keys."""
        names = " and ".join(plain(each.narrator_name, 40) for each in self.narrators)
        with Vertical(classes="box wide audition") as box:
            box.border_title = Text(f"Audition: {names}")
            yield self.line
            yield Static(id="wave", markup=False)
            yield Static(self._keys(), classes="hint", markup=False)

    def _keys(self) -> str:
        shown = of_scope("audition", readonly=self.console.readonly)
        if len(self.narrators) < 2:
            shown = [action for action in shown if not action.name.endswith("_second")]
        if not self._book_id:
            shown = [action for action in shown if action.name != "passage"]
        keys = [f"{shown_keys(action.id, self.console.keys)} {action.short}" for action in shown]
        return " · ".join(["enter speaks", *keys, "esc closes"])

    def on_mount(self) -> None:
        """Ready to type; the playhead moves only while something plays."""
        self.line.focus()
        self._show()
        self.set_interval(0.25, self._tick)

    def _tick(self) -> None:
        if self.console.sound.playing is not None or self._moving:
            self._moving = self.console.sound.playing is not None
            self._show()

    _moving = False

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._speaking:
            self._speaking = True
            self.run_worker(self._speak(event.value), group="speak", exit_on_error=False)

    async def _speak(self, text: str) -> None:
        try:
            for place, narrator in enumerate(self.narrators):
                self.status = f"{plain(narrator.narrator_name, 60)} speaks …"
                self._show()
                self.heard[place] = await self.console.ask(
                    lambda inner, who=narrator.narrator_id: inner.auditions.speak(who, text)  # type: ignore[misc]
                )
        finally:
            self._speaking = False
        self.status = ""
        self._show()
        if self.heard[0] is not None:
            await self._play(0)

    def say(self, words: str, style: str = "") -> None:
        """Where the operator looks."""
        del style
        self.status = words
        self._show()

    def action_play(self, place: int) -> None:
        """Play or stop."""
        self.run_worker(self._play(place), group="play", exclusive=True, exit_on_error=False)

    async def _play(self, place: int) -> None:
        heard = self.heard[place] if place < len(self.heard) else None
        if heard is None:
            self.status = "Nothing was spoken yet: press enter."
            self._show()
            return
        playing = self.console.sound.playing
        if playing is not None:
            await self.console.sound.stop()
            if playing.name == f"audition.{place}":
                self._show()
                return
        wav = heard.wav
        if len(self.narrators) > 1:
            from foundry_tui.operations.audition import at_equal_loudness, fair_loudness

            wav = at_equal_loudness(heard, fair_loudness(self.heard, _EQUAL_LUFS))
        self.status = await self.console.play(
            f"audition.{place}", plain(self.narrators[place].narrator_name, 60), wav, heard.seconds
        )
        self._show()

    def action_keep(self, place: int) -> None:
        """Make it the narrator's sample."""
        if self.console.readonly:
            self.status = "This console is read-only."
        elif place < len(self.heard) and self.heard[place] is not None:
            self.run_worker(self._keep(place), group="keep", exit_on_error=False)
            return
        else:
            self.status = "Nothing was spoken yet: press enter."
        self._show()

    async def _keep(self, place: int) -> None:
        heard = self.heard[place]
        assert heard is not None
        path = await self.console.ask(lambda inner: inner.auditions.keep(heard))
        if path is not None:
            self.status = f"Kept as the sample: {plain(path)}"
            self.console.house.note_change()
        self._show()

    def action_save(self, place: int) -> None:
        """Write it to a file."""
        heard = self.heard[place] if place < len(self.heard) else None
        if heard is None:
            self.say("Nothing was spoken yet: press enter.")
        else:
            self.run_worker(self._save(heard), group="save", exclusive=True, exit_on_error=False)

    async def _save(self, heard: Heard) -> None:
        async def make(_path: Path) -> bytes:
            return heard.wav

        await save(self.console, "Save what was spoken", f"{heard.narrator_id or 'take'}.wav", make)

    def action_passage(self) -> None:
        """The next kind of passage of the book under the Catalog's cursor."""
        if self._book_id is not None:
            self._from_book = (self._from_book + 1) % len(_FROM_BOOK)
            self.run_worker(self._fetch_passage(), group="passage", exclusive=True, exit_on_error=False)

    async def _fetch_passage(self) -> None:
        kind, book_id = _FROM_BOOK[self._from_book], str(self._book_id)
        text = await self.console.ask(lambda inner: inner.auditions.passage(book_id, kind))
        if text:
            self.line.value = text
            self.status = f"From {plain(book_id)}: {kind}."
        else:
            self.status = f"{plain(book_id)} has no such passage, or is not parsed yet."
        self._show()

    def _show(self) -> None:
        if not self.is_attached:
            return
        styles = styles_of(self.app.theme)
        width = max(20, self.size.width - 12)
        text = Text()
        playing = self.console.sound.playing
        for place, (narrator, heard) in enumerate(zip(self.narrators, self.heard, strict=True)):
            text.append(f"\n{plain(narrator.narrator_name, 80)}", styles["bold"])
            if heard is None:
                text.append("  not heard yet\n", styles["dim"])
                continue
            lufs = f"{heard.loudness_lufs} LUFS" if heard.loudness_lufs is not None else "silent"
            clipped = f", {heard.clipped} clipped" if heard.clipped else ""
            facts = (
                f"  {heard.engine}, {heard.voice}: {heard.seconds:.1f} s, {lufs}, peak {heard.peak_db} dBFS{clipped}"
            )
            text.append(f"  {plain(facts)}\n", styles["dim"])
            bars = waveform(heard.peaks, width)
            here = playing is not None and playing.name == f"audition.{place}"
            at = round(playing.position_s(time.monotonic()) / heard.seconds * width) if here and playing else 0
            text.append(bars[:at], styles["ok"])
            text.append(bars[at:], styles["busy"])
            text.append(f"\n{plain(heard.text, 600)}\n", styles[""])
        text.append(f"\nsound: {self.console.sink.said}\n", styles["dim"])
        text.append(plain(self.status, 500), styles["warn"])
        self.query_one("#wave", Static).update(text)

    def action_close(self) -> None:
        """Silence, and back."""
        self.run_worker(self._close(), group="close", exit_on_error=False)

    async def _close(self) -> None:
        if await self.console.sound.stop():
            self.console.say("")  # a link that was told of is none any more
        self.dismiss(None)
