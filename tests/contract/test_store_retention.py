"""Retention: small talk goes, the story stays; the same on both kinds of database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.events import Event
from foundry_tui.domain.status import Level, Status
from foundry_tui.store import retention
from foundry_tui.store.catalog import add_book
from foundry_tui.store.database import Database
from foundry_tui.store.events import append
from foundry_tui.store.productions import create_production, update_production
from foundry_tui.store.retention import Pruned, prune
from foundry_tui.store.roster import add_narrator

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)
NOW = LONG_AGO + timedelta(days=100)
TALK = 40


def story(audiobook_id: str) -> Iterable[Event]:
    """Two steps: queued, at work with a lot of talk and one warning, done."""
    for step in ("STEP1_parsing", "STEP2_metadata"):
        shared = {"audiobook_id": audiobook_id, "step_number": step}
        yield Event("queued", f"{step} queued", status=Status.PENDING, **shared)  # type: ignore[arg-type]
        yield Event("started", f"{step} started", status=Status.PROCESSING, **shared)  # type: ignore[arg-type]
        for n in range(TALK):
            level = Level.WARNING if n == 7 else Level.INFO
            yield Event("talk", f"{step} {n}", level=level, status=Status.PROCESSING, **shared)  # type: ignore[arg-type]
        yield Event("done", f"{step} done", status=Status.SUCCESS, **shared)  # type: ignore[arg-type]


async def stock(database: Database) -> list[str]:
    ids = []
    async with database.write() as connection:
        await add_narrator(connection, Narrator("n", "N", "eng"))
        for book_id, status in (("a", "success"), ("b", "processing"), ("c", "cancelled")):
            await add_book(connection, Book("", book_id, book_id, "eng"))
            ordered = await create_production(connection, book_id=book_id, narrator_id="n", now=lambda: LONG_AGO)
            ids.append(ordered.production.audiobook_id)
            await update_production(connection, ids[-1], status=status)
            await append(connection, list(story(ids[-1])), now=lambda: LONG_AGO)
        await append(connection, [Event("note", "old")] * 12, now=lambda: LONG_AGO)
        await append(connection, [Event("note", "new")], now=lambda: NOW)
        for job_id, finished_at in ((1, 5), (2, 5), (3, NOW.timestamp())):
            await connection.execute(
                text(
                    "INSERT INTO jobs (job_id, name, created_at, status, finished_at) VALUES (:id, 'x', 0, 'success', :at)"
                ),
                {"id": job_id, "at": finished_at},
            )
        await connection.execute(
            text(
                "INSERT INTO production_steps (audiobook_id, step_number, step_name, position, job_id) VALUES (:id, 'S', 's', 0, 2)"
            ),
            {"id": ids[0]},
        )
    return ids


async def left(database: Database, audiobook_id: str) -> list[str]:
    query = "SELECT message FROM audiobook_process_events WHERE audiobook_id = :id ORDER BY seq"
    return [row["message"] for row in await database.fetch(query, {"id": audiobook_id})]


async def test_small_talk_goes_and_the_story_stays(database: Database, monkeypatch) -> None:
    monkeypatch.setattr(retention, "_SEQS_AT_ONCE", 10)  # windows end in the middle of everything
    done, working, cancelled = await stock(database)
    assert await prune(database, keep_days=200, now=lambda: NOW) == Pruned(0, 0, 1)
    pruned = await prune(database, keep_days=30, now=lambda: NOW)
    kept = [
        f"{step} {what}"
        for step in ("STEP1_parsing", "STEP2_metadata")
        for what in ("queued", "started", "7", str(TALK - 1), "done")
    ]
    assert await left(database, done) == kept
    assert await left(database, cancelled) == kept
    assert len(await left(database, working)) == 2 * (TALK + 3), "what is being made keeps every word"
    assert pruned == Pruned(2 * 2 * (TALK - 2), 12, 0)
    assert [row["message"] for row in await database.fetch("SELECT message FROM app_events")] == ["new"]
    assert [row["job_id"] for row in await database.fetch("SELECT job_id FROM jobs ORDER BY job_id")] == [2, 3]
    assert await prune(database, keep_days=30, now=lambda: NOW) == Pruned(0, 0, 0)


async def test_numbers_are_not_given_twice_after_pruning(database: Database) -> None:
    async with database.write() as connection:
        (old,) = await append(connection, [Event("note", "old")], now=lambda: LONG_AGO)
    assert (await prune(database, keep_days=1, now=lambda: NOW)).app_events == 1
    async with database.write() as connection:
        (new,) = await append(connection, [Event("note", "new")], now=lambda: NOW)
    assert (new.seq or 0) > (old.seq or 0), "a follower's cursor stays behind what is new"
