"""Heads on one trunk: labels, who learns from what, and that they learn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tests.training.making import person, tiny_pack, tiny_recipe

from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.nets.face_traces import FaceTracesNet
from zhenwei.trainer.supervised import to_input
from zhenwei.training.attention import _heads as face_traces
from zhenwei.training.attention._heads import Features, figures, labels_of, learn, losses, prepare
from zhenwei.training.data.batches import BatchMaker, Example, split_pack
from zhenwei.training.data.pairs import held_out_pairs
from zhenwei.training.recipe import Recipe, read_recipe
from zhenwei.types import Floats


def small() -> Recipe:
    return tiny_recipe(size_px=192, optimiser={"steps": 2, "learning_rate": 2e-2})


def net() -> FaceTracesNet:
    torch.manual_seed(0)
    return FaceTracesNet(FaceForgeryNet("lite0"))


def soft_mask() -> Floats:
    mask = np.zeros((192, 192), np.float32)
    cv2.circle(mask, (96, 96), 60, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 8), np.float32)


def test_the_boundary_is_where_the_blend_is_half() -> None:
    mask = soft_mask()
    share, known, seam = labels_of(Example(person(0), person(0), mask, "self_blend"))
    assert known
    assert np.allclose(share, mask.reshape(12, 16, 12, 16).mean((1, 3)), atol=1e-5)
    assert np.allclose(seam, (4 * mask * (1 - mask)).reshape(24, 8, 24, 8).mean((1, 3)), atol=1e-5)
    row = seam[12]
    assert row[12] < 0.05 < 0.5 < row.max()
    radius = (23.5 / 2 - int(np.argmax(row[:12]))) * 8
    assert abs(radius - 60) < 10


def test_only_blends_have_a_boundary_and_unknown_masks_stay_unknown() -> None:
    for kind in ("affine_warp", "generated", "collected"):
        assert not labels_of(Example(person(0), person(0), soft_mask(), kind))[2].any()
    share, known, seam = labels_of(Example(person(0), person(0), None, "collected"))
    assert not known
    assert not share.any()
    assert not seam.any()


def test_pairs_are_those_of_the_batch() -> None:
    maker = BatchMaker(tiny_pack(), split_pack(tiny_pack(), small()), small())
    pairs, batch = list(maker.pairs_at(1)), maker[1]
    assert [pair.kind for pair in pairs] == ["collected", "self_blend", "affine_warp", "generated"]
    for number, pair in enumerate(pairs):
        assert np.array_equal(batch.pixels[2 * number], pair.genuine)
        assert np.array_equal(batch.pixels[2 * number + 1], pair.forged)
        assert batch.masked[2 * number + 1] == (pair.mask is not None)


def planted(count: int) -> Features:
    """Features in which a channel tells forged from genuine, at a known place; all kinds in turn."""
    rng = np.random.default_rng(0)
    forged = np.arange(2 * count) % 2 == 1
    mid = rng.normal(0, 0.3, (2 * count, 40, 24, 24)).astype(np.float16)
    high = rng.normal(0, 0.3, (2 * count, 112, 12, 12)).astype(np.float16)
    mid[forged, :4, 4:12, 4:12] += 3
    high[forged, :8, 2:6, 2:6] += 3
    mask, seam = np.zeros((2 * count, 12, 12), np.float32), np.zeros((2 * count, 24, 24), np.float32)
    mask[forged, 2:6, 2:6] = 1
    seam[forged, 4:12, 4:12] = 1
    kinds = np.array(["collected", "self_blend", "affine_warp", "cross_blend"])
    kind = np.repeat(kinds[np.arange(count) % 4], 2)
    seam[~np.isin(kind, ("self_blend", "cross_blend"))] = 0
    return Features(mid, high, forged, kind, mask, np.ones(2 * count, np.bool_), seam)


@pytest.mark.heavy
def test_every_head_learns_what_was_planted_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_traces, "_FACES", 16)  # a step
    data = planted(24)
    before = figures(net(), data)
    found = figures(learn(net(), data, small(), epochs=8), data)
    for head in ("attention", "boundary", "affine", "blend"):
        assert found[f"{head}_all"] > 0.95, found
    assert found["iinc"] < before["iinc"]
    assert found["pbca"] > max(0.85, before["pbca"])
    assert found["false_localisation"] < 0.05


def test_a_head_learns_from_its_own_kinds_alone() -> None:
    some = net()
    data = planted(8)
    mid, high, batch = face_traces._batch(data, np.arange(16))
    own = {"boundary": {"self_blend", "cross_blend"}, "affine": {"affine_warp"}, "blend": {"self_blend"}}
    for head, kinds in own.items():
        high_in = high.clone().detach().requires_grad_()
        losses(some.heads(mid, high_in), batch, 0.0)[head].backward()  # type: ignore[no-untyped-call]
        assert high_in.grad is not None
        moved = high_in.grad.abs().sum((1, 2, 3)).numpy() > 0
        assert set(data.kind[moved]) == kinds


def test_training_is_seeded() -> None:
    data = planted(8)
    first, again = (learn(net(), data, small(), epochs=1).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_features_are_those_of_the_trunk(tmp_path: Path) -> None:
    some = net().eval()

    def pairs() -> Iterator[Example]:
        for number in range(2):
            face = np.asarray(cv2.resize(person(number), (192, 192)), np.uint8)
            yield Example(face, np.asarray(255 - face, np.uint8), soft_mask(), "self_blend")

    told: list[float] = []
    data = prepare(some, pairs(), 2, tmp_path, told.append)
    assert len(data) == 4
    assert told == [0.0]
    assert data.forged.tolist() == [False, True, False, True]
    first = np.asarray(cv2.resize(person(0), (192, 192)), np.uint8)
    with torch.no_grad():
        whole = some.eval()(to_input(first[None], torch.device("cpu")))
        apart = some.heads(*(torch.from_numpy(np.asarray(part[:1], np.float32)) for part in (data.mid, data.high)))
    assert float(whole.attention) == pytest.approx(float(apart.attention), abs=0.02)  # kept in half precision


def test_held_out_pairs_share_nobody_with_the_training() -> None:
    pack, recipe = tiny_pack(30), small().model_copy(update={"held_out_identities": 0.4})
    split = split_pack(pack, recipe)
    pairs, count = held_out_pairs(pack, split, recipe, 2)
    held = {pack.pixels(int(row)).tobytes() for row in split.held_out}
    drawn = list(pairs)
    assert len(drawn) == count == 8
    assert held


def test_the_packaged_recipe_feeds_what_the_detectors_are_fed() -> None:
    recipe = read_recipe(Recipe, "face_traces")
    assert recipe.size_px == 192
    assert recipe.pairs.total == 16
