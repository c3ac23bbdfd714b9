"""A backup of a home that may be at work: the rows of one moment, then the files; each with its checksum.

Rows first: artifacts never change under their names, so every file a row names is there a moment later as it was. One
that is gone by then (a chapter parsed anew) is made again after the restore, as it would be without.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from foundry_tui.domain.ids import calendar_id
from foundry_tui.errors import Conflict, FoundryError, UsageError
from foundry_tui.files import TEMP_MARK, folder_lock
from foundry_tui.operations.backup_files import DATABASE, Entry, Manifest, Sink, making, read_manifest
from foundry_tui.store import backup as rows
from foundry_tui.store.database import Database
from foundry_tui.store.transfer import portable_copy

_log = logging.getLogger(__name__)
_NAME = "foundry_backup_"
# Of a home; the database is copied by its own means, logs and trash are left.
_FOLDERS = ("foundry", "samples", "inbox")
_FILES = ("config.toml",)
_LEFT_OUT = (".lock",)
_CHAPTERS = "chapters"


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was backed up. ``linked`` files are shared with the backup before this one."""

    place: Path
    files: int
    linked: int
    size_bytes: int
    rows: int
    missing: int

    def to_json(self) -> dict[str, Any]:
        """As ``backup --json`` prints it."""
        return {
            "backup": str(self.place),
            "files": self.files,
            "linked": self.linked,
            "size_bytes": self.size_bytes,
            "rows": self.rows,
            "missing": self.missing,
        }


class Backups:
    """Makes backups of one home."""

    def __init__(self, database: Database, home: Path, library: Path, now: Callable[[], datetime]) -> None:
        self._database = database
        self._home = home
        self._library = library
        self._now = now

    async def make(self, to: Path | None = None, *, library: bool = False) -> BackupReport:
        """Back up into a new folder of ``to`` (the home's ``backups/`` unless given), or into ``to`` ending in .tar.

        ``library`` takes the published files too. Raises Conflict where that .tar is there, UsageError for a place
        that is backed up itself, WriteFailed, DiskFull.
        """
        moment = self._now()
        target = self._target(to, moment)
        if target.exists():
            raise Conflict(f"{target} is there already.", next_action="Choose another name; nothing is overwritten.")
        backed_up = [*(self._home / name for name in _FOLDERS), *([self._library] if library else [])]
        within = next((folder for folder in backed_up if target.resolve().is_relative_to(folder.resolve())), None)
        if within is not None:
            raise UsageError(
                f"{target} lies in {within}, which is backed up itself: the next backup would hold this one.",
                next_action="Choose a place outside of it, on another disk if there is one.",
            )
        with tempfile.TemporaryDirectory(prefix=TEMP_MARK, dir=self._home / "database") as folder:
            snapshot = await self._snapshot(Path(folder))
            return await asyncio.to_thread(self._make, target, snapshot, moment, library=library)

    def _target(self, to: Path | None, moment: datetime) -> Path:
        place = (to or self._home / "backups").expanduser().absolute()
        if place.suffix == ".tar":
            return place
        while (named := place / f"{_NAME}{calendar_id(moment)}").exists():
            moment += timedelta(seconds=1)  # of two within a second the later one sorts behind, too
        return named

    async def _snapshot(self, folder: Path) -> Path:
        """Every row as of one moment, as a SQLite file, whatever the database."""
        target = folder / DATABASE
        if self._database.is_sqlite:
            return await rows.backup(self._database, target)
        return await portable_copy(self._database, target)

    def _make(self, target: Path, snapshot: Path, moment: datetime, *, library: bool) -> BackupReport:
        counts = rows.row_counts(snapshot)
        files: dict[str, Entry] = {}
        with making(target, _previous(target)) as sink:
            files[DATABASE] = sink.put(DATABASE, snapshot)
            self._put_home(sink, files)
            if library:
                _put_all(sink, files, self._library, "library")
            missing = [name for name in rows.artifacts(snapshot) if f"home/{name}" not in files]
            manifest = Manifest(
                made_at=moment.isoformat(timespec="seconds"),
                foundry=importlib.metadata.version("foundry-tui"),
                home=str(self._home),
                tables=counts,
                library=str(self._library) if library else None,
                missing=tuple(missing),
                files=files,
            )
            sink.finish(manifest)
            linked = int(getattr(sink, "linked", 0))
        size = sum(entry.size_bytes for entry in files.values())
        _log.info("backed up %d files to %s", len(files), target)
        return BackupReport(target, len(files), linked, size, sum(counts.values()), len(missing))

    def _put_home(self, sink: Sink, files: dict[str, Entry]) -> None:
        for name in _FILES:
            _put(sink, files, f"home/{name}", self._home / name)
        for folder in _FOLDERS:
            inside = self._home / folder
            if inside != self._library and not self._library.is_relative_to(inside):
                _put_all(sink, files, inside, f"home/{folder}")


def _put_all(sink: Sink, files: dict[str, Entry], folder: Path, name: str) -> None:
    for place, listed in _folders(folder):
        below = PurePosixPath(name) / place.relative_to(folder).as_posix()
        # Chapters are swapped whole when a book is parsed again: not while they are being read.
        with folder_lock(place.parent) if place.name == _CHAPTERS else nullcontext():
            for each in _names(path.name for path in place.iterdir()) if place.name == _CHAPTERS else listed:
                _put(sink, files, str(below / each), place / each)


def _folders(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(TEMP_MARK))
        yield Path(place), _names(names)


def _names(listed: Iterable[str]) -> list[str]:
    return sorted(name for name in listed if not name.startswith(TEMP_MARK) and name not in _LEFT_OUT)


def _put(sink: Sink, files: dict[str, Entry], name: str, source: Path) -> None:
    try:
        files[name] = sink.put(name, source)
    except FileNotFoundError:
        # Replaced or moved since its folder was listed: what the rows still need of it is told as missing.
        _log.info("%s was gone before it was copied", source)


def _previous(target: Path) -> tuple[Path, Manifest] | None:
    """The newest finished backup beside ``target``, to share unchanged files with."""
    if target.suffix == ".tar" or not target.parent.is_dir():
        return None
    for folder in sorted(target.parent.glob(f"{_NAME}*"), reverse=True):
        try:
            return folder, read_manifest(folder)
        except FoundryError:
            continue
    return None
