"""Add the operator's corrections, the money ledger, shared slots and the inbox's ledger, as they were then."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from foundry_tui.store.columns import BigSerial, Moment, touches
from foundry_tui.store.notices import notify_statements

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

NOW = text("CURRENT_TIMESTAMP")

# Only what a foreign key needs to know of it.
books = Table("books", metadata, Column("book_id", String(20), unique=True))


lexicon_entries = Table(
    "lexicon_entries",
    metadata,
    Column("entry_id", BigSerial, primary_key=True, autoincrement=True),
    Column("word", String(200), nullable=False),
    Column("spoken", Text, nullable=False),
    Column("ipa", Text, nullable=False, server_default=""),
    # Empty: in every language, in every book. No foreign key, for empty names no book; removing a book takes its own.
    Column("language", String(3), nullable=False, server_default=""),
    Column("book_id", String(20), nullable=False, server_default=""),
    Column("case_sensitive", Boolean, nullable=False, server_default=text("true")),
    Column("inflection", String(20), nullable=False, server_default="possessive"),
    Column("note", Text, nullable=False, server_default=""),
    Column("created_at", Moment, server_default=NOW),
    Column("updated_at", Moment, server_default=NOW),
    UniqueConstraint("word", "language", "book_id"),
    Index("ix_lexicon_entries_book", "book_id", "language"),
    sqlite_autoincrement=True,
)

section_overrides = Table(
    "section_overrides",
    metadata,
    Column("override_id", BigSerial, primary_key=True, autoincrement=True),  # they act in this order
    Column("book_id", String(20), ForeignKey("books.book_id"), nullable=False),
    Column("language", String(3), nullable=False),  # of the source decided about: a book may have one in each
    Column("action", String(20), nullable=False),
    Column("anchor", Text, nullable=False, server_default=""),
    Column("text_hash", String(16), nullable=False, server_default=""),
    Column("title", Text, nullable=False, server_default=""),
    Column("created_at", Moment, server_default=NOW),
    Index("ix_section_overrides_book", "book_id", "override_id"),
    sqlite_autoincrement=True,
)

chunk_overrides = Table(
    "chunk_overrides",
    metadata,
    Column("override_id", BigSerial, primary_key=True, autoincrement=True),
    Column("book_id", String(20), ForeignKey("books.book_id"), nullable=False),
    Column("text_hash", String(64), nullable=False),  # of what the chunk would say without it
    Column("original", Text, nullable=False),
    Column("spoken", Text, nullable=False),
    Column("created_at", Moment, server_default=NOW),
    Column("updated_at", Moment, server_default=NOW),
    UniqueConstraint("book_id", "text_hash"),
    sqlite_autoincrement=True,
)


spend = Table(
    "spend",
    metadata,
    Column("spend_id", BigSerial, primary_key=True, autoincrement=True),
    Column("request_key", String(80), nullable=False, unique=True),  # the idempotency key the engine is sent
    Column("audiobook_id", String(14), nullable=False, server_default=""),
    Column("input_key", String(64), nullable=False),
    Column("engine", String(40), nullable=False),
    Column("voice", String(200), nullable=False, server_default=""),
    Column("characters", Integer, nullable=False),
    Column("price_micros", BigInteger, nullable=False),  # millionths of a US dollar
    Column("status", String(20), nullable=False),  # reserved, paid, void
    Column("day", String(10), nullable=False),  # YYYY-MM-DD (UTC): what the daily cap counts
    Column("created_at", Double, nullable=False),
    Column("settled_at", Double),
    Index("ix_spend_production", "audiobook_id", "status"),
    Index("ix_spend_day", "day", "status"),
    Index("ix_spend_key", "input_key"),
    sqlite_autoincrement=True,
)


# A row for each thing that may be used at once; a row of slot 0 also carries the pace (requests a minute).
resource_slots = Table(
    "resource_slots",
    metadata,
    Column("resource", String(120), primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("holder", String(200)),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    Column("lease_expires_at", Double, nullable=False, server_default=text("0")),
    Column("free_at", Double, nullable=False, server_default=text("0")),  # when the pace allows the next request
)

inbox_files = Table(
    "inbox_files",
    metadata,
    Column("inbox_id", BigSerial, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("book_id", String(20)),
    Column("taken_at", Moment, server_default=NOW),
    UniqueConstraint("name", "size_bytes", "mtime_ns"),
    Index("ix_inbox_files_sha256", "sha256"),
    sqlite_autoincrement=True,
)

NEW = (lexicon_entries, section_overrides, chunk_overrides, spend, resource_slots, inbox_files)


def upgrade() -> None:
    for table in (lexicon_entries, chunk_overrides):
        touches(table)
    metadata.create_all(op.get_bind(), tables=NEW, checkfirst=False)
    if op.get_bind().dialect.name == "postgresql":
        for statement in notify_statements():
            op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION foundry_notify() CASCADE")
    metadata.drop_all(op.get_bind(), tables=NEW, checkfirst=False)
