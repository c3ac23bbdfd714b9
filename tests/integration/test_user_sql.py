"""An operator's own SQL, through the real sqlite3 shell, on a fresh migrated database.

The shell leaves foreign keys off and knows only SQLite's built-in functions: triggers must live with both.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from foundry_tui.domain.status import Status
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.productions import find_production
from foundry_tui.store.queue import queue
from servers_plugin import missing

pytestmark = pytest.mark.sqlite_only("the sqlite3 shell")

# Statements an operator may type, in the order and with the columns of the four tables he laid down.
OWN = """
INSERT INTO books (
    id, book_id, book_name, author, language, year_published, genre, summary
) VALUES (
    '20240229235959',  -- YYYYMMDDHHMMSS
    'vdsr324',
    'The Wind in the Willows',
    'Kenneth Grahame',
    'esp',
    1908,
    'fiction',
    'Mole, Rat, Toad; it''s a river.'
);
INSERT INTO narrators (
    narrator_id, narrator_name, gender, sample_filepath, language, accent
) VALUES (
    'maria_lopez', 'María López', 'female', 'audio_samples/maria.mp3', 'esp', 'andaluz'
);
INSERT INTO audiobook_productions (
    audiobook_id, book_id, narrator_id, language, status, created_at, updated_at
) VALUES (
    '20240301000000', 'vdsr324', 'maria_lopez', 'esp', 'pending', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP
);
INSERT INTO audiobook_process_events (audiobook_id, timestamp, step_number, status)
VALUES ('20240301000000', '2024-03-01 00:00:00.123', 'STEP1_parsing', 'processing');
INSERT INTO audiobook_process_events (audiobook_id, timestamp, step_number, status)
VALUES ('20240301000000', strftime('%Y-%m-%d %H:%M:%f','now'), 'STEP1_parsing', 'success');
INSERT INTO audiobook_process_events (audiobook_id, timestamp, step_number, status)
VALUES ('20240301000000', CURRENT_TIMESTAMP, 'STEP2_metadata', 'pending');
SELECT * FROM books;
SELECT * FROM narrators;
SELECT * FROM audiobook_productions;
SELECT b.book_name, n.narrator_name, ap.status
FROM audiobook_productions ap
JOIN books b ON ap.book_id = b.book_id
JOIN narrators n ON ap.narrator_id = n.narrator_id;
SELECT b.book_id, b.book_name, b.author, ap.status
FROM books b
LEFT JOIN audiobook_productions ap ON b.book_id = ap.book_id
ORDER BY b.id;
SELECT ap.audiobook_id, ap.book_id, ap.narrator_id, ap.status, b.book_name, b.author, n.narrator_name
FROM audiobook_productions ap
JOIN books b ON ap.book_id = b.book_id
JOIN narrators n ON ap.narrator_id = n.narrator_id
WHERE ap.status != 'success'
ORDER BY ap.audiobook_id;
"""


@pytest.fixture(scope="session")
def shell() -> str:
    found = shutil.which("sqlite3")
    return found or missing("the sqlite3 shell is not installed (Debian: apt-get install sqlite3)")


def run(shell: str, path: Path, sql: str) -> subprocess.CompletedProcess[str]:
    """As an operator would: the statements on standard input, stopping at nothing."""
    return subprocess.run([shell, path], input=sql, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(params=["given", "own"])
def statements(request: pytest.FixtureRequest, repository: Path) -> str:
    if request.param == "own":
        return OWN
    path = Path(os.environ.get("FOUNDRY_SEED_SQL", repository.parent / "shared" / "seed_sql.sql"))
    if not path.is_file():
        pytest.skip(f"no {path}: set FOUNDRY_SEED_SQL to a file of SQL statements")
    return path.read_text(encoding="utf-8")


def test_every_statement_succeeds_and_shows_its_rows(shell: str, migrated_file: Path, statements: str) -> None:
    done = run(shell, migrated_file, statements)
    assert (done.returncode, done.stderr) == (0, "")
    title = "The Wind in the Willows" if "vdsr324" in statements else "The Adventures of Tom Sawyer"
    assert done.stdout.count(title) >= 3
    assert f"{title}|" in done.stdout
    assert "|pending" in done.stdout


def test_line_by_line_each_statement_succeeds(shell: str, migrated_file: Path, statements: str) -> None:
    for statement in split(statements):
        done = run(shell, migrated_file, statement)
        assert (done.returncode, done.stderr) == (0, ""), statement


def split(script: str) -> list[str]:
    found, rest = [], ""
    for line in script.splitlines(keepends=True):
        rest += line
        if sqlite3.complete_statement(rest):
            found.append(rest)
            rest = ""
    return found


def test_twice_is_refused_in_words_and_changes_nothing(shell: str, migrated_file: Path, statements: str) -> None:
    run(shell, migrated_file, statements)
    before = _rows(migrated_file)
    inserts = [one for one in split(statements) if "INSERT INTO" in one and "process_events" not in one]
    assert len(inserts) == 3
    for insert in inserts:
        again = run(shell, migrated_file, insert)
        assert again.returncode != 0
        assert "UNIQUE constraint failed" in again.stderr
    assert _rows(migrated_file) == before


def _rows(path: Path) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = ("books", "narrators", "audiobook_productions", "audiobook_process_events")
        return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables]


async def test_what_raw_sql_wrote_is_what_the_store_reads(shell: str, migrated_file: Path, statements: str) -> None:
    run(shell, migrated_file, statements)
    database = Database.connect(sqlite_url(str(migrated_file)))
    async with database.read() as connection:
        (row,) = await queue(connection)
        production = await find_production(connection, row.audiobook_id)
    await database.close()
    assert production is not None
    assert (production.status, production.recipe, production.priority, production.options) == (
        Status.PENDING,
        "audiobook",
        0,
        {},
    )
    assert row.step_number is None, "nobody has adopted it yet"
    assert production.language in {"eng", "esp"}, "as typed"


def test_updated_at_moves_on_raw_updates(shell: str, migrated_file: Path) -> None:
    run(shell, migrated_file, OWN)
    changes = {
        "books": ("book_id = 'vdsr324'", "genre = 'children'"),
        "narrators": ("narrator_id = 'maria_lopez'", "accent = 'neutral'"),
        "audiobook_productions": ("audiobook_id = '20240301000000'", "status = 'failed'"),
    }
    for table, (mine, change) in changes.items():
        run(shell, migrated_file, f"UPDATE {table} SET updated_at = '2001-01-01 00:00:00' WHERE {mine};")
        for settings in ("", "PRAGMA recursive_triggers=ON; PRAGMA foreign_keys=ON;"):
            done = run(shell, migrated_file, f"{settings} UPDATE {table} SET {change} WHERE {mine};")
            assert (done.returncode, done.stderr) == (0, "")
            shown = run(shell, migrated_file, f"SELECT updated_at FROM {table} WHERE {mine};").stdout.strip()
            assert shown > "2026", table
            assert len(shown) == len("2026-01-01 00:00:00.000"), "with milliseconds"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language, status) VALUES ('1', 'vdsr324', 'maria_lopez', 'esp', 'done');", "CHECK constraint failed: ck_audiobook_productions_status"),
        ("INSERT INTO books (id, book_id, language) VALUES ('1', 'x', 'eng');", "NOT NULL constraint failed: books.book_name"),
        ("PRAGMA foreign_keys=ON; INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language) VALUES ('1', 'nobook', 'maria_lopez', 'esp');", "FOREIGN KEY constraint failed"),
        ("INSERT INTO audiobook_process_events (audiobook_id, timestamp, step_number, status) VALUES ('20240301000000', '2024-03-01 00:00:00.123', 'STEP1_parsing', 'success');", "UNIQUE constraint failed: audiobook_process_events.audiobook_id, audiobook_process_events.timestamp"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_refused_in_words(shell: str, migrated_file: Path, wrong: str, says: str) -> None:
    run(shell, migrated_file, OWN)
    done = run(shell, migrated_file, wrong)
    assert done.returncode != 0
    assert says in done.stderr


def test_statuses_of_the_operators_own_documents_are_taken(shell: str, migrated_file: Path) -> None:
    run(shell, migrated_file, OWN)
    for status in ("pending", "processing", "failed", "success", "cancelled"):
        done = run(shell, migrated_file, f"UPDATE audiobook_productions SET status = '{status}';")
        assert (done.returncode, done.stderr) == (0, "")
