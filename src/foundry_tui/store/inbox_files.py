"""Files of the inbox that are in the catalog, written after success only; each call in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.store.tables import inbox_files

_file = inbox_files.c
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class InboxFile:
    """A file as it lay in the inbox. ``taken_at`` is UTC text; ``book_id`` None where that is not known any more."""

    name: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    book_id: str | None = None
    taken_at: str | None = None


async def taken(connection: AsyncConnection, sights: Sequence[tuple[str, int, int]]) -> set[tuple[str, int, int]]:
    """Those of ``sights`` (name, size_bytes, mtime_ns) that were taken already, just as they are."""
    found: set[tuple[str, int, int]] = set()
    for start in range(0, len(sights), _AT_ONCE):
        some = list(sights[start : start + _AT_ONCE])
        seen = tuple_(_file.name, _file.size_bytes, _file.mtime_ns)
        query = select(_file.name, _file.size_bytes, _file.mtime_ns).where(seen.in_(some))
        found |= {(str(name), int(size), int(mtime)) for name, size, mtime in await connection.execute(query)}
    return found


async def holds(connection: AsyncConnection, sha256: str) -> bool:
    """Whether a file of these bytes was taken before, under whatever name."""
    return bool(await connection.scalar(select(exists().where(_file.sha256 == sha256))))


async def remember(connection: AsyncConnection, files: Sequence[InboxFile]) -> int:
    """Write them down; one that is there already is left as it is. How many were new."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    written = 0
    for file in files:
        values = {
            "name": file.name,
            "size_bytes": file.size_bytes,
            "mtime_ns": file.mtime_ns,
            "sha256": file.sha256,
            "book_id": file.book_id,
        }
        if file.taken_at is not None:
            values["taken_at"] = file.taken_at
        statement = insert(inbox_files).values(**values).on_conflict_do_nothing().returning(_file.inbox_id)
        written += await connection.scalar(statement) is not None
    return written
