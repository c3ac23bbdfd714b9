"""A backup put into an empty home: proved while it is unpacked, and in place only when all of it is there."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundry_tui.errors import Conflict, FoundryError
from foundry_tui.files import TEMP_MARK, sync_folder, write_bytes, writing
from foundry_tui.operations.backup_files import DATABASE, Manifest, read_manifest, unpack
from foundry_tui.store import restore as rows
from foundry_tui.store.backup import row_counts
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.transfer import copy_database
from foundry_tui.store.upgrade import upgrade

CONFIG = "config.toml"
_STAGE = f"{TEMP_MARK}restore"
# Keys of config.toml that may name places outside the home: a copy must not work on the original's.
_OUTWARD = re.compile(r"^(?P<key>database_url|library)\s*=\s*(?P<value>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored. ``remarks`` are what an operator has to know of it."""

    home: Path
    made_at: str
    files: int
    rows: int
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As ``restore --json`` prints it."""
        return {
            "home": str(self.home),
            "made_at": self.made_at,
            "files": self.files,
            "rows": self.rows,
            "remarks": list(self.remarks),
        }


async def restore(
    backup: Path, *, home: Path, database_file: Path, database_url: str, folders: Sequence[str]
) -> RestoreReport:
    """Restore ``backup`` into the empty home ``home``, whose database is ``database_url`` (``database_file`` its own).

    Raises Conflict where the home, or the database, holds anything; NotFound, UsageError or SourceError for a backup
    that is none or damaged; WriteFailed, DiskFull. What was broken off half-way is swept away by the next try.
    """
    manifest = await asyncio.to_thread(read_manifest, backup)
    await asyncio.to_thread(_refuse_taken, home, database_file)
    stage = home / _STAGE
    try:
        await asyncio.to_thread(_stage, backup, manifest, stage)
        await asyncio.to_thread(_prove_rows, stage / DATABASE, manifest)
        own = database_url == sqlite_url(str(database_file))
        ready = await asyncio.to_thread(_prepare_rows, stage, manifest, home, database_file.name)
        if not own:
            await _copy_rows(ready, database_url)
        remarks = await asyncio.to_thread(_put_in_place, stage, home, folders)
        if own:
            await rows.restore(ready, database_file)
    finally:
        await asyncio.to_thread(shutil.rmtree, stage, ignore_errors=True)
    if manifest.missing:
        remarks += (f"{len(manifest.missing)} files that rows name were gone when it was made: they are made again.",)
    if manifest.library is None and manifest.tables.get("audiobook_productions"):
        remarks += ("The library was not in the backup: requeue the step publishing of what is to be published again.",)
    return RestoreReport(home, manifest.made_at, len(manifest.files), sum(manifest.tables.values()), remarks)


def _refuse_taken(home: Path, database_file: Path) -> None:
    taken = [database_file] if database_file.exists() else []
    for name in ("foundry", "library"):
        taken += [path for path in (home / name).rglob("*") if path.is_file()][:1]
    if taken:
        raise Conflict(
            f"{home} is not empty: it holds {taken[0]}.",
            next_action="Name an empty folder with --home; nothing is overwritten.",
        )


def _stage(backup: Path, manifest: Manifest, stage: Path) -> None:
    shutil.rmtree(stage, ignore_errors=True)
    with writing(stage):
        stage.mkdir(parents=True)
    unpack(backup, manifest, stage)


def _prove_rows(snapshot: Path, manifest: Manifest) -> None:
    counted = row_counts(snapshot)
    if counted != dict(manifest.tables):
        wrong = next(name for name in {**counted, **manifest.tables} if counted.get(name) != manifest.tables.get(name))
        raise FoundryError(
            f"The backup's database holds {counted.get(wrong)} rows of {wrong}, not {manifest.tables.get(wrong)}.",
            next_action="Choose another backup.",
        )


def _prepare_rows(stage: Path, manifest: Manifest, home: Path, name: str) -> Path:
    """The database as it will be: nobody is at work in it, and what was published lies where it will lie now."""
    ready = (stage / name).with_suffix(".bak")
    (stage / DATABASE).rename(ready)
    rows.release_claims(ready)
    if manifest.library is not None:
        rows.move_published(ready, Path(manifest.library), home / "library")
    return ready


async def _copy_rows(ready: Path, database_url: str) -> None:
    working = ready.with_suffix(".copy.db")
    await asyncio.to_thread(shutil.copyfile, ready, working)
    source, target = Database.connect(sqlite_url(str(working))), Database.connect(database_url)
    try:
        await upgrade(source, backup_folder=working.parent)
        await copy_database(source, target)
    finally:
        await source.close()
        await target.close()


def _put_in_place(stage: Path, home: Path, folders: Sequence[str]) -> tuple[str, ...]:
    inside = stage / "home"
    remarks: tuple[str, ...] = ()
    with writing(home):
        if (inside / CONFIG).is_file():
            remarks = _without_outward(inside / CONFIG)
        for entry in sorted(inside.iterdir()) if inside.is_dir() else ():
            _move_in(entry, home / entry.name)
        if (stage / "library").is_dir():
            _move_in(stage / "library", home / "library")
        for name in folders:
            (home / name).mkdir(parents=True, exist_ok=True)
        sync_folder(home)
    return remarks


def _move_in(entry: Path, place: Path) -> None:
    if place.is_dir():  # empty, or it would have been refused
        shutil.rmtree(place)
    entry.replace(place)


def _without_outward(config: Path) -> tuple[str, ...]:
    text = config.read_text(encoding="utf-8-sig")
    outward: dict[str, str] = {}

    def silenced(found: re.Match[str]) -> str:
        value = found["value"].strip().strip("\"'")
        if not value or (found["key"] == "library" and not Path(value).expanduser().is_absolute()):
            return found.group()
        outward[found["key"]] = value
        return f"# as it was before the restore: {found.group()}"

    changed = _OUTWARD.sub(silenced, text)
    if not outward:
        return ()
    mode = config.stat().st_mode
    write_bytes(config, changed.encode("utf-8"))
    config.chmod(mode)
    names = " and ".join(sorted(outward))
    return (f"{names} in config.toml named places outside the home and is commented out: set it again where it fits.",)
