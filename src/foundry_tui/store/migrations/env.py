"""How Alembic reaches the database: always through a connection that the caller opened and will commit.

Foundry upgrades inside a running event loop, where a second one may not be started, so there is no other way in.
"""

from __future__ import annotations

from alembic import context

from foundry_tui.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
