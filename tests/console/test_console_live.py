"""What happens while one looks: own workers, other processes, floods, the drop folder, leaving with work in hand."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
from console_driver import screen_text, until

from fakes import console_home as home_of
from fakes.recipes import FakeStep, recipe
from foundry_tui.console.app import ConsoleApp
from foundry_tui.console.progress import Paces
from foundry_tui.domain.desk import ProductionLine
from foundry_tui.domain.productions import Production
from foundry_tui.domain.status import Status
from foundry_tui.foundry import Foundry
from foundry_tui.operations.daemon import running_daemon
from foundry_tui.pipeline.contract import Progress, StepOutcome


@pytest.fixture
def steps(monkeypatch) -> dict[str, object]:
    """Three steps in place of the real ones: the second speaks chunks until it is told to go on."""
    told: dict[str, object] = {"go": False, "begun": 0, "cancelled": 0}

    async def chunks(context):
        told["begun"] += 1
        done = 0
        while not told["go"]:
            context.checkpoint()
            done = min(done + 1, 90)
            context.progress(Progress(done, 100, "chunks", done * 5.0))
            await asyncio.sleep(0.01)
        return StepOutcome({}, "All chunks are spoken.")

    made = {"audiobook": recipe(FakeStep(), FakeStep(work=chunks), FakeStep())}
    monkeypatch.setattr(Foundry, "recipes", made)
    monkeypatch.setattr("foundry_tui.console.inner._import_steps", lambda: None)
    return told


def status_of(settings, audiobook_id: str) -> str:
    with home_of.tables(settings.home) as connection:
        found = connection.execute(
            "SELECT status FROM audiobook_productions WHERE audiobook_id = ?", (audiobook_id,)
        ).fetchone()[0]
    connection.close()
    return str(found)


async def order(pilot) -> str:
    await pilot.press("m")
    await until(pilot, lambda: "Who reads" in screen_text(pilot.app))
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.queue.count == 1)
    return pilot.app.queue.list.row(0).id


async def test_a_book_is_made_here_with_its_progress_in_view(open_console, settings, steps):
    home_of.add_books(settings.home, 2)
    home_of.add_narrators(settings.home)
    async with open_console(workers=2) as pilot:
        await until(pilot, lambda: "workers 2" in screen_text(pilot.app))
        audiobook_id = await order(pilot)
        await until(pilot, lambda: "90/100" in screen_text(pilot.app))
        assert "●▶○" in screen_text(pilot.app)
        assert "▶ 1 working" in screen_text(pilot.app)
        steps["go"] = True
        await until(pilot, lambda: status_of(settings, audiobook_id) == "success")
        await until(pilot, lambda: pilot.app.queue.count == 0)
        await until(pilot, lambda: "● 1 done" in screen_text(pilot.app))


@pytest.mark.parametrize(("key", "ends"), [("s", False), ("n", True)])
async def test_leaving_with_work_in_hand_asks_and_loses_nothing(open_console, settings, steps, key, ends):
    home_of.add_books(settings.home, 1)
    home_of.add_narrators(settings.home)
    async with open_console(workers=1) as pilot:
        audiobook_id = await order(pilot)
        await until(pilot, lambda: "90/100" in screen_text(pilot.app))
        await pilot.press("q")
        await until(pilot, lambda: "Leave?" in screen_text(pilot.app))
        assert "Hand over to a daemon" in screen_text(pilot.app)
        await pilot.press(key)
        if not ends:
            await until(pilot, lambda: len(pilot.app.screen_stack) == 1)
            assert status_of(settings, audiobook_id) == "processing"
            steps["go"] = True
            await until(pilot, lambda: status_of(settings, audiobook_id) == "success")
            return
        await until(pilot, lambda: pilot.app.return_value == 0)
    with home_of.tables(settings.home) as connection:
        rows = connection.execute("SELECT name, status, attempt FROM jobs ORDER BY job_id DESC LIMIT 1").fetchall()
    connection.close()
    assert rows == [("STEP2_two", "pending", 0)], "given back at no cost"


async def test_finishing_first_begins_no_other_step(open_console, settings, steps):
    home_of.add_books(settings.home, 1)
    home_of.add_narrators(settings.home)
    async with open_console(workers=1) as pilot:
        await order(pilot)
        await until(pilot, lambda: "90/100" in screen_text(pilot.app))
        await pilot.press("q")
        await until(pilot, lambda: "Leave?" in screen_text(pilot.app))
        await pilot.press("f")
        await until(pilot, lambda: "No new step" in pilot.app.flash.words)
        steps["go"] = True
        await until(pilot, lambda: pilot.app.return_value == 0)
    with home_of.tables(settings.home) as connection:
        rows = connection.execute("SELECT step_name, status FROM production_steps ORDER BY position").fetchall()
    connection.close()
    assert rows == [("one", "success"), ("two", "success"), ("three", "pending")]


async def test_events_follow_other_processes_and_pause_for_a_reader(open_console, settings):
    made = home_of.a_working_day(settings.home)
    home_of.add_events(settings.home, None, [("info", f"earlier {n}") for n in range(60)])
    async with open_console() as pilot:
        log = pilot.app.events
        await pilot.press("4")
        home_of.add_events(settings.home, made["working"], [("info", "from another process")])
        await until(pilot, lambda: "from another process" in screen_text(pilot.app))
        await pilot.press("k", "k")
        reading = log.rows.cursor_event.seq
        home_of.add_events(settings.home, None, [("info", f"later {n}") for n in range(37)])
        await until(pilot, lambda: "paused, 37 new" in str(log.border_title))
        assert log.rows.cursor_event.seq == reading
        await pilot.press("G")
        await until(pilot, lambda: "later 36" in screen_text(pilot.app))
        assert "paused" not in str(log.border_title)


async def test_events_are_filtered_by_level_production_and_text(open_console, settings):
    made = home_of.a_working_day(settings.home)
    async with open_console() as pilot:
        log = pilot.app.events
        await pilot.press("4", "l")
        await until(pilot, lambda: log.loaded and log.count == 2)
        await pilot.press("l")
        await until(pilot, lambda: log.loaded and log.count == 1)
        await pilot.press("escape")
        await until(pilot, lambda: log.loaded and log.count == 5)
        log.rows.move_to(next(i for i, event in enumerate(log.rows.events) if event.audiobook_id == made["working"]))
        await pilot.press("f")
        await until(pilot, lambda: log.loaded and log.count == 2)
        await pilot.press("slash", *"chunks")
        await until(pilot, lambda: log.loaded and log.count == 1)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "960 chunks to speak." in getattr(pilot.app.screen, "plain_text", str)())


async def test_all_history_can_be_reached(open_console, settings):
    home_of.add_events(settings.home, None, [("info", f"event number {n}") for n in range(1300)])
    async with open_console() as pilot:
        log = pilot.app.events
        await pilot.press("4")
        await until(pilot, lambda: log.count == 500)
        for wanted in (1000, 1300):
            await pilot.press("g")
            await until(pilot, lambda wanted=wanted: log.count == wanted)
        await pilot.press("g")
        assert log.rows.cursor_event.message == "event number 0"
        assert [event.message for event in log.rows.events] == [f"event number {n}" for n in range(1300)]


async def test_a_flood_of_events_is_kept_whole_and_keys_go_on_being_heard(open_console, settings):
    async with open_console() as pilot:
        await pilot.press("4")
        seen: list[int] = []
        log = pilot.app.events.rows
        add = log.add_newer
        log.add_newer = lambda events: (seen.extend(event.seq for event in events), add(events))
        await asyncio.to_thread(
            home_of.add_events, settings.home, None, [("info", f"flood {n}") for n in range(10_000)]
        )
        heard = 0
        while len(seen) < 10_000:
            await pilot.press("question_mark", "escape")
            heard += 1
        assert seen == list(range(1, 10_001)), "each once, in order"
        assert len(log.events) <= 5_000, "and memory is bounded"
        assert heard, "and keys were answered meanwhile"


def taken(home) -> list[str]:
    with home_of.tables(home) as connection:
        rows = connection.execute("SELECT name FROM inbox_files").fetchall()
    connection.close()
    return [name for (name,) in rows]


async def test_a_book_laid_into_the_inbox_enters_the_catalog_once(open_console, settings):
    page = "<html lang='en'><head><title>Left at the Door</title></head><body><h1>One</h1><p>Words.</p></body></html>"
    async with open_console(inbox=True) as pilot:
        (settings.home / "inbox" / "left.html").write_text(page, encoding="utf-8")
        (settings.home / "inbox" / "broken.html").write_text("", encoding="utf-8")
        await until(pilot, lambda: "Left at the Door" in screen_text(pilot.app))
        await until(pilot, lambda: taken(settings.home) == ["left.html"])
        (settings.home / "inbox" / "broken.pdf.html").write_bytes(b"%PDF-1.4 not a page")
        await until(pilot, lambda: any("could not be taken" in each.message for each in pilot.app.events.rows.events))
        assert taken(settings.home) == ["left.html"], "a failure stays eligible"
    async with open_console(inbox=True) as pilot:
        await pilot.pause(0.1)
        assert pilot.app.catalog.count == 1


def line_at(done: int, total: int = 960, attempt: int = 1) -> ProductionLine:
    made = Production("20250907121641", "book", "amber", "eng", Status.PROCESSING)
    job = {"job_id": 7, "attempt": attempt, "status": "processing"}
    return ProductionLine(made, "Book", None, "Amber", job={**job, "progress": {"done": done, "total": total}})


def test_progress_never_runs_backwards_within_an_attempt() -> None:
    paces = Paces()
    for now, done in enumerate((10, 20, 15, 30)):
        paces.saw_row(line_at(done), float(now))
        assert paces.of(line_at(done), float(now)).done == max(10, 20 if done == 15 else done)
        assert paces.of(line_at(done), float(now)).left == "~", "three steps on before a time is told"
    paces.saw_row(line_at(40), 4.0)
    assert paces.of(line_at(40), 4.0).left not in {"", "~"}
    paces.saw_row(line_at(3, attempt=2), 5.0)
    assert paces.of(line_at(3, attempt=2), 5.0).done == 3, "another attempt counts from its own beginning"


async def test_an_error_that_was_flashed_is_an_event_too(open_console, settings):
    async with open_console() as pilot:
        pilot.app.say("The player did not start.", "bad")
        await until(pilot, lambda: any("did not start" in event.message for event in pilot.app.events.rows.events))


async def test_the_bell_is_off_until_asked_for(open_console, settings, monkeypatch):
    home_of.a_working_day(settings.home)
    for rings in (False, True):
        rung: list[int] = []
        monkeypatch.setattr(ConsoleApp, "bell", lambda _app, rung=rung: rung.append(1))
        async with open_console(rings=rings) as pilot:
            home_of.add_production(settings.home, 50 + rings, book="book_6", status="failed", error="No.")
            wanted = 3 + rings
            await until(pilot, lambda wanted=wanted: f"✗ {wanted} failed" in screen_text(pilot.app))
        assert len(rung) == rings


async def test_a_daemon_takes_the_work_over(open_console, settings):
    home_of.add_books(settings.home, 1)
    async with open_console() as pilot:
        await pilot.press("B")
        await until(pilot, lambda: "works on" in pilot.app.flash.words)
        pid = running_daemon(settings.home)
        assert pid
        try:
            await until(pilot, lambda: f"daemon {pid}" in screen_text(pilot.app))
            await until(pilot, lambda: any("worker started" in each.message for each in pilot.app.events.rows.events))
        finally:
            os.kill(pid, signal.SIGTERM)
        await until(pilot, lambda: running_daemon(settings.home) is None, "it ends by itself when asked to")
