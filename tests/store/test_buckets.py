"""Buckets that all processes on one database take from."""

from __future__ import annotations

import threading

import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

from sqlalchemy import func, select

from zhenwei.store import open_store
from zhenwei.store.buckets import Buckets
from zhenwei.store.job_tables import BucketRow


def test_a_bucket_fills_evenly_and_is_one_for_all(where: str) -> None:
    with open_store(where) as store, open_store(where) as other:
        assert [Buckets(one, 1000.0).take("a", 3, 3) for one in (store, other, store)] == [0.0] * 3
        assert Buckets(other, 1000.0).take("a", 3, 3) == pytest.approx(20)
        assert Buckets(other, 1000.0).take("b", 3, 3) == 0.0
        assert Buckets(store, 1015.0).take("a", 3, 3) == pytest.approx(5)
        assert Buckets(store, 1021.0).take("a", 3, 3) == 0.0
        assert Buckets(other, 1021.0).take("a", 3, 3) == pytest.approx(19)
        assert [Buckets(store, 9000.0).take("a", 3, 3) > 0 for _ in range(4)] == [False, False, False, True]


def test_those_that_are_full_leave_no_row(where: str) -> None:
    with open_store(where) as store:
        Buckets(store, 1000.0).take("a", 60, 5)
        Buckets(store, 1000.0).take("b", 1, 5)
        Buckets(store, 1010.0).drop_full()
        with store.reading() as session:
            assert session.scalar(select(func.count()).select_from(BucketRow)) == 1
        Buckets(store).drop_full()  # by the clock of the database
        assert Buckets(store).take("c", 1, 1) == 0.0
        assert 58 < Buckets(store).take("c", 1, 1) <= 60
        Buckets(store).drop_full()
        with store.reading() as session:
            assert session.scalar(select(func.count()).select_from(BucketRow)) == 1


def test_no_two_take_one_token(where: str) -> None:
    taken: list[float] = []

    def take(own: Buckets) -> None:
        for _ in range(10):
            taken.append(own.take("a", 1, 20))

    stores = [open_store(where) for _ in range(4)]
    threads = [threading.Thread(target=take, args=(Buckets(store, 1000.0),)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for store in stores:
        store.close()
    assert sorted(wait > 0 for wait in taken) == [False] * 20 + [True] * 20
