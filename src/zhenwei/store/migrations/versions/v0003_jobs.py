"""Jobs of the service; keys, people and their sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _job()
    _key()
    _person()


def _job() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.String(64), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("same", sa.String(64), nullable=True),
        sa.Column("idempotency", sa.String(64), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(64), nullable=False),
        sa.Column("fraction", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *_moments("started_at", "finished_at", "deleted_at"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(128), nullable=True),
        *_moments("lease_until"),
        sa.Column("examination_id", sa.Integer(), nullable=True),
        *_outcome(),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("callback_state", sa.String(16), nullable=True),
        sa.Column("callback_tries", sa.Integer(), nullable=False),
        *_moments("callback_at"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.UniqueConstraint("uid", name="uq_job_uid"),
        sa.UniqueConstraint("same", name="uq_job_same"),
        sa.UniqueConstraint("tenant", "idempotency", name="uq_job_tenant"),
        sa.ForeignKeyConstraint(
            ["examination_id"], ["examination.id"], name="fk_job_examination_id", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_job_tenant", "job", ["tenant", "id", "name", "sha256", "deleted_at"])
    op.create_index("ix_job_tenant_state", "job", ["tenant", "state", "id", "deleted_at"])
    op.create_index("ix_job_tenant_decision", "job", ["tenant", "decision", "id"])
    op.create_index("ix_job_state", "job", ["state", "id", "deleted_at"])
    op.create_index("ix_job_tenant_sha256", "job", ["tenant", "sha256"])
    for column in ("sha256", "deleted_at", "examination_id", "callback_at"):
        op.create_index(f"ix_job_{column}", "job", [column])


def _moments(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in names]


def _outcome() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("kind", sa.String(8), nullable=True),
        sa.Column("decision", sa.String(16), nullable=True),
        sa.Column("llr", sa.Double(), nullable=True),
        sa.Column("error_rate", sa.Double(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("error_kind", sa.String(64), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_fix", sa.Text(), nullable=True),
    )


def _key() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(16), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("max_bytes", sa.BigInteger(), nullable=True),
        sa.Column("per_minute", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *_moments("expires_at", "revoked_at"),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("uid", name="uq_api_key_uid"),
    )
    op.create_index("ix_api_key_tenant", "api_key", ["tenant"])


def _person() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("password", sa.String(255), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *_moments("revoked_at"),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.UniqueConstraint("name", name="uq_person_name"),
    )
    op.create_index("ix_person_tenant", "person", ["tenant"])
    op.create_table(
        "login_session",
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_login_session"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_login_session_person_id", ondelete="CASCADE"),
    )
    op.create_index("ix_login_session_person_id", "login_session", ["person_id"])
    op.create_index("ix_login_session_expires_at", "login_session", ["expires_at"])
