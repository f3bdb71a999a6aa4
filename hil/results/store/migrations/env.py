"""What alembic runs: the migrations, inside the caller's connection and transaction."""

from __future__ import annotations

from alembic import context

from hil.results.store.schema import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    # SQLite's DDL is transactional where BEGIN is sent in time, as the store does.
    transactional_ddl=True,
    # SQLite cannot alter a table; alembic then makes it anew and copies the rows.
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
