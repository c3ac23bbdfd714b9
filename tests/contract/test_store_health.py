"""What the doctor is told of a database, well or ill."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from foundry_tui.domain.status import Level
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.health import Finding, examine

ROWS = (
    "INSERT INTO narrators (narrator_id, narrator_name, language) VALUES ('n', 'N', 'eng')",
    "INSERT INTO books (id, book_id, book_name, language) VALUES ('1', 'b', 'B', 'eng')",
    "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language) VALUES ('1', 'b', 'n', 'eng')",
)


async def told(database: Database) -> dict[str, Finding]:
    return {finding.name: finding for finding in await examine(database, thorough=True)}


async def write(database: Database, *statements: str) -> None:
    async with database.write() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def test_a_healthy_database_has_nothing_to_say(database: Database) -> None:
    findings = await examine(database, thorough=True)
    assert {finding.level for finding in findings} == {Level.INFO}
    names = [finding.name for finding in findings]
    if database.is_sqlite:
        assert names == ["schema", "integrity", "references", "leases", "write-ahead log"]
    else:
        assert names == ["schema", "leases"]


async def test_a_database_without_schema_is_told_what_to_do(empty_database: Database) -> None:
    (finding,) = await examine(empty_database)
    assert (finding.name, finding.level) == ("schema", Level.WARNING)
    assert "foundry-tui init" in finding.action


async def test_what_is_no_database_is_one_finding(tmp_path: Path) -> None:
    (tmp_path / "foundry.db").write_bytes(b"no database" * 1000)
    database = Database.connect(sqlite_url(str(tmp_path / "foundry.db")))
    (finding,) = await examine(database)
    await database.close()
    assert (finding.name, finding.level) == ("database", Level.ERROR)
    assert "not a database" in finding.message


async def test_work_that_is_stuck_is_counted(database: Database) -> None:
    await write(
        database,
        *ROWS,
        "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language, status) VALUES ('2', 'b', 'n', 'eng', 'success')",
        "INSERT INTO jobs (job_id, name, created_at, status, lease_expires_at) VALUES (1, 'x', 0, 'processing', 5)",
        "INSERT INTO jobs (job_id, name, created_at, status, lease_expires_at) VALUES (2, 'x', 0, 'processing', 99999999999)",
        "INSERT INTO jobs (job_id, name, created_at, status, reason) VALUES (3, 'x', 0, 'failed', 'poisoned')",
        "INSERT INTO production_steps (audiobook_id, step_number, step_name, position, status, job_id) VALUES ('2', 'S', 's', 0, 'processing', 3)",
    )
    findings = await told(database)
    assert "1 jobs were left behind" in findings["leases"].message
    assert findings["leases"].level is Level.WARNING
    assert "1 jobs killed their workers" in findings["poisoned"].message
    assert "1 steps say that they are being made" in findings["steps"].message
    assert "1 productions say success" in findings["productions"].message
    assert findings["productions"].message.split(": ")[1].partition(" ")[0].isdigit(), "and which"
    assert "1 productions were put in by SQL" in findings["adoption"].message


async def test_leases_are_judged_by_the_servers_clock(database: Database) -> None:
    await write(
        database,
        "INSERT INTO jobs (job_id, name, created_at, status, lease_expires_at)"
        f" VALUES (1, 'x', 0, 'processing', {time.time() + 600})",
    )
    findings = await examine(database, now=lambda: datetime.now(UTC) + timedelta(hours=1))
    (leases,) = [finding for finding in findings if finding.name == "leases"]
    assert (leases.level is Level.WARNING) is database.is_sqlite, "a file has no other clock than ours"


@pytest.mark.parametrize(
    ("statement", "name", "says"),
    [
        ("UPDATE books SET language = 'q1'", "languages", "'q1' in books"),
        ("INSERT INTO books (id, book_id, book_name, language) VALUES ('2', '../x', 'B', 'eng')", "ids", "'../x'"),
    ],
)
async def test_words_that_nothing_understands_are_named(
    database: Database, statement: str, name: str, says: str
) -> None:
    await write(database, *ROWS, statement)
    finding = (await told(database))[name]
    assert finding.level is Level.ERROR
    assert says in finding.message
    assert finding.action


async def test_rows_that_point_to_nothing_are_named(migrated_file: Path) -> None:
    with closing(sqlite3.connect(migrated_file)) as connection:  # as in the sqlite3 shell, foreign keys are off
        for statement in (
            "INSERT INTO narrators (narrator_id, narrator_name, language) VALUES ('n', 'N', 'eng')",
            "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language) VALUES ('77', 'gone', 'n', 'eng')",
        ):
            connection.execute(statement)
        connection.commit()
    database = Database.connect(sqlite_url(str(migrated_file)))
    finding = (await told(database))["references"]
    await database.close()
    assert finding.level is Level.ERROR
    assert "audiobook_productions 77 names 'gone', which is not in books" in finding.message


async def test_a_broken_index_is_found(migrated_file: Path) -> None:
    with closing(sqlite3.connect(migrated_file)) as connection:
        connection.executescript(";".join(ROWS))
        # Two indexes change places: the file can still be opened, and lies.
        pages = dict(
            connection.execute("SELECT name, rootpage FROM sqlite_master WHERE name LIKE 'ix_books_%'").fetchall()
        )
        connection.execute("PRAGMA writable_schema=ON")
        for name, other in (("ix_books_language", "ix_books_narrator"), ("ix_books_narrator", "ix_books_language")):
            connection.execute("UPDATE sqlite_master SET rootpage = ? WHERE name = ?", (pages[other], name))
        connection.commit()
    database = Database.connect(sqlite_url(str(migrated_file)))
    finding = (await told(database))["indexes"]
    await database.close()
    assert finding.level is Level.ERROR
    assert "doctor --repair" in finding.action
