"""What the operator decided about a book's sections. Every call runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.corrections import SectionDecision
from foundry_tui.errors import NotFound
from foundry_tui.store.rows import checked, columns_of, noun
from foundry_tui.store.tables import section_overrides

_row = section_overrides.c
_COLUMNS = columns_of(SectionDecision, section_overrides)
# Of these a section has one at a time: the newest takes the older ones' place.
_ALTERNATIVES = (("include", "leave_out"), ("rename",), ("split",), ("merge",))


async def decisions(
    connection: AsyncConnection, book_id: str, language: str | None = None
) -> tuple[SectionDecision, ...]:
    """A book's decisions in the order they act, those about the source in ``language`` where given."""
    query = select(*_COLUMNS).where(_row.book_id == book_id).order_by(_row.override_id)
    if language is not None:
        query = query.where(_row.language == language)
    return tuple(noun(SectionDecision, row) for row in (await connection.execute(query)).mappings())


async def decide(
    connection: AsyncConnection,
    *,
    book_id: str,
    language: str,
    action: str,
    anchor: str = "",
    text_hash: str = "",
    title: str = "",
) -> int:
    """Keep a decision and return its id; an older one of the same kind about the same section goes."""
    alternatives = next((kinds for kinds in _ALTERNATIVES if action in kinds), (action,))
    same = (_row.book_id == book_id, _row.language == language, _row.anchor == anchor, _row.text_hash == text_hash)
    await connection.execute(delete(section_overrides).where(*same, _row.action.in_(alternatives)))
    values = {"book_id": book_id, "language": language, "action": action}
    named = {"anchor": anchor, "text_hash": text_hash, "title": title}
    kept = checked(section_overrides, values | {name: value for name, value in named.items() if value})
    made = await connection.scalar(insert(section_overrides).values(**kept).returning(_row.override_id))
    return int(made or 0)


async def undo(connection: AsyncConnection, book_id: str, override_ids: Sequence[int]) -> int:
    """Take decisions back; how many. Raises NotFound for one the book has not."""
    wanted = set(override_ids)
    missing = sorted(wanted - {decision.override_id for decision in await decisions(connection, book_id)})
    if missing:
        raise NotFound(
            f"There is no decision {', '.join(map(str, missing))} about {book_id}.",
            next_action=f"See `foundry-tui book outline {book_id}`.",
        )
    await connection.execute(
        delete(section_overrides).where(_row.book_id == book_id, _row.override_id.in_(sorted(wanted)))
    )
    return len(wanted)
