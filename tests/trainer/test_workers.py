"""Batches come in order and are the same, whoever prepares them; nobody is left behind."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.training.making import person, tiny_pack, tiny_recipe

from zhenwei.errors import DataError
from zhenwei.trainer.batch import Batch
from zhenwei.trainer.workers import prepared, share
from zhenwei.training.data.batches import BatchMaker, split_pack
from zhenwei.training.data.encoding import encode


def maker(steps: int = 6) -> BatchMaker:
    recipe = tiny_recipe(optimiser={"steps": steps})
    return BatchMaker(tiny_pack(), split_pack(tiny_pack(), recipe), recipe)


def same(a: Batch, b: Batch) -> bool:
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("pixels", "forged", "mask", "masked"))


@pytest.mark.parametrize(("workers", "processes"), [(1, False), (4, False), (2, True)])
def test_the_batches_are_the_same_whoever_prepares_them(workers: int, processes: bool) -> None:
    source = maker()
    with prepared(source, 1, 6, workers, processes=processes) as batches:
        found = list(batches)
    assert len(found) == 5
    assert all(same(batch, source[step]) for step, batch in enumerate(found, 1))
    assert not multiprocessing.active_children()


def test_whoever_leaves_early_leaves_nobody_behind() -> None:
    with prepared(maker(1000), 0, 1000, 2, processes=True) as batches:
        assert len(list(itertools.islice(batches, 2))) == 2
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()


def until_killed() -> None:
    with prepared(maker(1000), 0, 1000, 2, processes=True) as batches:
        next(batches)
        for process in multiprocessing.active_children():
            os.kill(process.pid or 0, signal.SIGKILL)
        for _ in batches:
            pass


def test_a_worker_that_dies_is_a_clear_error() -> None:
    with pytest.raises(DataError, match=r"a process that prepares batches died.*batches-\d: signal 9"):
        until_killed()
    assert not multiprocessing.active_children()


def test_what_is_wrong_with_the_data_is_told_as_it_is_by_one_process() -> None:
    pack = tiny_pack()
    source = maker()
    damaged = BatchMaker(replace(pack, data=np.zeros_like(pack.data)), source.split, source.recipe)
    with (
        pytest.raises(DataError, match="a picture of the data set cannot be decoded"),
        prepared(damaged, 0, 6, 1, processes=True) as batches,
    ):
        next(batches)


def test_large_arrays_are_shared_and_read_only_and_small_ones_copied(tmp_path: Path) -> None:
    large, small = np.arange(1 << 18, dtype=np.float32).reshape(512, -1), np.arange(10)
    there = np.lib.format.open_memmap(tmp_path / "there.npy", "w+", np.float32, large.shape)
    there[:] = large
    there.flush()
    folder = tmp_path / "shared"
    folder.mkdir()
    data = share({"large": large, "small": small, "there": there, "jpeg": encode(person(1), ".jpg", 80)}, folder)
    assert len(data) < 60_000
    assert len(list(folder.iterdir())) == 1  # what lies in a file already is read from there
    back = pickle.loads(data)  # noqa: S301 - made above
    assert np.array_equal(back["large"], large)
    assert np.array_equal(back["there"], large)
    assert np.array_equal(back["small"], small)
    assert not back["large"].flags.writeable
    assert not back["there"].flags.writeable
