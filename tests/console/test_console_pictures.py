"""The pictures in screenshots/ are what the console draws: made again, a picture says the same words."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

# Few: a picture costs a start, and the words of every screen are held by other tests.
DRAWN = ("first_run", "panes", "queue_80x24", "error")


def words(picture: str) -> list[str]:
    """The texts of an SVG in the order they are drawn."""
    return [html.unescape(found).replace("\xa0", " ") for found in re.findall(r"<text[^>]*>([^<]*)</text>", picture)]


@pytest.fixture(scope="session")
def drawn(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    subprocess.run(
        [sys.executable, str(repository / "screenshots" / "render.py"), str(folder), *DRAWN],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_what_the_console_draws(drawn: Path, repository: Path, name: str) -> None:
    fresh = (drawn / f"{name}.svg").read_text("utf-8")
    kept = (repository / "screenshots" / f"{name}.svg").read_text("utf-8")
    assert words(fresh) == words(kept), "run python screenshots/render.py, and look at what has changed"


def test_every_picture_is_drawn_by_the_command(repository: Path) -> None:
    script = (repository / "screenshots" / "render.py").read_text("utf-8")
    for picture in (repository / "screenshots").glob("*.svg"):
        assert f'"{picture.stem}"' in script, f"{picture.name} is nobody's any more"
