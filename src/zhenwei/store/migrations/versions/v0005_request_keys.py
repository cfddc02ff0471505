"""Further words of clients for requests whose file was known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "request_key",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("idempotency", sa.String(64), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "idempotency", name="pk_request_key"),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_request_key_job_id", ondelete="CASCADE"),
    )
    op.create_index("ix_request_key_job_id", "request_key", ["job_id"])
