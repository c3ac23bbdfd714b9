"""The catalog: books added, found, listed, changed and removed. Every call runs in the caller's transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, literal_column, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.books import Book
from foundry_tui.domain.ids import checked_book_id
from foundry_tui.errors import Conflict, InUse, NotFound, UsageError
from foundry_tui.store.columns import moment_text, utc_now
from foundry_tui.store.rows import checked, columns_of, containing, free_calendar_ids, in_language, noun
from foundry_tui.store.tables import audiobook_productions, books, chunk_overrides, lexicon_entries, section_overrides


class BookOrder(StrEnum):
    """What a list of books may be sorted by; every one is read off an index."""

    ADDED = "added"
    BOOK_ID = "book_id"
    TITLE = "title"
    AUTHOR = "author"
    LANGUAGE = "language"
    YEAR = "year"


# Word for word the expressions of the indexes in store.tables.
_ORDERS: dict[BookOrder, tuple[ColumnElement[Any], ...]] = {
    BookOrder.ADDED: (books.c.id,),
    BookOrder.BOOK_ID: (books.c.book_id,),
    BookOrder.TITLE: (literal_column("lower(book_name)"), books.c.id),
    BookOrder.AUTHOR: (literal_column("lower(coalesce(author, ''))"), books.c.id),
    BookOrder.LANGUAGE: (books.c.language, books.c.id),
    BookOrder.YEAR: (literal_column("coalesce(year_published, 0)"), books.c.id),
}
_COLUMNS = columns_of(Book, books)


async def add_book(connection: AsyncConnection, book: Book, *, now: Callable[[], datetime] = utc_now) -> Book:
    """Insert a book and return it as stored; an empty ``id`` is given the next free calendar second.

    Raises Conflict for a book_id (or id) that is taken, UsageError for what the columns cannot hold.
    """
    (added,) = await add_books(connection, [book], now=now)
    return added


async def add_books(
    connection: AsyncConnection, wanted: Sequence[Book], *, now: Callable[[], datetime] = utc_now
) -> list[Book]:
    """Insert many books at once, all or none; as ``add_book`` otherwise."""
    moment = now()
    for book in wanted:
        checked_book_id(book.book_id)
    unnamed = sum(not book.id for book in wanted)
    ids = iter(await free_calendar_ids(connection, books.c.id, moment, unnamed)) if unnamed else iter(())
    added = [book if book.id else dataclasses.replace(book, id=next(ids)) for book in wanted]
    stamp = moment_text(moment)
    values = [{**checked(books, _values(book)), "created_at": stamp, "updated_at": stamp} for book in added]
    try:
        if values:
            await connection.execute(insert(books), values)
    except IntegrityError as error:
        raise _conflict(added, error) from error
    return added


async def find_book(connection: AsyncConnection, book_id: str) -> Book | None:
    """The book of that book_id, or None."""
    row = (await connection.execute(select(*_COLUMNS).where(books.c.book_id == book_id))).mappings().first()
    return noun(Book, row) if row else None


async def get_book(connection: AsyncConnection, book_id: str) -> Book:
    """The book of that book_id; raises NotFound."""
    book = await find_book(connection, book_id)
    if book is None:
        raise NotFound(f"There is no book {book_id!r} in the catalog.")
    return book


async def list_books(
    connection: AsyncConnection,
    *,
    text: str | None = None,
    language: str | None = None,
    order: BookOrder = BookOrder.ADDED,
    descending: bool = False,
    offset: int = 0,
    limit: int = 100,
) -> list[Book]:
    """A window into the catalog: ``limit`` books from the ``offset``-th on, by text and language (any spelling)."""
    # The window is found in an index alone; only its own rows are then read whole.
    keys = await _filtered(connection, select(books.c.id), text, language)
    window = keys.order_by(*_ordered(order, descending=descending)).offset(offset).limit(limit)
    wanted = [row[0] for row in await connection.execute(window)]
    rows = (await connection.execute(select(*_COLUMNS).where(books.c.id.in_(wanted)))).mappings()
    found = {row["id"]: noun(Book, row) for row in rows}
    return [found[key] for key in wanted]


async def count_books(connection: AsyncConnection, *, text: str | None = None, language: str | None = None) -> int:
    """How many books ``list_books`` would go through."""
    query = await _filtered(connection, select(func.count()).select_from(books), text, language)
    return int(await connection.scalar(query) or 0)


async def update_book(connection: AsyncConnection, book_id: str, /, **changes: Any) -> Book:
    """Change columns of a book (not its ids) and return it. Raises NotFound and UsageError."""
    fixed = {"id", "book_id", "created_at", "updated_at"} & changes.keys()
    if fixed:
        raise UsageError(f"The {', '.join(sorted(fixed))} of a book cannot be changed.")
    if changes:
        values = checked(books, changes)
        try:
            await connection.execute(update(books).where(books.c.book_id == book_id).values(**values))
        except IntegrityError as error:
            raise NotFound(f"There is no narrator {changes.get('narrator_id')!r} in the roster.") from error
    return await get_book(connection, book_id)


async def remove_book(connection: AsyncConnection, book_id: str) -> Book:
    """Remove a book without productions, and what was decided about its words.

    Raises NotFound, and InUse with the list where productions exist.
    """
    book = await get_book(connection, book_id)
    column = audiobook_productions.c.audiobook_id
    query = select(column).where(audiobook_productions.c.book_id == book_id).order_by(column)
    using = (await connection.execute(query)).scalars().all()
    if using:
        raise InUse(
            f"The book {book_id} has {len(using)} productions: {', '.join(using)}.",
            details={"productions": list(using)},
        )
    for table in (section_overrides, chunk_overrides, lexicon_entries):  # what was decided about this book alone
        await connection.execute(delete(table).where(table.c.book_id == book_id))
    await connection.execute(delete(books).where(books.c.book_id == book_id))
    return book


def _values(book: Book) -> dict[str, Any]:
    return {field.name: getattr(book, field.name) for field in dataclasses.fields(book)}


async def _filtered(
    connection: AsyncConnection, query: Select[Any], text: str | None, language: str | None
) -> Select[Any]:
    if text:
        query = query.where(containing(text, books.c.book_name, books.c.author, books.c.book_id))
    if language:
        query = query.where(await in_language(connection, books.c.language, language))
    return query


def _ordered(order: BookOrder, *, descending: bool) -> list[ColumnElement[Any]]:
    return [column.desc() if descending else column.asc() for column in _ORDERS[order]]


def _conflict(added: Sequence[Book], error: IntegrityError) -> Conflict | NotFound:
    said = str(error.orig).casefold()
    if "foreign key" in said:
        return NotFound("The narrator of the book is not in the roster.")
    names = ", ".join(book.book_id for book in added[:5])
    return Conflict(f"The catalog has a book of that id already: {names}.")
