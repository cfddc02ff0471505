"""A pack to be carried: small, the same every time, and every picture of it encoded alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.training.making import Row, jpeg, pack_of, person, tiny_pack, tiny_recipe

from zhenwei.errors import DataError, UsageError
from zhenwei.training.data.batches import BatchMaker, split_pack
from zhenwei.training.data.pack import load_pack
from zhenwei.training.data.repack import repack


def test_what_is_trained_on_stays_and_the_rest_is_named(tmp_path: Path) -> None:
    before = tiny_pack()
    made = repack(before, tmp_path / "small.npz", 1.0)
    after = load_pack(tmp_path / "small.npz")
    kept = np.flatnonzero(before.split != "val")
    assert (made.images, made.left_out) == (len(kept), len(before) - len(kept))
    assert after.path.tolist() == before.path[kept].tolist()
    assert made.bytes == (tmp_path / "small.npz").stat().st_size <= 1e6
    pairs = np.flatnonzero(after.original >= 0)
    assert len(pairs) == np.sum(before.original[kept] >= 0) > 0
    for row in pairs:
        assert after.path[after.original[row]] == before.path[before.original[kept[row]]]
    finite = np.isfinite(after.landmarks).all((1, 2))
    assert np.array_equal(finite, np.isfinite(before.landmarks[kept]).all((1, 2)) & ~after.forged)
    apart = [np.abs(after.pixels(i).astype(int) - before.pixels(int(k))).mean() for i, k in enumerate(kept)]
    assert np.mean(apart) == pytest.approx(made.error, rel=0.3)
    batch = BatchMaker(after, split_pack(after, tiny_recipe()), tiny_recipe())[0]
    assert batch.pixels.shape == (8, 64, 64, 3)


def test_the_same_pack_gives_the_same_file_and_less_room_smaller_pictures(tmp_path: Path) -> None:
    first = repack(tiny_pack(), tmp_path / "a.npz", 1.0)
    assert repack(tiny_pack(), tmp_path / "b.npz", 1.0) == first
    a, b = (np.load(tmp_path / name) for name in ("a.npz", "b.npz"))
    assert all(np.array_equal(a[n], b[n], equal_nan=n == "landmarks") for n in a.files)
    small = repack(tiny_pack(), tmp_path / "c.npz", first.bytes * 0.8 / 1e6)
    assert (small.side, small.quality) < (first.side, first.quality)
    assert small.bytes <= first.bytes * 0.8
    pack = load_pack(tmp_path / "c.npz")
    assert pack.pixels(0).shape == (small.side, small.side, 3)
    points = pack.points(0)
    assert points is not None
    assert points.max() <= small.side


def test_what_cannot_be_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be made as small"):
        repack(tiny_pack(), tmp_path / "a.npz", 0.001)
    with pytest.raises(DataError, match="nothing to train on"):
        repack(pack_of([Row(jpeg(person(0)), "dfdc", "0", split="val")]), tmp_path / "a.npz", 1)
    assert not list(tmp_path.iterdir())
