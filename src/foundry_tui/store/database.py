"""One open database: short immediate write transactions behind one writer lock, and snapshots to read from.

SQLite (WAL) and PostgreSQL answer to the same calls. Schema upgrades are in store.upgrade.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from foundry_tui.errors import DatabaseUnavailable

BUSY_TIMEOUT_MS = 30_000
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-10000",
    "PRAGMA wal_autocheckpoint=1000",
    "PRAGMA journal_size_limit=67108864",
)


def sqlite_url(path: str) -> str:
    """The address of a SQLite file."""
    return str(URL.create("sqlite", database=path))


class Database:
    """Open with ``Database.connect``; every write goes through ``write()``, every read through ``read()``."""

    def __init__(self, engine: AsyncEngine, url: URL) -> None:
        self._engine = engine
        self._write_lock = asyncio.Lock()
        self.url = url
        self.dialect = engine.dialect.name

    @classmethod
    def connect(cls, address: str) -> Database:
        """An open database at ``sqlite:///path`` or ``postgresql://user@host/name``; connects at first use.

        Raises DatabaseUnavailable when the address itself makes no sense.
        """
        try:
            url = make_url(address)
        except ArgumentError as error:
            raise DatabaseUnavailable("--database-url is not a database address.") from error
        if url.get_backend_name() == "sqlite":
            engine = create_async_engine(url.set(drivername="sqlite+aiosqlite"), pool_size=4, max_overflow=4)
            _prepare_sqlite(engine)
        elif url.get_backend_name() == "postgresql":
            engine = create_async_engine(url.set(drivername="postgresql+psycopg"), pool_size=5, pool_pre_ping=True)
        else:
            backend = url.get_backend_name()
            raise DatabaseUnavailable(f"Foundry keeps its tables in SQLite or PostgreSQL, not {backend}.")
        return cls(engine, url)

    @property
    def is_sqlite(self) -> bool:
        """True on SQLite."""
        return self.dialect == "sqlite"

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A write transaction: committed when the block ends, rolled back when it raises.

        Keep it short, and never await a network or an engine in it: it holds this process's one writer lock, and on
        SQLite the database's write lock from its first statement (BEGIN IMMEDIATE), so that no snapshot ever has to
        be upgraded to a write.
        """
        async with self._write_lock, self._engine.connect() as connection:
            if self.is_sqlite:
                await connection.execution_options(foundry_write=True)
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A snapshot to read from."""
        async with self._engine.connect() as connection:
            yield connection

    async def fetch(self, statement: str, values: Mapping[str, Any] | None = None) -> list[Mapping[str, Any]]:
        """Rows of a plain SELECT, for the doctor and for tests."""
        async with self.read() as connection:
            rows = await connection.execute(text(statement), dict(values or {}))
            return [dict(row) for row in rows.mappings()]

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    async def ping(self) -> None:
        """Raise DatabaseUnavailable, in words, when no connection can be had."""
        try:
            async with self.read() as connection:
                await connection.execute(text("SELECT 1"))
        except (DBAPIError, OSError) as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise DatabaseUnavailable(f"The database at {self.where} cannot be opened: {reason}") from error

    @property
    def where(self) -> str:
        """The address without its password."""
        return self.url.render_as_string(hide_password=True)


def _prepare_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(dbapi_connection: Any, _record: Any) -> None:
        # The driver must not open transactions behind our back: BEGIN is ours (see _on_begin).
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Any) -> None:
        immediate = connection.get_execution_options().get("foundry_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
