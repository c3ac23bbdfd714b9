"""What can be put right in the tables: found by reading alone, mended in short transactions, nothing lost unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.books import Book
from foundry_tui.domain.status import Status
from foundry_tui.store import chunks as chunk_rows
from foundry_tui.store import parts
from foundry_tui.store.database import Database
from foundry_tui.store.jobs import Job
from foundry_tui.store.rows import columns_of, noun
from foundry_tui.store.tables import audio_chunks, audiobook_productions, books, jobs, metadata, production_steps

_AT_ONCE = 500  # jobs a statement: databases bound how many values one may carry
_LIVE = (Status.PENDING.value, Status.PROCESSING.value)
_INDEX_SIGNS = ("missing from index", "entries in index", "non-unique entry in index", "values differ from index")
_chunk = audio_chunks.c
_made = audiobook_productions.c


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A finished chunk of a production that is not done, and the file its row names, relative to the home."""

    audiobook_id: str
    place: tuple[int, int]
    artifact: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Loose:
    """A row that points to what does not exist. ``clears`` is the column that may be emptied, else the row must go."""

    table: str
    rowid: int
    column: str
    parent: str
    clears: bool


async def orphan_jobs(connection: AsyncConnection, now: float) -> list[int]:
    """Jobs that wait or run for no step, and that no living worker holds: their work is nobody's."""
    query = select(jobs).where(_of_no_step(now)).order_by(jobs.c.job_id)
    found = [Job.from_row(row) for row in (await connection.execute(query)).mappings()]
    return [job.job_id for job in found if not await _is_live_part(connection, job)]


def _of_no_step(now: float) -> ColumnElement[bool]:
    of_a_step = exists().where(production_steps.c.job_id == jobs.c.job_id)
    # What a worker has in hand is for its lease to end.
    in_hand = and_(jobs.c.status == Status.PROCESSING.value, func.coalesce(jobs.c.lease_expires_at, 0.0) > now)
    return and_(jobs.c.status.in_(_LIVE), ~of_a_step, ~in_hand)


async def _is_live_part(connection: AsyncConnection, job: Job) -> bool:
    """No step points to its parts: they name it."""
    return parts.is_part(job) and await parts.step_of(connection, job) is not None


async def end_orphans(connection: AsyncConnection, now: float) -> int:
    """Cancel them; their rows stay, with the reason ``orphaned``."""
    found = await orphan_jobs(connection, now)
    ended = {"status": Status.CANCELLED.value, "reason": "orphaned", "finished_at": now, "lease_expires_at": None}
    # Asked again with the change itself: one may have been claimed since.
    still = [jobs.c.job_id.in_(found[start : start + _AT_ONCE]) for start in range(0, len(found), _AT_ONCE)]
    changes = [update(jobs).where(some, _of_no_step(now)).values(**ended) for some in still]
    return sum([(await connection.execute(change)).rowcount for change in changes])


async def held(connection: AsyncConnection, now: float) -> int:
    """How many jobs are in the hands of a worker that was heard of lately."""
    query = select(func.count()).where(jobs.c.status == Status.PROCESSING.value, jobs.c.lease_expires_at > now)
    return int(await connection.scalar(query) or 0)


async def named_files(connection: AsyncConnection) -> list[NamedFile]:
    """The chunk files that unfinished productions stand on; those of finished ones may have been cleaned away."""
    query = (
        select(_chunk.audiobook_id, _chunk.chapter_number, _chunk.chunk_index, _chunk.artifact, _chunk.size_bytes)
        .join(audiobook_productions, _made.audiobook_id == _chunk.audiobook_id)
        .where(_made.status.in_((*_LIVE, Status.FAILED.value)))
        .where(_chunk.status == Status.SUCCESS.value, _chunk.artifact.is_not(None))
    )
    return [NamedFile(row[0], (row[1], row[2]), row[3], row[4]) for row in await connection.execute(query)]


async def unparsed(connection: AsyncConnection) -> list[tuple[str, Book, str]]:
    """(audiobook_id, book, language) of every production that is still to be parsed, oldest first."""
    first = and_(production_steps.c.audiobook_id == _made.audiobook_id, production_steps.c.position == 0)
    query = (
        select(_made.audiobook_id, _made.language.label("wanted"), *columns_of(Book, books, "book_"))
        .join(books, books.c.book_id == _made.book_id)
        .join(production_steps, first, isouter=True)
        .where(_made.status.in_((*_LIVE, Status.FAILED.value)))
        .where(func.coalesce(production_steps.c.status, "") != Status.SUCCESS.value)
        .order_by(_made.audiobook_id)
    )
    rows = (await connection.execute(query)).mappings()
    return [(row["audiobook_id"], noun(Book, row, "book_"), row["wanted"]) for row in rows]


async def published(connection: AsyncConnection) -> list[tuple[str, str]]:
    """(audiobook_id, book_id) of every production that is finished and published."""
    query = (
        select(_made.audiobook_id, _made.book_id)
        .where(_made.status == Status.SUCCESS.value, _made.publish_date.is_not(None))
        .order_by(_made.audiobook_id)
    )
    return [(row[0], row[1]) for row in await connection.execute(query)]


async def artifacts(connection: AsyncConnection) -> set[str]:
    """Every file any chunk row names."""
    return set(await connection.scalars(select(_chunk.artifact).where(_chunk.artifact.is_not(None)).distinct()))


async def speak_again(database: Database, lost: Sequence[NamedFile]) -> None:
    """Have chunks spoken again whose files are gone."""
    places: dict[str, list[tuple[int, int]]] = {}
    for each in lost:
        places.setdefault(each.audiobook_id, []).append(each.place)
    for audiobook_id, wanted in places.items():
        async with database.write() as connection:
            await chunk_rows.make_pending(connection, audiobook_id, wanted)


async def loose_rows(connection: AsyncConnection) -> list[Loose]:
    """Rows whose parents are missing; only SQLite lets raw SQL make any."""
    if connection.dialect.name != "sqlite":
        return []
    found = []
    for table, rowid, parent, number in (await connection.execute(text("PRAGMA foreign_key_check"))).all():
        keys = (await connection.execute(text(f"PRAGMA foreign_key_list({table})"))).mappings()
        column = next(key["from"] for key in keys if key["id"] == number)
        clears = bool(metadata.tables[table].columns[column].nullable)
        found.append(Loose(table, int(rowid), column, parent, clears))
    return found


def can_mend(loose: Loose) -> bool:
    """A production without its book or narrator holds what only an operator can judge."""
    return loose.clears or loose.table != audiobook_productions.name


async def tighten(connection: AsyncConnection, rows: Sequence[Loose]) -> list[dict[str, Any]]:
    """Empty the columns that may be empty, delete the other rows; every row as it was, to be kept somewhere."""
    before = []
    for loose in rows:
        # Names of our own schema; the rowid is a number.
        query = text(f"SELECT * FROM {loose.table} WHERE rowid = :rowid")  # noqa: S608
        row = (await connection.execute(query, {"rowid": loose.rowid})).mappings().first()
        if row is None:
            continue  # it went with another
        before.append({"table": loose.table, **dict(row)})
        if loose.clears:
            change = f"UPDATE {loose.table} SET {loose.column} = NULL WHERE rowid = :rowid"  # noqa: S608
        else:
            change = f"DELETE FROM {loose.table} WHERE rowid = :rowid"  # noqa: S608
        await connection.execute(text(change), {"rowid": loose.rowid})
    return before


async def index_damage(connection: AsyncConnection) -> list[str]:
    """What SQLite says of indexes that do not fit their tables; [] where all do, or something worse is wrong."""
    if connection.dialect.name != "sqlite":
        return []
    said = [str(row[0]) for row in await connection.execute(text("PRAGMA integrity_check(20)"))]
    return said if only_indexes(said) else []


def only_indexes(complaints: Sequence[str]) -> bool:
    """Whether an integrity check found indexes that do not fit their tables, and nothing worse."""
    return bool(complaints) and all(any(sign in line for sign in _INDEX_SIGNS) for line in complaints)


async def reindex(connection: AsyncConnection) -> None:
    """Make every index anew from its table."""
    await connection.execute(text("REINDEX"))
