"""Put a backup of a SQLite database in its place, and keep what was there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from foundry_tui.domain.ids import calendar_id
from foundry_tui.errors import Conflict, DatabaseUnavailable, SchemaTooNew, WriteFailed
from foundry_tui.store.backup import copy_file, flushed
from foundry_tui.store.columns import utc_now
from foundry_tui.store.revisions import HEAD, KNOWN

_CHOOSE = "Choose another backup."


async def restore(backup_file: Path, target: Path) -> Path | None:
    """Put ``backup_file`` in the place of the database ``target``; what was there is kept, and its path returned.

    The backup is proved first, and left where it is. At every moment there is a whole database under ``target``. Raises
    DatabaseUnavailable for a backup that is unsound or none of ours, SchemaTooNew for one of a newer Foundry, Conflict
    while any program has ``target`` open, WriteFailed or DiskFull where the files cannot be written.
    """
    return await asyncio.to_thread(_restore, backup_file, target)


def _restore(backup_file: Path, target: Path) -> Path | None:
    _prove(backup_file)
    if target.exists():
        _refuse_open(target)
    fresh = target.with_name(f".{target.name}.restored")
    try:
        copy_file(backup_file, fresh)
        kept = _keep(target) if target.exists() else None
        fresh.replace(target)
        flushed(target.parent)
    except OSError as error:
        raise WriteFailed(f"{target} cannot be replaced: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
    return kept


def release_claims(file: Path) -> int:
    """Take every job in the SQLite ``file`` from its worker, at no cost: none of them works on this copy.

    Returns how many there were.
    """
    mine = "SELECT job_id FROM jobs WHERE status = 'processing'"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(
            f"UPDATE production_steps SET status = 'pending', started_at = NULL WHERE job_id IN ({mine})"  # noqa: S608
        )
        released = database.execute(
            "UPDATE jobs SET status = 'pending', reason = 'restored', worker_id = NULL, lease_expires_at = NULL,"
            " run_after = 0, attempt = max(attempt - 1, 0) WHERE status = 'processing'"
        ).rowcount
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'resource_slots'").fetchone():
            database.execute("UPDATE resource_slots SET holder = NULL, lease_expires_at = 0")
    return released


def move_published(file: Path, before: Path, after: Path) -> int:
    """Have the rows of the SQLite ``file`` name what was published to ``before`` under ``after``; how many did."""
    moved = 0
    with closing(sqlite3.connect(file)) as database, database:
        query = "SELECT rowid, result FROM production_steps WHERE step_name = 'publishing'"
        for rowid, told in database.execute(query).fetchall():
            try:
                result = json.loads(told)
                folder = Path(result["folder"])
                result["folder"] = str(after / folder.relative_to(before))
            except (ValueError, KeyError, TypeError):
                continue  # not published, or somewhere else
            change = "UPDATE production_steps SET result = ? WHERE rowid = ?"
            moved += database.execute(change, (json.dumps(result, ensure_ascii=False), rowid)).rowcount
    return moved


def _prove(backup_file: Path) -> None:
    if not backup_file.is_file():
        raise DatabaseUnavailable(f"There is no backup {backup_file}.", next_action=_CHOOSE)
    try:
        with closing(sqlite3.connect(f"{backup_file.resolve().as_uri()}?mode=ro", uri=True)) as copy:
            verdict = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            revision = copy.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    except (sqlite3.DatabaseError, TypeError) as error:
        said = f"{backup_file} is no backup of a Foundry database: {error}."
        raise DatabaseUnavailable(said, next_action=_CHOOSE) from error
    if verdict != "ok":
        raise DatabaseUnavailable(f"The backup {backup_file} is damaged: {verdict}.", next_action=_CHOOSE)
    if revision not in KNOWN:
        raise SchemaTooNew(f"The backup {backup_file} has schema {revision}; this Foundry knows schemas up to {HEAD}.")


def _refuse_open(target: Path) -> None:
    """To leave WAL mode a connection must be the only one: asking for it also folds the log into the file."""
    try:
        with closing(sqlite3.connect(target, timeout=0.2)) as database:
            database.execute("PRAGMA journal_mode=DELETE")
            database.execute("BEGIN EXCLUSIVE")
            database.rollback()
    except sqlite3.DatabaseError as error:
        # A damaged file is what restoring is for; only one that somebody uses must be left alone.
        if "locked" in str(error):
            said = f"Some program has {target} open."
            raise Conflict(said, next_action="Stop every console, run and daemon, then restore.") from error


def _keep(target: Path) -> Path:
    kept = target.with_name(f"{target.stem}_before_restore_{calendar_id(utc_now())}.bak")
    try:
        os.link(target, kept)  # under both names, so that the old one never goes missing
    except OSError:
        target.replace(kept)
    for beside in ("-wal", "-shm"):  # of a damaged database: whole ones have folded theirs in
        left = target.with_name(target.name + beside)
        if left.exists():
            left.replace(kept.with_name(kept.name + beside))
    return kept
