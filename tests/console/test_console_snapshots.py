"""Pictures of every pane, screen and theme, compared with those kept: Textual is pinned, data and clock are given.

After a change that is meant: ``pytest tests/console/test_console_snapshots.py --snapshot-update``, then look at them.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.console_scenes import SCENES, app_for, home_for, reach, steady

HERE = Path(__file__).parent
KEPT = HERE / "__snapshots__" / Path(__file__).stem


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A machine like every other."""
    steady(monkeypatch.setattr)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.chdir(tmp_path)
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("name", [name for name, scene in SCENES.items() if scene.compared])
def test_a_screen_looks_as_it_did(name: str, still: None, template: Path, snap_compare) -> None:
    scene = SCENES[name]
    app = app_for(scene, home_for(scene, template, Path("home")))

    async def there(pilot) -> None:
        await reach(scene, pilot)

    try:
        assert snap_compare(app, terminal_size=scene.size, run_before=there)
    finally:
        app.house.ask_to_close()
        app.house.join(10)


def words(picture: str) -> str:
    """The texts of an SVG in the order they are drawn, its frame's title left out."""
    body = picture.partition("clip-path")[2]
    found = re.findall(r'<text class="[^"]*-r\d+"[^>]*>([^<]*)</text>', body)
    # How neighbours of one style are joined is nobody's business.
    return re.sub(r"\s+", "", "".join(html.unescape(each) for each in found))


def test_the_pictures_of_the_docs_show_these_screens(repository: Path) -> None:
    pictures = sorted((repository / "screenshots").glob("*.svg"))
    assert len(pictures) > 15
    assert {picture.stem for picture in pictures} == set(SCENES), "run python screenshots/render.py"
    for picture in pictures:
        if not SCENES[picture.stem].compared:
            continue
        kept = KEPT / f"test_a_screen_looks_as_it_did[{picture.stem}].svg"
        assert words(picture.read_text("utf-8")) == words(kept.read_text("utf-8")), (
            f"{picture.name}: run python screenshots/render.py, and look at what has changed"
        )
