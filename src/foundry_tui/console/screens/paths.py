"""Paths typed or picked: completion as one types, and a list of what a folder holds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from textual.suggester import Suggester

from foundry_tui.console.screens.pick import Option, PickScreen
from foundry_tui.console.widgets.columns import Column
from foundry_tui.domain.plain import plain

ENDINGS = (".html", ".xhtml", ".htm", ".epub", ".txt", ".md", ".docx")
_MOST = 5000


class PathSuggester(Suggester):
    """Completes the last of several paths; only book files and folders."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first path that begins so."""
        head, sep, last = value.rpartition(";")
        typed = last.lstrip()
        if not typed:
            return None
        found = await asyncio.to_thread(_completed, typed)
        return f"{head}{sep}{last[: len(last) - len(typed)]}{found}" if found else None


def _completed(typed: str) -> str | None:
    path = Path(typed).expanduser()
    folder, start = (path, "") if typed.endswith("/") else (path.parent, path.name)
    try:
        names = sorted(each.name + ("/" if each.is_dir() else "") for each in folder.iterdir() if _fits(each, start))
    except OSError:
        return None
    return typed[: len(typed) - len(start)] + names[0] if names else None


def _fits(path: Path, start: str) -> bool:
    if not path.name.startswith(start) or (path.name.startswith(".") and not start.startswith(".")):
        return False
    return path.is_dir() or path.suffix.casefold() in ENDINGS


async def pick_path(app: Any, typed: str) -> str | None:
    """Walk through folders to a book, which joins those typed already; None where none was chosen."""
    head, sep, last = typed.rpartition(";")
    if await asyncio.to_thread(_is_file, last):
        head, sep = typed.rstrip(), "; "
    folder = await asyncio.to_thread(_begin, last.strip())
    while True:
        options = await asyncio.to_thread(_listing, folder)
        columns = (Column("NAME", 30, share=1), Column("SIZE", 10, right=True))
        chosen: str | None = await app.push_screen_wait(PickScreen(str(folder), columns, options))
        if chosen is None:
            return None
        folder = Path(chosen)
        if not await asyncio.to_thread(folder.is_dir):
            return f"{head}{sep}{chosen}"


def _is_file(typed: str) -> bool:
    return bool(typed.strip()) and Path(typed.strip()).expanduser().is_file()


def _begin(typed: str) -> Path:
    path = Path(typed or ".").expanduser().absolute()
    folder = path if path.is_dir() else path.parent
    return folder if folder.is_dir() else Path.home()


def _listing(folder: Path) -> list[Option]:
    options = [Option(str(folder.parent), ("..", ""))]
    try:
        found = sorted(folder.iterdir(), key=lambda each: (not each.is_dir(), each.name.casefold()))
    except OSError:
        return options
    for each in found[:_MOST]:
        if not _fits(each, ""):
            continue
        try:
            size = "" if each.is_dir() else f"{each.stat().st_size:,}"
        except OSError:
            continue
        options.append(Option(str(each), (plain(each.name) + ("/" if each.is_dir() else ""), size)))
    return options
