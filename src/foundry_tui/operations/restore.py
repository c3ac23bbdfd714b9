"""A backup put into an empty home: proved while it is unpacked, and a home only when all of it is there."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundry_tui.errors import Conflict, FoundryError
from foundry_tui.files import TEMP_MARK, sha256_of, sync_folder, write_bytes, writing
from foundry_tui.operations.backup_files import DATABASE, Entry, Manifest, content_of, read_manifest, unpack
from foundry_tui.store import restore as rows
from foundry_tui.store.backup import row_counts
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.transfer import copy_database, refuse_taken
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
    with_library: bool = True

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

    Raises Conflict where the home, or the database, holds anything that is not of this very backup; NotFound,
    UsageError or SourceError for a backup that is none or damaged; WriteFailed, DiskFull. The rows come last, and all
    at once: without them a try can be repeated, and keeps what the one before has brought; with them it was whole.
    """
    manifest = await asyncio.to_thread(read_manifest, backup)
    await asyncio.to_thread(_refuse_taken, home, database_file, backup, manifest)
    own = database_url == sqlite_url(str(database_file))
    if not own:
        await _refuse_rows(database_url)
    stage = home / _STAGE
    try:
        await asyncio.to_thread(_stage, backup, manifest, stage)
        await asyncio.to_thread(_prove_rows, stage / DATABASE, manifest)
        ready = await asyncio.to_thread(_prepare_rows, stage, manifest, home, database_file.name)
        # Again: unpacking may have taken an hour.
        await asyncio.to_thread(_refuse_taken, home, database_file, backup, manifest)
        remarks = await asyncio.to_thread(_put_in_place, stage, home, folders)
        # The files before the rows that name them, should the power be cut: one call for them all.
        await asyncio.to_thread(os.sync)
        if own:
            await rows.restore(ready, database_file)
        else:
            await _copy_rows(ready, database_url)
    finally:
        await asyncio.to_thread(shutil.rmtree, stage, ignore_errors=True)
    if manifest.missing:
        remarks += (f"{len(manifest.missing)} files that rows name were gone when it was made: they are made again.",)
    if manifest.library is None and manifest.tables.get("audiobook_productions"):
        remarks += ("The library was not in the backup: requeue the step publishing of what is to be published again.",)
    counts = (len(manifest.files), sum(manifest.tables.values()))
    return RestoreReport(home, manifest.made_at, *counts, remarks, with_library=manifest.library is not None)


def _refuse_taken(home: Path, database_file: Path, backup: Path, manifest: Manifest) -> None:
    taken = next(_taken(home, database_file, backup, manifest), None)
    if taken is not None:
        raise Conflict(
            f"{home} is not empty: it holds {taken}.",
            next_action="Name an empty folder with --home; nothing is overwritten.",
        )


def _taken(home: Path, database_file: Path, backup: Path, manifest: Manifest) -> Iterator[Path]:
    """What is in the way; not what an earlier try has brought, which is the backup's to the byte."""
    if database_file.exists():
        yield database_file
    brought = {_place(name): name for name in manifest.files if name != DATABASE}
    for top in sorted({"foundry", "library"} | {place.parts[0] for place in brought}):
        for path in _files(home / top):
            name = brought.get(path.relative_to(home))
            if name is None or not _is_brought(path, backup, name, manifest.files[name]):
                yield path


def _place(name: str) -> Path:
    """Where a file of a backup goes, below the home."""
    path = Path(name)
    return path.relative_to("home") if path.parts[0] == "home" else path


def _files(place: Path) -> Iterator[Path]:
    """``place``, or everything in it, that is no folder."""
    if not place.is_dir():
        if os.path.lexists(place):
            yield place
        return
    for folder, folders, names in os.walk(place):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        yield from (Path(folder, name) for name in sorted((*names, *links)))


def _is_brought(path: Path, backup: Path, name: str, entry: Entry) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    if path.stat().st_size == entry.size_bytes and sha256_of(path) == entry.sha256:
        return True
    return name == f"home/{CONFIG}" and path.read_bytes() == _without_outward(content_of(backup, name))[0]


async def _refuse_rows(database_url: str) -> None:
    target = Database.connect(database_url)
    try:
        await refuse_taken(target)
    finally:
        await target.close()


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
    inside, config = stage / "home", stage / "home" / CONFIG
    with writing(home):
        remarks = _silence(config) if config.is_file() else ()
        # What decides how the home behaves comes last.
        for entry in sorted(inside.iterdir(), key=lambda entry: entry == config) if inside.is_dir() else ():
            _move_in(entry, home / entry.name)
        if (stage / "library").is_dir():
            _move_in(stage / "library", home / "library")
        for name in folders:
            (home / name).mkdir(parents=True, exist_ok=True)
        sync_folder(home)
    return remarks


def _move_in(entry: Path, place: Path) -> None:
    """Move what is not there; a file that is was found to be the same."""
    if not os.path.lexists(place):
        entry.rename(place)
    elif entry.is_dir():
        for each in sorted(entry.iterdir()):
            _move_in(each, place / each.name)
        sync_folder(place)


def _silence(config: Path) -> tuple[str, ...]:
    before = config.read_bytes()
    changed, outward = _without_outward(before)
    if not outward:
        return ()
    mode = config.stat().st_mode
    write_bytes(config, changed)
    config.chmod(mode)
    names = " and ".join(sorted(outward))
    return (f"{names} in config.toml named places outside the home and is commented out: set it again where it fits.",)


def _without_outward(config: bytes) -> tuple[bytes, frozenset[str]]:
    """config.toml with the keys that name places outside the home commented out, and which these are."""
    outward: set[str] = set()

    def silenced(found: re.Match[str]) -> str:
        value = found["value"].strip().strip("\"'")
        if not value or (found["key"] == "library" and not Path(value).expanduser().is_absolute()):
            return found.group()
        outward.add(found["key"])
        return f"# as it was before the restore: {found.group()}"

    changed = _OUTWARD.sub(silenced, config.decode("utf-8-sig", "surrogateescape"))
    return (changed.encode("utf-8", "surrogateescape") if outward else config), frozenset(outward)
