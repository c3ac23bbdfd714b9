"""The next take of a chunk: chosen here, spoken by the step that makes the sound."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.status import Status
from foundry_tui.store.tables import audio_chunks

_made = audio_chunks.c


async def next_takes(connection: AsyncConnection, audiobook_id: str, places: Sequence[tuple[int, int]]) -> int:
    """Choose the take after the present one for the chunks at ``places``; returns how many there were."""
    where = (_made.audiobook_id == audiobook_id, tuple_(_made.chapter_number, _made.chunk_index).in_(list(places)))
    values = {"take": _made.take + 1, "status": Status.PENDING.value, "attempts": 0}
    return (await connection.execute(update(audio_chunks).where(*where).values(**values))).rowcount
