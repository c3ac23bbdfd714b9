"""Move a home's tables from one database to another: SQLite to PostgreSQL, back again, or from file to file."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, insert, select, text, update
from sqlalchemy.exc import InterfaceError, OperationalError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.errors import Conflict, FoundryError, UsageError
from foundry_tui.store import jobs as job_rows
from foundry_tui.store.backup import copy_file
from foundry_tui.store.columns import Moment, moment_text, parsed_moment, utc_now
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.failures import reason_of
from foundry_tui.store.revisions import HEAD
from foundry_tui.store.tables import metadata, narrators
from foundry_tui.store.upgrade import current_revision, upgrade

_AT_ONCE = 500
# Parents before children.
_TABLES: Sequence[Table] = metadata.sorted_tables


@dataclass(frozen=True, slots=True)
class Transferred:
    """What was copied: how many rows of each table, in the order they went."""

    rows: Mapping[str, int]


async def portable_copy(source: Database, target: Path) -> Path:
    """Every row of ``source``, at work or not, as of one moment, as a SQLite file that stands alone."""
    working = target.with_suffix(".db")
    copy = Database.connect(sqlite_url(str(working)))
    try:
        await copy_database(source, copy, even_at_work=True)
    finally:
        await copy.close()
    return await asyncio.to_thread(copy_file, working, target)


async def copy_database(
    source: Database, target: Database, *, now: Callable[[], datetime] = utc_now, even_at_work: bool = False
) -> Transferred:
    """Copy every row of ``source`` into the empty ``target`` in one transaction, and prove the copy row by row.

    The source is read as of one moment and not changed; the target gets its tables if it has none. Raises Conflict
    where workers are at work in the source (unless ``even_at_work``: their leases are copied too) or the target holds
    rows, UsageError naming the table where raw SQL left something the target cannot hold. Nothing is left in the
    target then.
    """
    if source.url == target.url:
        raise UsageError("Source and target are the same database.", next_action="Name another target.")
    if await current_revision(source) != HEAD:
        raise UsageError(f"{source.where} has not got the newest schema.", next_action="Run `foundry-tui init` on it.")
    await upgrade(target)
    async with source.read() as origin, target.write() as destination:
        if not source.is_sqlite:
            await origin.execution_options(isolation_level="REPEATABLE READ")
        for each in (origin, destination):
            await _allow_idling(each)
        if not even_at_work:
            await _refuse_work(origin, await job_rows.present(origin, lambda: now().timestamp()))
        await _refuse_rows(destination, target.where)
        counts = {}
        for table in _TABLES:
            counts[table.name] = await _copy_table(origin, destination, table)
        await _restore_stand_ins(origin, destination)
        if not target.is_sqlite:
            await _advance_serials(destination)
        await _prove(origin, destination)
    return Transferred(counts)


async def refuse_taken(target: Database) -> None:
    """Raise Conflict where a copy into ``target`` could not be kept because it holds rows; changes nothing."""
    if await current_revision(target) == HEAD:
        async with target.read() as connection:
            await _refuse_rows(connection, target.where)


async def _allow_idling(connection: AsyncConnection) -> None:
    """A large table is read from one side while the other's transaction waits: the server must not end it meanwhile."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


async def _refuse_work(connection: AsyncConnection, now: float) -> None:
    query = text("SELECT count(*) FROM jobs WHERE status = 'processing' AND lease_expires_at > :now")
    held = await connection.scalar(query, {"now": now})
    if held:
        raise Conflict(f"{held} jobs are being worked on.", next_action="Stop every run, then copy.")


async def _refuse_rows(connection: AsyncConnection, where: str) -> None:
    for table in _TABLES:
        if await connection.scalar(select(func.count()).select_from(table)):
            raise Conflict(f"{where} holds rows already, in {table.name}.", next_action="Name an empty database.")


async def _copy_table(origin: AsyncConnection, destination: AsyncConnection, table: Table) -> int:
    count = 0
    try:
        async with aclosing(_pages(origin, table)) as pages:
            async for rows in pages:
                await destination.execute(insert(table), [_without_stand_in(table, row) for row in rows])
                count += len(rows)
    except (OperationalError, InterfaceError):
        raise  # the database itself is in trouble, not a row
    except (StatementError, ValueError) as error:
        raise _cannot_hold(table, error) from error
    return count


def _cannot_hold(table: Table, error: Exception) -> FoundryError:
    return UsageError(
        f"A row of {table.name} cannot be copied: {reason_of(error)}.",
        next_action="Correct that row (`foundry-tui doctor` may name it), then copy again.",
    )


async def _pages(connection: AsyncConnection, table: Table) -> AsyncGenerator[list[dict[str, Any]], None]:
    query = select(table).order_by(*table.primary_key.columns)
    result = await connection.stream(query.execution_options(yield_per=_AT_ONCE))
    async for rows in result.mappings().partitions(_AT_ONCE):
        yield [dict(row) for row in rows]


def _without_stand_in(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    # Two narrators may stand in for each other: neither can come first.
    return {**row, "fallback_narrator_id": None} if table is narrators else row


async def _restore_stand_ins(origin: AsyncConnection, destination: AsyncConnection) -> None:
    column = narrators.c
    query = select(column.narrator_id, column.fallback_narrator_id, column.updated_at).where(
        column.fallback_narrator_id.is_not(None)
    )
    for narrator_id, stand_in, updated_at in (await origin.execute(query)).all():
        mine = update(narrators).where(column.narrator_id == narrator_id)
        await destination.execute(mine.values(fallback_narrator_id=stand_in))
        # The trigger has just touched it.
        await destination.execute(mine.values(updated_at=updated_at))


async def _advance_serials(connection: AsyncConnection) -> None:
    for table in _TABLES:
        column = table.autoincrement_column
        if column is not None:
            newest = await connection.scalar(select(func.max(column)))
            if newest is not None:
                sequence = select(func.setval(func.pg_get_serial_sequence(table.name, column.name), newest))
                await connection.execute(sequence)


async def _prove(origin: AsyncConnection, destination: AsyncConnection) -> None:
    for table in _TABLES:
        if await _digest(origin, table) != await _digest(destination, table):
            raise FoundryError(
                f"The copy of {table.name} is not what was read.",
                next_action="Nothing was kept of it. Report this.",
            )


async def _digest(connection: AsyncConnection, table: Table) -> tuple[int, int]:
    """(rows, sum of their hashes): the same whatever order a database sorts its keys in."""
    moments = {column.name for column in table.columns if isinstance(column.type, Moment)}
    count, total = 0, 0
    async for rows in _pages(connection, table):
        for row in rows:
            plain = {name: _plain(value, name in moments) for name, value in row.items()}
            told = json.dumps(plain, sort_keys=True, ensure_ascii=True, default=str)
            total += int.from_bytes(hashlib.sha256(told.encode()).digest()[:16])
        count += len(rows)
    return count, total % 2**128


def _plain(value: Any, is_moment: bool) -> Any:
    return moment_text(parsed_moment(value)) if is_moment and value is not None else value
