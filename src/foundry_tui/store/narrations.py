"""Productions that have been spoken, wholly or in part, and which of their chunks. Runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.status import Status
from foundry_tui.store.rows import noun
from foundry_tui.store.tables import audio_chunks, audiobook_productions, books

_made = audiobook_productions.c
_chunk = audio_chunks.c
_AT_ONCE = 200  # productions a statement
_GOOD = _chunk.status == Status.SUCCESS.value


@dataclass(frozen=True, slots=True)
class Narration:
    """A production with sound; ``language`` is as it was typed."""

    audiobook_id: str
    book_id: str
    narrator_id: str
    language: str
    book_name: str


async def narrations(connection: AsyncConnection, *, book_id: str | None = None) -> list[Narration]:
    """Every production that is not cancelled and has a good take, oldest first; one book's where given."""
    sound = exists().where(_chunk.audiobook_id == _made.audiobook_id, _GOOD)
    query = (
        select(_made.audiobook_id, _made.book_id, _made.narrator_id, _made.language, books.c.book_name)
        .join_from(audiobook_productions, books, books.c.book_id == _made.book_id)
        .where(_made.status != Status.CANCELLED.value, sound)
        .order_by(_made.audiobook_id)
    )
    if book_id is not None:
        query = query.where(_made.book_id == book_id)
    return [noun(Narration, row) for row in (await connection.execute(query)).mappings()]


async def spoken_places(connection: AsyncConnection, audiobook_ids: Sequence[str]) -> dict[str, set[tuple[int, int]]]:
    """The places (chapter, chunk) with a good take, by production."""
    found: dict[str, set[tuple[int, int]]] = {audiobook_id: set() for audiobook_id in audiobook_ids}
    columns = (_chunk.audiobook_id, _chunk.chapter_number, _chunk.chunk_index)
    for start in range(0, len(audiobook_ids), _AT_ONCE):
        batch = audiobook_ids[start : start + _AT_ONCE]
        for made, chapter, index in await connection.execute(
            select(*columns).where(_chunk.audiobook_id.in_(batch), _GOOD)
        ):
            found[made].add((chapter, index))
    return found
