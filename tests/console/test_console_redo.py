"""One chunk spoken again: chosen in the tables, made by the step, refused where it would sound the same."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from console_driver import screen_text, until

from fakes import console_home as home_of
from fakes.recipes import FakeStep, recipe
from foundry_tui.engine_room import EngineRoom
from foundry_tui.foundry import Foundry
from foundry_tui.pipeline.contract import Recipe, StepSpec


def seven_steps() -> Recipe:
    names = home_of.STEPS
    specs = [StepSpec(f"STEP{place + 1}_{name}", name, FakeStep()) for place, name in enumerate(names)]
    assert recipe(FakeStep()).name == "audiobook"
    return Recipe("audiobook", tuple(specs))


@pytest.fixture
def finished(settings, monkeypatch) -> str:
    """A finished production of 25 chunks."""
    monkeypatch.setattr(Foundry, "recipes", {"audiobook": seven_steps()})
    home_of.add_books(settings.home, 1)
    home_of.add_narrators(settings.home)
    made = home_of.add_production(settings.home, 0, book="book_0", status="success", done=7)
    home_of.add_chunks(settings.home, made, 25)
    return made


def rows(settings, query: str) -> list[tuple]:
    with home_of.tables(settings.home) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def with_engine(monkeypatch, *, deterministic: bool) -> None:
    async def get(self, name):
        return SimpleNamespace(profile=SimpleNamespace(deterministic=deterministic, cost_per_million_characters=0))

    monkeypatch.setattr(EngineRoom, "get", get)


async def open_chunks(pilot) -> None:
    await pilot.press("3", "v", "v")
    await until(pilot, lambda: pilot.app.queue.count == 1)
    await pilot.press("enter")
    await until(pilot, lambda: "STEP7_publishing" in screen_text(pilot.app))
    await pilot.press("right_square_bracket", "right_square_bracket")
    await until(pilot, lambda: "Sentence number 3" in screen_text(pilot.app))


async def test_just_that_chunk_is_spoken_again_and_what_follows_is_pending(
    open_console, settings, finished, monkeypatch
):
    with_engine(monkeypatch, deterministic=False)
    async with open_console() as pilot:
        await open_chunks(pilot)
        await pilot.press("j", "j", "R")
        await until(pilot, lambda: "Only chunk 3 of chapter 1 is spoken again" in screen_text(pilot.app))
        assert "STEP3_audio_generation   you ask for it" in screen_text(pilot.app)
        assert "STEP5_final_compilation" in screen_text(pilot.app)
        await pilot.press("y")
        await until(pilot, lambda: "Retake of chunk 3 of chapter 1" in pilot.app.flash.words)
    takes = rows(settings, "SELECT chapter_number, chunk_index, take, status FROM audio_chunks WHERE take > 0")
    assert takes == [(1, 3, 1, "pending")]
    steps = dict(rows(settings, "SELECT step_name, status FROM production_steps"))
    assert [steps[name] for name in home_of.STEPS] == ["success", "success", *["pending"] * 5]
    assert rows(settings, "SELECT name, status FROM jobs") == [("STEP3_audio_generation", "pending")]


async def test_a_retake_that_would_sound_the_same_is_refused_in_words(open_console, settings, finished, monkeypatch):
    with_engine(monkeypatch, deterministic=True)
    async with open_console() as pilot:
        await open_chunks(pilot)
        await pilot.press("R")
        await until(pilot, lambda: "Retake?" in screen_text(pilot.app))
        await pilot.press("y")
        await until(pilot, lambda: "Same text, same voice, same sound" in screen_text(pilot.app))
    assert rows(settings, "SELECT count(*) FROM audio_chunks WHERE take > 0") == [(0,)]
    assert rows(settings, "SELECT status FROM audiobook_productions") == [("success",)]


async def test_a_step_of_a_finished_production_can_be_requeued(open_console, settings, finished):
    async with open_console() as pilot:
        await pilot.press("3", "v", "v")
        await until(pilot, lambda: pilot.app.queue.count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: "STEP7_publishing" in screen_text(pilot.app))
        await pilot.press(*["j"] * 4, "r")
        await until(pilot, lambda: "Requeue STEP5_final_compilation?" in screen_text(pilot.app))
        await pilot.press("enter")  # No has the focus
        assert dict(rows(settings, "SELECT status, count(*) FROM production_steps GROUP BY 1")) == {"success": 7}
        await pilot.press("r")
        await until(pilot, lambda: "Requeue STEP5_final_compilation?" in screen_text(pilot.app))
        await pilot.press("y")
        await until(pilot, lambda: "Requeued from STEP5_final_compilation" in pilot.app.flash.words)
    steps = dict(rows(settings, "SELECT step_name, status FROM production_steps"))
    assert [steps[name] for name in home_of.STEPS] == [*["success"] * 4, *["pending"] * 3]
