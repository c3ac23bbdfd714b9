"""What is heard and read in the console is compared fairly and kept in files; and the doctor mends what he can."""

from __future__ import annotations

import asyncio
import io
import json
import os
import threading
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from console_driver import screen_text, until

from fakes import console_home as home_of
from foundry_tui.audio.loudness import integrated
from foundry_tui.audio.measure import measure
from foundry_tui.console.inner import Inner
from foundry_tui.console.screens.audition import AuditionScreen
from foundry_tui.console.screens.doctor import DoctorScreen
from foundry_tui.console.sound import Playing, Sound
from foundry_tui.domain.books import Narrator
from foundry_tui.files import TEMP_MARK
from foundry_tui.operations.audition import Auditions, Heard, _heard, at_equal_loudness, fair_loudness
from foundry_tui.operations.doctor import Finding

RATE = 24_000


def spoken(narrator_id: str, level: float, *, crest: float = 0.0) -> Heard:
    """Two seconds at ``level`` of full scale, with one peak of ``crest``."""
    time_s = np.arange(2 * RATE) / RATE
    sound = level * np.sin(2 * np.pi * 220 * time_s)
    if crest:
        sound[RATE] = crest
    pcm = (sound * 32767).astype("<i2").tobytes()
    narrator = Narrator(narrator_id=narrator_id, narrator_name=narrator_id, language="eng")
    return _heard(narrator, "A passage.", pcm, RATE, "espeak", "en-gb", None)


def loudness(wav: bytes) -> float:
    with wave.open(io.BytesIO(wav)) as file:
        pcm, rate = file.readframes(file.getnframes()), file.getframerate()
    return integrated(measure(pcm, rate).energies.astype(np.float64), rate)


@pytest.mark.parametrize("crest", [0.0, 0.95])
def test_two_narrators_are_compared_at_the_same_loudness_whatever_their_peaks(crest: float) -> None:
    quiet, loud = spoken("quiet", 0.02, crest=crest), spoken("loud", 0.5)
    assert abs(loudness(quiet.wav) - loudness(loud.wav)) > 20
    target = fair_loudness([quiet, loud], -20.0)
    moved = [loudness(at_equal_loudness(each, target)) for each in (quiet, loud)]
    assert abs(moved[0] - moved[1]) < 0.2
    assert target == -20.0 or crest, "what no peak forbids is as loud as it is meant to be"


async def test_a_and_b_are_heard_fairly_and_saved_as_they_are(open_console, settings, monkeypatch, tmp_path):
    home_of.add_narrators(settings.home)
    takes = {"amber": spoken("amber", 0.02), "bruno": spoken("bruno", 0.5)}
    played: list[tuple[str, bytes]] = []

    async def speak(self: Auditions, narrator_id: str, text: str | None = None) -> Heard:
        return takes[narrator_id]

    async def play(self: Sound, name: str, wav: bytes, seconds: float) -> Playing:
        played.append((name, wav))
        return Playing(name, seconds, 0.0)

    monkeypatch.setattr(Auditions, "speak", speak)
    monkeypatch.setattr(Sound, "play", play)
    monkeypatch.chdir(tmp_path)
    async with open_console() as pilot:
        app = pilot.app
        await pilot.press("2", "space", "space", "t")
        await until(pilot, lambda: isinstance(app.screen, AuditionScreen))
        await pilot.press("f7")
        await until(pilot, lambda: "Nothing was spoken yet" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: len(played) == 1)
        await pilot.press("f5")
        await until(pilot, lambda: len(played) == 2)
        assert abs(loudness(played[0][1]) - loudness(played[1][1])) < 0.2
        await pilot.press("f8")
        await until(pilot, lambda: "Save what was spoken" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, (tmp_path / "bruno.wav").exists)
        assert (tmp_path / "bruno.wav").read_bytes() == takes["bruno"].wav, "as it was spoken, not as it was compared"


async def test_events_are_saved_as_the_filter_shows_them(open_console, settings, monkeypatch, tmp_path):
    made = home_of.a_working_day(settings.home)
    home_of.add_events(settings.home, made["failed"], [("error", "evil \x1b[2J [red]words")])
    monkeypatch.chdir(tmp_path)
    async with open_console() as pilot:
        app = pilot.app

        async def save_to(name: str) -> None:
            await pilot.press("E")
            await until(pilot, lambda: "Save the events" in screen_text(app))
            await pilot.press("ctrl+u", *name, "enter")
            await until(pilot, (tmp_path / name).exists)
            await until(pilot, lambda: len(app.screen_stack) == 1)

        await pilot.press("4")
        await save_to("all.jsonl")
        await pilot.press("l", "l")
        await until(pilot, lambda: app.events.count == 2)
        await save_to("errors.log")
    events = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text("utf-8").splitlines()]
    assert {each["level"] for each in events} >= {"info", "warning", "error"}
    lines = (tmp_path / "errors.log").read_text("utf-8").splitlines()
    assert len(lines) == 2
    assert all(" error " in line for line in lines)
    assert not any("\x1b" in line for line in lines)


async def test_the_doctor_says_what_it_finds_as_it_finds_it_and_mends_leftovers(open_console, settings, monkeypatch):
    home_of.a_working_day(settings.home)
    left = settings.home / "foundry" / "book_0" / "eng" / "amber" / "combined" / f"{TEMP_MARK}half.m4b"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    os.utime(left, (0, 0))  # nobody writes it any more
    monkeypatch.setattr("foundry_tui.voices.engines.engine_names", lambda: ("espeak",))
    asked: list[Any] = []
    examine = Inner.examine

    async def counted(self: Inner) -> Any:
        asked.append(self)
        return await examine(self)

    monkeypatch.setattr(Inner, "examine", counted)
    async with open_console() as pilot:
        app = pilot.app
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, DoctorScreen) and app.screen.loaded)
        assert "leftovers" in screen_text(app)
        home_of.add_events(settings.home, None, [("info", "Something happened.")])
        await pilot.press("G", "F")
        await until(pilot, lambda: "That is well." in screen_text(app))
        await pilot.press("slash", *"half.m4b", "enter", "F")
        await until(pilot, lambda: "Repair?" in screen_text(app))
        await pilot.press("enter")  # No has the focus
        assert left.exists()
        await pilot.press("F")
        await until(pilot, lambda: "Repair?" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: not left.exists())
        await until(pilot, lambda: len(asked) == 2 and app.screen.loaded)
        await pilot.press("escape")
        await until(pilot, lambda: "No half-written files lie about" in screen_text(app))
        assert len(asked) == 2, "nobody's event makes it look again"


async def test_a_doctor_that_is_left_while_it_looks_is_left_alone(open_console, monkeypatch):
    going_on, told = threading.Event(), threading.Event()
    finding = Finding("ok", "late", "It came when nobody looked any more.")
    wrong: list[dict[str, Any]] = []

    async def examine(self: Inner) -> list[Finding]:
        self.on_finding(finding)
        await asyncio.to_thread(going_on.wait)
        self.on_finding(finding)
        told.set()
        return [finding]

    monkeypatch.setattr(Inner, "examine", examine)
    async with open_console() as pilot:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, said: wrong.append(said))
        await pilot.press("D")
        await until(pilot, lambda: isinstance(pilot.app.screen, DoctorScreen) and "late" in screen_text(pilot.app))
        screen = pilot.app.screen
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is not screen and not screen.children)
        going_on.set()
        await until(pilot, told.is_set)
        await screen.settled()
        await pilot.pause()
    assert not wrong


async def test_a_read_only_console_mends_nothing(open_console, settings, monkeypatch):
    monkeypatch.setattr("foundry_tui.voices.engines.engine_names", tuple)
    async with open_console(readonly=True) as pilot:
        await pilot.press("D")
        await until(pilot, lambda: isinstance(pilot.app.screen, DoctorScreen) and pilot.app.screen.loaded)
        await pilot.press("F")
        await until(pilot, lambda: "read-only" in screen_text(pilot.app))


def test_a_folder_given_as_the_file_takes_the_file_in(tmp_path: Path) -> None:
    from foundry_tui.console.doing.saving import _placed

    assert _placed(str(tmp_path), "events.log") == (tmp_path / "events.log", False)
    (tmp_path / "events.log").write_text("x")
    assert _placed(str(tmp_path / "events.log"), "other") == (tmp_path / "events.log", True)
