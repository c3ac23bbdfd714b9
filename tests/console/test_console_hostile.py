"""Titles, names, words and errors from outside are data: on no screen are they markup, an escape, or a moved column."""

from __future__ import annotations

import json

import pytest
from console_driver import screen_text, until

from fakes import console_home as home_of
from foundry_tui.console.inner import Inner
from foundry_tui.operations.chunk_texts import ChunkText, ChunkTexts
from foundry_tui.operations.doctor import Finding
from foundry_tui.operations.forecast import Forecast, StepForecast
from foundry_tui.operations.sections import BookOutline, OutlineSection, Sections

HOSTILE = (*home_of.HOSTILE, "\x9b31mC1\x9d0;title\x9c", "][ [[/]] [bold [link=x", "\u202eevil\u202c \u2066x\u2069")
SIZES = [(80, 24), pytest.param((140, 40), marks=pytest.mark.torture)]
MARKUP = "[/x] [red]not red"


@pytest.fixture
def hostile(settings, monkeypatch) -> list[str]:
    """A home where everything that has a name has a hostile one; the ids of its productions."""
    home_of.add_books(settings.home, len(HOSTILE), titles=HOSTILE)
    home_of.add_narrators(settings.home)
    made = []
    for n, text in enumerate(HOSTILE):
        made.append(home_of.add_production(settings.home, n, book=f"book_{n}", status="failed", done=2, error=text))
        home_of.add_chunks(settings.home, made[-1], 3, failed=(1,))
    home_of.add_events(settings.home, made[0], [("error", text) for text in HOSTILE])
    home_of.add_events(settings.home, None, [("warning", text) for text in HOSTILE])
    with home_of.tables(settings.home) as connection:
        for n, text in enumerate(HOSTILE):
            # The table itself refuses a name with a NUL in it.
            clean = text.replace("\x00", "")
            connection.execute(
                "UPDATE books SET author = ?, genre = ?, summary = ?, isbn = ? WHERE book_id = ?",
                (clean, clean, clean, clean[:20], f"book_{n}"),
            )
            connection.execute(
                "INSERT INTO narrators (narrator_id, narrator_name, language, accent, engine, voice, description)"
                " VALUES (?, ?, 'eng', ?, 'espeak', ?, ?)",
                (f"who_{n}", clean, clean, clean, clean),
            )
            connection.execute(
                "UPDATE audio_chunks SET error = ?, flags = ?, key_parts = ? WHERE audiobook_id = ?",
                (text, json.dumps([clean]), json.dumps({"text": clean}), made[n]),
            )
            connection.execute(
                "INSERT INTO lexicon_entries (word, spoken, language, book_id, note) VALUES (?, ?, 'eng', '', ?)",
                (f"{n}{clean}"[:200], clean, clean),
            )
        connection.execute("UPDATE audio_chunks SET status = 'failed' WHERE chunk_index = 2")
    connection.close()
    told_in_words(monkeypatch)
    return made


def told_in_words(monkeypatch) -> None:
    """What is made from a book's text, from keys or from the machine says hostile things too."""

    async def of(self, audiobook_id, chapter, chunk):
        text = " ".join(HOSTILE)
        return ChunkText(audiobook_id, chapter, chunk, text, text, text, text, overridden=True, elsewhere=3)

    async def outline(self, book_id, language=None):
        found = [
            OutlineSection(text, text, kept=n % 2 == 0, reason=text, words=10, anchor=text, text_hash=f"{n:016x}",
                           chapter_number=n, opening=text)
            for n, text in enumerate(HOSTILE)
        ]  # fmt: skip
        return BookOutline(book_id, "eng", HOSTILE[0], tuple(found), (), HOSTILE)

    async def forecast(self, audiobook_id, **_how):
        return (StepForecast("STEP3_audio_generation", "audio_generation", True, HOSTILE),)

    async def examine(self, *_args, **_more):
        return [Finding("problem", text, text, text) for text in HOSTILE]

    monkeypatch.setattr(ChunkTexts, "of", of)
    monkeypatch.setattr(Sections, "outline", outline)
    monkeypatch.setattr(Forecast, "of", forecast)
    monkeypatch.setattr(Inner, "examine", examine)


def whole(app) -> str:
    """Nothing on the screen is interpreted, and every line of it ends where the screen ends."""
    for strip in app.screen._compositor.render_strips():
        assert strip.cell_length == app.size.width, strip.text
        for segment in strip:
            if segment.control:
                continue
            held = [char for char in segment.text if ord(char) < 32 or 0x7F <= ord(char) < 0xA0]
            assert not held, f"{held!r} in {segment.text!r}"
            assert not any(char in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\u200b" for char in segment.text)
            link = segment.style.link if segment.style else None
            assert link is None, "no text becomes a link"
            meta = segment.style.meta if segment.style else {}
            assert "@click" not in meta, "nor something to click"
    return screen_text(app)


async def opened(pilot, *keys: str, above: int = 1) -> str:
    """Press keys until a screen lies over the panes; what it says."""
    await pilot.press(*keys)
    await until(pilot, lambda: len(pilot.app.screen_stack) == above + 1, f"a screen over it after {keys}")
    await pilot.pause()
    return whole(pilot.app)


async def closed(pilot, above: int = 0) -> None:
    await pilot.press("escape")
    await until(pilot, lambda: len(pilot.app.screen_stack) == above + 1, "the screen is closed")


@pytest.mark.parametrize("size", SIZES)
async def test_panes_and_what_opens_from_them(open_console, hostile, size):
    async with open_console(size=size) as pilot:
        app = pilot.app
        for place in "1234":
            await pilot.press(place, "g")
            whole(app)
        await pilot.press("1", "g")
        assert MARKUP in whole(app)
        for _ in HOSTILE:
            await opened(pilot, "enter")
            await closed(pilot)
            await pilot.press("j")
        await pilot.press("g")
        for key in ("m", "c", "d", "i"):
            await opened(pilot, key)
            await closed(pilot)
        await pilot.press("2", "g", "j")
        for key in ("c", "d", "t"):
            for _ in range(2):
                await opened(pilot, key)
                await closed(pilot)
                await pilot.press("j")
        await pilot.press("4", "G")
        for _ in range(4):
            assert app.events.rows.cursor_event is not None
            await opened(pilot, "enter")
            await closed(pilot)
            await pilot.press("k")


@pytest.mark.parametrize("size", SIZES)
async def test_productions_their_errors_and_their_chunks(open_console, hostile, size):
    async with open_console(size=size) as pilot:
        app = pilot.app
        await pilot.press("3", "g")
        for n in range(len(HOSTILE)):
            await opened(pilot, "e")
            await closed(pilot)
            if n in {0, 1, 5}:
                await opened(pilot, "enter")
                await until(pilot, lambda: app.screen.shown.count == 7)
                whole(app)
                await opened(pilot, "enter", above=2)
                await closed(pilot, 1)
                await pilot.press("right_square_bracket", "right_square_bracket")
                await until(pilot, lambda: app.screen.shown.count == 3)
                whole(app)
                for key in ("enter", "c", "w"):
                    await opened(pilot, key, above=2)
                    await closed(pilot, 1)
                await closed(pilot)
            await pilot.press("j")
        await pilot.press("asterisk")
        await until(pilot, lambda: len(app.queue.list.marked) == len(HOSTILE))
        assert MARKUP in await opened(pilot, "x"), "the question names them as they are"
        await closed(pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_typed_and_what_is_said(open_console, hostile, size):
    async with open_console(size=size) as pilot:
        app = pilot.app
        for text in HOSTILE:
            for style in ("", "bad"):
                app.say(text, style, keep=False)
                await pilot.pause()
                whole(app)
            await app.catalog.open_filter(text)
            await until(pilot, lambda: app.catalog.loaded and not app.catalog._stale)
            await app.catalog.settled()
            whole(app)
            await pilot.press("escape")
        await opened(pilot, "colon")
        for text in HOSTILE:
            app.screen.line.value = text
            await pilot.pause()
            whole(app)
        await pilot.press("enter")
        await until(pilot, lambda: "There is no command" in app.flash.words)
        whole(app)
        for key in ("L", "D"):
            await opened(pilot, key)
            await until(pilot, lambda: app.screen.loaded)
            await pilot.pause()
            whole(app)
            await closed(pilot)
        assert app.is_running
