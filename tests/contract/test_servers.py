"""The servers the tests bring along are real, empty and apart."""

from __future__ import annotations

import socket

import pytest

from foundry_tui.store.database import Database
from servers_plugin import missing


def ask(url: str, command: str) -> bytes:
    host, _, port = url.removeprefix("redis://").removesuffix("/0").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(f"{command}\r\n".encode())
        return connection.recv(100)


@pytest.mark.parametrize("turn", [1, 2])
def test_redis_answers_and_is_empty(redis_url: str, turn: int) -> None:
    assert ask(redis_url, "DBSIZE") == b":0\r\n"
    assert ask(redis_url, f"SET left behind{turn}") == b"+OK\r\n"


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_its_own_postgresql_database(postgres_url: str, turn: int) -> None:
    database = Database.connect(postgres_url)
    (server,) = await database.fetch(
        "SELECT current_setting('server_version_num')::int AS version, count(*) AS n FROM app_events"
    )
    assert server["version"] >= 130_000
    assert server["n"] == 0
    async with database.write() as connection:
        await connection.exec_driver_sql("INSERT INTO app_events (message) VALUES ('left behind')")
    await database.close()


def test_a_missing_server_skips_or_fails_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FOUNDRY_REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="none here"):
        missing("none here")
    monkeypatch.setenv("FOUNDRY_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="none here"):
        missing("none here")
