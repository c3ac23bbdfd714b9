"""What the console says: whole sentences on a narrow screen, true ones, and never silence."""

from __future__ import annotations

from pathlib import Path

import pytest
from console_driver import screen_text, until
from textual import events

from fakes import console_home as home_of
from foundry_tui.console.screens.paths import pick_path
from foundry_tui.console.sinks import Sink

NARROW = (80, 24)
LONG = "The engine refused the request for good: it has no such voice. Check its key and its settings, then requeue it."


def footer(pilot) -> str:
    return screen_text(pilot.app).splitlines()[-1]


async def test_a_long_sentence_is_read_whole_and_moves_no_row(open_console, settings):
    home_of.a_working_day(settings.home)
    async with open_console(size=NARROW) as pilot:
        app = pilot.app
        before = screen_text(app).splitlines()
        app.say(LONG, "bad", keep=False)
        await until(pilot, lambda: "then requeue it." in screen_text(app))
        after = screen_text(app).splitlines()
        assert " ".join(line.strip() for line in after[-4:-1]).endswith(LONG), "every word of it"
        assert after[:-4] == before[:-4], "and nothing else has moved"
        app.flash._gone()
        await until(pilot, lambda: screen_text(app).splitlines() == before)


async def test_a_sentence_without_end_is_cut_after_some_lines(open_console):
    async with open_console(size=NARROW) as pilot:
        pilot.app.say("word " * 400, "bad", keep=False)
        await until(pilot, lambda: "…" in screen_text(pilot.app).splitlines()[-2])
        assert pilot.app.flash.size.height == 5


async def test_the_way_to_the_help_is_in_every_footer(open_console, settings):
    home_of.a_working_day(settings.home)
    async with open_console(size=NARROW) as pilot:
        for place in "1234":
            await pilot.press(place)
            assert footer(pilot).rstrip().endswith("? help"), place
        await pilot.press("3", "enter")
        await until(pilot, lambda: "STEP1_parsing" in screen_text(pilot.app))
        assert footer(pilot).rstrip().endswith("? help")
        assert "filter" not in footer(pilot), "what these lists cannot do is not hinted at"


async def test_an_empty_pane_hints_only_at_what_can_be_done(open_console, settings):
    async with open_console(size=NARROW) as pilot:
        await until(pilot, lambda: "a add" in footer(pilot) and "make" not in footer(pilot))
        home_of.add_books(settings.home, 1)
        await until(pilot, lambda: "m make" in footer(pilot), "as soon as there is a book")


async def test_a_key_of_another_pane_says_where_it_works(open_console, settings):
    home_of.a_working_day(settings.home)
    async with open_console(size=NARROW) as pilot:
        await pilot.press("2", "m")
        await until(pilot, lambda: "make: that is done in the Catalog (1)." in screen_text(pilot.app))
        await pilot.press("1", "R")
        await until(pilot, lambda: "retake: not here, but in a production, opened." in screen_text(pilot.app))
        await pilot.press("3", "enter")
        await until(pilot, lambda: "STEP1_parsing" in screen_text(pilot.app))
        for key, words in (("slash", "not in this list"), ("z", "whole screen already"), ("v", "in the Queue (3)")):
            await pilot.press(key)
            await until(pilot, lambda words=words: words in screen_text(pilot.app))
        await pilot.press("tab")
        await until(pilot, lambda: "[Chapters]" in screen_text(pilot.app))


async def test_a_finished_one_is_not_said_to_be_requeued(open_console, settings):
    home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        await pilot.press("3", "v", "v")
        await until(pilot, lambda: pilot.app.queue.count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: "STEP7_publishing" in screen_text(pilot.app))
        await pilot.press("right_square_bracket", "r")
        await until(pilot, lambda: "It is finished: go to the Steps" in screen_text(pilot.app))


async def test_an_error_can_be_requeued_where_it_is_read(open_console, settings):
    made = home_of.a_working_day(settings.home)
    async with open_console(size=NARROW) as pilot:
        await pilot.press("3", "v")
        await until(pilot, lambda: pilot.app.queue.count == 2)
        await pilot.press("g", "e")
        await until(pilot, lambda: "Why it failed" in screen_text(pilot.app))
        assert "r requeues it" in screen_text(pilot.app)
        await pilot.press("r")
        await until(pilot, lambda: pilot.app.queue.count == 1 and len(pilot.app.screen_stack) == 1)
        assert "Requeued, from the step that failed." in pilot.app.flash.words
    with home_of.tables(settings.home) as connection:
        found = connection.execute(
            "SELECT status FROM audiobook_productions WHERE audiobook_id = ?", (made["failed"],)
        ).fetchone()
    connection.close()
    assert found == ("pending",)


async def test_one_book_that_is_refused_stops_none_of_the_others(open_console, tmp_path):
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for name in ("anna", "bert", "carl"):
        page = f"<html lang='en'><head><title>{name}</title></head><body><h1>{name}</h1><p>Words.</p></body></html>"
        (shelf / f"{name}.html").write_text(page, encoding="utf-8")
    async with open_console(size=NARROW) as pilot:
        for path, words in ((shelf / "anna.html", "Catalog · 1"), (shelf, "2 added. anna.html: The catalog has anna")):
            await pilot.press("a")
            await until(pilot, lambda: "Add books" in screen_text(pilot.app))
            pilot.app.screen.put("path", str(path))
            await pilot.press(*["enter"] * 4)
            await until(pilot, lambda words=words: words in " ".join(screen_text(pilot.app).split()))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.catalog.count == 3)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("", "{0}/b.txt"), ("{0}/a.txt", "{0}/a.txt; {0}/b.txt"), ("{0}/a.txt; {0}", "{0}/a.txt;{0}/b.txt")],
)
async def test_a_picked_file_joins_those_typed_already(tmp_path: Path, monkeypatch, typed, answer):
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("words")
    monkeypatch.chdir(tmp_path)
    walked: list[str] = []

    class App:
        async def push_screen_wait(self, screen):
            walked.append(screen._title)
            return next(option.value for option in screen._options if option.value.endswith("b.txt"))

    assert await pick_path(App(), typed.format(tmp_path)) == answer.format(tmp_path)
    assert walked == [str(tmp_path)]


async def test_a_link_stays_in_sight_until_it_is_closed(open_console, settings, monkeypatch):
    monkeypatch.setattr("foundry_tui.console.widgets.bars.FLASH_S", 0.01)
    async with open_console(size=NARROW, sink=Sink("link", "browser link")) as pilot:
        app = pilot.app
        await app.play("amber", "Amber Vale", b"RIFF", 1.0)
        await pilot.pause(0.1)
        seen = "".join(line.strip() for line in screen_text(app).splitlines()[-5:-1])
        assert f"{app.sound.playing.link}" in seen, "the whole of it, to be copied"
        assert "ssh -L" in seen
        app.say("Stopped.")
        await until(pilot, lambda: app.flash.words == "")


async def test_keys_that_come_all_at_once_are_taken_in_their_order(open_console, settings):
    home_of.add_books(settings.home, 1)
    home_of.add_narrators(settings.home)

    def at_once(app, *pressed: str) -> None:
        for key in pressed:
            app.post_message(events.Key(key, key if len(key) == 1 else None))

    async with open_console() as pilot:
        app = pilot.app
        await pilot.press("m")
        await until(pilot, lambda: "Who reads" in screen_text(app))
        at_once(app, *"bruno", "enter")
        await until(pilot, lambda: app.queue.count == 1)
        with home_of.tables(settings.home) as connection:
            found = connection.execute("SELECT narrator_id FROM audiobook_productions").fetchall()
        connection.close()
        assert found == [("bruno",)], "not the one that was there before the filter was typed"
        await pilot.press("c")
        await until(pilot, lambda: "Change book_0" in screen_text(app))
        at_once(app, *"One", "down", *"Two", "down", "down", *"1", "up", "up")
        await until(pilot, lambda: app.screen.values()["author"] == "Two")
        values = app.screen.values()
        assert (values["book_name"], values["author"], values["year_published"]) == ("One", "Two", "1")
        await pilot.press("escape", "colon")
        await until(pilot, lambda: hasattr(app.screen, "line"))
        at_once(app, *"fai", "tab")
        await until(pilot, lambda: app.screen.line.value == "failed")
