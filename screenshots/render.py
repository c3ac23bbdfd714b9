# ruff: noqa: INP001 - a small tool, no package
"""Draw every screen of the console as SVG: python screenshots/render.py [FOLDER]

From a home seeded by itself, with fixed times, sizes and names, so that a picture changes only when the console does.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

os.environ |= {"TZ": "UTC", "FOUNDRY_HOST_NAME": "press", "TERM": "xterm-256color"}
os.environ.pop("SSH_CONNECTION", None)
time.tzset()
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from fakes import console_home as home_of  # noqa: E402
from foundry_tui.console import keeping_up  # noqa: E402
from foundry_tui.console.app import ConsoleApp  # noqa: E402
from foundry_tui.console.house import House  # noqa: E402
from foundry_tui.console.sinks import Sink  # noqa: E402

WIDE, NARROW = (140, 40), (80, 24)
Steps = Callable[[Any], Awaitable[None]]
WORK = Path(tempfile.gettempdir()) / "foundry_pictures"  # a fixed place: it can be read in the pictures
_true_facts = keeping_up.facts_of


def _facts(*given: Any, **more: Any) -> Any:
    """The header's facts with a disk and a home that are the same on every machine."""
    facts = dataclasses.replace(_true_facts(*given, **more), home="/srv/foundry")
    return dataclasses.replace(facts, disk="120 GB", disk_low=False) if facts.disk else facts


keeping_up.facts_of = _facts


async def until(pilot: Any, seen: Callable[[], object]) -> None:
    """Let the app run until ``seen()``."""
    deadline = time.monotonic() + 30
    while not seen():
        if time.monotonic() > deadline:
            raise TimeoutError
        await pilot.pause(0.05)


def keys(*pressed: str, above: int = 0) -> Steps:
    """Press keys, and wait until ``above`` screens lie over the panes."""

    async def steps(pilot: Any) -> None:
        await pilot.press(*pressed)
        await until(pilot, lambda: len(pilot.app.screen_stack) == above + 1)
        await pilot.pause(0.3)

    return steps


async def failed(pilot: Any) -> None:
    """The productions that failed."""
    await pilot.press("3", "v")
    await until(pilot, lambda: pilot.app.queue.count == 2)


async def error(pilot: Any) -> None:
    """Why one failed."""
    await failed(pilot)
    await pilot.press("e")
    await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
    await pilot.pause(0.3)


async def chunks(pilot: Any) -> None:
    """The chunks of the failed production."""
    await failed(pilot)
    await pilot.press("enter")
    await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
    await pilot.press("right_square_bracket", "right_square_bracket")
    await until(pilot, lambda: pilot.app.screen.shown.count > 0)
    await pilot.pause(0.3)


async def audition(pilot: Any) -> None:
    """A narrator heard."""
    await pilot.press("2", "t")
    await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.screen.heard[0] is not None)
    await pilot.pause(0.3)


SCREENS: dict[str, tuple[tuple[int, int], str, bool, Steps]] = {
    "first_run": (WIDE, "dark", False, keys()),
    "panes": (WIDE, "dark", True, keys()),
    "panes_light": (WIDE, "light", True, keys()),
    "panes_high_contrast": (WIDE, "high-contrast", True, keys("3")),
    "panes_deuteranopia": (WIDE, "deuteranopia", True, keys("3")),
    "catalog_80x24": (NARROW, "dark", True, keys("1")),
    "narrators_80x24": (NARROW, "dark", True, keys("2")),
    "queue_80x24": (NARROW, "dark", True, keys("3")),
    "events_80x24": (NARROW, "dark", True, keys("4")),
    "filter": (WIDE, "dark", True, keys("slash", *"the")),
    "make": (WIDE, "dark", True, keys("m", above=1)),
    "add_books": (NARROW, "dark", True, keys("a", above=1)),
    "narrator": (NARROW, "dark", True, keys("2", "c", above=1)),
    "production": (WIDE, "dark", True, keys("3", "enter", above=1)),
    "chunks": (WIDE, "dark", True, chunks),
    "error": (WIDE, "dark", True, error),
    "confirm": (NARROW, "dark", True, keys("3", "x", above=1)),
    "help": (WIDE, "dark", True, keys("question_mark", above=1)),
    "command": (NARROW, "dark", True, keys("colon", *"the", above=1)),
    "event": (WIDE, "dark", True, keys("4", "enter", above=1)),
    "audition": (WIDE, "dark", True, audition),
}


async def draw(folder: Path, name: str, template: Path, work: Path) -> Path:
    """One screen."""
    size, theme, full, steps = SCREENS[name]
    settings = home_of.copy_home(template, work / name)
    if full:
        home_of.a_working_day(settings.home)
    house = House(settings, workers=0, watch_s=0.05, watch_inbox=False)
    app = ConsoleApp(settings, house=house, theme=theme, sink=Sink("off", "this host (ffplay)"))
    async with app.run_test(size=size) as pilot:
        try:
            await app.settled()
            await pilot.pause(0.3)
            await steps(pilot)
            picture = app.export_screenshot(title=f"foundry-tui: {name.replace('_', ' ')}")
        finally:
            await house.close(drain_s=1.0)
    path = folder / f"{name}.svg"
    path.write_text(picture, encoding="utf-8")
    return path


def main() -> None:
    """Draw them all, or those named."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    folder.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[2:] or list(SCREENS)
    shutil.rmtree(WORK, ignore_errors=True)
    try:
        template = home_of.make_template(WORK / "template")
        for name in wanted:
            sys.stdout.write(f"{asyncio.run(draw(folder, name, template, WORK))}\n")
    finally:
        shutil.rmtree(WORK, ignore_errors=True)


if __name__ == "__main__":
    main()
