"""Column types that mean the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Integer, String, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeEngine

JsonColumn = JSON().with_variant(JSONB(), "postgresql")
# SQLite counts a primary key up by itself only where its type is exactly INTEGER.
BigSerial = BigInteger().with_variant(Integer(), "sqlite")

_FORMAT = "%Y-%m-%d %H:%M:%S"


def moment_text(moment: datetime) -> str:
    """UTC text ``YYYY-MM-DD HH:MM:SS.mmm``: sorts as it reads, and as SQLite's own CURRENT_TIMESTAMP does."""
    utc = moment.astimezone(UTC)
    return f"{utc.strftime(_FORMAT)}.{utc.microsecond // 1000:03d}"


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
        return datetime.fromisoformat(value).replace(tzinfo=UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Hand out UTC text whatever the database holds."""
        del dialect
        return moment_text(value) if isinstance(value, datetime) else value
