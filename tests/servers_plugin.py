"""Real servers for tests: PostgreSQL and Redis of this machine, and a migrated database of either kind.

One server a session, a fresh database a test. Where a server is not installed the test skips with the reason, and
fails under FOUNDRY_REQUIRE_SERVERS=1.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest

from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.upgrade import upgrade

READY_WITHIN_S = 90
_numbers = itertools.count(1)


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it where servers are required."""
    if os.environ.get("FOUNDRY_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{reason} (FOUNDRY_REQUIRE_SERVERS=1)", pytrace=False)
    pytest.skip(reason)


def wait_until(ready: Callable[[], bool], what: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{what} did not start:\n{log.read_text(errors='replace')[-3000:]}", pytrace=False)
        time.sleep(0.02)


def _die_with_parent(with_signal: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True)

    def prepare() -> None:
        libc.prctl(1, with_signal)  # PR_SET_PDEATHSIG

    return prepare


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


@dataclass
class PostgresServer:
    """A running server that trusts the user ``foundry`` on a unix socket."""

    sockets: Path
    user: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None
    options: tuple[str, ...] = ()  # more of postgres' own
    port: int = 5432

    def url(self, database: str) -> str:
        port = "" if self.port == 5432 else f"&port={self.port}"
        return f"postgresql://foundry@/{database}?host={self.sockets}{port}"

    def run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            self.run("SELECT 1")
            return True
        return False

    def start(self) -> None:
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=100", "-k", str(self.sockets)]
        options += ["-p", str(self.port)]
        with (self.sockets / "log").open("ab") as output:
            self.process = subprocess.Popen(
                [_postgres_binaries() / "postgres", "-D", self.sockets / "data", *options, *self.options],
                stdout=output,
                stderr=output,
                cwd=self.sockets,
                preexec_fn=_die_with_parent(signal.SIGINT),  # noqa: PLW1509 - no threads yet
                **self.user,
            )
        wait_until(self.answers, "PostgreSQL", self.process, self.sockets / "log")

    def stop(self, how: int = signal.SIGINT) -> None:
        """SIGINT is a fast shutdown, SIGQUIT as if the power went."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(READY_WITHIN_S)


def _postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    missing("PostgreSQL is not installed (Debian: apt-get install postgresql)")


def _server_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: drop to its own user there."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        missing("there is no user postgres to run PostgreSQL as")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def postgres_cluster(*options: str, port: int = 5432) -> Iterator[PostgresServer]:
    """A server of its own, with nothing in it."""
    binaries, user = _postgres_binaries(), _server_user()
    # Not pytest's own folder: another user must get in, and a socket's path must stay short.
    folder = Path(tempfile.mkdtemp(prefix="foundry-pg-"))
    try:
        if user:
            os.chown(folder, user["user"], user["group"])
        made = subprocess.run(
            [
                *(binaries / "initdb", "-D", folder / "data", "-U", "foundry", "-A", "trust"),
                *("-E", "UTF8", "--locale=C", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            **user,
        )
        assert made.returncode == 0, made.stderr
        server = PostgresServer(folder, user, options=options, port=port)
        try:
            server.start()
            yield server
        finally:
            if server.process is not None and server.process.poll() is None:
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with postgres_cluster() as server:
        yield server


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: PostgresServer) -> str:
    postgres_server.run("CREATE DATABASE foundry_template")
    asyncio.run(_migrate(postgres_server.url("foundry_template")))
    return "foundry_template"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, _postgres_template: str) -> Iterator[str]:
    """A fresh, migrated database on a real PostgreSQL."""
    yield from _postgres_database(postgres_server, _postgres_template)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh database without any table on a real PostgreSQL."""
    yield from _postgres_database(postgres_server, "template0")


def _postgres_database(server: PostgresServer, template: str) -> Iterator[str]:
    name = f"foundry_{next(_numbers)}"
    server.run(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server.url(name)
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


# --- SQLite ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    asyncio.run(_migrate(sqlite_url(str(path))))
    return path


@pytest.fixture
def migrated_file(_sqlite_template: Path, tmp_path: Path) -> Path:
    """A fresh, migrated SQLite file."""
    path = tmp_path / "database" / "foundry.db"
    path.parent.mkdir()
    return Path(shutil.copyfile(_sqlite_template, path))


# --- either ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Every test that asks for a database of either kind runs on both."""
    return str(request.param)


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest) -> str:
    """The address of a fresh, migrated database."""
    if database_kind == "sqlite":
        return sqlite_url(str(request.getfixturevalue("migrated_file")))
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def empty_database_url(database_kind: str, request: pytest.FixtureRequest) -> str:
    """The address of a fresh database without any table."""
    if database_kind == "sqlite":
        return sqlite_url(str(request.getfixturevalue("tmp_path") / "empty.db"))
    return str(request.getfixturevalue("empty_postgres_url"))


@pytest.fixture
async def empty_database(empty_database_url: str) -> AsyncIterator[Database]:
    """A fresh database without any table, open."""
    opened = Database.connect(empty_database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh, migrated database, open."""
    opened = Database.connect(database_url)
    yield opened
    await opened.close()


async def _migrate(url: str) -> None:
    database = Database.connect(url)
    await upgrade(database)
    await database.close()


# --- Redis ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def redis_server() -> Iterator[int]:
    """A Redis of its own; its port."""
    binary = shutil.which("redis-server")
    if binary is None:
        missing("Redis is not installed (Debian: apt-get install redis-server)")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="foundry-redis-"))
    try:
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
                stdout=output,
                stderr=output,
                cwd=folder,
                preexec_fn=_die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - no threads yet
            )
        try:
            wait_until(lambda: _ask_redis(port, "PING") == b"+PONG\r\n", "Redis", process, log)
            yield port
        finally:
            process.terminate()
            process.wait(READY_WITHIN_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _redis_port() -> Iterator[int]:
    with redis_server() as port:
        yield port


@pytest.fixture
def redis_url(_redis_port: int) -> str:
    """An empty database of a real Redis."""
    assert _ask_redis(_redis_port, "FLUSHALL") == b"+OK\r\n"
    return f"redis://127.0.0.1:{_redis_port}/0"


def _ask_redis(port: int, command: str) -> bytes | None:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(64)
    return None
