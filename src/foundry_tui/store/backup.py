"""Copies of a SQLite database taken while it is in use. Putting one back is store.restore's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from foundry_tui.errors import DatabaseUnavailable, DiskFull, UsageError, WriteFailed
from foundry_tui.store.database import Database
from foundry_tui.store.tables import metadata

# In one step: a copy taken in pieces begins anew whenever somebody commits between two of them, and would never end in
# a busy home. Under WAL a reader blocks no writer, so nobody waits for it.
_ALL_PAGES = -1


async def backup(database: Database, target: Path) -> Path:
    """Copy a running SQLite database to ``target`` (must end in .bak) and prove the copy sound; never half a file.

    Raises UsageError on PostgreSQL or a wrong name, WriteFailed or DiskFull where the copy cannot be written.
    """
    if database.sqlite_path is None:
        raise UsageError(
            "A PostgreSQL database is backed up with its own tools.",
            next_action="Use pg_dump, or `foundry-tui db copy` to a SQLite file.",
        )
    if target.suffix != ".bak":
        raise UsageError(f"{target.name} does not end in .bak.", next_action="Name the backup *.bak.")
    return await asyncio.to_thread(copy_file, Path(database.sqlite_path), target)


def copy_file(source: Path, target: Path) -> Path:
    """Copy one SQLite file by its backup API, check the copy, flush it to the disk and move it to its name."""
    half = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(source, timeout=30)) as origin, closing(sqlite3.connect(half)) as copy:
            origin.backup(copy, pages=_ALL_PAGES)
            # The copy stands alone: no -wal beside it that somebody could forget to take along.
            copy.execute("PRAGMA journal_mode=DELETE")
            verdict = copy.execute("PRAGMA quick_check").fetchone()[0]
        if verdict != "ok":
            raise DatabaseUnavailable(
                f"The database at {source} is damaged: {verdict}.",
                next_action="Put a backup (*.bak) in its place.",
            )
        flushed(half)
        half.replace(target)
        flushed(target.parent)
    except sqlite3.DatabaseError as error:
        said = str(error)
        if "full" in said:
            raise DiskFull(f"No room for the backup {target}.") from error
        raise WriteFailed(f"The backup {target} cannot be written: {said}.") from error
    except OSError as error:
        raise WriteFailed(f"The backup {target} cannot be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            half.unlink(missing_ok=True)
    return target


def row_counts(file: Path) -> dict[str, int]:
    """How many rows each of our tables has in a SQLite file; one of an older schema has not got all of them."""
    with closing(sqlite3.connect(file)) as copy:
        there = {row[0] for row in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return {
            table.name: int(copy.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])  # noqa: S608 - ours
            for table in metadata.sorted_tables
            if table.name in there
        }


def artifacts(file: Path) -> list[str]:
    """Every file that a finished chunk names in a SQLite file, relative to the home."""
    query = "SELECT DISTINCT artifact FROM audio_chunks WHERE status = 'success' AND artifact IS NOT NULL"
    with closing(sqlite3.connect(file)) as copy:
        return [str(row[0]) for row in copy.execute(query)]


def flushed(path: Path) -> None:
    """Have the disk hold a file, or a folder's names, before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
