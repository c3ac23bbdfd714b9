"""A removal that is broken off at any moment ends whole: files with their rows, or in the trash without them."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from foundry_tui.domain.queue import Removed
from foundry_tui.errors import WriteFailed
from foundry_tui.operations import removal
from foundry_tui.operations.catalog import Catalog
from foundry_tui.operations.removal import finish_removals, remove_with_files
from foundry_tui.operations.trash import Move, move_all, planned
from foundry_tui.store.database import Database, sqlite_url

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FILES = ("foundry/one/one.html", "foundry/one/eng/anna/audio_chunks/one_1.flac", "library/A/One {Anna}/one.m4b")


async def a_home(database: Database, home: Path) -> None:
    for name in FILES:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    async with database.write() as connection:
        for statement in (
            "INSERT INTO books (id, book_id, book_name, language) VALUES ('20250101000000', 'one', 'One', 'eng')",
            "INSERT INTO narrators (narrator_id, narrator_name, language) VALUES ('anna', 'Anna', 'eng')",
            (
                "INSERT INTO audiobook_productions (audiobook_id, book_id, narrator_id, language, status)"
                " VALUES ('20250101000001', 'one', 'anna', 'eng', 'success')"
            ),
            (
                "INSERT INTO production_steps (audiobook_id, step_number, step_name, position, status, result) VALUES"
                f""" ('20250101000001', 'STEP7_publishing', 'publishing', 6, 'success', '{{"folder":"{home}/library/A/One {{Anna}}"}}')"""
            ),
        ):
            await connection.exec_driver_sql(statement)


def state(home: Path) -> list[bool]:
    return [(home / name).is_file() for name in FILES]


def in_trash(home: Path) -> set[str]:
    return {path.read_text() for path in (home / "trash").rglob("*") if path.is_file()}


def remove(database: Database, home: Path) -> Any:
    return Catalog(database, home, home / "library", lambda: NOW).remove("one", with_productions=True)


async def count(database: Database) -> int:
    (row,) = await database.fetch("SELECT count(*) AS found FROM books")
    return int(row["found"])


async def test_rows_go_and_files_lie_in_the_trash(database: Database, tmp_path: Path) -> None:
    home = tmp_path / "home"
    await a_home(database, home)
    removed = await remove(database, home)
    assert state(home) == [False] * 3
    assert in_trash(home) == set(FILES)
    assert all(path.exists() for path in removed.trashed)
    assert not (home / "trash" / "unfinished").exists()
    assert not (home / "library" / "A").exists(), "no empty author is left"
    assert await finish_removals(database, home) == ()


async def test_no_file_is_moved_while_the_write_lock_is_held(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    await a_home(database, home)
    finish = removal._finish
    seen: list[int] = []

    def slowly(journal: Path, moves: list[Move], library: Path) -> None:
        seen.append(asyncio.run(other()))
        finish(journal, moves, library)

    async def other() -> int:
        opened = Database.connect(database.url)
        try:
            async with asyncio.timeout(60), opened.write() as connection:
                await connection.execute(text("UPDATE narrators SET accent = 'x'"))
            return await count(opened)
        finally:
            await opened.close()

    monkeypatch.setattr(removal, "_finish", slowly)
    await remove(database, home)
    assert seen == [0], "the rows were gone, and others could write"


async def test_a_transaction_that_fails_leaves_everything(database: Database, tmp_path: Path) -> None:
    home = tmp_path / "home"
    await a_home(database, home)

    async def rows(_connection: Any) -> Removed:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await remove_with_files(database, home=home, library=home / "library", rows=rows, what="x", moment=NOW)
    assert state(home) == [True] * 3
    assert await finish_removals(database, home) == ()


async def test_a_removal_cancelled_while_it_moves_is_finished(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    await a_home(database, home)
    finish = removal._finish

    def slowly(journal: Path, moves: list[Move], library: Path) -> None:
        time.sleep(0.3)
        finish(journal, moves, library)

    monkeypatch.setattr(removal, "_finish", slowly)
    removing = asyncio.create_task(remove(database, home))
    while await count(database):
        await asyncio.sleep(0.01)
    removing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await removing
    assert state(home) == [False] * 3


async def test_files_that_cannot_be_moved_are_moved_by_the_next_start(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    await a_home(database, home)

    def refuse(*_: object) -> None:
        raise WriteFailed("The disk is read-only.")

    with monkeypatch.context() as patch:
        patch.setattr(removal, "_finish", refuse)
        with pytest.raises(WriteFailed, match="was removed, but its files"):
            await remove(database, home)
    assert await count(database) == 0
    assert len(await finish_removals(database, home)) == 2
    assert state(home) == [False] * 3
    assert in_trash(home) == set(FILES)


KILLED = textwrap.dedent("""
    import asyncio, os, signal, sys
    from datetime import UTC, datetime
    from pathlib import Path
    from foundry_tui.operations import removal, trash
    from foundry_tui.operations.catalog import Catalog
    from foundry_tui.store.database import Database

    url, home, point = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    def die(*_): os.kill(os.getpid(), signal.SIGKILL)
    if point == "before the commit":
        removal.append = die
    elif point == "after the commit":
        removal._finish = die
    else:
        into = trash._into
        def one_then_die(place, target):
            into(place, target)
            die()
        trash._into = one_then_die
    now = lambda: datetime(2026, 1, 1, tzinfo=UTC)
    asyncio.run(Catalog(Database.connect(url), home, home / "library", now).remove("one", with_productions=True))
""")


@pytest.mark.parametrize("point", ["before the commit", "after the commit", "between two moves"])
async def test_a_kill_at_any_moment_leaves_all_of_it_or_nothing(database_url: str, tmp_path: Path, point: str) -> None:
    home = tmp_path / "home"
    database = Database.connect(database_url)
    await a_home(database, home)
    done = subprocess.run([sys.executable, "-c", KILLED, database_url, str(home), point])
    assert done.returncode == -signal.SIGKILL
    await finish_removals(database, home)
    if await count(database):
        assert point == "before the commit"
        assert state(home) == [True] * 3
        assert in_trash(home) == set()
    else:
        assert state(home) == [False] * 3
        assert in_trash(home) == set(FILES)
    assert not list(home.glob("trash/unfinished/*"))
    await database.close()


async def test_what_another_process_is_still_moving_is_left_to_it(migrated_file: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    database = Database.connect(sqlite_url(str(migrated_file)))
    await a_home(database, home)
    with removal._journal(home) as journal:
        moves = planned(home, NOW, [home / "foundry" / "one"])
        journal.write(Removed(), moves, home / "library")
        assert await finish_removals(database, home) == ()
        assert state(home) == [True] * 3
        move_all(moves)
        journal.path.unlink()
    await database.close()
