"""Removing a book or narrator with what was made of it: files to the trash and rows gone, all of it or nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from foundry_tui.domain.events import Event
from foundry_tui.domain.plain import plain
from foundry_tui.domain.productions import Production
from foundry_tui.domain.queue import Removed as RemovedRows
from foundry_tui.errors import InUse
from foundry_tui.operations.trash import Removal
from foundry_tui.store.database import Database
from foundry_tui.store.events import append

_log = logging.getLogger(__name__)
# What the publishing step hands back: the folder of the library it published to.
_PUBLISHED = "folder"


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed, and where its files lie now."""

    what: str
    productions: tuple[str, ...]
    trashed: tuple[Path, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``rm --json`` prints it."""
        return {
            "removed": self.what,
            "productions": list(self.productions),
            "trash": [str(path) for path in self.trashed],
        }


def in_use(name: str, made: Sequence[Production]) -> InUse:
    """The refusal to remove ``name`` while ``made`` exist, naming them all."""
    ids = [production.audiobook_id for production in made]
    return InUse(
        f"{name} has {len(ids)} production{'s' if len(ids) > 1 else ''}: {', '.join(ids)}.",
        next_action="Repeat with --with-productions to move what they made to the trash too.",
        details={"productions": ids},
    )


async def remove_with_files(
    database: Database,
    *,
    home: Path,
    library: Path,
    rows: Callable[[Any], Awaitable[RemovedRows]],
    what: str,
    moment: datetime,
) -> Removed:
    """Delete rows (``rows`` says which folders nothing needs any more) and move the files to the trash.

    The rows are gone when the transaction ends, after the files were moved; a move that fails takes the rows back,
    and a transaction that fails takes the files back.
    """
    removal = Removal(home, moment)
    try:
        async with database.write() as connection:
            gone = await rows(connection)
            places = [*_published(gone.results, library), *(home / folder for folder in gone.folders)]
            await _to_the_end(removal.take, places)
            trashed = [str(target) for _, target in removal.moved]
            await append(connection, [Event("removed", f"{what} was removed.", details={"trash": trashed})])
    except BaseException:
        await asyncio.to_thread(removal.undo)
        raise
    removal.tidy(library)
    ids = tuple(production.audiobook_id for production in gone.productions)
    _log.info("removed %s with %d productions", plain(what), len(ids))
    return Removed(what, ids, tuple(target for _, target in removal.moved))


async def _to_the_end(work: Callable[[Sequence[Path]], None], places: Sequence[Path]) -> None:
    """``work`` in a thread; cancelled, it is still waited for, so that nothing is undone while it goes on moving."""
    moving = asyncio.ensure_future(asyncio.to_thread(work, places))
    try:
        await asyncio.shield(moving)
    except asyncio.CancelledError:
        await asyncio.wait([moving])
        raise


def _published(results: Mapping[tuple[str, str], Mapping[str, Any]], library: Path) -> list[Path]:
    """The folders of the library that the removed productions were published to."""
    folders = [Path(str(result.get(_PUBLISHED))) for (_, step), result in results.items() if step == "publishing"]
    return [folder for folder in folders if folder.is_relative_to(library) and folder != library]
