"""Windows into long lists: how many rows there are, where one of them stands, and the rows around it.

Every list of the console is read this way; none is ever read whole. Runs in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy import text as sql
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.domain.desk import BookLine, Counts, ProductionLine, ProductionView, Window
from foundry_tui.domain.money import Spent
from foundry_tui.domain.productions import Production
from foundry_tui.domain.status import Status
from foundry_tui.store.catalog import _ORDERS as BOOK_ORDERS
from foundry_tui.store.catalog import BookOrder, count_books, list_books
from foundry_tui.store.roster import NarratorOrder, list_narrators
from foundry_tui.store.rows import columns_of, containing, noun
from foundry_tui.store.spend import spent
from foundry_tui.store.tables import audiobook_productions, books, jobs, narrators, production_steps

_made = audiobook_productions.c
# Word for word the condition of the partial index on unfinished productions.
_UNFINISHED = sql("audiobook_productions.status <> 'success'")
_JOB = (
    jobs.c.job_id,
    jobs.c.status,
    jobs.c.attempt,
    jobs.c.max_attempts,
    jobs.c.run_after,
    jobs.c.reason,
    jobs.c.worker_id,
    jobs.c.cancel_requested,
    jobs.c.progress,
)


async def counts(connection: AsyncConnection) -> Counts:
    """Productions by state, books, narrators, and who is at work."""
    query = select(_made.status, func.count(), func.count(_made.paused_at)).group_by(_made.status)
    rows = list(await connection.execute(query))
    found = {row[0]: row[1] for row in rows}
    holders = select(jobs.c.worker_id).where(jobs.c.status == Status.PROCESSING.value).distinct()
    return Counts(
        by_status={status: found.get(status.value, 0) for status in Status},
        books=int(await connection.scalar(select(func.count()).select_from(books)) or 0),
        narrators=int(await connection.scalar(select(func.count()).select_from(narrators)) or 0),
        paused=sum(row[2] for row in rows),
        workers=tuple(str(worker) for worker in await connection.scalars(holders) if worker),
    )


async def book_window(
    connection: AsyncConnection,
    *,
    text: str | None = None,
    order: BookOrder = BookOrder.ADDED,
    descending: bool = False,
    around: str | None = None,
    index: int = 0,
    before: int = 60,
    after: int = 120,
) -> Window[BookLine]:
    """The books around ``around`` (a book_id), or around ``index`` where it is gone or none is named."""
    count = await count_books(connection, text=text)
    at = await _book_rank(connection, around, text, order, descending=descending) if around else None
    at = max(0, min(index if at is None else at, count - 1))
    first = max(0, at - before)
    found = await list_books(
        connection, text=text, order=order, descending=descending, offset=first, limit=before + after
    )
    return Window(count, first, tuple(await _with_productions(connection, found)), at)


async def book_lines(
    connection: AsyncConnection,
    *,
    text: str | None = None,
    order: BookOrder = BookOrder.ADDED,
    descending: bool = False,
    offset: int,
    limit: int,
) -> list[BookLine]:
    """``limit`` books from the ``offset``-th on."""
    found = await list_books(connection, text=text, order=order, descending=descending, offset=offset, limit=limit)
    return await _with_productions(connection, found)


async def _book_rank(
    connection: AsyncConnection, book_id: str, text: str | None, order: BookOrder, *, descending: bool
) -> int | None:
    """How many books of the list stand before that one; None where it is not in the list."""
    columns = BOOK_ORDERS[order]
    mine = select(*columns).where(books.c.book_id == book_id)
    if text:
        mine = mine.where(_book_text(text))
    values = (await connection.execute(mine)).first()
    if values is None:
        return None
    query = select(func.count()).select_from(books).where(_precedes(columns, values, descending=descending))
    if text:
        query = query.where(_book_text(text))
    return int(await connection.scalar(query) or 0)


def _book_text(text: str) -> ColumnElement[bool]:
    return containing(text, books.c.book_name, books.c.author, books.c.book_id)


def _precedes(columns: Sequence[ColumnElement[Any]], values: Sequence[Any], *, descending: bool) -> ColumnElement[bool]:
    """Whether a row sorts before ``values``; the last column decides between equals."""
    alternatives = []
    for place, column in enumerate(columns):
        same = [columns[other] == values[other] for other in range(place)]
        here = column > values[place] if descending else column < values[place]
        alternatives.append(and_(*same, here))
    return or_(*alternatives)


async def _with_productions(connection: AsyncConnection, found: Sequence[Book]) -> list[BookLine]:
    ids = [book.book_id for book in found]
    query = select(_made.book_id, _made.audiobook_id, _made.status).where(_made.book_id.in_(ids))
    made: dict[str, list[str]] = {}
    for book_id, _, status in await connection.execute(query.order_by(_made.audiobook_id)):
        made.setdefault(book_id, []).append(status)
    return [
        BookLine(
            book, len(made.get(book.book_id, ())), Status(made[book.book_id][-1]) if book.book_id in made else None
        )
        for book in found
    ]


async def narrator_window(
    connection: AsyncConnection,
    *,
    text: str | None = None,
    order: NarratorOrder = NarratorOrder.NARRATOR_ID,
    descending: bool = False,
    around: str | None = None,
    index: int = 0,
) -> Window[Narrator]:
    """Every narrator: a roster is short."""
    found = await list_narrators(connection, text=text, order=order, descending=descending, limit=10_000)
    ids = [each.narrator_id for each in found]
    at = ids.index(around) if around in ids else max(0, min(index, len(found) - 1))
    return Window(len(found), 0, tuple(found), at)


async def production_window(
    connection: AsyncConnection,
    *,
    view: ProductionView = ProductionView.UNFINISHED,
    text: str | None = None,
    around: str | None = None,
    index: int = 0,
    before: int = 60,
    after: int = 120,
) -> Window[ProductionLine]:
    """The productions around ``around``, oldest first (finished ones: youngest first)."""
    newest_first = view is ProductionView.FINISHED
    count = int(await connection.scalar(_ids(view, text, func.count(_made.audiobook_id))) or 0)
    at: int | None = None
    if around and await connection.scalar(_ids(view, text, _made.audiobook_id).where(_made.audiobook_id == around)):
        ahead = _made.audiobook_id > around if newest_first else _made.audiobook_id < around
        at = int(await connection.scalar(_ids(view, text, func.count(_made.audiobook_id)).where(ahead)) or 0)
    at = max(0, min(index if at is None else at, count - 1))
    first = max(0, at - before)
    lines = await production_lines(connection, view=view, text=text, offset=first, limit=before + after)
    return Window(count, first, tuple(lines), at)


async def production_lines(
    connection: AsyncConnection, *, view: ProductionView, text: str | None = None, offset: int, limit: int
) -> list[ProductionLine]:
    """``limit`` productions from the ``offset``-th on."""
    key = _made.audiobook_id
    order = key.desc() if view is ProductionView.FINISHED else key.asc()
    window = _ids(view, text, key).order_by(order).offset(offset).limit(limit)
    return await lines_of(connection, [str(found) for found in await connection.scalars(window)])


async def lines_of(connection: AsyncConnection, audiobook_ids: Sequence[str]) -> list[ProductionLine]:
    """These productions, in this order; those that are gone are left out."""
    if not audiobook_ids:
        return []
    query = (
        select(
            *columns_of(Production, audiobook_productions, "made_"),
            books.c.book_name,
            books.c.author,
            narrators.c.narrator_name,
        )
        .join(books, books.c.book_id == _made.book_id)
        .join(narrators, narrators.c.narrator_id == _made.narrator_id)
        .where(_made.audiobook_id.in_(audiobook_ids))
    )
    rows = {row["made_audiobook_id"]: row for row in (await connection.execute(query)).mappings()}
    steps = await _steps(connection, audiobook_ids)
    jobs_of = await _jobs(connection, audiobook_ids)
    costs = await spent(connection, audiobook_ids)
    return [
        _line(rows[key], steps.get(key, ()), jobs_of.get(key, {}), costs.get(key, Spent()))
        for key in audiobook_ids
        if key in rows
    ]


def _line(row: RowMapping, steps: Sequence[tuple[str, Status]], job: Mapping[str, Any], cost: Spent) -> ProductionLine:
    return ProductionLine(
        production=noun(Production, row, "made_"),
        book_name=row["book_name"],
        author=row["author"],
        narrator_name=row["narrator_name"],
        steps=tuple(steps),
        job=job,
        spent_micros=cost.micros,
    )


async def _steps(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, list[tuple[str, Status]]]:
    step = production_steps.c
    query = select(step.audiobook_id, step.step_name, step.status).where(step.audiobook_id.in_(ids))
    found: dict[str, list[tuple[str, Status]]] = {}
    for audiobook_id, name, status in await connection.execute(query.order_by(step.position)):
        found.setdefault(audiobook_id, []).append((name, Status(status)))
    return found


async def _jobs(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The youngest job of each."""
    step = production_steps.c
    query = (
        select(step.audiobook_id, step.step_name, *_JOB)
        .join(jobs, jobs.c.job_id == step.job_id)
        .where(step.audiobook_id.in_(ids))
        .order_by(jobs.c.job_id)
    )
    found: dict[str, dict[str, Any]] = {}
    for row in (await connection.execute(query)).mappings():
        found[row["audiobook_id"]] = dict(row)
    return found


def _ids(view: ProductionView, text: str | None, column: Any) -> Select[Any]:
    query = select(column).select_from(audiobook_productions)
    if text:
        query = query.join(books, books.c.book_id == _made.book_id)
        query = query.join(narrators, narrators.c.narrator_id == _made.narrator_id)
        query = query.where(
            or_(
                containing(text, books.c.book_name, books.c.author, books.c.book_id, narrators.c.narrator_name),
                _made.audiobook_id.startswith(text, autoescape=True),
            )
        )
    if view is ProductionView.UNFINISHED:
        return query.where(_UNFINISHED, _made.status != Status.CANCELLED.value)
    if view is ProductionView.FAILED:
        return query.where(_UNFINISHED, _made.status == Status.FAILED.value)
    if view is ProductionView.FINISHED:
        return query.where(_made.status == Status.SUCCESS.value)
    return query
