"""The tables. Names and columns of the first four are the operator's own; the rest is what the press needs.

Every constraint is named, so that a migration on either database can find it again.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
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

from foundry_tui.domain.status import Status
from foundry_tui.store.columns import BigSerial, JsonColumn, LanguageColumn, Moment, Told, now_ms, touches
from foundry_tui.store.notices import NOTIFYING, notifies

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

NOW = text("CURRENT_TIMESTAMP")
EMPTY = text("'{}'")
_STATUSES = ", ".join(f"'{status.value}'" for status in Status)


def _known_status() -> CheckConstraint:
    return CheckConstraint(f"status IN ({_STATUSES})", name="status")


books = Table(
    "books",
    metadata,
    Column("id", String(14), primary_key=True),
    Column("book_id", String(20), nullable=False, unique=True),
    Column("book_name", String(255), nullable=False),
    Column("author", String(255)),
    Column("language", LanguageColumn, nullable=False),
    Column("year_published", Integer),
    Column("genre", String(100)),
    Column("summary", Text),
    Column("source_path", Text),
    Column("source_url", Text),
    Column("isbn", String(20)),
    # The narrator a book is produced with when none is named; a removed narrator just leaves it open.
    Column("narrator_id", String(100), ForeignKey("narrators.narrator_id", ondelete="SET NULL")),
    Column("created_at", Moment, server_default=NOW),
    Column("updated_at", Moment, server_default=NOW),
    # What a list is sorted by, so that a window into 100,000 books is read off an index.
    Index("ix_books_title", text("lower(book_name)"), "id"),
    Index("ix_books_author", text("lower(coalesce(author, ''))"), "id"),
    Index("ix_books_year", text("coalesce(year_published, 0)"), "id"),
    Index("ix_books_language", "language", "id"),
    Index("ix_books_narrator", "narrator_id"),
)

narrators = Table(
    "narrators",
    metadata,
    Column("narrator_id", String(100), primary_key=True),
    Column("narrator_name", String(255), nullable=False),
    Column("gender", String(20)),
    Column("sample_filepath", String(500)),
    Column("language", LanguageColumn, nullable=False),
    Column("accent", String(50)),
    Column("engine", String(40)),
    Column("voice", String(200)),
    Column("settings", JsonColumn, nullable=False, server_default=EMPTY),
    Column("description", Text),
    Column("active", Boolean, nullable=False, server_default=text("true")),
    Column("fallback_narrator_id", String(100), ForeignKey("narrators.narrator_id", ondelete="SET NULL")),
    Column("created_at", Moment, server_default=NOW),
    Column("updated_at", Moment, server_default=NOW),
)

audiobook_productions = Table(
    "audiobook_productions",
    metadata,
    Column("audiobook_id", String(14), primary_key=True),
    Column("book_id", String(20), ForeignKey("books.book_id"), nullable=False),
    Column("narrator_id", String(100), ForeignKey("narrators.narrator_id"), nullable=False),
    Column("language", LanguageColumn, nullable=False),
    Column("status", String(20), nullable=False, server_default=Status.PENDING.value),
    Column("publish_date", Moment),
    Column("created_at", Moment, server_default=NOW),
    Column("updated_at", Moment, server_default=NOW),
    Column("recipe", String(40), nullable=False, server_default="audiobook"),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("paused_at", Moment),
    Column("error_message", Told),
    Column("manifest_sha", String(64)),
    Column(
        "options", JsonColumn, nullable=False, server_default=EMPTY
    ),  # allow_gaps, mp3, ...: the order, not the state
    Column("totals", JsonColumn, nullable=False, server_default=EMPTY),
    _known_status(),
    Index("ix_audiobook_productions_book", "book_id", "audiobook_id"),
    Index("ix_audiobook_productions_narrator", "narrator_id", "audiobook_id"),
    Index(
        "ix_audiobook_productions_unfinished",
        "audiobook_id",
        sqlite_where=text("status <> 'success'"),
        postgresql_where=text("status <> 'success'"),
    ),
)

audiobook_process_events = Table(
    "audiobook_process_events",
    metadata,
    # ``seq`` is what followers page by; (audiobook_id, timestamp) is the operator's composite key.
    Column("seq", BigSerial, primary_key=True, autoincrement=True),
    Column("audiobook_id", String(14), ForeignKey("audiobook_productions.audiobook_id"), nullable=False),
    Column("timestamp", Moment, nullable=False, server_default=now_ms()),
    Column("step_number", String(100), nullable=False),
    Column("status", String(20), nullable=False),
    Column("step_name", String(100)),
    Column("level", String(10), nullable=False, server_default="info"),
    Column("kind", String(60), nullable=False, server_default="note"),
    Column("message", Told),
    Column("details", JsonColumn, nullable=False, server_default=EMPTY),
    Column("attempt", Integer),
    Column("worker_id", String(200)),
    UniqueConstraint("audiobook_id", "timestamp"),
    _known_status(),
    Index("ix_audiobook_process_events_story", "audiobook_id", "seq"),
    Index(
        "ix_audiobook_process_events_loud",
        "seq",
        sqlite_where=text("level IN ('warning', 'error')"),
        postgresql_where=text("level IN ('warning', 'error')"),
    ),
    sqlite_autoincrement=True,
)

app_events = Table(
    "app_events",
    metadata,
    Column("seq", BigSerial, primary_key=True, autoincrement=True),
    Column("timestamp", Moment, nullable=False, server_default=now_ms()),
    Column("level", String(10), nullable=False, server_default="info"),
    Column("kind", String(60), nullable=False, server_default="note"),
    Column("message", Told),
    Column("details", JsonColumn, nullable=False, server_default=EMPTY),
    sqlite_autoincrement=True,
)

# Generic: knows no book. Times ending in _at and run_after are seconds since 1970 (UTC), made for comparing.
jobs = Table(
    "jobs",
    metadata,
    Column("job_id", BigSerial, primary_key=True, autoincrement=True),
    Column("name", String(100), nullable=False),
    Column("status", String(20), nullable=False, server_default=Status.PENDING.value),
    # Not claimable while paused; ``reason`` says why a job is where it is: retry, poisoned, shutdown, disk_full …
    Column("paused", Boolean, nullable=False, server_default=text("false")),
    Column("reason", String(40)),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("queue_key", String(120), nullable=False, server_default=""),  # claims go in this order within a priority
    Column("run_after", Double, nullable=False, server_default=text("0")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("max_attempts", Integer, nullable=False, server_default=text("3")),
    Column("deaths", Integer, nullable=False, server_default=text("0")),  # workers lost in a row without progress
    Column("durable", Boolean, nullable=False, server_default=text("false")),  # something was finished since the claim
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    Column("worker_id", String(200)),
    Column("lease_expires_at", Double),
    Column("progress", JsonColumn, nullable=False, server_default=EMPTY),
    Column("error_code", String(60)),
    Column("error_message", Told),
    Column("error_trace", Told),
    Column("payload", JsonColumn, nullable=False, server_default=EMPTY),
    Column("cancel_requested", Boolean, nullable=False, server_default=text("false")),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    _known_status(),
    Index(
        "ix_jobs_claim",
        text("priority DESC"),
        "queue_key",
        sqlite_where=text("status = 'pending'"),
        postgresql_where=text("status = 'pending'"),
    ),
    Index(
        "ix_jobs_leases",
        "lease_expires_at",
        sqlite_where=text("status = 'processing'"),
        postgresql_where=text("status = 'processing'"),
    ),
    sqlite_autoincrement=True,
)

production_steps = Table(
    "production_steps",
    metadata,
    Column("audiobook_id", String(14), ForeignKey("audiobook_productions.audiobook_id"), primary_key=True),
    Column("step_number", String(100), primary_key=True),
    Column("step_name", String(100), nullable=False),
    Column("position", Integer, nullable=False),
    # A step that is not yet its production's turn is 'pending' with no job.
    Column("status", String(20), nullable=False, server_default=Status.PENDING.value),
    Column("job_id", BigInteger().with_variant(Integer(), "sqlite"), ForeignKey("jobs.job_id")),
    Column("input_key", String(64)),
    Column("key_parts", JsonColumn, nullable=False, server_default=EMPTY),
    Column("result", JsonColumn, nullable=False, server_default=EMPTY),
    Column("requeues", Integer, nullable=False, server_default=text("0")),
    Column("started_at", Moment),
    Column("finished_at", Moment),
    _known_status(),
    Index("ix_production_steps_job", "job_id"),
)

audio_chunks = Table(
    "audio_chunks",
    metadata,
    Column("audiobook_id", String(14), ForeignKey("audiobook_productions.audiobook_id"), primary_key=True),
    Column("chapter_number", Integer, primary_key=True),
    Column("chunk_index", Integer, primary_key=True),
    Column("input_key", String(64), nullable=False),
    Column("key_parts", JsonColumn, nullable=False, server_default=EMPTY),
    Column("status", String(20), nullable=False, server_default=Status.PENDING.value),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("deaths", Integer, nullable=False, server_default=text("0")),  # workers lost while speaking this chunk
    Column("take", Integer, nullable=False, server_default=text("0")),
    Column("artifact", Text),
    Column("sha256", String(64)),
    Column("size_bytes", BigInteger),
    Column("samples", BigInteger),
    Column("sample_rate", Integer),
    Column("metrics", JsonColumn, nullable=False, server_default=EMPTY),
    Column("flags", JsonColumn, nullable=False, server_default=text("'[]'")),
    Column("engine", String(40)),
    Column("voice", String(200)),
    Column("error", Told),
    _known_status(),
    Index("ix_audio_chunks_key", "input_key"),
)

# -- what the operator decided about a book's words: it hangs on the text itself, so it survives a reparse ----------

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

# -- money: a row before the request is sent, settled when the sound is on disk. It outlives the production ----------

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

# -- what processes and machines share -------------------------------------------------------------------------------

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

TOUCHED = (books, narrators, audiobook_productions, lexicon_entries, chunk_overrides)
for _table in TOUCHED:
    touches(_table)
for _name in NOTIFYING:
    notifies(metadata.tables[_name])
