"""Cases with their files, notes, tags and hash-chained log; media kept; what a page is rendered from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _case()
    _case_file()
    _note_and_tag()
    _log_entry()
    _kept()


def _case() -> None:
    op.create_table(
        "case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_case"),
        sa.UniqueConstraint("uid", name="uq_case_uid"),
        sqlite_autoincrement=True,  # the number of a case that was erased is given to no other
    )
    op.create_index("ix_case_tenant", "case", ["tenant", "id"])


def _case_file() -> None:
    op.create_table(
        "case_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("examination_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_case_file"),
        sa.UniqueConstraint("case_id", "file_id", name="uq_case_file_case_id"),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name="fk_case_file_case_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name="fk_case_file_file_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["examination_id"], ["examination.id"], name="fk_case_file_examination_id", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_case_file_file_id", "case_file", ["file_id"])
    op.create_index("ix_case_file_examination_id", "case_file", ["examination_id"])


def _note_and_tag() -> None:
    op.create_table(
        "note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_note"),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name="fk_note_case_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name="fk_note_file_id", ondelete="CASCADE"),
    )
    op.create_index("ix_note_case_id", "note", ["case_id"])
    op.create_index("ix_note_file_id", "note", ["file_id"])
    op.create_table(
        "tag",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "name", name="pk_tag"),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name="fk_tag_case_id", ondelete="CASCADE"),
    )
    op.create_index("ix_tag_name", "tag", ["name"])


def _log_entry() -> None:
    op.create_table(
        "log_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("chain", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_entry"),
        sa.UniqueConstraint("tenant", "chain", "number", name="uq_log_entry_tenant"),
    )
    op.create_index("ix_log_entry_subject", "log_entry", ["subject"])


def _kept() -> None:
    op.create_table(
        "kept_media",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "file_id", name="pk_kept_media"),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name="fk_kept_media_file_id", ondelete="CASCADE"),
    )
    op.create_index("ix_kept_media_file_id", "kept_media", ["file_id"])
    op.create_index("ix_kept_media_until", "kept_media", ["until"])
    op.create_table(
        "page",
        sa.Column("examination_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("examination_id", name="pk_page"),
        sa.ForeignKeyConstraint(
            ["examination_id"], ["examination.id"], name="fk_page_examination_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_page_sha256", "page", ["sha256"])
