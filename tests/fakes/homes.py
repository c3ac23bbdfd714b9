"""Where a test's home keeps its tables: in its own SQLite file, or in a database of a real PostgreSQL of its own.

FOUNDRY_TEST_DATABASE=postgresql is the switch: tests/integration then lends its homes the session's server.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.types.string import TextLoader

from foundry_tui.store.database import sqlite_url

if TYPE_CHECKING:
    from servers_plugin import PostgresServer

KINDS = ("sqlite", "postgresql")
_numbers = itertools.count(1)


@dataclass
class _Served:
    server: PostgresServer | None = None
    databases: dict[Path, str] = field(default_factory=dict)  # by home


_served = _Served()


def wanted_kind() -> str:
    """The kind of database this session's homes are to be on."""
    kind = os.environ.get("FOUNDRY_TEST_DATABASE") or "sqlite"
    if kind not in KINDS:
        raise ValueError(f"FOUNDRY_TEST_DATABASE is {kind!r}, not one of {', '.join(KINDS)}.")
    return kind


@contextmanager
def served_by(server: PostgresServer) -> Iterator[None]:
    """Homes that are named meanwhile keep their tables on ``server``."""
    _served.server = server
    try:
        with swept():
            yield
    finally:
        _served.server = None


@contextmanager
def swept() -> Iterator[None]:
    """Databases of homes that are named meanwhile are dropped at the end."""
    before = set(_served.databases)
    try:
        yield
    finally:
        for home in _served.databases.keys() - before:
            _drop(_served.databases.pop(home))


def address(home: Path) -> str:
    """The address of the home's database; on PostgreSQL it is made, without any table, where there was none."""
    if _served.server is None:
        return sqlite_url(str(file_of(home)))
    place = home.resolve()
    if place not in _served.databases:
        _served.databases[place] = _create("template0")
    return _served.server.url(_served.databases[place])


def flags(home: Path) -> list[str]:
    """What tells the command line where the home's tables are: nothing where they are in its own file."""
    return [] if _served.server is None else ["--database-url", address(home)]


def file_of(home: Path) -> Path:
    """The home's own SQLite file."""
    return home / "database" / "foundry.db"


def copy(home: Path, target: Path) -> Path:
    """A home of its own with the same files and rows, at ``target``."""
    shutil.copytree(home, target)
    copy_tables(home, target)
    return target


def copy_tables(home: Path, target: Path) -> None:
    """The same rows for a home whose files are copied by other means; a SQLite file is among those."""
    if _served.server is not None:
        _served.databases[target.resolve()] = _create(_served.databases[home.resolve()])


def _create(template: str) -> str:
    assert _served.server is not None
    name = f"home_{next(_numbers)}"
    _served.server.run(f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


def _drop(name: str) -> None:
    assert _served.server is not None
    _served.server.run(f"DROP DATABASE {name} WITH (FORCE)")


# --- raw SQL --------------------------------------------------------------------------------------------------------


class Row(tuple[Any, ...]):  # noqa: SLOT001 - a tuple has no room for named slots
    """A row's values by place and by column name."""

    names: Sequence[str]

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)


def _row(cursor: Any, values: Sequence[Any]) -> Row:
    row = Row(values)
    row.names = [column[0] for column in cursor.description]
    return row


class Shell:
    """Statements with ``?`` for values, on either kind; JSON comes out as text, as a shell shows it."""

    def __init__(self, connection: sqlite3.Connection | psycopg.Connection[Any]) -> None:
        self._connection: Any = connection
        self._is_sqlite = isinstance(connection, sqlite3.Connection)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[Row]:
        """The rows it answers with, all of them."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(self._written(statement), values)
            return [_row(cursor, found) for found in cursor.fetchall()] if cursor.description else []

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        with closing(self._connection.cursor()) as cursor:
            cursor.executemany(self._written(statement), rows)

    def _written(self, statement: str) -> str:
        return statement if self._is_sqlite else statement.replace("%", "%%").replace("?", "%s")


@contextmanager
def shell(home: Path, *, foreign_keys: bool = True) -> Iterator[Shell]:
    """An operator's own SQL on a home's tables, one transaction, committed at the end.

    Without ``foreign_keys`` as the sqlite3 shell leaves them; PostgreSQL heeds them all the same.
    """
    if _served.server is None:
        connection = sqlite3.connect(file_of(home), timeout=30)
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        with closing(connection), connection:
            yield Shell(connection)
    else:
        with _postgresql(home) as connection:
            yield Shell(connection)


def rows(home: Path, statement: str, *values: object) -> list[Row]:
    """The answer to a query that must leave no trace: a file is opened for reading only."""
    if _served.server is None:
        with closing(sqlite3.connect(f"file:{file_of(home)}?mode=ro", uri=True, timeout=30)) as connection:
            return Shell(connection).execute(statement, values)
    with _postgresql(home) as connection:
        connection.read_only = True
        return Shell(connection).execute(statement, values)


@contextmanager
def _postgresql(home: Path) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(address(home), options="-c timezone=UTC") as connection:
        connection.adapters.register_loader("jsonb", TextLoader)
        yield connection
