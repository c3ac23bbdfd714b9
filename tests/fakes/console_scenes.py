"""Screens of the console, each reached by keys on a seeded home: drawn for the docs and compared as snapshots.

Nothing in them depends on the machine: the home is a relative path, and disk, host, time zone, voices and the doctor's
findings are given.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fakes import console_home as home_of
from foundry_tui.console import keeping_up
from foundry_tui.console.app import ConsoleApp
from foundry_tui.console.house import House
from foundry_tui.console.inner import Inner
from foundry_tui.console.sinks import Sink
from foundry_tui.console.sound import Playing, Sound
from foundry_tui.operations.audition import Auditions, Heard
from foundry_tui.operations.chunk_texts import ChunkText, ChunkTexts
from foundry_tui.operations.doctor import Finding
from foundry_tui.operations.forecast import Forecast, StepForecast
from foundry_tui.operations.sections import BookOutline, OutlineSection, Sections
from foundry_tui.settings import Settings, load_settings

WIDE, NARROW, TINY = (140, 40), (80, 24), (52, 12)
PATIENCE_S = 30.0
Steps = Callable[[Any], Awaitable[None]]
_SAID = "“Is that the last of the 1,200 letters?” she asked, and for a moment nobody in the room could say."
_FINDINGS = (
    Finding("ok", "home", "The home can be written to."),
    Finding("ok", "database", "The tables are those of this version, and whole."),
    Finding("warning", "disk", "1.8 GB are free.", "A long book needs 2 GB while it is made: make room."),
    Finding("problem", "edge", "The service was not reached.", "Check the connection; espeak works without one."),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is to be seen: on which terminal, in which colours, of which home, and the way there."""

    steps: Steps
    size: tuple[int, int] = WIDE
    theme: str = "dark"
    day: bool = True  # books and productions in every state, else an empty home
    alpha: bool = False
    compared: bool = True  # as a snapshot, to the last cell; the others are drawn for the docs
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)


async def until(pilot: Any, seen: Callable[[], object]) -> None:
    """Let the app run until ``seen()``."""
    deadline = time.monotonic() + PATIENCE_S
    while not seen():
        if time.monotonic() > deadline:
            raise TimeoutError
        await pilot.pause(0.02)


async def at_rest(pilot: Any) -> None:
    """Until nothing is read any more, here or on the screen that lies above."""
    app = pilot.app
    for pane in app.panes:
        await pane.settled()
    settled = getattr(app.screen, "settled", None)
    if settled is not None:
        await settled()
    await pilot.pause()


def keys(*pressed: str, above: int = 0) -> Steps:
    """Press keys, and wait until ``above`` screens lie over the panes."""

    async def steps(pilot: Any) -> None:
        await pilot.press(*pressed)
        await until(pilot, lambda: len(pilot.app.screen_stack) == above + 1)
        await at_rest(pilot)

    return steps


async def failed(pilot: Any) -> None:
    """The productions that failed."""
    await pilot.press("3", "v")
    await until(pilot, lambda: pilot.app.queue.count == 2)
    await at_rest(pilot)


async def error(pilot: Any) -> None:
    """Why one failed."""
    await failed(pilot)
    await keys("e", above=1)(pilot)


async def production(pilot: Any) -> None:
    """The one that failed, opened."""
    await failed(pilot)
    await keys("enter", above=1)(pilot)
    await until(pilot, lambda: pilot.app.screen.shown.count > 0)


async def chunks(pilot: Any) -> None:
    """Its chunks."""
    await production(pilot)
    await pilot.press("right_square_bracket", "right_square_bracket")
    await until(pilot, lambda: pilot.app.screen.shown.count == 25)
    await at_rest(pilot)


async def audition(pilot: Any) -> None:
    """A narrator heard."""
    await keys("2", "t", above=1)(pilot)
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.screen.heard[0] is not None)
    await until(pilot, lambda: "7 s on" in pilot.app.screen.status)
    await at_rest(pilot)


async def make(pilot: Any) -> None:
    """Two books chosen; who reads them?"""
    await keys("space", "space", "m", above=1)(pilot)


async def doctor(pilot: Any) -> None:
    """What the doctor found."""
    await keys("D", above=1)(pilot)
    await until(pilot, lambda: "not reached" in _words(pilot.app))
    await at_rest(pilot)


async def words(pilot: Any) -> None:
    """What a chunk says, to be changed."""
    await chunks(pilot)
    await keys("j", "c", above=2)(pilot)


async def what_runs(pilot: Any) -> None:
    """What would run again, and why."""
    await production(pilot)
    await keys("w", above=2)(pilot)


def _words(app: ConsoleApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


SCENES: Mapping[str, Scene] = {
    "first_run": Scene(keys(), day=False),
    "panes": Scene(keys()),
    "panes_light": Scene(keys(), theme="light"),
    "panes_high_contrast": Scene(keys("3"), theme="high-contrast"),
    "panes_deuteranopia": Scene(keys("3"), theme="deuteranopia"),
    "read_only_ansi": Scene(keys("2"), theme="ansi", options={"readonly": True}),
    "catalog_80x24": Scene(keys("1"), size=NARROW),
    "narrators_80x24": Scene(keys("2"), size=NARROW),
    "queue_80x24": Scene(keys("3"), size=NARROW),
    "events_80x24": Scene(keys("4"), size=NARROW, alpha=True),
    "too_small": Scene(keys(), size=TINY),
    "filter": Scene(keys("slash", *"the"), compared=False),
    "make": Scene(make),
    "add_books": Scene(keys("a", above=1), size=NARROW),
    "narrator": Scene(keys("2", "c", above=1), size=NARROW, compared=False),
    "book": Scene(keys("enter", above=1), size=NARROW, compared=False),
    "production": Scene(production),
    "chunks": Scene(chunks, size=NARROW),
    "error": Scene(error),
    "confirm": Scene(keys("3", "x", above=1), size=NARROW),
    "help": Scene(keys("question_mark", above=1)),
    "command": Scene(keys("colon", *"the", above=1), size=NARROW),
    "event": Scene(keys("4", "enter", above=1), compared=False),
    "words": Scene(words, size=NARROW),
    "what_runs": Scene(what_runs, size=NARROW),
    "sections": Scene(keys("i", above=1)),
    "lexicon": Scene(keys("L", above=1)),
    "doctor": Scene(doctor, size=NARROW),
    "audition": Scene(audition),
}


def steady(patch: Callable[[object, str, object], None]) -> None:
    """Give what differs from machine to machine: ``patch(owner, name, value)``. The time zone is the caller's."""
    true_facts = keeping_up.facts_of

    def facts(*given: Any, **more: Any) -> Any:
        found = dataclasses.replace(true_facts(*given, **more), home="/srv/foundry", host="press")
        return dataclasses.replace(found, disk="120 GB", disk_low=False, cpu="40%") if found.counts else found

    async def examine(self: Inner) -> list[Finding]:
        return list(_FINDINGS)

    async def speak(self: Auditions, narrator_id: str, text: str = "") -> Heard:
        peaks = tuple(abs(math.sin(n / 7) * math.sin(n / 31)) for n in range(400))
        return Heard(narrator_id, text or _SAID, b"", 7.3, peaks, -20.4, -1.1, 0, "espeak", "en-gb")

    patch(keeping_up, "facts_of", facts)
    patch(Inner, "examine", examine)

    async def play(self: Sound, name: str, wav: bytes, seconds: float) -> Playing:
        return Playing(name, seconds, time.monotonic())

    async def chunk_text(self: ChunkTexts, audiobook_id: str, chapter: int, chunk: int) -> ChunkText:
        said = "It is a truth universally acknowledged, that a single man of fortune must be in want of a wife."
        return ChunkText(audiobook_id, chapter, chunk, "Chapter I", said, said, said, overridden=False, elsewhere=0)

    async def outline(self: Sections, book_id: str, language: str | None = None) -> BookOutline:
        kept = [
            OutlineSection(f"Chapter {n}", "chapter", kept=True, reason="", words=2140 + 37 * n, anchor=f"#c{n}",
                           text_hash=f"{n:016x}", chapter_number=n, opening="It is a truth universally acknowledged")
            for n in range(1, 9)
        ]  # fmt: skip
        licence = dataclasses.replace(
            kept[0], title="The Full Project Gutenberg License", kept=False, reason="licence", words=2966,
            anchor="#licence", chapter_number=None, opening="To protect the Project Gutenberg mission",
        )  # fmt: skip
        return BookOutline(book_id, "eng", "The Adventures of Tom Sawyer", (*kept, licence))

    async def forecast(self: Forecast, audiobook_id: str, **_how: object) -> tuple[StepForecast, ...]:
        steps = [f"STEP{n}_{name}" for n, name in enumerate(home_of.STEPS, 1)]
        why = {2: ("the lexicon changed 3 of 412 chunks",), **{n: (f"follows STEP{n}",) for n in range(3, 7)}}
        return tuple(
            StepForecast(step, home_of.STEPS[n], n > 1, why.get(n, ())) for n, step in enumerate(steps)
        )  # fmt: skip

    patch(Auditions, "speak", speak)
    patch(Sound, "play", play)
    patch(ChunkTexts, "of", chunk_text)
    patch(Sections, "outline", outline)
    patch(Forecast, "of", forecast)


def home_for(scene: Scene, template: Path, place: Path) -> Settings:
    """A seeded home at ``place``, which is a relative path so that no machine's folders are in the picture."""
    settings = home_of.copy_home(template, place / "alpha" if scene.alpha else place)
    if scene.day:
        home_of.a_working_day(settings.home)
        add_lexicon(settings.home)
    if not scene.alpha:
        return dataclasses.replace(settings, home=place)
    before = settings.home / "database" / "foundry.db"
    before.rename(before.with_name("alpha_foundry.db"))
    found = load_settings(home=place, environment="alpha", environ={})
    return dataclasses.replace(found, home=place / "alpha")


def add_lexicon(home: Path) -> None:
    """Four words and how they are said."""
    entries = [("Beaune", "bone", "", ""), ("Cholmondeley", "chumley", "eng", ""), ("Darcy", "dar see", "eng", "book_2"),
               ("Featherstonhaugh", "fanshaw", "eng", "")]  # fmt: skip
    with home_of.tables(home) as connection:
        connection.executemany(
            "INSERT INTO lexicon_entries (word, spoken, language, book_id) VALUES (?, ?, ?, ?)", entries
        )
    connection.close()


def app_for(scene: Scene, settings: Settings) -> ConsoleApp:
    """The console, not started yet."""
    house = House(settings, workers=0, watch_s=0.05, watch_inbox=False)
    return ConsoleApp(
        settings, house=house, theme=scene.theme, sink=Sink("player", "this host (ffplay)"), **scene.options
    )


async def reach(scene: Scene, pilot: Any) -> None:
    """Go to where the scene is; what is painted is then still."""
    app = pilot.app
    await until(pilot, lambda: app.house.is_open and not [each for each in app.workers if each.group == "opening"])
    await app.settled()
    app.keeping_up.show_header()
    if scene.day:
        app.flash.show("")
    await scene.steps(pilot)
    await at_rest(pilot)
