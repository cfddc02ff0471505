"""Buckets of tokens that all processes on one database take from: how often somebody may ask, kept as one moment each.

A bucket is known by when it will be full again (the generic cell rate algorithm), so that taking a token is one
statement, and one that is full needs no row. The clock is the database's.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import BindParameter, Double, bindparam, cast, delete, extract, func, literal, select, text

from zhenwei.store.job_tables import BucketRow
from zhenwei.store.store import Store

_HASTY = text("SET LOCAL synchronous_commit TO OFF")
_AGREE_S = 5.0  # before a row that says nothing any more is taken away


class Buckets:
    """``moment``: seconds since 1970, where the database's own are not to count."""

    def __init__(self, store: Store, moment: float | None = None) -> None:
        self.store = store
        self._is_postgresql = store.engine.dialect.name == "postgresql"
        self._now = self._clock() if moment is None else literal(moment)
        name: BindParameter[str] = bindparam("digest")
        step, full = bindparam("step", type_=Double), bindparam("full", type_=Double)
        later = (func.greatest if self._is_postgresql else func.max)(BucketRow.full_at, self._now)
        first = store._insert(BucketRow).values(name=name, full_at=self._now + step)
        self._taking = first.on_conflict_do_update(
            index_elements=["name"], set_={"full_at": later + step}, where=later - self._now <= full
        ).returning(BucketRow.full_at)
        self._waiting = select(BucketRow.full_at - self._now - full).where(BucketRow.name == name)

    def take(self, name: str, per_minute: float, most: float) -> float:
        """Take a token from the bucket ``name``, which holds ``most`` and gets ``per_minute``: 0.0, or, where there is
        none, the seconds until there will be one. Of the name a digest is kept."""
        step = 60 / per_minute
        values = {"digest": hashlib.sha256(name.encode()).hexdigest()[:32], "step": step, "full": (most - 1) * step}
        with self.store.writing() as session:
            if self._is_postgresql:  # what is lost when the machine loses power are seconds of counting
                session.execute(_HASTY)
            if session.execute(self._taking, values).first() is not None:
                return 0.0
            left = session.execute(self._waiting, values).scalar_one()
        return max(float(left), 0.001)

    def drop_full(self) -> None:
        """Away with those that are full. Nothing is written where there are none."""
        are_full = BucketRow.full_at < self._now - _AGREE_S
        with self.store.reading() as session:
            if session.execute(select(BucketRow.name).where(are_full).limit(1)).first() is None:
                return
        with self.store.writing() as session:
            session.execute(delete(BucketRow).where(are_full))

    def _clock(self) -> Any:
        if self._is_postgresql:
            return cast(extract("epoch", func.clock_timestamp()), Double)
        return (func.julianday("now") - 2_440_587.5) * 86_400.0
