"""Between rows and dataclasses: reading them, checking what is to be written, finding free calendar ids."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Column, ColumnElement, Integer, String, Table, false, func, or_, select, text
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from foundry_tui.domain.ids import calendar_id
from foundry_tui.domain.languages import understood
from foundry_tui.domain.status import Status
from foundry_tui.errors import UsageError

Noun = TypeVar("Noun")
_ID_LOCK = 7_046_029_254_386_354  # of pg_advisory_xact_lock
_IDS_AT_ONCE = 2048
_SECOND = timedelta(seconds=1)
_LANGUAGE_MAX = 35
_INTEGER_MAX = 2**31 - 1


def noun(kind: type[Noun], row: RowMapping, prefix: str = "") -> Noun:
    """A ``kind`` (a dataclass named as its columns are) from a row, whose columns may carry a prefix."""
    values = {field.name: row[prefix + field.name] for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if "status" in values:
        values["status"] = Status(values["status"])
    return kind(**values)


def columns_of(kind: type[Any], table: Table, prefix: str = "") -> list[ColumnElement[Any]]:
    """The columns of ``table`` that make a ``kind``."""
    return [table.c[field.name].label(prefix + field.name) for field in dataclasses.fields(kind)]


def checked(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` if ``table`` can hold every one of them whole, else UsageError; languages must be understood.

    SQLite would take any length and PostgreSQL would not: what one home holds must fit the other.
    """
    for name, value in values.items():
        column = table.c.get(name)
        if column is None:
            raise UsageError(f"{table.name} has no {name}.")
        if value is None and not column.nullable:
            raise UsageError(f"{_label(name)} must not be empty.", next_action="Give one.")
        if isinstance(value, str):
            _check_text(column, value)
        elif isinstance(value, int):
            _check_number(column, value)
    return dict(values)


def _check_text(column: Column[Any], value: str) -> None:
    label = _label(column.name)
    if not column.nullable and not value.strip():
        raise UsageError(f"{label} must not be empty.", next_action="Give one.")
    if "\0" in value or (not value.isascii() and value != value.encode("utf-8", "replace").decode("utf-8")):
        raise UsageError(f"{label} holds characters that are no text.", next_action="Type it again without them.")
    longest = _LANGUAGE_MAX if column.name == "language" else getattr(column.type, "length", None)
    if isinstance(column.type, String) and longest is not None and len(value) > longest:
        raise UsageError(
            f"{label} has {len(value)} characters; {longest} is the most it may have.",
            next_action="Shorten it.",
        )
    if column.name == "language":
        understood(value)


def _check_number(column: Column[Any], value: int) -> None:
    small = isinstance(column.type, Integer) and not isinstance(column.type, BigInteger)
    if small and abs(value) > _INTEGER_MAX:
        raise UsageError(f"{_label(column.name)} cannot be {value}.", next_action="Give a smaller number.")


def _label(name: str) -> str:
    return {"book_name": "The title", "narrator_name": "The narrator's name"}.get(name, f"The {name.replace('_', ' ')}")


def containing(typed: str, *columns: Column[Any]) -> ColumnElement[bool]:
    """Whether any of ``columns`` holds ``typed``, in whatever case.

    SQLite folds the case of ASCII only, so other scripts are also looked for as typed and with a capital.
    """
    spellings = {typed, typed.capitalize()} if not typed.isascii() else set[str]()
    conditions = [func.lower(column).contains(typed.lower(), autoescape=True) for column in columns]
    conditions += [column.contains(spelling, autoescape=True) for column in columns for spelling in sorted(spellings)]
    return or_(*conditions)


async def in_language(connection: AsyncConnection, column: Column[Any], wanted: str) -> ColumnElement[bool]:
    """The condition that ``column`` means the language ``wanted``, however either of them spells it."""
    stored = (await connection.execute(select(column).distinct())).scalars()
    same: list[str] = [typed for typed in stored if same_language(typed, wanted)]
    if not same:
        return false()
    # One spelling is the rule, and an equation keeps the order of an index, which a list does not.
    condition: ColumnElement[bool] = column == same[0] if len(same) == 1 else column.in_(same)
    return condition


def same_language(typed: str, other: str) -> bool:
    """Whether two spellings mean one language; what nobody understands (raw SQL may hold anything) is only itself."""
    try:
        return understood(typed) == understood(other)
    except UsageError:
        return typed == other


async def free_calendar_ids(
    connection: AsyncConnection, column: Column[Any], now: datetime, count: int = 1
) -> list[str]:
    """The next ``count`` calendar seconds from ``now`` on that ``column`` does not hold yet, oldest first.

    Call it in the write transaction that inserts them: until that ends nobody else can be given the same.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ID_LOCK})"))
    free: list[str] = []
    moment, wanted = now, calendar_id(now)
    while len(free) < count:
        query = select(column).where(column >= wanted).order_by(column).limit(_IDS_AT_ONCE)
        taken: Sequence[str] = (await connection.execute(query)).scalars().all()
        known = set(taken)
        # What lies beyond the last id read is known only when there was no more to read.
        end = taken[-1] if len(taken) == _IDS_AT_ONCE else None
        while len(free) < count and (end is None or wanted <= end):
            if wanted not in known:
                free.append(wanted)
            moment += _SECOND
            wanted = calendar_id(moment)
    return free
