"""The lexicon's rows: how words are said, in a book, a language or everywhere. Every call runs in the caller's
transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.corrections import LexiconEntry, StoredEntry
from foundry_tui.errors import Conflict, NotFound
from foundry_tui.store.rows import checked, containing
from foundry_tui.store.tables import lexicon_entries

_row = lexicon_entries.c
_NAMES = tuple(field.name for field in fields(LexiconEntry))


async def list_entries(
    connection: AsyncConnection, *, book_id: str | None = None, language: str | None = None, text: str = ""
) -> list[StoredEntry]:
    """Entries by word; those that act in ``book_id`` or in ``language`` where given, with ``text`` in word or form."""
    query = select(lexicon_entries).order_by(_row.word, _row.language, _row.book_id)
    if book_id is not None:
        query = query.where(_row.book_id.in_(["", book_id]))
    if language is not None:
        query = query.where(_row.language.in_(["", language]))
    if text:
        query = query.where(containing(text, _row.word, _row.spoken, _row.note))
    return [_stored(row) for row in (await connection.execute(query)).mappings()]


async def get_entries(connection: AsyncConnection, entry_ids: Sequence[int]) -> list[StoredEntry]:
    """The entries of those ids; raises NotFound naming the ids that are none."""
    query = select(lexicon_entries).where(_row.entry_id.in_(list(entry_ids))).order_by(_row.entry_id)
    found = [_stored(row) for row in (await connection.execute(query)).mappings()]
    missing = sorted(set(entry_ids) - {stored.entry_id for stored in found})
    if missing:
        raise NotFound(
            f"The lexicon has no entry {', '.join(map(str, missing))}.", next_action="See `foundry-tui lexicon list`."
        )
    return found


async def put_entries(connection: AsyncConnection, entries: Iterable[LexiconEntry]) -> list[int]:
    """Enter each, or change the one of the same word, language and book; their ids. Raises UsageError."""
    ids: list[int] = []
    for entry in entries:
        values = _values(entry)
        same = (_row.word == entry.word, _row.language == entry.language, _row.book_id == entry.book_id)
        known = await connection.scalar(update(lexicon_entries).where(*same).values(**values).returning(_row.entry_id))
        if known is None:
            known = await connection.scalar(insert(lexicon_entries).values(**values).returning(_row.entry_id))
        ids.append(int(known or 0))
    return ids


async def change_entry(connection: AsyncConnection, entry_id: int, entry: LexiconEntry) -> None:
    """Change the entry of that id. Raises NotFound, UsageError, and Conflict where another says the same word."""
    await get_entries(connection, [entry_id])
    try:
        await connection.execute(update(lexicon_entries).where(_row.entry_id == entry_id).values(**_values(entry)))
    except IntegrityError as error:
        raise Conflict(
            f"Another entry of the lexicon says {entry.word!r} for the same language and book.",
            next_action="Change that one, or remove it first.",
        ) from error


async def remove_entries(connection: AsyncConnection, entry_ids: Sequence[int]) -> int:
    """Take entries out; how many. Raises NotFound for an id that is none."""
    found = await get_entries(connection, entry_ids)
    await connection.execute(delete(lexicon_entries).where(_row.entry_id.in_([stored.entry_id for stored in found])))
    return len(found)


def _values(entry: LexiconEntry) -> dict[str, Any]:
    values = asdict(entry)
    # Empty is a value of its own here (everywhere, no note); word and spoken must hold something.
    required = {name: value for name, value in values.items() if name in {"word", "spoken"} or value != ""}
    return values | checked(lexicon_entries, required)


def _stored(row: RowMapping) -> StoredEntry:
    return StoredEntry(row["entry_id"], LexiconEntry(**{name: row[name] for name in _NAMES}))
