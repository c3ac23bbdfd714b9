"""One open database: short immediate write transactions behind one writer lock, and snapshots to read from.

SQLite (WAL) and PostgreSQL answer to the same calls. Schema upgrades are in store.upgrade.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread
from typing import Any, Protocol
from weakref import WeakSet

import aiosqlite
from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from foundry_tui.errors import DatabaseUnavailable, DiskFull
from foundry_tui.files import sync_file
from foundry_tui.store.ballast import Ballast
from foundry_tui.store.columns import json_text
from foundry_tui.store.failures import translated

BUSY_TIMEOUT_MS = 30_000
CONNECT_TIMEOUT_S = 10
# A machine that was cut off is noticed on both sides within half a minute: here by a failing statement, there by the
# end of the session, which lets go of the rows it had locked. Unix sockets need none of it and ignore it.
LIFELINES: dict[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "options": "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 "
    "-c idle_in_transaction_session_timeout=60000",
}
_LAST_THREAD_S = 1.0
_WAL_AGAIN_S = 0.01
_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA cache_size=-10000",
    "PRAGMA wal_autocheckpoint=1000",
    "PRAGMA journal_size_limit=67108864",
)
_BEGIN = "foundry_begin"  # execution option: how a transaction on SQLite begins
ANNOUNCED = "foundry_announced"  # in a connection's info: the jobs its transaction has made claimable


class Dispatcher(Protocol):
    """Who is told of jobs that wait (pipeline.dispatch); never more than their ids."""

    async def enqueue(self, transaction: Any, job_ids: Sequence[int]) -> None:
        """Announce jobs inside the transaction that made them claimable."""
        ...

    def committed(self) -> None:
        """That transaction holds."""
        ...


def sqlite_url(path: str) -> str:
    """The address of a SQLite file."""
    return str(URL.create("sqlite", database=path))


class Database:
    """Open with ``Database.connect``; every write goes through ``write()``, every read through ``read()``."""

    def __init__(self, engine: AsyncEngine, url: URL, threads: _Threads | None = None) -> None:
        self._engine = engine
        self._threads = threads
        self._write_lock = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None
        self._unsynced = False  # something was committed since the disk was last told to keep it
        self.url = url
        self.dispatcher: Dispatcher | None = None  # whoever sets it closes it
        self.dialect = engine.dialect.name
        file = self.sqlite_path
        self.ballast = Ballast(Path(file).with_name("reserve")) if file else None

    @classmethod
    def connect(cls, address: str | URL) -> Database:
        """An open database at ``sqlite:///path`` or ``postgresql://user@host/name``; connects at first use.

        Raises DatabaseUnavailable when the address itself makes no sense.
        """
        try:
            url = make_url(address)
        except (ArgumentError, ValueError) as error:
            raise DatabaseUnavailable("--database-url is not a database address.") from error
        backend = url.get_backend_name()
        if backend == "sqlite":
            if not url.database or url.database == ":memory:":
                raise DatabaseUnavailable("A home's tables need a file, not a database in memory.")
            threads = _Threads(url.database)
            engine = create_async_engine(
                url.set(drivername="sqlite+aiosqlite"),
                async_creator=threads.open,
                pool_size=4,
                max_overflow=4,
                json_serializer=json_text,
                json_deserializer=_lenient_json,
            )
            _prepare_sqlite(engine)
            return cls(engine, url, threads)
        if backend in {"postgresql", "postgres"}:
            url = url.set(drivername="postgresql+psycopg")
            lifelines = {name: value for name, value in LIFELINES.items() if name not in url.query}
            engine = create_async_engine(
                url, pool_size=5, pool_pre_ping=True, connect_args=lifelines, json_serializer=json_text
            )
        else:
            raise DatabaseUnavailable(f"Foundry keeps its tables in SQLite or PostgreSQL, not {backend}.")
        return cls(engine, url)

    @property
    def is_sqlite(self) -> bool:
        """True on SQLite."""
        return self.dialect == "sqlite"

    @property
    def sqlite_path(self) -> str | None:
        """The file's path as given, on SQLite."""
        return self.url.database if self.is_sqlite else None

    @asynccontextmanager
    async def write(self, *, synced: bool = False, may_wait: bool = False) -> AsyncIterator[AsyncConnection]:
        """A write transaction: committed when the block ends, rolled back when it raises.

        With ``synced`` the commit is on the disk when the block has ended, and survives a power cut. What ``may_wait``
        leaves the ballast of a full disk to what may not: how a step in the middle of its files gets on, whose next
        file would take that room.

        Keep it short, and never await a network or an engine in it: it holds this process's one writer lock, and on
        SQLite the database's write lock from its first statement (BEGIN IMMEDIATE), so that no snapshot ever has to
        be upgraded to a write. A broken rule (IntegrityError) is the caller's to translate; whatever means that the
        database itself cannot serve is raised as DatabaseUnavailable, HomeUnusable or DiskFull.
        """
        async with self._alone():
            with self._translating(None if may_wait else self.ballast):
                async with self._engine.connect() as connection:
                    if self.is_sqlite:
                        if synced:
                            await _pragma(connection, "PRAGMA synchronous=FULL")
                        await connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
                    try:
                        async with connection.begin():
                            connection.info.pop(ANNOUNCED, None)
                            yield connection
                            announced = connection.info.pop(ANNOUNCED, ())
                            if announced and self.dispatcher is not None:
                                await self.dispatcher.enqueue(connection, announced)
                        self._unsynced = self._unsynced or not synced
                    finally:
                        if synced and self.is_sqlite:
                            await _pragma(connection, "PRAGMA synchronous=NORMAL")
        if announced and self.dispatcher is not None:
            self.dispatcher.committed()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A snapshot to read from; the same errors as ``write``."""
        with self._translating(self.ballast):
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def reshape(self) -> AsyncIterator[AsyncConnection]:
        """A write transaction for schema changes: foreign keys are off on SQLite, where tables are rebuilt by copy.

        The caller proves the keys before the block ends.
        """
        async with self._alone():
            with self._translating(self.ballast):
                async with self._engine.connect() as connection:
                    try:
                        if self.is_sqlite:
                            await _pragma(connection, "PRAGMA foreign_keys=OFF")
                            await connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
                        async with connection.begin():
                            yield connection
                    finally:
                        if self.is_sqlite:
                            await connection.invalidate()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        me = asyncio.current_task()
        if self._writer is me and me is not None:
            raise RuntimeError("A write transaction was opened inside another: it would wait for itself for ever.")
        async with self._write_lock:
            self._writer = me
            try:
                yield
            finally:
                self._writer = None

    def _translating(self, ballast: Ballast | None) -> _Translating:
        return _Translating(self.where, ballast)

    async def fetch(self, statement: str, values: Mapping[str, Any] | None = None) -> list[Mapping[str, Any]]:
        """Rows of a plain SELECT, for the doctor and for tests."""
        async with self.read() as connection:
            rows = await connection.execute(text(statement), dict(values or {}))
            return [dict(row) for row in rows.mappings()]

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
        if self._threads is not None:
            await self._threads.ended()

    async def fold(self) -> bool:
        """Fold SQLite's write-ahead log into the file; False while somebody still reads from it, or there is none."""
        if not self.is_sqlite:
            return False
        async with self._alone():
            with self._translating(self.ballast):
                async with self._engine.connect() as connection:
                    raw = await connection.get_raw_connection()
                    cursor = await raw.driver_connection.execute(  # type: ignore[union-attr]
                        "PRAGMA wal_checkpoint(TRUNCATE)"
                    )
                    row = await cursor.fetchone()
                    await cursor.close()
        return bool(row is not None and row[0] == 0)

    async def sync(self) -> None:
        """Have the disk keep every commit of this process so far; a server sees to that by itself."""
        if self.sqlite_path is None or not self._unsynced:
            return
        self._unsynced = False
        await asyncio.to_thread(_sync_journal, Path(f"{self.sqlite_path}-wal"))

    async def ping(self) -> None:
        """Raise DatabaseUnavailable, in words, when no connection can be had."""
        await self.fetch("SELECT 1")

    @property
    def where(self) -> str:
        """The file, or the address without its password."""
        return self.sqlite_path or self.url.set(drivername="postgresql").render_as_string(hide_password=True)


class _Threads:
    """Opens SQLite connections, each of which has a thread, and waits for the last of them at the end.

    The driver does not wait for the thread of a connection that could not be opened; one that outlives the event loop
    would end with a traceback on the operator's screen.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._running: WeakSet[Thread] = WeakSet()

    async def open(self) -> aiosqlite.Connection:
        connection = aiosqlite.connect(self._path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None)
        # Up to 0.21 the connection was the thread. A daemon, so that an interrupted program ends all the same.
        thread: Thread = getattr(connection, "_thread", connection)  # type: ignore[arg-type]
        thread.daemon = True
        self._running.add(thread)
        return await connection

    async def ended(self) -> None:
        for thread in list(self._running):
            await asyncio.to_thread(thread.join, _LAST_THREAD_S)


class _Translating:
    """Raises what a driver said in the words of the error tree."""

    def __init__(self, where: str, ballast: Ballast | None) -> None:
        self._where = where
        self._ballast = ballast

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, sqlite3.DatabaseError | OverflowError):
            error = DBAPIError(None, None, error)
        if isinstance(error, DBAPIError):
            said = translated(error, self._where)
            if isinstance(said, DiskFull) and self._ballast is not None:
                self._ballast.drop()
            if said is not None:
                raise said from error


def _sync_journal(journal: Path) -> None:
    # A descriptor of our own may be closed without harm: SQLite keeps its locks on other files than this one.
    try:
        sync_file(journal)
    except FileNotFoundError:
        return  # folded in, or nothing was written yet


async def _pragma(connection: AsyncConnection, statement: str) -> None:
    # On the driver's own connection: through SQLAlchemy it would begin the transaction it must come before.
    raw = await connection.get_raw_connection()
    cursor = await raw.driver_connection.execute(statement)  # type: ignore[union-attr]
    await cursor.close()


def _lenient_json(stored: str) -> Any:
    # SQLite lets raw SQL put any text into a JSON column: one such row must not close a whole list.
    try:
        return json.loads(stored)
    except ValueError:
        return {"unreadable": stored}


async def _turn_wal_on(connection: aiosqlite.Connection) -> None:
    # Setting the mode reads the file before it locks it, and SQLite never lets a reader wait for a lock: whoever
    # comes second to a new file is told "locked" at once, whatever busy_timeout says. The waiting is ours to do.
    patience_ends = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    # Asking first: to set what is set already would still want a lock.
    while await _answer(connection, "PRAGMA journal_mode") != "wal":
        try:
            await _answer(connection, "PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > patience_ends:
                raise
            await asyncio.sleep(_WAL_AGAIN_S)
        else:
            return  # a file system that cannot do it says so by keeping the mode it had


async def _answer(connection: aiosqlite.Connection, statement: str) -> Any:
    async with connection.execute(statement) as cursor:
        row = await cursor.fetchone()
    return row[0] if row is not None else None


def _prepare_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(dbapi_connection: Any, _record: Any) -> None:
        # The driver must not open transactions behind our back: BEGIN is ours (see _on_begin).
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()
        dbapi_connection.run_async(_turn_wal_on)

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Any) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
