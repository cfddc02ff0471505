"""Keys, people and their sessions, as the store keeps them: digests of what is secret, never that itself."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from zhenwei.errors import UsageError
from zhenwei.store.job_tables import KeyRow, PersonRow, SessionRow
from zhenwei.store.jobs import Jobs, now

PREFIX = "zw_"


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    tenant: str
    name: str
    scopes: tuple[str, ...]
    max_bytes: int | None
    per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_good(self, moment: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    tenant: str
    name: str
    password: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Login:
    """A session and whose it is. ``key``: digest of its cookie."""

    person: Person
    key: str
    csrf: str


@dataclass(frozen=True, slots=True)
class Access:
    jobs: Jobs

    def add_key(
        self,
        tenant: str,
        name: str,
        scopes: Sequence[str],
        *,
        expires_at: datetime | None = None,
        max_bytes: int | None = None,
        per_minute: int | None = None,
    ) -> tuple[Key, str]:
        """The key, and the text that a client shows; it cannot be had again."""
        uid, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        row = KeyRow(
            uid=uid,
            tenant=tenant,
            name=name,
            secret_sha256=_sha256(secret),
            scopes=list(scopes),
            max_bytes=max_bytes,
            per_minute=per_minute,
            created_at=now(),
            expires_at=expires_at,
            revoked_at=None,
        )
        with self.jobs.store.writing() as session:
            session.add(row)
            session.flush()
            return _key(row), f"{PREFIX}{uid}_{secret}"

    def all_keys(self, tenant: str | None = None) -> list[Key]:
        """The oldest first; of one tenant, or of all."""
        asked = select(KeyRow).order_by(KeyRow.id)
        if tenant is not None:
            asked = asked.filter_by(tenant=tenant)
        with self.jobs.store.reading() as session:
            return [_key(row) for row in session.execute(asked).scalars()]

    def key(self, shown: str) -> Key | None:
        """Whose key this text is, whether it is good or not; None where it is nobody's."""
        uid, _, secret = shown.removeprefix(PREFIX).partition("_")
        with self.jobs.store.reading() as session:
            row = session.execute(select(KeyRow).filter_by(uid=uid)).scalar_one_or_none()
            expected = row.secret_sha256 if row is not None else _sha256("")
            is_right = secrets.compare_digest(_sha256(secret), expected)
            return _key(row) if row is not None and is_right else None

    def revoke_key(self, uid: str, tenant: str | None = None) -> bool:
        with self.jobs.store.writing() as session:
            row = session.execute(select(KeyRow).filter_by(uid=uid).with_for_update()).scalar_one_or_none()
            if row is None or (tenant is not None and row.tenant != tenant):
                return False
            row.revoked_at = row.revoked_at or now()
            return True

    def add_person(self, tenant: str, name: str, password: str, scopes: Sequence[str]) -> Person:
        """``password`` as argon2 makes of it. UsageError for a name that somebody has."""
        with self.jobs.store.writing() as session:
            if session.execute(select(PersonRow.id).filter_by(name=name)).first() is not None:
                raise UsageError("somebody has this name already", got=name, want="another name")
            row = PersonRow(
                tenant=tenant, name=name, password=password, scopes=list(scopes), created_at=now(), revoked_at=None
            )
            session.add(row)
            session.flush()
            return _person(row)

    def people(self) -> list[Person]:
        with self.jobs.store.reading() as session:
            return [_person(row) for row in session.execute(select(PersonRow).order_by(PersonRow.id)).scalars()]

    def person(self, name: str) -> Person | None:
        with self.jobs.store.reading() as session:
            row = session.execute(select(PersonRow).filter_by(name=name)).scalar_one_or_none()
            return None if row is None else _person(row)

    def revoke_person(self, name: str) -> bool:
        """They are logged out everywhere and cannot log in again."""
        with self.jobs.store.writing() as session:
            row = session.execute(select(PersonRow).filter_by(name=name).with_for_update()).scalar_one_or_none()
            if row is None:
                return False
            row.revoked_at = row.revoked_at or now()
            session.execute(delete(SessionRow).where(SessionRow.person_id == row.id))
            return True

    def begin(self, person: Person, hours: float) -> tuple[str, str]:
        """A session: the token for the cookie, and what forms have to bring along. Old ones are cleared away."""
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        moment = now()
        with self.jobs.store.writing() as session:
            session.execute(delete(SessionRow).where(SessionRow.expires_at < moment))
            row = SessionRow(
                token_sha256=_sha256(token),
                person_id=person.id,
                csrf=csrf,
                created_at=moment,
                expires_at=moment + timedelta(hours=hours),
            )
            session.add(row)
        return token, csrf

    def login(self, token: str) -> Login | None:
        """Whose session this cookie is of, if it is good."""
        digest = _sha256(token)
        asked = select(SessionRow, PersonRow).join(PersonRow, PersonRow.id == SessionRow.person_id)
        asked = asked.where(SessionRow.token_sha256 == digest, SessionRow.expires_at > now())
        with self.jobs.store.reading() as session:
            row = session.execute(asked.where(PersonRow.revoked_at.is_(None))).first()
            return None if row is None else Login(_person(row[1]), digest, row[0].csrf)

    def end(self, token: str) -> None:
        with self.jobs.store.writing() as session:
            session.execute(delete(SessionRow).where(SessionRow.token_sha256 == _sha256(token)))


def _sha256(secret: str) -> str:
    """Of 256 random bits: nothing slower is needed, as it would be for what people think of."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: KeyRow) -> Key:
    return Key(
        row.uid,
        row.tenant,
        row.name,
        tuple(row.scopes),
        row.max_bytes,
        row.per_minute,
        row.created_at,
        row.expires_at,
        row.revoked_at,
    )


def _person(row: PersonRow) -> Person:
    return Person(row.id, row.tenant, row.name, row.password, tuple(row.scopes), row.created_at, row.revoked_at)
