"""What single chunks say instead of the book's words. Every call runs in the caller's transaction."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.corrections import ChunkOverride, Corrections, speech_hash
from foundry_tui.store.lexicon import list_entries
from foundry_tui.store.rows import checked, columns_of, noun
from foundry_tui.store.section_overrides import decisions
from foundry_tui.store.tables import chunk_overrides

_row = chunk_overrides.c
_COLUMNS = columns_of(ChunkOverride, chunk_overrides)


async def overrides(connection: AsyncConnection, book_id: str) -> tuple[ChunkOverride, ...]:
    """Every chunk of a book that says something else, oldest first."""
    query = select(*_COLUMNS).where(_row.book_id == book_id).order_by(_row.override_id)
    return tuple(noun(ChunkOverride, row) for row in (await connection.execute(query)).mappings())


async def put_override(connection: AsyncConnection, book_id: str, original: str, spoken: str) -> int:
    """Have every chunk of the book that would say ``original`` say ``spoken``; the id. Raises UsageError."""
    key = speech_hash(original)
    values = checked(chunk_overrides, {"book_id": book_id, "original": original, "spoken": spoken})
    same = (_row.book_id == book_id, _row.text_hash == key)
    known = await connection.scalar(
        update(chunk_overrides).where(*same).values(spoken=spoken).returning(_row.override_id)
    )
    if known is None:
        new = insert(chunk_overrides).values(**values, text_hash=key)
        known = await connection.scalar(new.returning(_row.override_id))
    return int(known or 0)


async def drop_override(connection: AsyncConnection, book_id: str, original: str) -> bool:
    """Have the chunk say ``original`` again; whether it did not."""
    same = (_row.book_id == book_id, _row.text_hash == speech_hash(original))
    return bool((await connection.execute(delete(chunk_overrides).where(*same))).rowcount)


async def corrections(connection: AsyncConnection, book_id: str, language: str) -> Corrections:
    """Everything decided about a book's words in one language (ISO 639-2/T)."""
    entries = await list_entries(connection, book_id=book_id, language=language)
    return Corrections(
        book_id=book_id,
        language=language,
        entries=tuple(stored.entry for stored in entries),
        sections=await decisions(connection, book_id, language),
        chunk_texts={override.text_hash: override.spoken for override in await overrides(connection, book_id)},
    )
