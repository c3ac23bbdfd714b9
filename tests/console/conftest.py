"""The console on a home of its own, driven by keys; conditions are waited for, never time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.console_home import copy_home, make_template
from foundry_tui.console.app import ConsoleApp
from foundry_tui.console.house import House
from foundry_tui.console.sinks import Sink
from foundry_tui.settings import Settings


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("console") / "template")


@pytest.fixture
def settings(template: Path, tmp_path: Path) -> Settings:
    return copy_home(template, tmp_path / "home")


OpenConsole = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def open_console(settings: Settings) -> OpenConsole:
    """``async with open_console(size=…, workers=0) as pilot``: every pane shows what the tables say."""

    @asynccontextmanager
    async def opened(*, size: tuple[int, int] = (140, 40), inbox: bool = False, **options: Any) -> Any:
        house = House(settings, workers=options.pop("workers", 0), watch_s=0.05, watch_inbox=inbox)
        app = ConsoleApp(settings, house=house, sink=options.pop("sink", Sink("off", "off")), **options)
        app.flush_s = 0.05
        async with app.run_test(size=size) as pilot:
            try:
                await app.settled()
                await pilot.pause()
                yield pilot
            finally:
                await app.sound.stop()
                await house.close(drain_s=5.0)

    return opened
