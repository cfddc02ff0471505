"""Buckets of tokens, which several servers take from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "rate_bucket",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("full_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_rate_bucket"),
    )
    op.create_index("ix_rate_bucket_full_at", "rate_bucket", ["full_at"])
