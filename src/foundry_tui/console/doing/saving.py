"""Something shown, kept in a file of the operator's choice: whole or not at all, and nothing replaced unasked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from foundry_tui.console.screens.form import Field, FormScreen
from foundry_tui.domain.plain import plain
from foundry_tui.errors import FoundryError
from foundry_tui.files import write_bytes

if TYPE_CHECKING:
    from foundry_tui.console.contract import Console


async def save(console: Console, title: str, name: str, make: Callable[[Path], Awaitable[bytes]]) -> Path | None:
    """Ask where, then write what ``make`` gives for that path; the path, or None where nothing was written.

    A path without a folder is meant from the folder the console was started in.
    """
    agreed: set[Path] = set()
    written: list[Path] = []

    async def submit(values: Mapping[str, str]) -> str | None:
        if not values["path"]:
            return "Give the path of a file."
        try:
            path, there = await asyncio.to_thread(_placed, values["path"], name)
            if there and path not in agreed:
                agreed.add(path)
                return f"{path} is there already: enter again replaces it."
            await asyncio.to_thread(write_bytes, path, await make(path))
        except FoundryError as error:
            return error.sentence()
        except OSError as error:
            return f"It cannot be written there: {error.strerror or error}."
        written.append(path)
        return None

    fields = (Field("path", "File", str(Path.cwd() / name), hint="written whole or not at all"),)
    if await console.push_screen_wait(FormScreen(title, fields, submit, done="Save")) is None:
        return None
    console.say(f"Saved: {plain(written[0], 300)}", "ok")
    return written[0]


def _placed(typed: str, name: str) -> tuple[Path, bool]:
    path = Path(typed).expanduser().absolute()
    if path.is_dir():
        path /= name
    return path, path.exists()
