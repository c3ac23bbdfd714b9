# ruff: noqa: INP001 - a small tool, no package
"""Draw the screens of the console as SVG: python screenshots/render.py [FOLDER [NAME …]]

On a home seeded by itself, with fixed times, sizes and names, so that a picture changes only when the console does. The
scenes are those the snapshot tests compare: ``tests/fakes/console_scenes.py``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ |= {"TZ": "UTC", "TERM": "xterm-256color"}
os.environ.pop("SSH_CONNECTION", None)
time.tzset()
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from fakes.console_home import make_template  # noqa: E402
from fakes.console_scenes import SCENES, app_for, home_for, reach, steady  # noqa: E402


async def draw(folder: Path, name: str, template: Path) -> Path:
    """One screen."""
    scene = SCENES[name]
    app = app_for(scene, home_for(scene, template, Path("home")))
    async with app.run_test(size=scene.size) as pilot:
        try:
            await reach(scene, pilot)
            picture = app.export_screenshot(title=f"foundry-tui: {name.replace('_', ' ')}", simplify=True)
        finally:
            await app.house.close(drain_s=1.0)
    path = folder / f"{name}.svg"
    path.write_text(picture, encoding="utf-8")
    return path


def main() -> None:
    """Draw them all, or those named."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else HERE).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    steady(setattr)
    with tempfile.TemporaryDirectory() as work:
        template = make_template(Path(work) / "template")
        for name in sys.argv[2:] or list(SCENES):
            (Path(work) / name).mkdir()
            os.chdir(Path(work) / name)
            sys.stdout.write(f"{asyncio.run(draw(folder, name, template))}\n")
        os.chdir(HERE)


if __name__ == "__main__":
    main()
