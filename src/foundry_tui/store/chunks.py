"""Takes: the sound chosen for each chunk of a production, written only behind the fence of the job that made it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.status import Status
from foundry_tui.domain.takes import Take
from foundry_tui.store.tables import audio_chunks

_BATCH = 200  # rows a statement: well below SQLite's limit on bound values
_KEY = ("audiobook_id", "chapter_number", "chunk_index")
_COLUMNS = tuple(Take.__dataclass_fields__)
_made = audio_chunks.c


def take_of(row: RowMapping) -> Take:
    """A take of a full row."""
    values = {name: row[name] for name in _COLUMNS}
    values["status"] = Status(values["status"])
    values["flags"] = tuple(values["flags"] or ())
    return Take(**values)


def _row(take: Take) -> dict[str, Any]:
    values = {name: getattr(take, name) for name in _COLUMNS}
    return values | {
        "status": take.status.value,
        "flags": list(take.flags),
        "key_parts": dict(take.key_parts),
        "metrics": dict(take.metrics),
        "deaths": 0,
    }


async def upsert(connection: AsyncConnection, takes: Sequence[Take]) -> None:
    """Insert or replace takes by their place; the caller has checked its fence in this transaction.

    A recorded chunk is out of hand, so deaths laid to it are forgotten.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement: Any = insert(audio_chunks)
    changed = {name: statement.excluded[name] for name in (*_COLUMNS, "deaths") if name not in _KEY}
    statement = statement.on_conflict_do_update(index_elements=list(_KEY), set_=changed)
    await connection.execute(statement, [_row(take) for take in takes])


async def load(connection: AsyncConnection, audiobook_id: str) -> dict[tuple[int, int], Take]:
    """Every take of a production by its place."""
    rows = await connection.execute(select(audio_chunks).where(_made.audiobook_id == audiobook_id))
    return {take.place: take for take in map(take_of, rows.mappings())}


async def find(connection: AsyncConnection, input_keys: Sequence[str]) -> dict[str, Take]:
    """Successful takes of any production by key."""
    found: dict[str, Take] = {}
    for batch in _batches(list(dict.fromkeys(input_keys))):
        statement = select(audio_chunks).where(_made.input_key.in_(batch), _made.status == Status.SUCCESS.value)
        for row in (await connection.execute(statement)).mappings():
            found.setdefault(row["input_key"], take_of(row))
    return found


async def forget(connection: AsyncConnection, audiobook_id: str, keep: Iterable[tuple[int, int]]) -> int:
    """Delete the rows of places not in ``keep``; returns how many went."""
    kept = set(keep)
    places = select(_made.chapter_number, _made.chunk_index).where(_made.audiobook_id == audiobook_id)
    rows = await connection.execute(places)
    gone = [(chapter, index) for chapter, index in rows if (chapter, index) not in kept]
    for batch in _batches(gone):
        await connection.execute(
            delete(audio_chunks).where(
                _made.audiobook_id == audiobook_id, tuple_(_made.chapter_number, _made.chunk_index).in_(batch)
            )
        )
    return len(gone)


async def make_pending(connection: AsyncConnection, audiobook_id: str, places: Iterable[tuple[int, int]]) -> None:
    """Have the chunks at ``places`` spoken again."""
    for batch in _batches(list(places)):
        await connection.execute(
            update(audio_chunks)
            .where(_made.audiobook_id == audiobook_id, tuple_(_made.chapter_number, _made.chunk_index).in_(batch))
            .values(status=Status.PENDING.value)
        )


async def retry_failed(connection: AsyncConnection, audiobook_ids: Sequence[str]) -> None:
    """Failed chunks may be tried again, poisoned ones too: the operator has asked."""
    fresh: Mapping[str, Any] = {"status": Status.PENDING.value, "deaths": 0, "attempts": 0, "flags": []}
    for batch in _batches(list(audiobook_ids)):
        where = (_made.audiobook_id.in_(batch), _made.status == Status.FAILED.value)
        await connection.execute(update(audio_chunks).where(*where).values(**fresh))


def _batches(values: Sequence[Any]) -> list[Sequence[Any]]:
    return [values[start : start + _BATCH] for start in range(0, len(values), _BATCH)]
