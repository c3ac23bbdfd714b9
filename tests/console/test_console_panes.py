"""What the panes show, and how an operator moves through them."""

from __future__ import annotations

import asyncio
import threading

import pytest
from console_driver import screen_text, until

from fakes import console_home as home_of


async def test_an_empty_home_says_what_to_do_next_in_every_pane(open_console):
    async with open_console() as pilot:
        seen = screen_text(pilot.app)
        for words in ("No books yet", "a  add one", "No narrators yet", "Nothing to make", "Nothing has happened yet"):
            assert words in seen
        for title in ("Catalog", "Narrators", "Queue", "Events"):
            assert title in seen


async def test_four_panes_at_once_with_their_rows(open_console, settings):
    home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        seen = screen_text(pilot.app)
        for words in ("Catalog · 12", "Narrators · 3", "Queue · 4", "Events", "The Adventures of", "Amber Vale"):
            assert words in seen
        assert "312/960" in seen, "how far another process is"
        assert "▶ working" in seen
        assert "✗ failed" in seen
        assert "▶ 1 working" in seen
        assert "✗ 2 failed" in seen
        assert "1 elsewhere" in seen
        assert "! missing" in seen, "a sample that is named but not there is shown as missing"


@pytest.mark.parametrize("size", [(80, 24), (99, 40), (60, 15)])
async def test_a_narrow_screen_shows_one_pane_and_the_names_of_all(open_console, settings, size):
    home_of.a_working_day(settings.home)
    async with open_console(size=size) as pilot:
        for place, title in enumerate(("Catalog", "Narrators", "Queue", "Events"), start=1):
            await pilot.press(str(place))
            seen = screen_text(pilot.app)
            assert f"[{place} {title}]" in seen
            assert f"◆ {title}" in seen
            assert all(other in seen for other in ("Catalog", "Narrators", "Queue", "Events"))
            assert pilot.app.panes[place - 1].list.has_focus
            footer = seen.splitlines()[-1]
            assert "…" not in footer
            assert len(footer) <= size[0]


async def test_too_small_a_screen_says_what_it_needs_and_comes_back(open_console, settings):
    home_of.a_working_day(settings.home)
    async with open_console(size=(80, 24)) as pilot:
        await pilot.press("3", "j")
        cursor = pilot.app.queue.list.cursor_row.id
        await pilot.resize_terminal(50, 12)
        await until(pilot, lambda: "needs 60x15" in screen_text(pilot.app))
        assert "50x12" in screen_text(pilot.app)
        await pilot.resize_terminal(140, 40)
        await until(pilot, lambda: "Narrators · 3" in screen_text(pilot.app))
        assert pilot.app.queue.list.has_focus
        assert pilot.app.queue.list.cursor_row.id == cursor


@pytest.mark.parametrize(("key", "row"), [("j", 1), ("G", 149)])
async def test_a_key_pressed_while_the_list_is_read_again_counts(open_console, settings, key, row):
    home_of.add_books(settings.home, 150)
    async with open_console() as pilot:
        pane = pilot.app.catalog
        read, asked, go = pane.fetch, threading.Event(), threading.Event()

        async def slow(inner, wanted):
            asked.set()
            while not go.is_set():
                await asyncio.sleep(0.01)
            return await read(inner, wanted)

        pane.fetch = slow
        pane.refresh_rows()
        await until(pilot, asked.is_set)
        await pilot.press(key)
        go.set()
        await pane.settled()
        assert pane.list.cursor == row


async def test_tab_goes_round_the_panes_and_zoom_gives_one_the_screen(open_console, settings):
    home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        order = []
        for _ in range(5):
            order.append(pilot.app.pane.scope)
            await pilot.press("tab")
        assert order == ["catalog", "narrators", "queue", "events", "catalog"]
        await pilot.press("shift+tab", "3", "z")
        assert "Queue · 4" in screen_text(pilot.app)
        assert "Catalog · 12" not in screen_text(pilot.app)
        await pilot.press("escape")
        assert "Catalog · 12" in screen_text(pilot.app)


async def test_keys_of_every_list(open_console, settings):
    home_of.add_books(settings.home, 300)
    async with open_console() as pilot:
        books = pilot.app.catalog.list
        moves = [
            ("j", 1), ("down", 2), ("k", 1), ("up", 0), ("up", 0), ("G", 299), ("g", 0), ("end", 299), ("home", 0),
        ]  # fmt: skip
        for key, place in moves:
            await pilot.press(key)
            assert books.cursor == place, key
        await pilot.press("pagedown")
        assert books.cursor == books.size.height - 1
        await until(pilot, lambda: books.cursor_row is not None)
        await pilot.press("G")
        await until(pilot, lambda: books.cursor_row is not None, "rows far away are fetched when they are seen")
        assert books.cursor_row.id == "book_299"


async def test_the_filter_narrows_as_one_types_and_keeps_the_row(open_console, settings):
    home_of.add_books(settings.home, 120)
    async with open_console() as pilot:
        app = pilot.app
        await pilot.press(*["j"] * 11)
        assert app.catalog.list.cursor_row.id == "book_11"
        await pilot.press("slash", *"great")
        await until(pilot, lambda: app.catalog.count == 10)
        assert "10 of 120" in str(app.catalog.border_title)
        assert app.catalog.list.cursor_row.id == "book_11", "the cursor stays on its book"
        await pilot.press("enter")
        assert app.catalog.list.has_focus
        await pilot.press("escape")
        await until(pilot, lambda: app.catalog.count == 120)
        assert app.catalog.list.cursor_row.id == "book_11"


async def test_sorting_keeps_the_row_too(open_console, settings):
    home_of.add_books(settings.home, 50)
    async with open_console() as pilot:
        app = pilot.app
        await pilot.press("j", "j", "o")
        await until(pilot, lambda: app.catalog.list.cursor_row and app.catalog.list.rows_here()[0].id != "book_0")
        await app.catalog.settled()
        assert app.catalog.list.cursor_row.id == "book_2"
        assert "by title" in str(app.catalog.border_title)
        titles = [row.cells[0][0][0].casefold() for row in app.catalog.list.rows_here()]
        assert titles == sorted(titles)
        await pilot.press("O")
        await app.catalog.settled()
        titles = [row.cells[0][0][0].casefold() for row in app.catalog.list.rows_here()]
        assert titles == sorted(titles, reverse=True)


async def test_rows_that_come_and_go_never_move_the_cursor(open_console, settings):
    home_of.add_books(settings.home, 40)
    home_of.add_narrators(settings.home)
    for n in range(40):
        home_of.add_production(settings.home, n, book=f"book_{n}")
    async with open_console() as pilot:
        app = pilot.app
        await pilot.press("3", *["j"] * 25)
        queue = app.queue.list
        chosen, line = queue.cursor_row.id, queue.cursor - queue.scroll_offset.y
        with home_of.tables(settings.home) as connection:
            connection.execute(
                "UPDATE audiobook_productions SET status = 'success' WHERE audiobook_id < ?", (home_of.stamp(1005),)
            )
        connection.close()
        await until(pilot, lambda: app.queue.count == 35, "another process has finished five")
        await app.queue.settled()
        assert queue.cursor_row.id == chosen
        assert queue.cursor - queue.scroll_offset.y == line, "and it stands on the same line of the screen"


async def test_a_mark_is_kept_and_all_can_be_marked(open_console, settings):
    home_of.add_books(settings.home, 30)
    async with open_console() as pilot:
        app = pilot.app
        await pilot.press("space", "space", "j", "space")
        assert sorted(app.catalog.list.marked) == ["book_0", "book_1", "book_3"]
        assert "3 marked" in str(app.catalog.border_title)
        await pilot.press("escape")
        assert not app.catalog.list.marked
        await pilot.press("asterisk")
        await until(pilot, lambda: len(app.catalog.list.marked) == 30)


async def test_columns_stay_aligned_whatever_a_title_holds(open_console, settings):
    home_of.add_books(settings.home, len(home_of.HOSTILE), titles=home_of.HOSTILE)
    home_of.add_narrators(settings.home)
    made = [home_of.add_production(settings.home, n, book=f"book_{n}") for n in range(len(home_of.HOSTILE))]
    home_of.add_events(settings.home, made[0], [("error", text) for text in home_of.HOSTILE])
    async with open_console() as pilot:
        app = pilot.app
        for pane in app.panes:
            pane.list.focus()
            for strip in (pane.list.render_line(y) for y in range(pane.list.size.height)):
                assert strip.cell_length == pane.list.line_width
                assert not any(ord(char) < 32 or char in "\x7f\x1b\u202e" for char in strip.text)
        assert "[/x] [red]not red[/red]" in screen_text(app)
        for key, times in (("1", len(home_of.HOSTILE)), ("3", 2), ("4", 2)):
            for _ in range(times):
                await pilot.press(key, "enter")
                await until(pilot, lambda: len(app.screen_stack) > 1)
                assert "\x1b" not in screen_text(app)
                await pilot.press("escape")
                await until(pilot, lambda: len(app.screen_stack) == 1)
                await pilot.press("j")
        await pilot.press("1", "g", "d")
        await until(pilot, lambda: len(app.screen_stack) > 1)
        assert "[/x] [red]not red[/red]" in screen_text(app)
