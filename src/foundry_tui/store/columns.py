"""Column types, defaults and triggers that mean the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import CHAR, DDL, JSON, BigInteger, Dialect, Integer, String, Table, Text, TypeDecorator, event
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

JsonColumn = JSON().with_variant(JSONB(), "postgresql")
# SQLite counts a primary key up by itself only where its type is exactly INTEGER.
BigSerial = BigInteger().with_variant(Integer(), "sqlite")
# A language stays as typed, ``fr-FR`` too: PostgreSQL would pad a CHAR(3) or refuse it, SQLite does neither.
LanguageColumn = CHAR(3).with_variant(String(35), "postgresql")

# What PostgreSQL takes neither as text nor inside JSON: NUL, and halves of characters.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_MAYBE_NO_TEXT = re.compile(r"\\u(?:0000|d[89a-f])")
_FORMAT = "%Y-%m-%d %H:%M:%S"
SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f','now')"


def moment_text(moment: datetime) -> str:
    """UTC text ``YYYY-MM-DD HH:MM:SS.mmm``: sorts as it reads, and as SQLite's own CURRENT_TIMESTAMP does."""
    utc = moment.astimezone(UTC)
    return f"{utc.strftime(_FORMAT)}.{utc.microsecond // 1000:03d}"


def parsed_moment(text: str) -> datetime:
    """The aware datetime of such a text; of raw SQL's own way of writing one too. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def utc_now() -> datetime:
    """The wall clock: the default where no other is handed in."""
    return datetime.now(UTC)


class Moment(TypeDecorator[str]):
    """A point in time to the millisecond: UTC text in Python and in SQLite, ``timestamptz`` in PostgreSQL."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the database's own type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True, precision=3))
        return dialect.type_descriptor(String(23))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Give PostgreSQL a datetime, SQLite the text."""
        if value is None or dialect.name != "postgresql":
            return value
        return parsed_moment(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Hand out UTC text whatever the database holds."""
        del dialect
        return moment_text(value) if isinstance(value, datetime) else value


class Told(TypeDecorator[str]):
    """What somebody else said: an engine, a system, an error. Whatever is no text in it becomes U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Give either database what the other can hold too."""
        del dialect
        return None if value is None else _NO_TEXT.sub("\ufffd", value)


def json_text(value: Any) -> str:
    """``value`` as JSON that either database can hold: whatever is no text in it becomes U+FFFD."""
    written = json.dumps(value)
    # Whole characters beyond the first 65,536 are written in halves too: only a closer look tells them apart.
    return json.dumps(_told(value)) if _MAYBE_NO_TEXT.search(written) else written


def _told(value: Any) -> Any:
    if isinstance(value, str):
        return _NO_TEXT.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_told(key): _told(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_told(each) for each in value]
    return value


class now_ms(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it is
    """The moment of the statement to the millisecond, as a server default: CURRENT_TIMESTAMP has whole seconds."""

    type = Moment()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _now_on_sqlite(_element: now_ms, _compiler: Any, **_options: Any) -> str:
    return f"({SQLITE_NOW})"


@compiles(now_ms, "postgresql")
def _now_on_postgresql(_element: now_ms, _compiler: Any, **_options: Any) -> str:
    # Not CURRENT_TIMESTAMP: that stands still for a whole transaction, and two events would share it.
    return "clock_timestamp()"


POSTGRESQL_TOUCH = """
CREATE OR REPLACE FUNCTION foundry_touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at THEN
    NEW.updated_at := clock_timestamp();
  END IF;
  RETURN NEW;
END
$$
""".strip()


def sqlite_touch(table: str, key: str, columns: Sequence[str]) -> str:
    """The trigger that keeps ``updated_at`` on SQLite, with built-in functions only.

    It listens to every column but ``updated_at``: its own UPDATE cannot set it off again, whatever recursive_triggers
    says. A statement that sets updated_at itself is left alone.
    """
    watched = ", ".join(name for name in columns if name != "updated_at")
    touch = f"UPDATE {table} SET updated_at = {SQLITE_NOW} WHERE {key} = NEW.{key}"  # noqa: S608 - names of ours
    return (
        f"CREATE TRIGGER {table}_touch AFTER UPDATE OF {watched} ON {table} FOR EACH ROW "
        f"WHEN NEW.updated_at IS OLD.updated_at BEGIN {touch}; END"
    )


def postgresql_touch(table: str) -> str:
    """The trigger that keeps ``updated_at`` on PostgreSQL."""
    return (
        f"CREATE TRIGGER {table}_touch BEFORE UPDATE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION foundry_touch_updated_at()"
    )


def touches(table: Table) -> None:
    """Give ``table`` its updated_at trigger when metadata creates it (migrations carry their own copy)."""
    key = next(iter(table.primary_key.columns)).name
    on_sqlite = sqlite_touch(table.name, key, [column.name for column in table.columns])
    for dialect, statement in (
        ("sqlite", on_sqlite),
        ("postgresql", POSTGRESQL_TOUCH),
        ("postgresql", postgresql_touch(table.name)),
    ):
        event.listen(table, "after_create", _ddl(statement).execute_if(dialect=dialect))


def _ddl(statement: str) -> DDL:
    # DDL() formats with %, and strftime's own % signs must survive that.
    return DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
