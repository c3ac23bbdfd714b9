"""Bring a database's schema up to what this Foundry knows: by itself, one process at a time, with a backup first.

A database that is already current costs one small SELECT and does not import Alembic.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.ids import calendar_id
from foundry_tui.errors import DatabaseUnavailable, HomeUnusable, SchemaTooNew
from foundry_tui.store.backup import copy_file
from foundry_tui.store.columns import utc_now
from foundry_tui.store.database import Database
from foundry_tui.store.revisions import HEAD, KNOWN

if TYPE_CHECKING:
    from alembic.config import Config

log = logging.getLogger(__name__)
MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE_LOCK = 7_046_029_254_386_353  # of pg_advisory_xact_lock: any number, ours alone


@dataclass(frozen=True, slots=True)
class UpgradeReport:
    """What ``upgrade`` did; ``before`` is None where there was no schema, ``took_ms`` the wall time."""

    before: str | None
    after: str
    backup: Path | None
    took_ms: float

    @property
    def changed(self) -> bool:
        """Whether anything had to be done."""
        return self.before != self.after


async def upgrade(database: Database, *, backup_folder: Path | None = None) -> UpgradeReport:
    """Bring the schema of ``database`` to HEAD; on SQLite a ``*.bak`` goes into ``backup_folder`` when rows exist.

    ``backup_folder`` defaults to the database's own folder. Raises SchemaTooNew for a schema of a newer Foundry,
    HomeUnusable for a missing or closed folder, DatabaseUnavailable for anything that is no database of ours.
    """
    started = time.perf_counter()
    _check_folder(database)
    before = await current_revision(database)
    backup: Path | None = None
    if before != HEAD:
        before, backup = await _upgrade_alone(database, backup_folder)
    return UpgradeReport(before, HEAD, backup, (time.perf_counter() - started) * 1000)


async def current_revision(database: Database) -> str | None:
    """The schema's revision, None where there is none yet. Raises SchemaTooNew for one this Foundry does not know."""
    async with database.read() as connection:
        return await _revision(connection, database.where)


async def _revision(connection: AsyncConnection, where: str) -> str | None:
    if connection.dialect.name == "sqlite":
        found = text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
    else:
        # Not to_regclass: its cache may still say "no such table" right after another transaction made it.
        found = text("SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'alembic_version'")
    if (await connection.execute(found)).first() is None:
        return None
    revision = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    if revision is not None and revision not in KNOWN:
        raise SchemaTooNew(
            f"The database at {where} has schema {revision}; this Foundry knows schemas up to {HEAD}.",
        )
    return revision


async def _upgrade_alone(database: Database, backup_folder: Path | None) -> tuple[str | None, Path | None]:
    async with database.reshape() as connection:
        if not database.is_sqlite:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})"))
        # Another process may have done it while this one waited for the lock.
        before = await _revision(connection, database.where)
        if before == HEAD:
            return before, None
        if before is None:
            await connection.run_sync(_refuse_foreign_tables, database.where)
        backup = await _back_up(database, before, backup_folder)
        broken = await _broken_keys(connection)
        await connection.run_sync(_run_alembic)
        if await _broken_keys(connection) > broken:
            raise DatabaseUnavailable(
                f"Upgrading the database at {database.where} would have left rows that point to nothing.",
                next_action="Nothing was changed. Report this with the output of `foundry-tui doctor`.",
            )
    log.info("schema of %s upgraded from %s to %s", database.where, before or "nothing", HEAD)
    return before, backup


def _check_folder(database: Database) -> None:
    path = database.sqlite_path
    if path is not None and not Path(path).parent.is_dir():
        raise HomeUnusable(f"The folder {Path(path).parent} does not exist.", next_action="Run `foundry-tui init`.")


def _refuse_foreign_tables(connection: Connection, where: str) -> None:
    tables = sorted(inspect(connection).get_table_names())
    if tables:
        listed = ", ".join(tables[:6])
        raise DatabaseUnavailable(
            f"{where} holds tables that Foundry did not make ({listed}).",
            next_action="Point --home or --database-url at a place of Foundry's own.",
        )


async def _back_up(database: Database, revision: str | None, folder: Path | None) -> Path | None:
    path = database.sqlite_path
    if revision is None or path is None:
        return None
    source = Path(path)
    target = (folder or source.parent) / f"{source.stem}_{revision}_{calendar_id(utc_now())}.bak"
    # The transaction that called this holds the write lock and has written nothing: the copy is of now.
    return await asyncio.to_thread(copy_file, source, target)


async def _broken_keys(connection: AsyncConnection) -> int:
    if connection.dialect.name != "sqlite":
        return 0
    return len((await connection.execute(text("PRAGMA foreign_key_check"))).all())


def _config(connection: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _run_alembic(connection: Connection) -> None:
    from alembic import command

    command.upgrade(_config(connection), "head")


def check_one_head() -> str:
    """The one head of the migration scripts; for ``make lint``. Raises RuntimeError where there is none or several."""
    from alembic.script import ScriptDirectory

    heads = ScriptDirectory.from_config(_config()).get_heads()
    if len(heads) != 1:
        raise RuntimeError(f"The migrations have {len(heads)} heads ({', '.join(heads)}): join them into one.")
    return heads[0]
