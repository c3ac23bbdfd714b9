"""What cleaning has to know: who works in a folder, and which kept chunks cost money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.productions import Production
from foundry_tui.store.rows import columns_of, noun
from foundry_tui.store.spend import paid_keys
from foundry_tui.store.tables import audio_chunks, audiobook_productions

_AT_ONCE = 500


async def every_production(connection: AsyncConnection) -> list[Production]:
    """All of them, oldest first."""
    query = select(*columns_of(Production, audiobook_productions)).order_by(audiobook_productions.c.audiobook_id)
    return [noun(Production, row) for row in (await connection.execute(query)).mappings()]


async def paid_artifacts(
    connection: AsyncConnection, audiobook_ids: Sequence[str], paid_engines: Iterable[str]
) -> frozenset[str]:
    """Artifacts (relative to the home) of these productions that the ledger or the engine's name says were paid for."""
    paid: set[str] = set()
    engines = set(paid_engines)
    for start in range(0, len(audiobook_ids), _AT_ONCE):
        query = select(audio_chunks.c.input_key, audio_chunks.c.artifact, audio_chunks.c.engine).where(
            audio_chunks.c.audiobook_id.in_(audiobook_ids[start : start + _AT_ONCE]),
            audio_chunks.c.artifact.is_not(None),
        )
        rows = (await connection.execute(query)).all()
        keys = await paid_keys(connection, {row.input_key for row in rows})
        paid.update(str(row.artifact) for row in rows if row.input_key in keys or row.engine in engines)
    return frozenset(paid)
