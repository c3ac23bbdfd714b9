"""Takes: the sound chosen for each chunk of a production, written only behind the fence of the job that made it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, delete, or_, select, tuple_, update
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
Place = tuple[int, int]  # (chapter number, chunk index)
# Flags of a chunk that was in hand when a worker died: at one death, and at two among others.
_SEEN_ONCE = "in_hand_at_death"
SUSPECT = "death_suspect"
POISONED = 2  # workers lost in a row with a chunk's name: it is given up


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
    }


async def upsert(connection: AsyncConnection, takes: Sequence[Take]) -> None:
    """Insert or replace takes by their place; the caller has checked its fence in this transaction.

    A good take clears its chunk of the deaths laid to it.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement: Any = insert(audio_chunks)
    changed: dict[str, Any] = {name: statement.excluded[name] for name in _COLUMNS if name not in _KEY}
    changed["deaths"] = case((statement.excluded.status == Status.SUCCESS.value, 0), else_=_made.deaths)
    statement = statement.on_conflict_do_update(index_elements=list(_KEY), set_=changed)
    await connection.execute(statement, [_row(take) for take in takes])


async def load(connection: AsyncConnection, audiobook_id: str) -> dict[Place, Take]:
    """Every take of a production by its place."""
    rows = await connection.execute(select(audio_chunks).where(_made.audiobook_id == audiobook_id))
    return {take.place: take for take in map(take_of, rows.mappings())}


async def at(connection: AsyncConnection, audiobook_id: str, places: Iterable[Place]) -> list[Take]:
    """The takes at ``places``."""
    found: list[Take] = []
    for batch in _batches(list(places)):
        here = tuple_(_made.chapter_number, _made.chunk_index).in_(batch)
        rows = await connection.execute(select(audio_chunks).where(_made.audiobook_id == audiobook_id, here))
        found += map(take_of, rows.mappings())
    return found


async def forget_failures(connection: AsyncConnection, audiobook_id: str, places: Iterable[Place]) -> None:
    """Chunks at ``places`` that could not be spoken wait again."""
    for batch in _batches(list(places)):
        here = tuple_(_made.chapter_number, _made.chunk_index).in_(batch)
        failed = (_made.audiobook_id == audiobook_id, _made.status == Status.FAILED.value, here)
        await connection.execute(update(audio_chunks).where(*failed).values(status=Status.PENDING.value))


async def find(connection: AsyncConnection, input_keys: Sequence[str]) -> dict[str, Take]:
    """Successful takes of any production by key."""
    found: dict[str, Take] = {}
    for batch in _batches(list(dict.fromkeys(input_keys))):
        statement = select(audio_chunks).where(_made.input_key.in_(batch), _made.status == Status.SUCCESS.value)
        for row in (await connection.execute(statement)).mappings():
            found.setdefault(row["input_key"], take_of(row))
    return found


async def forget(connection: AsyncConnection, audiobook_id: str, keep: Iterable[Place]) -> int:
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


async def make_pending(connection: AsyncConnection, audiobook_id: str, places: Iterable[Place]) -> None:
    """Have the chunks at ``places`` spoken again."""
    for batch in _batches(list(places)):
        await connection.execute(
            update(audio_chunks)
            .where(_made.audiobook_id == audiobook_id, tuple_(_made.chapter_number, _made.chunk_index).in_(batch))
            .values(status=Status.PENDING.value)
        )


async def retry_failed(
    connection: AsyncConnection, audiobook_ids: Sequence[str], *, even_poisoned: bool = True
) -> None:
    """Failed chunks may be tried again and nobody is under suspicion any more: the operator has asked.

    Without ``even_poisoned`` those that were given up for the deaths of their workers stay so.
    """
    fresh: Mapping[str, Any] = {"status": Status.PENDING.value, "deaths": 0, "attempts": 0, "flags": []}
    for batch in _batches(list(audiobook_ids)):
        where = [_made.audiobook_id.in_(batch), _made.status != Status.SUCCESS.value]
        if not even_poisoned:
            where.append(_made.deaths < POISONED)
        await connection.execute(update(audio_chunks).where(*where).values(**fresh))


def only_poisoned(audiobook_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether every failed chunk of that production was given up for the deaths of its workers, and there is one."""
    failed = select(_made.audiobook_id).where(_made.audiobook_id == audiobook_id, _made.status == Status.FAILED.value)
    return and_(failed.where(_made.deaths >= POISONED).exists(), ~failed.where(_made.deaths < POISONED).exists())


@dataclass(frozen=True, slots=True)
class Mark:
    """What earlier deaths say of a chunk: how many are laid to it, and whether it must be spoken alone."""

    deaths: int
    suspect: bool


@dataclass(frozen=True, slots=True)
class Blame:
    """What a death told of the chunks in hand: whether it told anything new, and which are given up for it."""

    told_more: bool = False
    poisoned: tuple[Place, ...] = ()


async def marks(connection: AsyncConnection, audiobook_id: str) -> dict[Place, Mark]:
    """The chunks of a production that were in hand when a worker died, and have not been recorded since."""
    statement = select(_made.chapter_number, _made.chunk_index, _made.deaths, _made.flags).where(
        _made.audiobook_id == audiobook_id, or_(_made.deaths > 0, cast(_made.flags, Text).like(f"%{_SEEN_ONCE}%"))
    )
    return {
        (chapter, index): Mark(deaths, deaths > 0 or SUSPECT in flags)
        for chapter, index, deaths, flags in await connection.execute(statement)
    }


async def lay_death(connection: AsyncConnection, audiobook_id: str, places: Sequence[Place], too_many: int) -> Blame:
    """Lay a worker's death to the chunks it had in hand.

    A chunk alone in hand is blamed. Of several nobody can tell: those seen at two deaths become suspects, which are
    spoken last and one at a time, so that the next death has a name. A worker killed from outside looks the same as
    one that its chunk has killed, so a chunk is given up only after ``too_many`` deaths in a row with its name.
    """
    await _clear_the_absent(connection, audiobook_id, places, too_many)
    rows = {
        (row[0], row[1]): (row[2], list(row[3] or ())) for row in await connection.execute(_at(audiobook_id, places))
    }
    known = {place: rows.get(place, (0, [])) for place in places}
    suspects = [place for place, (deaths, flags) in known.items() if deaths > 0 or SUSPECT in flags]
    alone = places[0] if len(places) == 1 else (suspects[0] if len(suspects) == 1 else None)
    changed: dict[Place, tuple[int, list[str]]] = {}
    if alone is not None:
        deaths, flags = known[alone]
        changed[alone] = (deaths + 1, _with(flags, _SEEN_ONCE))
    else:
        for place, (deaths, flags) in known.items():
            changed[place] = (deaths, _with(flags, SUSPECT if _SEEN_ONCE in flags else _SEEN_ONCE))
    await _mark(connection, audiobook_id, changed)
    poisoned = tuple(place for place, (deaths, _) in changed.items() if deaths >= too_many)
    return Blame(any(changed[place] != known[place] for place in changed), poisoned)


async def _clear_the_absent(
    connection: AsyncConnection, audiobook_id: str, places: Sequence[Place], too_many: int
) -> None:
    """A worker that died without a chunk in hand speaks for that chunk."""
    absent = tuple_(_made.chapter_number, _made.chunk_index).not_in(list(places))
    named = (_made.audiobook_id == audiobook_id, _made.deaths > 0, _made.deaths < too_many, absent)
    await connection.execute(update(audio_chunks).where(*named).values(deaths=0))


def _with(flags: Sequence[str], flag: str) -> list[str]:
    return [*flags] if flag in flags else [*flags, flag]


def _at(audiobook_id: str, places: Sequence[Place]) -> Select[Any]:
    here = tuple_(_made.chapter_number, _made.chunk_index).in_(list(places))
    columns = (_made.chapter_number, _made.chunk_index, _made.deaths, _made.flags)
    return select(*columns).where(_made.audiobook_id == audiobook_id, here)


async def _mark(connection: AsyncConnection, audiobook_id: str, changed: Mapping[Place, tuple[int, list[str]]]) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement: Any = insert(audio_chunks)
    marked = {"deaths": statement.excluded.deaths, "flags": statement.excluded.flags}
    statement = statement.on_conflict_do_update(index_elements=list(_KEY), set_=marked)
    rows = [
        {
            "audiobook_id": audiobook_id,
            "chapter_number": place[0],
            "chunk_index": place[1],
            "input_key": "",
            "deaths": deaths,
            "flags": flags,
        }
        for place, (deaths, flags) in changed.items()
    ]
    await connection.execute(statement, rows)


def _batches(values: Sequence[Any]) -> list[Sequence[Any]]:
    return [values[start : start + _BATCH] for start in range(0, len(values), _BATCH)]
