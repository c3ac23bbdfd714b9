"""Taking a book, a narrator or a production out of the tables together with all that hangs on it.

One call is one transaction's work. Files are not touched here: the answer says which ones nothing needs any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.ids import checked_book_id, checked_narrator_id
from foundry_tui.domain.languages import understood
from foundry_tui.domain.productions import Production
from foundry_tui.domain.queue import Removed
from foundry_tui.domain.status import Status
from foundry_tui.errors import InUse, UsageError
from foundry_tui.store import jobs as job_rows
from foundry_tui.store.catalog import get_book, remove_book
from foundry_tui.store.columns import utc_now
from foundry_tui.store.productions import get_production
from foundry_tui.store.roster import get_narrator, remove_narrator
from foundry_tui.store.rows import columns_of, noun
from foundry_tui.store.tables import (
    audio_chunks,
    audiobook_process_events,
    audiobook_productions,
    books,
    jobs,
    narrators,
    production_steps,
)

_AT_ONCE = 500  # productions a statement: databases bound how many values one may carry


async def remove_book_with_productions(connection: AsyncConnection, book_id: str) -> Removed:
    """Remove a book and all its productions. Raises NotFound, and InUse while one of them is being made."""
    await get_book(connection, book_id)
    productions = await _productions(connection, book_id=book_id)
    removed = await _remove(connection, productions)
    book = await remove_book(connection, book_id)
    folders = (f"foundry/{book_id}",) if _names_a_folder(book_id) else ()
    return Removed(removed.productions, book, None, folders, removed.results)


async def remove_narrator_with_productions(connection: AsyncConnection, narrator_id: str) -> Removed:
    """Remove a narrator and all its productions. Raises NotFound, and InUse while one of them is being made."""
    await get_narrator(connection, narrator_id)
    productions = await _productions(connection, narrator_id=narrator_id)
    removed = await _remove(connection, productions)
    narrator = await remove_narrator(connection, narrator_id)
    return Removed(removed.productions, None, narrator, removed.folders, removed.results)


async def remove_production(connection: AsyncConnection, audiobook_id: str) -> Removed:
    """Remove one production. Raises NotFound, and InUse while it is being made."""
    return await _remove(connection, [await get_production(connection, audiobook_id)])


async def still_there(connection: AsyncConnection, rows: Mapping[str, Any]) -> bool:
    """Whether anything of a removal's ``rows`` (productions, book, narrator, by id) is in the tables."""
    found = [
        select(audiobook_productions.c.audiobook_id).where(
            audiobook_productions.c.audiobook_id.in_(list(rows.get("productions") or ())[:_AT_ONCE])
        ),
        select(books.c.book_id).where(books.c.book_id == rows.get("book")),
        select(narrators.c.narrator_id).where(narrators.c.narrator_id == rows.get("narrator")),
    ]
    for query in found:
        if (await connection.execute(query.limit(1))).first() is not None:
            return True
    return False


async def _productions(
    connection: AsyncConnection, *, book_id: str | None = None, narrator_id: str | None = None
) -> list[Production]:
    query = select(*columns_of(Production, audiobook_productions)).order_by(audiobook_productions.c.audiobook_id)
    if book_id is not None:
        query = query.where(audiobook_productions.c.book_id == book_id)
    if narrator_id is not None:
        query = query.where(audiobook_productions.c.narrator_id == narrator_id)
    return [noun(Production, row) for row in (await connection.execute(query.with_for_update())).mappings()]


async def _remove(connection: AsyncConnection, productions: Sequence[Production]) -> Removed:
    ids = [production.audiobook_id for production in productions]
    results: dict[tuple[str, str], Mapping[str, Any]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        results |= await _remove_rows(connection, ids[start : start + _AT_ONCE])
    return Removed(tuple(productions), folders=await _free_folders(connection, productions), results=results)


async def _remove_rows(connection: AsyncConnection, ids: Sequence[str]) -> dict[tuple[str, str], Mapping[str, Any]]:
    await _refuse_live(connection, ids, await job_rows.present(connection, lambda: utc_now().timestamp()))
    query = select(production_steps).where(production_steps.c.audiobook_id.in_(ids))
    steps = (await connection.execute(query)).mappings().all()
    # Children before parents; a job hangs on nothing but is named by its step.
    for table in (audio_chunks, production_steps, audiobook_process_events):
        await connection.execute(delete(table).where(table.c.audiobook_id.in_(ids)))
    job_ids = [row["job_id"] for row in steps if row["job_id"] is not None]
    await connection.execute(delete(jobs).where(jobs.c.job_id.in_(job_ids)))
    await connection.execute(delete(audiobook_productions).where(audiobook_productions.c.audiobook_id.in_(ids)))
    return {(row["audiobook_id"], row["step_name"]): row["result"] for row in steps if row["result"]}


async def _refuse_live(connection: AsyncConnection, ids: Sequence[str], now: float) -> None:
    query = (
        select(production_steps.c.audiobook_id)
        .join(jobs, jobs.c.job_id == production_steps.c.job_id)
        .where(
            production_steps.c.audiobook_id.in_(ids),
            jobs.c.status == Status.PROCESSING.value,
            jobs.c.lease_expires_at > now,
        )
        .order_by(production_steps.c.audiobook_id)
    )
    live = (await connection.execute(query)).scalars().all()
    if live:
        raise InUse(
            f"A worker is making {', '.join(live)} just now.",
            next_action="Cancel it first, or wait until it is done.",
            details={"productions": list(live)},
        )


async def _free_folders(connection: AsyncConnection, gone: Sequence[Production]) -> tuple[str, ...]:
    book_ids = sorted({production.book_id for production in gone})
    kept: set[str | None] = set()
    for start in range(0, len(book_ids), _AT_ONCE):
        of_books = audiobook_productions.c.book_id.in_(book_ids[start : start + _AT_ONCE])
        query = select(*columns_of(Production, audiobook_productions)).where(of_books)
        kept |= {_folder(noun(Production, row)) for row in (await connection.execute(query)).mappings()}
    folders = {_folder(production) for production in gone} - kept
    return tuple(sorted(folder for folder in folders if folder))


def _folder(production: Production) -> str | None:
    """Where a production's sound lies, relative to the home; None where raw SQL made ids no path can bear."""
    try:
        book_id, narrator_id = checked_book_id(production.book_id), checked_narrator_id(production.narrator_id)
        return f"foundry/{book_id}/{understood(production.language)}/{narrator_id}"
    except UsageError:
        return None


def _names_a_folder(book_id: str) -> bool:
    try:
        return bool(checked_book_id(book_id))
    except UsageError:
        return False
