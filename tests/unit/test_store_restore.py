"""A backup put back: proved before, whole at every moment, what was there kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from foundry_tui.errors import Conflict, DatabaseUnavailable, SchemaTooNew
from foundry_tui.store.backup import backup, copy_file
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.restore import restore


async def put(database: Database, message: str) -> None:
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO app_events (message) VALUES (:message)"), {"message": message})


def messages(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT message FROM app_events ORDER BY seq")]


@pytest.fixture
async def saved(migrated_file: Path) -> Path:
    """A backup that holds ``then``, of a database that has gone on to ``then, now`` and is closed."""
    database = Database.connect(sqlite_url(str(migrated_file)))
    await put(database, "then")
    copy = await backup(database, migrated_file.parent / "copy.bak")
    await put(database, "now")
    await database.close()
    return copy


async def test_there_and_back(migrated_file: Path, saved: Path) -> None:
    kept = await restore(saved, migrated_file)
    assert kept is not None
    assert (messages(migrated_file), messages(saved), messages(kept)) == (["then"], ["then"], ["then", "now"])
    assert kept.suffix == ".bak"
    assert [path.name for path in migrated_file.parent.glob("*.db")] == ["foundry.db"]
    assert not list(migrated_file.parent.glob(".*"))
    database = Database.connect(sqlite_url(str(migrated_file)))
    await put(database, "later")
    await database.close()
    assert messages(migrated_file) == ["then", "later"]
    await restore(kept, migrated_file)
    assert messages(migrated_file) == ["then", "now"]


async def test_into_an_empty_place(saved: Path, tmp_path: Path) -> None:
    assert await restore(saved, tmp_path / "other.db") is None
    assert messages(tmp_path / "other.db") == ["then"]


async def test_not_while_anybody_has_it_open(migrated_file: Path, saved: Path) -> None:
    database = Database.connect(sqlite_url(str(migrated_file)))
    await database.ping()
    with pytest.raises(Conflict, match="Some program has"):
        await restore(saved, migrated_file)
    await put(database, "still here")
    await database.close()
    assert messages(migrated_file) == ["then", "now", "still here"]


async def test_a_damaged_database_is_replaced(migrated_file: Path, saved: Path) -> None:
    migrated_file.write_bytes(b"rubbish" * 5000)
    kept = await restore(saved, migrated_file)
    assert messages(migrated_file) == ["then"]
    assert kept is not None
    assert kept.read_bytes().startswith(b"rubbish")


@pytest.mark.parametrize("what", ["missing", "rubbish", "foreign", "newer", "torn"])
async def test_what_is_no_good_backup_is_refused_and_nothing_changes(
    migrated_file: Path, saved: Path, tmp_path: Path, what: str
) -> None:
    bad = tmp_path / "bad.bak"
    error, says = DatabaseUnavailable, "is no backup of a Foundry database"
    if what == "missing":
        says = "There is no backup"
    elif what == "rubbish":
        bad.write_bytes(b"rubbish" * 1000)
    elif what == "foreign":
        with closing(sqlite3.connect(bad)) as connection:
            connection.execute("CREATE TABLE recipes (id INTEGER)")
    elif what == "newer":
        bad.write_bytes(saved.read_bytes())
        with closing(sqlite3.connect(bad)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
            connection.commit()
        error, says = SchemaTooNew, "has schema 9999"
    else:
        content = bytearray(saved.read_bytes())
        content[4096 * 3 : 4096 * 9] = b"\xff" * 4096 * 6
        bad.write_bytes(content)
        says = "is damaged|is no backup"
    with pytest.raises(error, match=says):
        await restore(bad, migrated_file)
    assert messages(migrated_file) == ["then", "now"]
    assert sorted(path.name for path in migrated_file.parent.iterdir()) == ["copy.bak", "foundry.db"]


class Disturbed(sqlite3.Connection):
    """A connection beside which somebody commits after every piece of a backup."""

    steps = 0

    def backup(self, target: sqlite3.Connection, **options: Any) -> None:
        file = self.execute("PRAGMA database_list").fetchone()[2]

        def commit(*_: int) -> None:
            Disturbed.steps += 1
            assert Disturbed.steps < 20, "it begins anew for ever"
            with closing(connect(file)) as other, other:
                other.execute("INSERT INTO app_events (message) VALUES ('meanwhile')")

        super().backup(target, progress=commit, **options)


connect = sqlite3.connect


def test_a_copy_of_a_home_that_is_never_at_rest_ends(migrated_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(connect(migrated_file)) as connection, connection:
        connection.execute("INSERT INTO app_events (message) VALUES (hex(zeroblob(6000000)))")
    monkeypatch.setattr(Disturbed, "steps", 0)
    monkeypatch.setattr(
        "foundry_tui.store.backup.sqlite3.connect", lambda *given, **more: connect(*given, factory=Disturbed, **more)
    )
    copy = copy_file(migrated_file, migrated_file.parent / "copy.bak")
    monkeypatch.undo()
    assert len(messages(copy)) == 1
    assert len(messages(migrated_file)) == 2
