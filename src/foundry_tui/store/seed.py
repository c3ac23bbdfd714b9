"""Seed data: books and narrators to begin with, loaded as often as one likes."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.books import Book, Narrator
from foundry_tui.errors import UsageError
from foundry_tui.store.catalog import add_books, find_book
from foundry_tui.store.columns import utc_now
from foundry_tui.store.roster import add_narrator, find_narrator, update_narrator

Noun = TypeVar("Noun", Book, Narrator)


@dataclass(frozen=True, slots=True)
class SeedReport:
    """The ids that were added; what was there already is not in it."""

    books: tuple[str, ...]
    narrators: tuple[str, ...]


async def load_seeds(connection: AsyncConnection, folder: Path, *, now: Callable[[], datetime] = utc_now) -> SeedReport:
    """Add what ``folder``'s narrators.toml and books.toml hold and the tables do not; leave all that is there alone.

    Either file may be missing. Raises UsageError naming the file for one that cannot be read.
    """
    narrators = await _add_narrators(connection, _read(folder / "narrators.toml", "narrators", Narrator), now)
    wanted = _read(folder / "books.toml", "books", Book, id="")
    missing = [book for book in wanted if await find_book(connection, book.book_id) is None]
    await add_books(connection, missing, now=now)
    return SeedReport(tuple(book.book_id for book in missing), narrators)


async def _add_narrators(
    connection: AsyncConnection, wanted: list[Narrator], now: Callable[[], datetime]
) -> tuple[str, ...]:
    added: list[Narrator] = []
    for narrator in wanted:
        if await find_narrator(connection, narrator.narrator_id) is None:
            values = {field.name: getattr(narrator, field.name) for field in fields(narrator)}
            await add_narrator(connection, Narrator(**{**values, "fallback_narrator_id": None}), now=now)
            added.append(narrator)
    # A stand-in may come after the one it stands in for: name them when all are there.
    for narrator in added:
        if narrator.fallback_narrator_id:
            changes = {"fallback_narrator_id": narrator.fallback_narrator_id}
            await update_narrator(connection, narrator.narrator_id, **changes)
    return tuple(narrator.narrator_id for narrator in added)


def _read(path: Path, key: str, kind: type[Noun], **defaults: Any) -> list[Noun]:
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get(key, [])
        return [_noun(kind, {**defaults, **row}) for row in rows]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"The seeds in {path} cannot be read: {error}", next_action="Correct the file.") from error


def _noun(kind: type[Noun], row: Mapping[str, Any]) -> Noun:
    unknown = row.keys() - {field.name for field in fields(kind)}
    if unknown:
        raise ValueError(f"there is no column {', '.join(sorted(unknown))}")
    return kind(**row)
