"""Large homes stay quick because these questions are read off indexes: SQLite's own plans say so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.books import Book
from foundry_tui.domain.status import Level
from foundry_tui.store.catalog import BookOrder, add_book, count_books, list_books
from foundry_tui.store.columns import utc_now
from foundry_tui.store.database import Database, sqlite_url
from foundry_tui.store.event_history import Cursor, EventFilter, page_after, page_before
from foundry_tui.store.productions import list_productions
from foundry_tui.store.queue import queue, queue_length
from foundry_tui.store.rows import free_calendar_ids
from foundry_tui.store.tables import audiobook_productions, books

Question = Callable[[AsyncConnection], Awaitable[Any]]


@pytest.fixture
async def database(migrated_file: Path) -> AsyncIterator[Database]:
    opened = Database.connect(sqlite_url(str(migrated_file)))
    async with opened.write() as connection:
        await add_book(connection, Book("", "b", "B", "eng"))
    yield opened
    await opened.close()


async def plans(database: Database, question: Question) -> list[str]:
    """The plan lines of every SELECT that answering ``question`` runs."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    async with database.read() as connection:
        await question(connection)
    event.remove(engine, "before_cursor_execute", note)
    lines = []
    async with database.read() as connection:
        for statement, parameters in asked:
            if statement.lstrip().upper().startswith(("SELECT", "WITH")):
                explained = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                lines += [row[3] for row in explained]
    assert lines
    return lines


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", list(BookOrder))
async def test_a_window_into_the_catalog_sorts_nothing(database: Database, order: BookOrder, descending: bool) -> None:
    lines = await plans(database, lambda c: list_books(c, order=order, descending=descending, offset=500, limit=50))
    assert not [line for line in lines if "TEMP B-TREE" in line], lines
    assert all("USING" in line for line in lines if line.startswith(("SCAN books", "SEARCH books"))), lines


QUESTIONS: dict[str, tuple[Question, str]] = {
    "books of a language": (lambda c: list_books(c, language="eng"), "ix_books_language"),
    "books counted": (count_books, "COVERING INDEX"),
    "the queue": (queue, "ix_audiobook_productions_unfinished"),
    "the queue counted": (queue_length, "ix_audiobook_productions_unfinished"),
    "a window into productions": (lambda c: list_productions(c, descending=True), "sqlite_autoindex_audiobook_productions"),
    "productions of a book": (lambda c: list_productions(c, book_id="b"), "ix_audiobook_productions_book"),
    "the next free book id": (lambda c: free_calendar_ids(c, books.c.id, utc_now()), "COVERING INDEX"),
    "the next free id": (lambda c: free_calendar_ids(c, audiobook_productions.c.audiobook_id, utc_now()), "COVERING INDEX"),
    "what is new": (lambda c: page_after(c, Cursor(5, 5)), "INTEGER PRIMARY KEY"),
    "loud events": (lambda c: page_before(c, None, 50, EventFilter(level=Level.WARNING)), "ix_audiobook_process_events_loud"),
    "a production's story": (lambda c: page_before(c, None, 50, EventFilter(audiobook_id="1")), "ix_audiobook_process_events_story"),
}  # fmt: skip


@pytest.mark.parametrize("name", QUESTIONS)
async def test_an_index_answers(database: Database, name: str) -> None:
    question, index = QUESTIONS[name]
    lines = await plans(database, question)
    assert [line for line in lines if index in line], lines
    assert not [line for line in lines if "TEMP B-TREE" in line], lines


@pytest.mark.parametrize(
    ("child", "column"),
    [("books", "narrator_id"), ("audiobook_productions", "book_id"), ("audiobook_productions", "narrator_id"), ("production_steps", "job_id"), ("audio_chunks", "audiobook_id"), ("audiobook_process_events", "audiobook_id")],
)  # fmt: skip
async def test_removing_a_parent_finds_its_children_by_index(database: Database, child: str, column: str) -> None:
    (line,) = [
        row["detail"] for row in await database.fetch(f"EXPLAIN QUERY PLAN SELECT 1 FROM {child} WHERE {column} = 'x'")
    ]
    assert line.startswith("SEARCH"), line
