"""Removing a book or narrator with what was made of it: rows gone in one short transaction, files to the trash after.

What is to be moved is written down before the rows are committed, so that whoever comes after a crash moves the rest:
the files are in their place with their rows, or in the trash without them.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from foundry_tui.domain.events import Event
from foundry_tui.domain.plain import plain
from foundry_tui.domain.productions import Production
from foundry_tui.domain.queue import Removed as RemovedRows
from foundry_tui.errors import InUse, WriteFailed
from foundry_tui.files import sync_file, sync_folder, writing
from foundry_tui.operations.trash import Move, move_all, planned, tidy
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.removal import still_there

_log = logging.getLogger(__name__)
# What the publishing step hands back: the folder of the library it published to.
_PUBLISHED = "folder"
_JOURNALS = "unfinished"


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
    """Delete rows (``rows`` says which folders nothing needs any more), then move the files to the trash.

    A transaction that fails leaves everything as it was. Raises WriteFailed where the files could not be moved: the
    rows are gone then, and the next start moves the rest.
    """
    with _journal(home) as journal:
        async with database.write() as connection:
            gone = await rows(connection)
            places = [*(home / folder for folder in gone.folders), *_published(gone.results, library)]
            moves = planned(home, moment, places)
            if moves:
                journal.write(gone, moves, library)
            trashed = [str(move.target) for move in moves]
            await append(connection, [Event("removed", f"{what} was removed.", details={"trash": trashed})])
        try:
            await _to_the_end(lambda: _finish(journal.path, moves, library))
        except WriteFailed as error:
            said = f"{what} was removed, but its files are not all in the trash: {error.message}"
            raise type(error)(said, next_action="Mend that; the next start moves the rest.") from error
    ids = tuple(production.audiobook_id for production in gone.productions)
    _log.info("removed %s with %d productions", plain(what), len(ids))
    return Removed(what, ids, tuple(move.target for move in moves))


async def finish_removals(database: Database, home: Path) -> tuple[str, ...]:
    """Move what removals that were cut off have left in its place; the paths in the trash. Cheap where there are none.

    One whose rows are still there was undone with its transaction, and is forgotten.
    """
    finished: list[str] = []
    folder = home / "trash" / _JOURNALS
    for path in await asyncio.to_thread(_journals, folder):
        with _taken(path) as told:
            if told is None:
                continue  # whoever wrote it is still at it
            moves = [Move(Path(place), Path(target)) for place, target in told.get("moves", ())]
            async with database.read() as connection:
                undone = await still_there(connection, told.get("rows", {}))
            if undone or not moves:
                path.unlink(missing_ok=True)
                continue
            await _to_the_end(lambda: _finish(path, moves, Path(told["library"])))  # noqa: B023 - awaited here
            finished += [str(move.target) for move in moves]
    if finished:
        message = f"A removal that was cut off was finished: {len(finished)} places moved to the trash."
        async with database.write() as connection:
            await append(connection, [Event("removed", message, details={"trash": finished})])
    return tuple(finished)


def unfinished_removals(home: Path) -> list[Path]:
    """The journals of removals that were cut off; those of living processes are not among them."""
    found = []
    for path in _journals(home / "trash" / _JOURNALS):
        with _taken(path) as told:
            if told is not None:
                found.append(path)
    return found


class _Journal:
    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle

    def write(self, gone: RemovedRows, moves: Sequence[Move], library: Path) -> None:
        """On the disk before the rows are committed."""
        rows = {
            "productions": [production.audiobook_id for production in gone.productions],
            "book": gone.book.book_id if gone.book else None,
            "narrator": gone.narrator.narrator_id if gone.narrator else None,
        }
        told = {"rows": rows, "moves": [[str(move.place), str(move.target)] for move in moves], "library": str(library)}
        with writing(self.path):
            os.write(self._handle, json.dumps(told).encode())
            sync_file(self.path)
            sync_folder(self.path.parent)


@contextmanager
def _journal(home: Path) -> Iterator[_Journal]:
    """A file that is locked while its writer lives, and gone when there is nothing left to do for anybody."""
    path = home / "trash" / _JOURNALS / f"{secrets.token_hex(8)}.json"
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield _Journal(path, handle)
    finally:
        # One that says something is somebody's to finish: a commit may have been broken off just as it was done.
        if os.fstat(handle).st_size == 0:
            path.unlink(missing_ok=True)
        os.close(handle)
        with suppress(OSError):
            path.parent.rmdir()


def _journals(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json")) if folder.is_dir() else []


@contextmanager
def _taken(path: Path) -> Iterator[dict[str, Any] | None]:
    """What the journal says, locked; None where its writer lives. One that says nothing came before its rows went."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        try:
            told = json.loads(path.read_bytes() or b"{}")
        except ValueError:
            told = {}
        yield told
    finally:
        os.close(handle)


def _finish(journal: Path, moves: Sequence[Move], library: Path) -> None:
    move_all(moves)
    tidy((move.place for move in moves), library)
    journal.unlink(missing_ok=True)


async def _to_the_end(work: Callable[[], None]) -> None:
    """``work`` in a thread; cancelled, it is still waited for: half a removal helps nobody."""
    moving = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(moving)
    except asyncio.CancelledError:
        await asyncio.wait([moving])
        raise


def _published(results: Mapping[tuple[str, str], Mapping[str, Any]], library: Path) -> list[Path]:
    """The folders of the library that the removed productions were published to."""
    folders = [Path(str(result.get(_PUBLISHED))) for (_, step), result in results.items() if step == "publishing"]
    return [folder for folder in folders if folder.is_relative_to(library) and folder != library]
