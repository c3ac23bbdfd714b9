"""What the keys do to the tables, and what they refuse to do."""

from __future__ import annotations

import asyncio
import threading

from console_driver import screen_text, until

from fakes import console_home as home_of
from foundry_tui.console.screens.production import ProductionScreen
from foundry_tui.operations.desk import Desk


def statuses(settings) -> dict[str, str]:
    with home_of.tables(settings.home) as connection:
        rows = connection.execute("SELECT audiobook_id, status FROM audiobook_productions").fetchall()
    connection.close()
    return dict(rows)


def jobs_pending(settings) -> int:
    with home_of.tables(settings.home) as connection:
        found = connection.execute("SELECT count(*) FROM jobs WHERE status = 'pending'").fetchone()[0]
    connection.close()
    return int(found)


def put_cursor(pilot, audiobook_id: str) -> None:
    queue = pilot.app.queue.list
    queue.focus()
    queue.move_to(next(index for index, row in queue._rows.items() if row.id == audiobook_id))


async def test_two_keys_make_an_audiobook(open_console, settings):
    home_of.add_books(settings.home, 3)
    home_of.add_narrators(settings.home)
    async with open_console() as pilot:
        await pilot.press("j", "m")
        await until(pilot, lambda: "Who reads" in screen_text(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.queue.count == 1)
        assert "in the queue" in pilot.app.flash.words
        assert list(statuses(settings).values()) == ["pending"]
        await pilot.press("m")
        await until(pilot, lambda: "Who reads" in screen_text(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: "already" in pilot.app.flash.words)
        assert len(statuses(settings)) == 1, "the same again is the one that is there"


async def test_marked_books_are_made_together(open_console, settings):
    home_of.add_books(settings.home, 5)
    home_of.add_narrators(settings.home)
    async with open_console() as pilot:
        await pilot.press("space", "space", "space", "m")
        await until(pilot, lambda: "these 3 books" in screen_text(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.queue.count == 3)
        assert not pilot.app.catalog.list.marked


async def test_books_are_added_by_path(open_console, settings, tmp_path):
    for name in ("one", "two"):
        page = f"<html lang='en'><head><title>Book {name}</title></head><body><h1>Book {name}</h1><p>Words.</p></body></html>"
        (tmp_path / f"{name}.html").write_text(page, encoding="utf-8")
    async with open_console() as pilot:
        await pilot.press("a")
        await until(pilot, lambda: "Add books" in screen_text(pilot.app))
        screen = pilot.app.screen
        screen.put("path", f"{tmp_path / 'one.html'}; {tmp_path / 'nowhere.html'}")
        await pilot.click("#done")
        await until(pilot, lambda: "There is no file" in screen_text(pilot.app))
        screen.put("path", f"{tmp_path / 'two.html'}")
        await pilot.click("#done")
        await until(pilot, lambda: pilot.app.catalog.count == 2)
        assert {row.cells[0][0][0] for row in pilot.app.catalog.list.rows_here()} == {"Book one", "Book two"}


async def test_a_failed_one_is_requeued_once_however_often_the_key_is_pressed(open_console, settings):
    made = home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        put_cursor(pilot, made["failed"])
        before = jobs_pending(settings)
        await pilot.press("r", "r", "r")
        await until(pilot, lambda: statuses(settings)[made["failed"]] == "pending")
        await until(pilot, lambda: not [w for w in pilot.app.workers if w.group.startswith("do_queue")])
        assert jobs_pending(settings) == before + 1
        await until(pilot, lambda: "✗ 1 failed" in screen_text(pilot.app))
        story = await pilot.app.house.call(lambda inner: inner.desk.open(made["failed"]))
        by_name = {step.step_name: str(step.status) for step in story.steps}
        assert by_name["parsing"] == by_name["metadata"] == "success", "what was done stays done"
        assert by_name["audio_generation"] == "pending"


async def test_marks_are_requeued_in_one_go_and_the_others_left_alone(open_console, settings):
    made = home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        pilot.app.queue.list.focus()
        await pilot.press("asterisk")
        await until(pilot, lambda: len(pilot.app.queue.list.marked) == 4)
        await pilot.press("r")
        await until(pilot, lambda: "2 of 4 requeued" in pilot.app.flash.words)
        after = statuses(settings)
        assert after[made["failed"]] == after[made["also_failed"]] == "pending"
        assert after[made["working"]] == "processing"


async def test_a_key_that_cannot_act_says_why(open_console, settings):
    made = home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        put_cursor(pilot, made["working"])
        await pilot.press("r")
        await until(pilot, lambda: "cancel it first" in pilot.app.flash.words)
        put_cursor(pilot, made["queued"])
        await pilot.press("e")
        await until(pilot, lambda: "has not failed" in pilot.app.flash.words)
        await pilot.press("1", "slash", *"nothing like it", "enter")
        await until(pilot, lambda: pilot.app.catalog.count == 0)
        await pilot.press("m")
        await until(pilot, lambda: "no row" in pilot.app.flash.words)


async def test_cancelling_asks_first_with_no_focused(open_console, settings):
    made = home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        put_cursor(pilot, made["queued"])
        await pilot.press("x")
        await until(pilot, lambda: "Cancel?" in screen_text(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        assert statuses(settings)[made["queued"]] == "pending", "enter was No"
        await pilot.press("x")
        await until(pilot, lambda: "Cancel?" in screen_text(pilot.app))
        await pilot.press("y")
        await until(pilot, lambda: statuses(settings)[made["queued"]] == "cancelled")


async def test_hold_and_go_on_and_priority(open_console, settings):
    made = home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        put_cursor(pilot, made["queued"])
        await pilot.press("h")
        await until(pilot, lambda: "‖ held" in screen_text(pilot.app))
        await pilot.press("h")
        await until(pilot, lambda: "‖ held" not in screen_text(pilot.app))
        await pilot.press("plus")
        await until(pilot, lambda: "is 10 now" in pilot.app.flash.words)


async def test_removing_a_book_moves_its_files_to_the_trash(open_console, settings):
    home_of.add_books(settings.home, 2)
    folder = settings.home / "foundry" / "book_0"
    folder.mkdir(parents=True)
    (folder / "book_0.html").write_text("<p>words</p>")
    async with open_console() as pilot:
        await pilot.press("d")
        await until(pilot, lambda: "Remove?" in screen_text(pilot.app))
        await pilot.press("escape", "d")
        await until(pilot, lambda: "Remove?" in screen_text(pilot.app))
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.catalog.count == 1)
        assert not folder.exists()
        assert list((settings.home / "trash").rglob("book_0.html"))


async def test_a_read_only_console_changes_nothing(open_console, settings):
    made = home_of.a_working_day(settings.home)
    before = statuses(settings)
    async with open_console(readonly=True) as pilot:
        assert "READ-ONLY" in screen_text(pilot.app)
        put_cursor(pilot, made["failed"])
        for key in ("r", "x", "h", "plus"):
            await pilot.press(key)
            assert "read-only" in pilot.app.flash.words, key
        await pilot.press("1", "d")
        assert "read-only" in pilot.app.flash.words
        await pilot.press("question_mark")
        await until(pilot, lambda: len(pilot.app.screen_stack) > 1)
        assert "trash" not in pilot.app.screen.plain_text()
    assert statuses(settings) == before


async def test_an_error_is_told_in_full_with_what_to_do(open_console, settings):
    made = home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        put_cursor(pilot, made["failed"])
        await pilot.press("e")
        await until(pilot, lambda: len(pilot.app.screen_stack) > 1)
        seen = pilot.app.screen.plain_text()
        for words in ("no such voice", "attempt 1 of 3", "chapter 1, chunk 8", "press r", "audio_generation failed"):
            assert words in seen


async def test_a_production_opens_with_steps_chunks_and_flags(open_console, settings):
    made = home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        put_cursor(pilot, made["failed"])
        await pilot.press("enter")
        await until(pilot, lambda: "STEP3_audio_generation" in screen_text(pilot.app))
        assert "✗ failed" in screen_text(pilot.app)
        await pilot.press("right_square_bracket", "right_square_bracket")
        await until(pilot, lambda: "Sentence number 3" in screen_text(pilot.app))
        await until(pilot, lambda: "[Chunks] Flagged   25" in screen_text(pilot.app))
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: "Sentence number 7" in screen_text(pilot.app))
        assert "Sentence number 5" not in screen_text(pilot.app)
        assert "The engine refused." in screen_text(pilot.app)
        await pilot.press("escape")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)


async def test_a_key_pressed_while_the_chunks_are_read_again_counts(open_console, settings, monkeypatch):
    made = home_of.a_working_day(settings.home)
    home_of.add_chunks(settings.home, made["done"], 300)
    read, asked, go = Desk.chunks, threading.Event(), threading.Event()

    async def slow(self, *given, **named):
        asked.set()
        while not go.is_set():
            await asyncio.sleep(0.01)
        return await read(self, *given, **named)

    async with open_console() as pilot:
        pilot.app.push_screen(ProductionScreen(made["done"]))
        await until(pilot, lambda: "STEP3_audio_generation" in screen_text(pilot.app))
        await pilot.press("right_square_bracket", "right_square_bracket")
        screen = pilot.app.screen
        await until(pilot, lambda: screen.shown.count == 300)
        for key, row in (("j", 1), ("G", 299)):
            monkeypatch.setattr(Desk, "chunks", slow)
            asked.clear()
            go.clear()
            screen.tables_changed()
            await until(pilot, asked.is_set)
            await pilot.press(key)
            go.set()
            await screen.settled()
            assert screen.shown.cursor == row, key


async def test_commands_after_a_colon(open_console, settings):
    home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        await pilot.press("colon", *"fai", "tab")
        assert pilot.app.screen.line.value == "failed"
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.queue.count == 2)
        assert pilot.app.queue.list.has_focus
        await pilot.press("colon", *"theme light", "enter")
        await until(pilot, lambda: pilot.app.theme == "light")
        await pilot.press("colon", *"nonsense", "enter")
        await until(pilot, lambda: "There is no command" in pilot.app.flash.words)


async def test_esc_closes_one_layer_and_never_leaves(open_console, settings):
    home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        await pilot.press("slash", *"a", "enter", "space", "question_mark", "escape")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
        assert pilot.app.catalog.text == "a"
        await pilot.press("escape")
        assert pilot.app.catalog.text == ""
        await pilot.press("escape", "escape", "escape")
        assert pilot.app.is_running


async def test_q_with_nothing_running_ends_with_0(open_console):
    async with open_console() as pilot:
        await pilot.press("q")
        await until(pilot, lambda: pilot.app.return_value == 0)
