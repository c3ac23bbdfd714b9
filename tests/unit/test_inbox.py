"""The drop folder's memory: a table written after success, on either database, that takes an old ledger over."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from foundry_tui.errors import DatabaseUnavailable
from foundry_tui.operations.catalog import Catalog
from foundry_tui.operations.inbox import Inbox
from foundry_tui.operations.productions import Productions
from foundry_tui.operations.repairs import Home, flaws
from foundry_tui.store.database import Database

PAGE = "<html lang='en'><head><title>{0}</title></head><body><h1>One</h1><p>Words of {0}.</p></body></html>"


def now() -> datetime:
    return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def at_once(_delay_s: float) -> None:
    return


def inbox(database: Database, home: Path) -> Inbox:
    (home / "inbox").mkdir(parents=True, exist_ok=True)
    (home / "database").mkdir(exist_ok=True)
    catalog = Catalog(database, home, home / "library", now)
    productions = Productions(database, home, None, "espeak", now=now)
    return Inbox(database, home, catalog, productions, default_narrator=None, now=now, sleep=at_once)


async def rows(database: Database, statement: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await database.fetch(statement)]


async def test_a_file_is_written_down_after_it_was_taken_and_never_taken_twice(
    database: Database, tmp_path: Path
) -> None:
    box = inbox(database, tmp_path)
    first = tmp_path / "inbox" / "first.html"
    first.write_text(PAGE.format("The First"), encoding="utf-8")
    assert await box.take_all() == 1
    (taken,) = await rows(database, "SELECT name, book_id, taken_at FROM inbox_files")
    (book,) = await rows(database, "SELECT book_id FROM books")
    assert (taken["name"], taken["book_id"]) == ("first.html", book["book_id"])
    assert str(taken["taken_at"]).startswith("2026-01-02")
    # Neither the same file seen by another process, nor its bytes under another name, make a second book.
    (tmp_path / "inbox" / "copy.html").write_bytes(first.read_bytes())
    assert await inbox(database, tmp_path).take_all() == 1
    assert await inbox(database, tmp_path).take_all() == 0
    assert len(await rows(database, "SELECT 1 AS one FROM books")) == 1
    assert len(await rows(database, "SELECT 1 AS one FROM inbox_files")) == 2


async def test_a_failure_is_not_written_down_and_stays_eligible(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = inbox(database, tmp_path)
    (tmp_path / "inbox" / "late.html").write_text(PAGE.format("Late"), encoding="utf-8")
    with monkeypatch.context() as broken:

        async def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        broken.setattr(Catalog, "add", full)
        assert await box.take_all() == 0
        assert await box.take_all() == 0, "as it is, it is not tried again and again"
    (told,) = await rows(database, "SELECT message FROM app_events WHERE kind = 'inbox_failed'")
    assert "late.html" in told["message"]
    assert await rows(database, "SELECT 1 AS one FROM inbox_files") == []
    assert await inbox(database, tmp_path).take_all() == 1, "a watcher that starts anew tries again"


async def test_a_database_that_is_away_ends_no_watch(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = inbox(database, tmp_path)
    (tmp_path / "inbox" / "patient.html").write_text(PAGE.format("Patient"), encoding="utf-8")
    add, asked = Catalog.add, []

    async def away_once(self: Catalog, *given: Any, **named: Any) -> Any:
        asked.append(given)
        if len(asked) == 1:
            raise DatabaseUnavailable("The server starts anew.")
        return await add(self, *given, **named)

    monkeypatch.setattr(Catalog, "add", away_once)
    monkeypatch.setattr("foundry_tui.operations.inbox._LOOK_S", 0.1)
    watching = asyncio.create_task(box.watch())
    async with asyncio.timeout(30):
        while not await rows(database, "SELECT 1 AS one FROM inbox_files"):
            assert not watching.done()
            await asyncio.sleep(0.05)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert len(asked) == 2


async def test_a_file_that_breaks_the_reader_keeps_the_others_not_out(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = inbox(database, tmp_path)
    for name in ("a", "b", "c"):
        (tmp_path / "inbox" / f"{name}.html").write_text(PAGE.format(name), encoding="utf-8")
    add = Catalog.add

    async def breaks_on_b(self: Catalog, path: Path, **named: Any) -> Any:
        if path.name == "b.html":
            raise ValueError("a fault of ours")
        return await add(self, path, **named)

    monkeypatch.setattr(Catalog, "add", breaks_on_b)
    assert await box.take_all() == 2
    (told,) = await rows(database, "SELECT message FROM app_events WHERE kind = 'inbox_failed'")
    assert "b.html" in told["message"]
    assert "A fault in Foundry: ValueError: a fault of ours. The log has the whole of it" in told["message"]


async def test_an_old_ledger_is_taken_over_once(database: Database, tmp_path: Path) -> None:
    box = inbox(database, tmp_path)
    old = tmp_path / "inbox" / "old.html"
    old.write_text(PAGE.format("Old"), encoding="utf-8")
    stat = old.stat()
    ledger = tmp_path / "database" / "inbox.jsonl"
    line = {"name": "old.html", "size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": "ab" * 32}
    ledger.write_text(json.dumps(line) + "\n" + json.dumps({"name": "x"}) + '\n{"name": "cut o', encoding="utf-8")
    assert await box.take_over() == 1
    assert not ledger.exists()
    assert (tmp_path / "database" / "inbox.jsonl.bak").is_file()
    assert await box.take_over() == 0
    assert await box.take_all() == 0, "what the ledger had is not taken again"
    assert await rows(database, "SELECT 1 AS one FROM books") == []


async def test_a_name_that_is_no_utf_8_is_told_and_kept(database: Database, tmp_path: Path) -> None:
    box = inbox(database, tmp_path)
    name = os.fsdecode(b"caf\xe9.html")
    try:
        (tmp_path / "inbox" / name).write_text(PAGE.format("Café"), encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    await box.take_all()
    told = await rows(database, "SELECT message FROM app_events")
    assert [row for row in told if "caf\\xe9.html" in row["message"]]


async def test_only_what_was_not_taken_is_said_to_wait(database: Database, tmp_path: Path) -> None:
    box = inbox(database, tmp_path)
    for name in ("taken", "refused"):
        (tmp_path / "inbox" / f"{name}.html").write_text(PAGE.format(name), encoding="utf-8")
        os.utime(tmp_path / "inbox" / f"{name}.html", (0, 0))
        if name == "taken":
            assert await box.take_all() == 1
    found = [flaw async for flaw in flaws(database, Home(tmp_path, tmp_path / "library", ()), now)]
    (told,) = [flaw for flaw in found if flaw.subject == "inbox"]
    assert [Path(each).name for each in told.where] == ["refused.html"]
