"""Productions of the same book, narrator, recipe and language share their files: only one of them is worked on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.languages import understood
from foundry_tui.domain.productions import Production
from foundry_tui.domain.status import Status
from foundry_tui.errors import UsageError
from foundry_tui.store.rows import noun
from foundry_tui.store.tables import audiobook_productions, jobs, production_steps

_made = audiobook_productions.c
_step = production_steps.c
_LIVE = (Status.PENDING.value, Status.PROCESSING.value)
Likeness = tuple[str, str, str, str]


def likeness(book_id: str, narrator_id: str, recipe: str, language: str) -> Likeness:
    """What two productions have in common that would write the same files; a language counts however it is spelled."""
    try:
        return book_id, narrator_id, recipe, understood(language)
    except UsageError:  # raw SQL may hold any word
        return book_id, narrator_id, recipe, language


def likeness_of(made: Production) -> Likeness:
    """``likeness`` of a production."""
    return likeness(made.book_id, made.narrator_id, made.recipe, made.language)


async def lock_with_siblings(connection: AsyncConnection, ids: Sequence[str]) -> list[Production]:
    """The productions of these ids, oldest first, locked together with all that could be their twins."""
    books = select(_made.book_id).where(_made.audiobook_id.in_(ids))
    rows = select(audiobook_productions).where(_made.book_id.in_(books)).order_by(_made.audiobook_id)
    wanted = set(ids)
    found = (await connection.execute(rows.with_for_update(key_share=True))).mappings()
    return [noun(Production, row) for row in found if row["audiobook_id"] in wanted]


async def at_work(connection: AsyncConnection, book_ids: Iterable[str]) -> Mapping[Likeness, str]:
    """The production with a live job, by likeness, of these books."""
    live_job = exists().where(
        _step.audiobook_id == _made.audiobook_id, _step.job_id == jobs.c.job_id, jobs.c.status.in_(_LIVE)
    )
    columns = (_made.book_id, _made.narrator_id, _made.recipe, _made.language, _made.audiobook_id)
    query = select(*columns).where(_made.book_id.in_(sorted(set(book_ids))), live_job).order_by(_made.audiobook_id)
    found: dict[Likeness, str] = {}
    for book_id, narrator_id, recipe, language, audiobook_id in await connection.execute(query):
        found.setdefault(likeness(book_id, narrator_id, recipe, language), audiobook_id)
    return found
