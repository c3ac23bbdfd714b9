"""Create the tables: the store.tables of the first release, kept here as they were."""

from __future__ import annotations

from alembic import op
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

from foundry_tui.store.columns import BigSerial, JsonColumn, LanguageColumn, Moment, now_ms, touches

revision = "0001"
down_revision = None
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
EMPTY = text("'{}'")
_STATUSES = "'pending', 'processing', 'failed', 'success', 'cancelled'"


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
    Column("narrator_id", String(100), ForeignKey("narrators.narrator_id", ondelete="SET NULL")),
    Column("created_at", Moment, server_default=NOW),
    Column("updated_at", Moment, server_default=NOW),
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
    Column("status", String(20), nullable=False, server_default="pending"),
    Column("publish_date", Moment),
    Column("created_at", Moment, server_default=NOW),
    Column("updated_at", Moment, server_default=NOW),
    Column("recipe", String(40), nullable=False, server_default="audiobook"),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("paused_at", Moment),
    Column("error_message", Text),
    Column("manifest_sha", String(64)),
    Column("options", JsonColumn, nullable=False, server_default=EMPTY),
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
    Column("seq", BigSerial, primary_key=True, autoincrement=True),
    Column("audiobook_id", String(14), ForeignKey("audiobook_productions.audiobook_id"), nullable=False),
    Column("timestamp", Moment, nullable=False, server_default=now_ms()),
    Column("step_number", String(100), nullable=False),
    Column("status", String(20), nullable=False),
    Column("step_name", String(100)),
    Column("level", String(10), nullable=False, server_default="info"),
    Column("kind", String(60), nullable=False, server_default="note"),
    Column("message", Text),
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
    Column("message", Text),
    Column("details", JsonColumn, nullable=False, server_default=EMPTY),
    sqlite_autoincrement=True,
)

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", BigSerial, primary_key=True, autoincrement=True),
    Column("name", String(100), nullable=False),
    Column("status", String(20), nullable=False, server_default="pending"),
    Column("paused", Boolean, nullable=False, server_default=text("false")),
    Column("reason", String(40)),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("queue_key", String(120), nullable=False, server_default=""),
    Column("run_after", Double, nullable=False, server_default=text("0")),
    Column("attempt", Integer, nullable=False, server_default=text("0")),
    Column("max_attempts", Integer, nullable=False, server_default=text("3")),
    Column("deaths", Integer, nullable=False, server_default=text("0")),
    Column("durable", Boolean, nullable=False, server_default=text("false")),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    Column("worker_id", String(200)),
    Column("lease_expires_at", Double),
    Column("progress", JsonColumn, nullable=False, server_default=EMPTY),
    Column("error_code", String(60)),
    Column("error_message", Text),
    Column("error_trace", Text),
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
    Column("status", String(20), nullable=False, server_default="pending"),
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
    Column("status", String(20), nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("deaths", Integer, nullable=False, server_default=text("0")),
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
    Column("error", Text),
    _known_status(),
    Index("ix_audio_chunks_key", "input_key"),
)


def upgrade() -> None:
    for table in (books, narrators, audiobook_productions):
        touches(table)
    metadata.create_all(op.get_bind(), checkfirst=False)


def downgrade() -> None:
    metadata.drop_all(op.get_bind(), checkfirst=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION foundry_touch_updated_at()")
