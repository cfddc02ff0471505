"""What Alembic runs to migrate: on the connection that ``zhenwei.store.opened`` hands it, inside its transaction."""

from __future__ import annotations

from alembic import context

from zhenwei.store import case_tables, job_tables  # noqa: F401 - declare their tables
from zhenwei.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a column
    transactional_ddl=False,  # the transaction is the caller's
)
context.run_migrations()
