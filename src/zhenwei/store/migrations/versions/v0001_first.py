"""Files, places, engines, examinations, reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("met_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_file"),
        sa.UniqueConstraint("sha256", name="uq_file_sha256"),
    )
    op.create_table(
        "place",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("path_sha256", sa.String(64), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        *_error(),
        sa.PrimaryKeyConstraint("id", name="pk_place"),
        sa.UniqueConstraint("path_sha256", name="uq_place_path_sha256"),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name="fk_place_file_id", ondelete="CASCADE"),
    )
    op.create_index("ix_place_file_id", "place", ["file_id"])
    op.create_table(
        "engine",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("models", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("detectors", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_engine"),
        sa.UniqueConstraint("fingerprint", name="uq_engine_fingerprint"),
    )
    _examination()
    op.create_table(
        "report",
        sa.Column("examination_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("declared", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("examination_id", "language", name="pk_report"),
        sa.ForeignKeyConstraint(
            ["examination_id"], ["examination.id"], name="fk_report_examination_id", ondelete="CASCADE"
        ),
    )


def _examination() -> None:
    op.create_table(
        "examination",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("engine_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=True),
        sa.Column("decision", sa.String(16), nullable=True),
        sa.Column("llr", sa.Double(), nullable=True),
        sa.Column("error_rate", sa.Double(), nullable=True),
        sa.Column("at_fault", sa.String(64), nullable=False),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("partly", sa.Boolean(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("examined_at", sa.DateTime(timezone=True), nullable=False),
        *_error(),
        sa.PrimaryKeyConstraint("id", name="pk_examination"),
        sa.UniqueConstraint("file_id", "engine_id", name="uq_examination_file_id"),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name="fk_examination_file_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["engine_id"], ["engine.id"], name="fk_examination_engine_id"),
    )
    op.create_index("ix_examination_engine_id", "examination", ["engine_id"])
    op.create_index("ix_examination_examined_at", "examination", ["examined_at"])
    op.create_index("ix_examination_decision", "examination", ["decision", "id"])


def _error() -> tuple[sa.Column[str], ...]:
    return (
        sa.Column("error_kind", sa.String(64), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_fix", sa.Text(), nullable=True),
    )
