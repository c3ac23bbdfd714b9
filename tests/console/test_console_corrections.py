"""Words, sections and lexicon from the console: what runs again is read beforehand, then kept, then rebuilt on a key."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from console_driver import screen_text, until
from textual.events import Paste

from fakes import console_home as home_of
from foundry_tui.console.screens.chunk_editor import ChunkEditor
from foundry_tui.console.screens.outline import OutlineScreen
from foundry_tui.domain.corrections import LexiconEntry, SectionDecision, StoredEntry
from foundry_tui.errors import UsageError
from foundry_tui.foundry import Foundry
from foundry_tui.operations.audition import Heard
from foundry_tui.operations.chunk_texts import ChunkText
from foundry_tui.operations.forecast import StepForecast
from foundry_tui.operations.lexicon import Touched
from foundry_tui.operations.sections import BookOutline, OutlineBlock, OutlineSection
from foundry_tui.text.lexicon import Suggestion

HOSTILE = "[/x] [red]\x1b[2J\x1b]52;c;ZXZpbA==\x07 坊っちゃん ספר \u202egnp.exe " + "y" * 300


class Forecasts:
    """Speaking runs again for three chunks; what was rebuilt is noted."""

    def __init__(self) -> None:
        self.rebuilt: list[str] = []
        self.runs = True

    async def of(self, _audiobook_id: str, **_how: object) -> tuple[StepForecast, ...]:
        if not self.runs:
            return (StepForecast("STEP1_parsing", "parsing", False),)
        return (
            StepForecast("STEP1_parsing", "parsing", False),
            StepForecast("STEP3_audio_generation", "audio_generation", True, (f"3 of 25 chunks changed {HOSTILE}",)),
            StepForecast("STEP4_audio_processing", "audio_processing", True, ("follows from STEP3",)),
        )

    async def rebuild(self, audiobook_ids: list[str]) -> tuple[str, ...]:
        self.rebuilt += audiobook_ids
        return tuple(audiobook_ids)


class Texts:
    """One chunk's words; ``elsewhere`` of them are the same."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.said = ChunkText("", 0, 0, HOSTILE, f"In 1842 he said {HOSTILE}", "In eighteen forty-two he said no.",
                              "In eighteen forty-two he said no.", overridden=False, elsewhere=2)  # fmt: skip

    async def of(self, audiobook_id: str, chapter: int, chunk: int) -> ChunkText:
        return dataclasses.replace(self.said, audiobook_id=audiobook_id, chapter=chapter, chunk=chunk)

    async def edit(self, audiobook_id: str, chapter: int, chunk: int, spoken: str) -> ChunkText:
        if "impossible" in spoken:
            raise UsageError("No voice can say that.")
        self.kept.append(spoken)
        self.said = dataclasses.replace(self.said, spoken=spoken, overridden=True)
        return await self.of(audiobook_id, chapter, chunk)

    async def restore(self, audiobook_id: str, chapter: int, chunk: int) -> ChunkText:
        self.kept.append("the book's")
        self.said = dataclasses.replace(self.said, overridden=False)
        return await self.of(audiobook_id, chapter, chunk)


@pytest.fixture
def forecasts(monkeypatch) -> Forecasts:
    fake = Forecasts()
    monkeypatch.setattr(Foundry, "forecast", fake)
    return fake


@pytest.fixture
def made(settings) -> str:
    home_of.add_books(settings.home, 2)
    home_of.add_narrators(settings.home)
    audiobook_id = home_of.add_production(settings.home, 0, book="book_0", status="success", done=7)
    home_of.add_chunks(settings.home, audiobook_id, 25)
    return audiobook_id


async def open_chunks(pilot: Any) -> None:
    await pilot.press("3", "v", "v")
    await until(pilot, lambda: pilot.app.queue.count == 1)
    await pilot.press("enter")
    await until(pilot, lambda: "STEP7_publishing" in screen_text(pilot.app))
    await pilot.press("right_square_bracket", "right_square_bracket")
    await until(pilot, lambda: "Sentence number 3" in screen_text(pilot.app))


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_a_chunks_words_are_changed_beside_the_books_own(open_console, made, forecasts, monkeypatch, size):
    texts = Texts()
    monkeypatch.setattr(Foundry, "chunk_texts", texts)
    async with open_console(size=size) as pilot:
        app = pilot.app
        await open_chunks(pilot)
        await pilot.press("j", "c")
        await until(pilot, lambda: isinstance(app.screen, ChunkEditor) and "As it is said" in screen_text(app))
        seen = screen_text(app)
        assert "In 1842 he said [/x] [red]" in seen, "the book's words, markup and all, as data"
        assert "2 other chunks of the book with the same words change with it" in " ".join(seen.split()).replace(
            "┃ ", ""
        )
        await pilot.press("f3")
        await until(pilot, lambda: "Nothing was changed" in screen_text(app))
        app.screen.area.post_message(Paste(" pasted\x1b[2J\x9b31m\nline"))
        await until(pilot, lambda: "pasted" in app.screen.area.text)
        assert app.screen.area.text.endswith(" pasted\nline"), "a paste is text, and nothing a terminal obeys"
        await pilot.press("f9")
        await until(pilot, lambda: "pasted" not in app.screen.area.text)
        await pilot.press(*" impossible")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "No voice can say that" in screen_text(app))
        assert texts.kept == []
        await pilot.press("escape")
        await until(pilot, lambda: "esc again leaves" in screen_text(app))
        await pilot.press(*["backspace"] * len(" impossible"), "enter", *"Never!", "ctrl+s")
        await until(pilot, lambda: "3 chunks have their new words" in screen_text(app))
        assert texts.kept == ["In eighteen forty-two he said no. Never!"], "on one line"
        assert "STEP3_audio_generation" in screen_text(app)
        assert "3 of 25 chunks changed" in screen_text(app)
        assert forecasts.rebuilt == [], "nothing runs until it is asked for"
        await pilot.press("y")
        await until(pilot, lambda: forecasts.rebuilt == [made])
        await until(pilot, lambda: "in the queue again" in screen_text(app))
        await pilot.press("u")
        await until(pilot, lambda: texts.kept[-1] == "the book's" and "Rebuild now" in screen_text(app))
        await pilot.press("enter")  # Not now has the focus
        await until(pilot, lambda: "nothing runs until you ask" in " ".join(screen_text(app).split()))
        assert forecasts.rebuilt == [made]


async def test_what_would_run_is_read_before_it_is_asked_for(open_console, made, forecasts):
    async with open_console(size=(80, 24)) as pilot:
        app = pilot.app
        await pilot.press("3", "v", "v")
        await until(pilot, lambda: app.queue.count == 1)
        await pilot.press("w")
        await until(pilot, lambda: "STEP4_audio_processing   follows from STEP3" in screen_text(app))
        assert "STEP1: as they are" in screen_text(app)
        await pilot.press("escape", "w")
        await until(pilot, lambda: "y Rebuild" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: forecasts.rebuilt == [made])
        forecasts.runs = False
        await pilot.press("w")
        await until(pilot, lambda: "Nothing: everything is as its inputs would make it" in screen_text(app))
        assert "Rebuild" not in screen_text(app).partition("Nothing:")[2]


async def test_a_read_only_console_reads_what_would_run_and_rebuilds_nothing(open_console, made, forecasts):
    async with open_console(readonly=True) as pilot:
        await open_chunks(pilot)
        await pilot.press("w")
        await until(pilot, lambda: "STEP3_audio_generation" in screen_text(pilot.app))
        assert "Rebuild" not in screen_text(pilot.app)
        await pilot.press("escape", "c")
        await until(pilot, lambda: "read-only" in screen_text(pilot.app))
        assert not isinstance(pilot.app.screen, ChunkEditor)


class Outlines:
    """Three sections; decisions are noted and acted on."""

    def __init__(self) -> None:
        self.decided: list[SectionDecision] = []

    async def outline(self, book_id: str, language: str | None = None) -> BookOutline:
        left = {each.text_hash for each in self.decided if each.action == "leave_out"}
        told = (("a1", "Preface", "front"), ("b2", HOSTILE, "chapter"), ("c3", "Chapter II", "chapter"))
        sections = tuple(
            OutlineSection(title, kind, key not in left, "" if key not in left else "left out by the operator", 1200,
                           f"anchor_{key}", key, place if key not in left else None, HOSTILE)
            for place, (key, title, kind) in enumerate(told, 1)
        )  # fmt: skip
        return BookOutline(book_id, language or "eng", "A Book", sections, tuple(self.decided), (HOSTILE,))

    async def blocks(self, _book_id: str, _language: str | None = None, *, chapter: int | None = None):
        return (OutlineBlock(chapter, "h0", "heading", "Chapter II"), OutlineBlock(chapter, "h1", "text", HOSTILE))

    async def decide(self, book_id: str, action: str, *, anchor="", text_hash="", title="", language=None) -> int:
        self.decided.append(
            SectionDecision(len(self.decided) + 1, book_id, language or "eng", action, anchor, text_hash, title)
        )
        return len(self.decided)

    async def undo(self, _book_id: str, override_ids) -> int:
        self.decided = [each for each in self.decided if each.override_id not in override_ids]
        return len(override_ids)


async def test_sections_are_decided_with_the_productions_they_touch_said_first(
    open_console, made, forecasts, monkeypatch
):
    outlines = Outlines()
    monkeypatch.setattr(Foundry, "sections", outlines)
    async with open_console(size=(80, 24)) as pilot:
        app = pilot.app
        await pilot.press("i")
        await until(
            pilot, lambda: isinstance(app.screen, OutlineScreen) and "3 narrated, 3,600 words" in screen_text(app)
        )
        assert "\x1b" not in screen_text(app)
        await pilot.press("X")
        await until(
            pilot, lambda: "1 production follows it when rebuilt" in screen_text(app) and "n No" in screen_text(app)
        )
        assert made in screen_text(app)
        await pilot.press("enter")  # No has the focus
        await until(pilot, lambda: "n No" not in screen_text(app))
        assert outlines.decided == []
        await pilot.press("X")
        await until(pilot, lambda: "n No" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: "Rebuild now" in screen_text(app))
        assert [(each.action, each.text_hash) for each in outlines.decided] == [("leave_out", "a1")]
        await pilot.press("y")
        await until(pilot, lambda: forecasts.rebuilt == [made])
        await until(pilot, lambda: "1 left out, 1,200 words" in screen_text(app))
        # Renamed, joined, split; and the newest decision taken back.
        forecasts.runs = False
        await pilot.press("j", "j", "c")
        await until(pilot, lambda: "Rename the section" in screen_text(app))
        await pilot.press("ctrl+u", *"Zwei", "enter")
        await until(pilot, lambda: outlines.decided[-1].title == "Zwei")
        await until(pilot, lambda: isinstance(app.screen, OutlineScreen))
        await pilot.press("J")
        await until(pilot, lambda: "Join it to the one before?" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: outlines.decided[-1].action == "merge" and isinstance(app.screen, OutlineScreen))
        await pilot.press("b")
        await until(pilot, lambda: "Split Chapter II" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "The new section" in screen_text(app))
        await pilot.press("ctrl+u", *"Drei", "enter")
        await until(pilot, lambda: (outlines.decided[-1].action, outlines.decided[-1].text_hash) == ("split", "h1"))
        await until(pilot, lambda: isinstance(app.screen, OutlineScreen))
        await app.screen.settled()
        await pilot.press("k", "u")
        await until(pilot, lambda: "Take back the newest decision" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: outlines.decided[-1].action == "merge")


class Words:
    """A lexicon in memory; what a change touches is always the one production."""

    def __init__(self, made: str) -> None:
        self.stored: dict[int, LexiconEntry] = {1: LexiconEntry("[bold]Hermione[/]", "Her-my-oh-nee")}
        self.made = made

    async def entries(self, **_wanted: object) -> tuple[StoredEntry, ...]:
        return tuple(StoredEntry(number, entry) for number, entry in self.stored.items())

    async def touched(self, put=(), removed=()) -> tuple[Touched, ...]:
        if not put and not removed:
            return ()
        return (Touched(self.made, "book_0", HOSTILE, "amber", ((1, 2), (3, 4)), 25, "Then Hermione rose."),)

    async def put(self, entry: LexiconEntry, *, entry_id: int | None = None) -> int:
        number = entry_id or len(self.stored) + 1
        self.stored[number] = entry
        return number

    async def remove(self, entry_ids) -> int:
        return sum(self.stored.pop(number, None) is not None for number in entry_ids)

    async def suggestions(self, _book_id: str, *, at_least: int = 3) -> tuple[Suggestion, ...]:
        return (Suggestion("Polglaze", 12, f"Then Polglaze rose. {HOSTILE}", 2, 7),)

    async def import_csv(self, text: str) -> int:
        from foundry_tui.text.lexicon import from_csv

        for entry in from_csv(text):
            await self.put(entry)
        return len(from_csv(text))

    async def export_csv(self) -> str:
        from foundry_tui.text.lexicon import to_csv

        return to_csv(list(self.stored.values()))


class Voices:
    """Notes what it is asked to say."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    async def speak(self, narrator_id: str, text: str | None = None) -> Heard:
        self.said.append((narrator_id, text or ""))
        return Heard(narrator_id, text or "", b"RIFF", 1.0, (0.5,), -20.0, -3.0, 0, "espeak", "en-gb")

    async def samples(self, narrators) -> dict[str, str]:
        return {each.narrator_id: "none" for each in narrators}

    async def cost(self, _engine: str) -> str:
        return "free"


async def test_the_lexicon_says_beforehand_what_is_spoken_anew(open_console, made, forecasts, monkeypatch, tmp_path):
    words, voices = Words(made), Voices()
    monkeypatch.setattr(Foundry, "lexicon", words)
    monkeypatch.setattr(Foundry, "auditions", voices)
    monkeypatch.chdir(tmp_path)
    async with open_console(size=(80, 24)) as pilot:
        app = pilot.app
        await pilot.press("L")
        await until(pilot, lambda: "[bold]Hermione[/]" in screen_text(app), "markup is data")
        await pilot.press("slash", *"polglaze")
        await until(pilot, lambda: "Nothing fits" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Hermione" in screen_text(app))
        # A name of the Catalog's book, heard before and after, kept and rebuilt at once.
        await pilot.press("n")
        await until(pilot, lambda: "Polglaze" in screen_text(app))
        await pilot.press("p")
        await until(pilot, lambda: bool(voices.said))
        assert voices.said[0][0] == "amber"
        assert voices.said[0][1].startswith("Then Polglaze rose.")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.focused is not None and app.screen.focused.id == "field_spoken")
        await pilot.press(*"Pole", "f5")
        await until(pilot, lambda: len(voices.said) == 2)
        assert voices.said[1][1].startswith("Then Pole rose.")
        await pilot.press(*["enter"] * 7)
        await until(pilot, lambda: "2 chunks of 1 production would be spoken anew" in screen_text(app))
        assert "2 of 25 chunks, chapters 1, 3" in screen_text(app)
        assert len(words.stored) == 1, "nothing is kept before it is agreed to"
        await pilot.press("b")
        await until(pilot, lambda: forecasts.rebuilt == [made])
        assert words.stored[2] == LexiconEntry("Polglaze", "Pole", book_id="book_0")
        await pilot.press("escape")
        # Saved, and taken in again; never over a file that is there unasked.
        await until(pilot, lambda: "Lexicon" in screen_text(app) and "Pole" in screen_text(app))
        for _ in range(2):
            await pilot.press("E")
            await until(pilot, lambda: "Save the lexicon" in screen_text(app))
            await pilot.press("enter")
            await pilot.pause(0.1)
        await until(pilot, lambda: "enter again replaces it" in screen_text(app))
        await pilot.press("escape")
        assert "Polglaze,Pole" in (tmp_path / "lexicon.csv").read_text("utf-8")
        await pilot.press("d")
        await until(pilot, lambda: "Remove" in screen_text(app) and "n No" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: 1 not in words.stored)
        await until(pilot, lambda: "n No" not in screen_text(app))
        await pilot.press("I")
        await until(pilot, lambda: "Take words in" in screen_text(app))
        await pilot.press(*"lexicon.csv", "enter")
        await until(pilot, lambda: "Take in 2 words?" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: "2 words were taken in" in screen_text(app))
