"""``db copy`` there and back, ``db prune``: through the front door, on real databases."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes import homes
from fakes.command_line import CommandLine
from fakes.console_home import a_working_day, make_template
from foundry_tui.operations.retention import Forgotten, Kept, Upkeep
from foundry_tui.store.database import Database, sqlite_url


@pytest.fixture
def foundry(tmp_path: Path) -> CommandLine:
    home = make_template(tmp_path / "home")
    a_working_day(home)
    (home / "config.toml").touch()  # a home without a database file of its own is known by it
    return CommandLine(home)


def test_a_home_moves_to_postgresql_and_back(foundry: CommandLine, empty_postgres_url: str, tmp_path: Path) -> None:
    refused = foundry("db", "copy", "--to", empty_postgres_url)
    assert refused.code == 2
    assert "1 jobs are being worked on" in refused.err
    with homes.shell(foundry.home) as connection:
        connection.execute("UPDATE jobs SET lease_expires_at = 1 WHERE status = 'processing'")
    there = foundry.well("db", "copy", "--to", empty_postgres_url, "--json").json
    assert there["rows"]["books"] == 12
    again = foundry("db", "copy", "--to", empty_postgres_url)
    assert (again.code, "holds rows already" in again.err) == (2, True)
    back = sqlite_url(str(tmp_path / "back.db"))
    returned = foundry.well("--database-url", empty_postgres_url, "db", "copy", "--to", back, "--json").json
    assert returned["rows"] == there["rows"]
    shown = foundry.well("--database-url", back, "queue", "--json").json
    assert shown == foundry.well("queue", "--json").json
    assert "the same database" in foundry("db", "copy", "--to", homes.address(foundry.home)).err


def test_what_is_old_is_forgotten_and_the_story_stays(foundry: CommandLine) -> None:
    before = foundry.well("events", "--json", "--last", "1000").json
    log = foundry.home / "logs" / "foundry.log.3"
    log.write_text("old")
    os.utime(log, (1, 1))
    told = foundry.well("db", "prune", "--json").json
    assert told == {"production_events": 0, "app_events": 1, "jobs": 0, "logs": 1}
    assert not log.exists()
    after = foundry.well("events", "--json", "--last", "1000").json
    assert [event for event in before if event.get("audiobook_id")] == after, (
        "unfinished and failed ones keep every event"
    )
    assert "Forgot 0 events" in foundry.well("db", "prune", "--days", "1").out


async def test_the_daemon_forgets_once_a_day(database: Database, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    now = datetime.now(UTC)
    pruned: list[float] = []

    class Counting(Upkeep):
        async def prune(self, *, days: int | None = None) -> Forgotten:
            pruned.append(time.time())
            return await super().prune(days=days)

    naps = 0

    async def sleep(_delay_s: float) -> None:
        nonlocal now, naps
        naps += 1
        now += timedelta(hours=1)
        if naps == 50:
            raise TimeoutError

    for _ in range(2):  # a daemon started twice that day
        with pytest.raises(TimeoutError):
            await Counting(database, tmp_path, Kept(), lambda: now).daily(sleep)
        naps = 25
    assert len(pruned) == 4, "at once, after a day and after two; then again for the second one's day"
