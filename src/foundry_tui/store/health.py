"""What is right and wrong with a database, as plain findings for the doctor. Looks only; mends nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.ids import checked_book_id, checked_narrator_id
from foundry_tui.domain.languages import understood
from foundry_tui.domain.status import Level
from foundry_tui.errors import FoundryError, UsageError
from foundry_tui.store import jobs as job_rows
from foundry_tui.store.columns import utc_now
from foundry_tui.store.database import Database
from foundry_tui.store.mend import only_indexes
from foundry_tui.store.revisions import HEAD
from foundry_tui.store.tables import audiobook_productions, books, metadata, narrators
from foundry_tui.store.upgrade import current_revision

LARGE_WAL_BYTES = 256 * 1024 * 1024
_SHOWN = 5
_POISONED = "SELECT 'job ' || job_id FROM jobs WHERE reason = 'poisoned' AND status <> 'success' ORDER BY job_id"
_DESERTED = """
    SELECT s.audiobook_id || ' ' || s.step_number FROM production_steps s LEFT JOIN jobs j ON j.job_id = s.job_id
    WHERE s.status = 'processing' AND (j.job_id IS NULL OR j.status <> 'processing') ORDER BY 1
"""
_CONTRADICTED = """
    SELECT p.audiobook_id || ' ' || min(s.step_number) FROM audiobook_productions p
    JOIN production_steps s ON s.audiobook_id = p.audiobook_id AND s.status <> 'success'
    WHERE p.status = 'success' GROUP BY p.audiobook_id ORDER BY 1
"""
_UNADOPTED = """
    SELECT p.audiobook_id FROM audiobook_productions p WHERE p.status IN ('pending', 'processing') AND NOT EXISTS
    (SELECT 1 FROM production_steps s WHERE s.audiobook_id = p.audiobook_id) ORDER BY 1
"""
# name, level, which, what that means, what to do
_STUCK = (
    (
        "poisoned",
        Level.WARNING,
        _POISONED,
        "{} jobs killed their workers again and again, and are left alone",
        "Look into them with `foundry-tui events`, then requeue.",
    ),
    (
        "steps",
        Level.WARNING,
        _DESERTED,
        "{} steps say that they are being made, but nobody makes them",
        "Requeue their productions.",
    ),
    (
        "productions",
        Level.WARNING,
        _CONTRADICTED,
        "{} productions say success, but not all of their steps do",
        "Requeue the step that is missing.",
    ),
    (
        "adoption",
        Level.INFO,
        _UNADOPTED,
        "{} productions were put in by SQL and wait to be taken up",
        "The next `foundry-tui --run-all` takes them up.",
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: INFO is well, WARNING wants a look, ERROR wants the ``action``."""

    name: str
    level: Level
    message: str
    action: str = ""


async def examine(
    database: Database, *, thorough: bool = False, now: Callable[[], datetime] = utc_now
) -> tuple[Finding, ...]:
    """Every finding about ``database``; ``thorough`` also proves every index against its table (slow on a large one).

    A database that cannot be opened, or whose schema is not ours, is the one finding then.
    """
    try:
        revision = await current_revision(database)
    except FoundryError as error:
        return (Finding("database", Level.ERROR, error.message, error.action),)
    if revision != HEAD:
        said = f"{database.where} has schema {revision or 'none yet'}; {HEAD} is due."
        return (Finding("schema", Level.WARNING, said, "Run `foundry-tui init`: it upgrades by itself."),)
    findings = [Finding("schema", Level.INFO, f"{database.where} has schema {revision}, the newest.")]
    async with database.read() as connection:
        if database.is_sqlite:
            findings.append(await _sound(connection, thorough=thorough))
            if findings[-1].level is Level.ERROR:
                return tuple(findings)  # what a damaged file says about its rows is not to be trusted
            findings.append(await _pointers(connection))
            findings += await _journal(connection)
        findings.append(await _expired(connection, await job_rows.present(connection, lambda: now().timestamp())))
        findings += await _stuck(connection)
        findings += await _odd_words(connection)
    if database.sqlite_path is not None:
        findings.append(_wal(Path(database.sqlite_path)))
    return tuple(findings)


async def _sound(connection: AsyncConnection, *, thorough: bool) -> Finding:
    check = "integrity_check" if thorough else "quick_check"
    complaints = [row[0] for row in await connection.execute(text(f"PRAGMA {check}({_SHOWN})"))]
    if complaints == ["ok"]:
        return Finding("integrity", Level.INFO, "The database file is sound.")
    if only_indexes(complaints):
        said = f"Indexes do not fit their tables: {'; '.join(complaints)}."
        return Finding("indexes", Level.ERROR, said, "Run `foundry-tui doctor --repair`: it makes them anew.")
    said = f"The database file is damaged: {'; '.join(complaints)}."
    return Finding("integrity", Level.ERROR, said, "Stop Foundry and put the newest backup (*.bak) in its place.")


async def _pointers(connection: AsyncConnection) -> Finding:
    """Raw SQL in the sqlite3 shell may leave rows whose parents never were: foreign keys are off there."""
    rows = (await connection.execute(text("PRAGMA foreign_key_check"))).all()
    if not rows:
        return Finding("references", Level.INFO, "Every row points to rows that exist.")
    listed = "; ".join(await _pointing(connection, rows[:_SHOWN]))
    more = "" if len(rows) <= _SHOWN else f" and {len(rows) - _SHOWN} more"
    said = f"Rows point to what does not exist: {listed}{more}."
    return Finding("references", Level.ERROR, said, "Add the missing rows, or delete those that point to them.")


async def _journal(connection: AsyncConnection) -> list[Finding]:
    mode = await connection.scalar(text("PRAGMA journal_mode"))
    if mode == "wal":
        return []
    said = f"The database keeps its journal as {mode!r}: a run and a console will wait for each other."
    action = "WAL does not work on a network file system: keep the home on a local disk, or use PostgreSQL."
    return [Finding("journal", Level.WARNING, said, action)]


async def _pointing(connection: AsyncConnection, rows: Sequence[Any]) -> list[str]:
    told = []
    for table, rowid, parent, number in rows:
        keys = (await connection.execute(text(f"PRAGMA foreign_key_list({table})"))).mappings()
        column = next(key["from"] for key in keys if key["id"] == number)
        name = next(iter(metadata.tables[table].primary_key.columns)).name
        query = text(f"SELECT {name}, {column} FROM {table} WHERE rowid = :rowid")  # noqa: S608 - names of the schema
        key, value = (await connection.execute(query, {"rowid": rowid})).one()
        told.append(f"{table} {key} names {value!r}, which is not in {parent}")
    return told


async def _expired(connection: AsyncConnection, now: float) -> Finding:
    held_query = "SELECT count(*) FROM jobs WHERE status = 'processing'"
    held = await _count(connection, held_query)
    count = await _count(connection, f"{held_query} AND lease_expires_at < :now", now=now)
    if count:
        said = f"{count} jobs were left behind by workers that are gone."
        return Finding("leases", Level.WARNING, said, "The next `foundry-tui --run-all` takes them up again.")
    return Finding("leases", Level.INFO, f"{held} jobs are held by workers, none by one that is gone.")


async def _stuck(connection: AsyncConnection) -> list[Finding]:
    findings = []
    for name, level, query, said, action in _STUCK:
        which = [str(row[0]) for row in await connection.execute(text(query))]
        if which:
            findings.append(Finding(name, level, f"{said.format(len(which))}: {_listed(which)}.", action))
    return findings


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


async def _odd_words(connection: AsyncConnection) -> list[Finding]:
    """Raw SQL may hold what no path or engine understands: say so before a production fails on it."""
    findings = []
    odd = []
    for table in (books, narrators, audiobook_productions):
        languages = (await connection.execute(select(table.c.language).distinct())).scalars()
        odd += [f"{one!r} in {table.name}" for one in languages if not _accepted(understood, one)]
    if odd:
        said = f"Languages that nobody understands: {', '.join(odd[:_SHOWN])}."
        findings.append(Finding("languages", Level.ERROR, said, "Give ISO 639 codes such as eng, fra or de."))
    for column, check in ((books.c.book_id, checked_book_id), (narrators.c.narrator_id, checked_narrator_id)):
        ids = (await connection.execute(select(column))).scalars()
        wrong = [one for one in ids if not _accepted(check, one)]
        if wrong:
            said = (
                f"{len(wrong)} ids in {column.table.name} can name no folder: {', '.join(map(repr, wrong[:_SHOWN]))}."
            )
            findings.append(Finding("ids", Level.ERROR, said, "Ids take a-z, 0-9 and _ only: change them."))
    return findings


def _accepted(check: Callable[[str], str], value: str) -> bool:
    try:
        check(value)
    except (UsageError, AttributeError, TypeError):  # raw SQL may put a blob where text belongs
        return False
    return True


def _wal(path: Path) -> Finding:
    try:
        size_bytes = path.with_name(f"{path.name}-wal").stat().st_size
    except OSError:
        size_bytes = 0
    size = f"{size_bytes / 1024 / 1024:.1f} MB"
    if size_bytes > LARGE_WAL_BYTES:
        said = f"{size} of changes have not been folded into the database: some program keeps reading it."
        return Finding("write-ahead log", Level.WARNING, said, "Close programs that hold the database open.")
    return Finding("write-ahead log", Level.INFO, f"{size} of changes are not yet folded into the database.")


async def _count(connection: AsyncConnection, query: str, **values: Any) -> int:
    return int(await connection.scalar(text(query), values) or 0)
