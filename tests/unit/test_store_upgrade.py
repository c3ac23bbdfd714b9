"""What stands between an operator and a broken home: upgrades of SQLite files that are old, odd or closed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection

from foundry_tui.errors import DatabaseUnavailable, FoundryError, HomeUnusable, SchemaTooNew, UsageError
from foundry_tui.store import upgrade as upgrade_module
from foundry_tui.store.backup import backup
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.revisions import HEAD, KNOWN
from foundry_tui.store.upgrade import UpgradeReport, check_one_head, upgrade

NEXT = "9990"


async def upgraded(path: Path, **how: object) -> UpgradeReport:
    database = Database.connect(sqlite_url(str(path)))
    try:
        return await upgrade(database, **how)  # type: ignore[arg-type]
    finally:
        await database.close()


def test_the_known_revisions_are_those_of_the_scripts() -> None:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(upgrade_module._config())
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == KNOWN
    assert check_one_head() == HEAD


async def test_a_current_database_needs_no_alembic_and_no_time(migrated_file: Path) -> None:
    code = (
        "import asyncio, sys, time\n"
        "from foundry_tui.store.database import Database, sqlite_url\n"
        "from foundry_tui.store.upgrade import upgrade\n"
        "async def main():\n"
        "    database = Database.connect(sqlite_url(sys.argv[1]))\n"
        "    await database.ping()\n"
        "    report = await upgrade(database)\n"
        "    until = time.monotonic() + 20  # beside other work one in many is left alone\n"
        "    while report.took_ms >= 10 and not report.changed and time.monotonic() < until:\n"
        "        report = await upgrade(database)\n"
        "    await database.close()\n"
        "    assert not report.changed\n"
        "    print(report.took_ms, 'alembic' in sys.modules)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code, migrated_file], capture_output=True, text=True, check=True)
    took_ms, imported = done.stdout.split()
    assert imported == "False"
    assert float(took_ms) < 10


async def _one_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database of the revision before HEAD, as far as upgrade can tell; its first revision is nothing to go back to."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO books (id, book_id, book_name, language) VALUES ('1', 'b', 'B', 'eng')")
        connection.commit()
    monkeypatch.setattr(upgrade_module, "HEAD", NEXT)
    monkeypatch.setattr(upgrade_module, "KNOWN", (*KNOWN, NEXT))

    def to_next(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE books ADD COLUMN colour TEXT")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9990'")

    monkeypatch.setattr(upgrade_module, "_run_alembic", to_next)


def _columns(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(books)")]


async def test_a_backup_is_made_before_anything_is_changed(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _one_behind(migrated_file, monkeypatch)
    report = await upgraded(migrated_file, backup_folder=tmp_path / "backups")
    assert (report.before, report.after) == (HEAD, NEXT)
    assert report.backup is not None
    assert report.backup.parent == tmp_path / "backups"
    assert report.backup.suffix == ".bak"
    assert "colour" in _columns(migrated_file)
    assert "colour" not in _columns(report.backup)
    with closing(sqlite3.connect(report.backup)) as connection:
        assert connection.execute("SELECT book_id FROM books").fetchall() == [("b",)]
    assert [path.name for path in migrated_file.parent.glob("*.db")] == ["foundry.db"], "the only *.db of a home"
    assert not list((tmp_path / "backups").glob(".*")), "no half backup is left"


async def test_an_upgrade_that_breaks_changes_nothing(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _one_behind(migrated_file, monkeypatch)

    def breaks(connection: Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE books ADD COLUMN colour TEXT")
        connection.exec_driver_sql(
            "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language) VALUES ('1', 'x', 'y', 'eng')"
        )

    monkeypatch.setattr(upgrade_module, "_run_alembic", breaks)
    with pytest.raises(DatabaseUnavailable, match="rows that point to nothing"):
        await upgraded(migrated_file, backup_folder=tmp_path)
    assert "colour" not in _columns(migrated_file)


async def test_rows_that_pointed_to_nothing_before_do_not_lock_anyone_out(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(migrated_file)) as connection:  # as the sqlite3 shell: foreign keys are off
        connection.execute(
            "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language) VALUES ('1', 'x', 'y', 'eng')"
        )
        connection.commit()
    await _one_behind(migrated_file, monkeypatch)
    assert (await upgraded(migrated_file, backup_folder=tmp_path)).changed


async def test_no_backup_folder_no_upgrade(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _one_behind(migrated_file, monkeypatch)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FoundryError, match=r"The backup .* cannot be written"):
        await upgraded(migrated_file, backup_folder=tmp_path / "file")
    assert "colour" not in _columns(migrated_file)


async def test_keys_hold_again_after_an_upgrade(tmp_path: Path) -> None:
    database = Database.connect(sqlite_url(str(tmp_path / "new.db")))
    await upgrade(database)
    async with database.write() as connection:
        assert (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar() == 1
    await database.close()


async def test_a_downgrade_leaves_nothing_behind(tmp_path: Path) -> None:
    database = Database.connect(sqlite_url(str(tmp_path / "new.db")))
    await upgrade(database)
    async with database.reshape() as connection:
        await connection.run_sync(lambda sync: command.downgrade(upgrade_module._config(sync), "base"))
    left = await database.fetch("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")
    await database.close()
    assert [row["name"] for row in left] == ["alembic_version"]


async def test_what_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "foundry.db"
    path.write_bytes(b"<html>" + b"not a database " * 1000)
    with pytest.raises(DatabaseUnavailable, match=r"foundry\.db is not a usable database: file is not a database"):
        await upgraded(path)


async def test_a_torn_database_is_said_to_be_damaged(migrated_file: Path) -> None:
    with migrated_file.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xee" * 60_000)
    with pytest.raises(DatabaseUnavailable, match="is not a usable database"):
        await upgraded(migrated_file)


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeUnusable, match=r"nowhere does not exist\.$") as caught:
        await upgraded(tmp_path / "nowhere" / "foundry.db")
    assert "foundry-tui init" in caught.value.sentence()


async def test_a_folder_in_the_files_place(tmp_path: Path) -> None:
    with pytest.raises(HomeUnusable, match="cannot be opened"):
        await upgraded(tmp_path)


async def test_a_newer_schema_says_so(migrated_file: Path) -> None:
    with closing(sqlite3.connect(migrated_file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0417'")
        connection.commit()
    with pytest.raises(SchemaTooNew, match="has schema 0417") as caught:
        await upgraded(migrated_file)
    assert "Upgrade foundry-tui" in caught.value.sentence()


@contextmanager
def nobody() -> Iterator[None]:
    """Root may write anywhere: be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def closed_folder(migrated_file: Path) -> Iterator[Path]:
    """A database that may be looked at but not written, in a folder that may not either."""
    folder = migrated_file.parent
    for parent in [folder, *folder.parents]:
        if parent.stat().st_uid == os.geteuid() and parent.name:
            parent.chmod(parent.stat().st_mode | 0o055)
    with closing(sqlite3.connect(migrated_file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    migrated_file.chmod(0o444)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


async def test_a_read_only_home_is_said_to_be_one(closed_folder: Path) -> None:
    with nobody(), pytest.raises(HomeUnusable, match=r"cannot be (written|opened)"):
        await upgraded(closed_folder / "foundry.db")
    with nobody(), pytest.raises(HomeUnusable, match="cannot be opened"):
        await upgraded(closed_folder / "another.db")


@pytest.mark.parametrize(
    "address", ["", "nonsense", "mysql://x@y/z", "sqlite://", "sqlite:///:memory:", "postgresql://h:port/x"]
)
async def test_an_address_that_makes_no_sense(address: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        Database.connect(address)


async def test_an_unreachable_server_is_said_to_be_one() -> None:
    database = Database.connect("postgresql://me:secret@127.0.0.1:1/foundry")
    with pytest.raises(DatabaseUnavailable, match="cannot be reached") as caught:
        await upgrade(database)
    await database.close()
    assert "secret" not in caught.value.sentence()


async def test_a_home_with_odd_signs_in_its_path(tmp_path: Path) -> None:
    folder = tmp_path / "a b?c#d%41é'\""
    folder.mkdir()
    assert (await upgraded(folder / "foundry.db")).changed
    assert [path.name for path in folder.glob("*.db")] == ["foundry.db"]


async def test_a_backup_of_a_database_in_use(migrated_file: Path, tmp_path: Path) -> None:
    database = Database.connect(sqlite_url(str(migrated_file)))
    insert = "INSERT INTO books (id, book_id, book_name, language) VALUES (:id, :id, 'B', 'eng')"
    async with database.write() as connection:
        await connection.exec_driver_sql(insert, {"id": "1"})
    async with database.write() as connection:
        await connection.exec_driver_sql(insert, {"id": "2"})
        started = time.monotonic()
        target = await backup(database, tmp_path / "copies" / "now.bak")
        assert time.monotonic() - started < 10, "a backup waits for nobody"
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("SELECT id FROM books").fetchall() == [("1",)], "what was committed, no more and no less"
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert [path.name for path in target.parent.iterdir()] == ["now.bak"]
    with pytest.raises(UsageError, match=r"does not end in \.bak"):
        await backup(database, tmp_path / "now.db")
    await database.close()


async def test_a_home_of_the_first_release_is_brought_up(tmp_path: Path) -> None:
    path = tmp_path / "foundry.db"
    database = Database.connect(sqlite_url(str(path)))
    try:
        async with database.write() as connection:
            await connection.run_sync(lambda open_one: command.upgrade(upgrade_module._config(open_one), "0001"))
            await connection.exec_driver_sql(
                "INSERT INTO books (id, book_id, book_name, language) VALUES ('1', 'b', 'B', 'eng')"
            )
        report = await upgrade(database, backup_folder=tmp_path)
        assert (report.before, report.after, report.changed) == ("0001", HEAD, True)
        assert report.backup is not None
        assert await database.fetch("SELECT book_id FROM books") == [{"book_id": "b"}]
        assert await database.fetch("SELECT count(*) AS n FROM lexicon_entries") == [{"n": 0}]
    finally:
        await database.close()
