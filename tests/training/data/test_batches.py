"""Batches: a function of the step, pairs that differ in nothing but the forgery, and splits that share nobody."""

from __future__ import annotations

from dataclasses import fields

import cv2
import numpy as np
import pytest
from tests.training.making import Row, jpeg, pack_of, person, tampered, tiny_pack, tiny_recipe, tiny_rows

from zhenwei.errors import DataError
from zhenwei.evaluation.localisation import difference_mask
from zhenwei.trainer.batch import Batch
from zhenwei.training.data.batches import BatchMaker, Split, split_pack
from zhenwei.training.data.pack import Pack

NONE = {"collected": 0, "self_blend": 0, "affine_warp": 0, "generated": 0}
PLAIN = dict.fromkeys(("downscale", "colour", "grey", "blur", "sharpen", "noise", "jpeg", "webp"), 0.0)


def maker(pack: Pack, **changes: object) -> BatchMaker:
    recipe = tiny_recipe(**changes)
    return BatchMaker(pack, split_pack(pack, recipe), recipe)


def equal(a: Batch, b: Batch) -> bool:
    return all(np.array_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(Batch))


def test_a_batch_is_a_function_of_its_step() -> None:
    pack = tiny_pack()
    one, other = maker(pack), maker(pack)
    forwards = [one[step] for step in range(3)]
    backwards = [other[step] for step in reversed(range(3))][::-1]
    assert all(equal(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert not np.array_equal(forwards[0].pixels, forwards[1].pixels)
    assert not np.array_equal(forwards[0].pixels, maker(pack, seed=6)[0].pixels)


def test_shapes_and_labels() -> None:
    batch = maker(tiny_pack(), pairs={"self_blend": 2})[0]
    assert batch.pixels.shape == (10, 64, 64, 3)
    assert batch.pixels.dtype == np.uint8
    assert batch.forged.tolist() == [0, 1] * 5
    assert batch.mask.shape == (10, 2, 2)
    assert all(values.dtype == np.float32 for values in (batch.forged, batch.mask, batch.masked))
    assert len(maker(tiny_pack())) == 4


def test_genuine_faces_have_nothing_altered_and_forged_ones_have() -> None:
    makes = maker(tiny_pack())
    batches = [makes[step] for step in range(6)]
    masks, forged = np.concatenate([b.mask for b in batches]), np.concatenate([b.forged for b in batches])
    known = np.concatenate([b.masked for b in batches])
    assert masks[forged == 0].max() == 0
    assert (known[forged == 0] == 1).all()
    assert 0 <= masks.min() <= masks.max() <= 1
    assert (masks[(forged == 1) & (known == 1)].max(axis=(1, 2)) > 0.02).all()


def test_a_forgery_that_is_its_original_cannot_be_told_from_it() -> None:
    rows = tiny_rows()
    rows = [r if r.original < 0 else Row(rows[r.original].data, "dfdc", r.identity, True, r.original) for r in rows]
    makes = maker(pack_of(rows), pairs=NONE | {"collected": 4})
    for step in range(5):
        batch = makes[step]
        assert np.array_equal(batch.pixels[0::2], batch.pixels[1::2])
        assert batch.masked.tolist() == [1, 0] * 4  # where nothing is seen to differ, nothing is claimed


@pytest.mark.parametrize("kind", ["animated", "rendered", "decoded"])
def test_kinds_that_are_off_by_default_lie_beside_their_original(kind: str, latents: str) -> None:
    """Recipes that do not name them draw what they drew before: their places come last."""
    pack = tiny_pack()
    batch = maker(pack, pairs=NONE | {kind: 4}, augmentation=PLAIN, latents=latents)[0]
    assert batch.forged.tolist() == [0, 1] * 4
    assert (batch.masked == 1).all()
    assert (batch.mask[1::2].max(axis=(1, 2)) > 0.02).all()
    assert np.abs(batch.pixels[0::2].astype(int) - batch.pixels[1::2]).max() > 10
    both = maker(pack, pairs={kind: 1}, latents=latents)[0]
    assert np.array_equal(both.pixels[:8], maker(pack)[0].pixels)


def test_decoded_pairs_need_an_autoencoder() -> None:
    with pytest.raises(ValueError, match="latents: decoded pairs need"):
        tiny_recipe(pairs={"decoded": 1})


@pytest.mark.parametrize("kind", sorted(NONE))
def test_both_faces_of_a_pair_are_degraded_alike(kind: str) -> None:
    """Outside the forged part the two faces agree as far as their encoding lets them."""
    calm = {"noise": 0, "jpeg": 0, "webp": 0, "downscale": 0.5, "colour": 1}
    batch = maker(tiny_pack(), pairs=NONE | {kind: 6}, augmentation=calm)[1]
    genuine, forged = batch.pixels[0::2].astype(int), batch.pixels[1::2].astype(int)
    if kind == "generated":  # another face of the same kind: only their gains can be compared
        assert np.abs(genuine.mean((1, 2, 3)) - forged.mean((1, 2, 3))).max() < 60
        assert batch.mask[1::2].min() > 0.9
        return
    border = np.abs(genuine - forged)[:, :6].mean()
    assert border < 2
    assert np.abs(genuine - forged).max() > 10


def test_masks_lie_over_what_was_changed() -> None:
    """At 192 px there are 6 x 6 regions; the planted square changes the pixels of just those that the mask names."""
    none = dict.fromkeys(("downscale", "colour", "grey", "blur", "sharpen", "noise", "jpeg", "webp"), 0.0)
    batch = maker(tiny_pack(), size_px=192, pairs=NONE | {"collected": 4}, augmentation=none)[0]
    changed = (np.abs(batch.pixels[1::2].astype(int) - batch.pixels[0::2]).max(-1) > 30).astype(np.float32)
    share = np.stack([cv2.resize(c, (6, 6), interpolation=cv2.INTER_AREA) for c in changed])
    assert batch.mask[1::2] == pytest.approx(share, abs=0.25)
    assert np.corrcoef(batch.mask[1::2].ravel(), share.ravel())[0, 1] > 0.95


def unseen_pack(seed: int) -> Pack:
    """Random people of random sources; a split must not look at pictures, so there are none."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for number in range(int(rng.integers(20, 60))):
        split = "val" if rng.random() < 0.2 else "train"
        for _ in range(int(rng.integers(1, 4))):  # several pictures of one person
            rows.append(Row(b"", "dfdc", str(number), split=split))
            rows.append(Row(b"", "dfdc", str(number), True, len(rows) - 1, split))
        rows += [Row(b"", source, f"{source}/{number}", split=split) for source in ("ffhq", "pixabay")]
        rows.append(Row(b"", "stylegan", f"stylegan/{number}", True, split=split))
    return pack_of(rows)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("share", [0.0, 0.1, 0.4])
def test_nobody_is_on_two_sides(seed: int, share: float) -> None:
    pack, recipe = unseen_pack(seed), tiny_recipe(held_out_identities=share)
    split = split_pack(pack, recipe)
    learned = np.concatenate([split.pairs, pack.original[split.pairs], split.generated, *split.genuine.values()])
    sides = [set(side.tolist()) for side in (learned, split.held_out, split.foreign, split.test)]
    assert all(not one & other for i, one in enumerate(sides) for other in sides[i + 1 :])
    assert not set(pack.identity[learned]) & set(pack.identity[[*split.held_out, *split.foreign, *split.test]])
    assert not set(pack.source[learned]) & set(recipe.held_out_sources)
    assert set(pack.source[split.foreign]) == set(recipe.held_out_sources)
    assert sides[3] == set(np.flatnonzero(pack.split == "val").tolist())
    assert bool(len(split.held_out)) == (share > 0)


def test_who_is_held_out_does_not_hang_on_who_else_is_there() -> None:
    recipe = tiny_recipe()
    few, many = tiny_pack(6), tiny_pack(10)

    def held_out(pack: Pack, split: Split) -> set[str]:
        return {str(i) for i in pack.identity[split.held_out]}

    names = set(few.identity[few.split == "train"].tolist()) & set(many.identity[many.split == "train"].tolist())
    assert held_out(few, split_pack(few, recipe)) & names == held_out(many, split_pack(many, recipe)) & names


def test_the_share_of_people_held_out_is_about_the_one_asked_for() -> None:
    rows = [*tiny_rows(3), *(Row(b"", "dfdc", f"x{n}") for n in range(2000))]
    split = split_pack(pack_of(rows), tiny_recipe(held_out_identities=0.1))
    assert len(split.held_out) == pytest.approx(200, abs=50)


def test_a_pair_whose_original_is_kept_out_is_kept_out() -> None:
    rows = tiny_rows()
    held = {int(i) for i in split_pack(pack_of(rows), tiny_recipe()).held_out}
    original = next(i for i in held if not rows[i].forged)
    free = next(r.identity for i, r in enumerate(rows) if i not in held and r.source == "dfdc" and r.split == "train")
    rows.append(Row(jpeg(tampered(person(0))), "dfdc", free, True, original))
    split = split_pack(pack_of(rows), tiny_recipe())
    assert len(rows) - 1 not in split.pairs


@pytest.mark.parametrize(
    ("drop", "lacking"),
    [("ffhq", "genuine faces from ffhq"), ("stylegan", "generated faces"), ("pairs", "pairs")],
)
def test_a_pack_that_lacks_what_the_recipe_wants_is_refused(drop: str, lacking: str) -> None:
    rows = [r for r in tiny_rows() if not (r.original >= 0 if drop == "pairs" else r.source == drop)]
    rows = [Row(r.data, r.source, r.identity, r.forged, -1 if drop == "pairs" else r.original, r.split) for r in rows]
    with pytest.raises(DataError, match=lacking):
        split_pack(pack_of(rows), tiny_recipe())


def test_generated_faces_need_their_family_beside_them() -> None:
    with pytest.raises(DataError, match="ffhq among the genuine_sources"):
        split_pack(tiny_pack(), tiny_recipe(genuine_sources={"dfdc": 1.0}))
    split_pack(tiny_pack(), tiny_recipe(genuine_sources={"dfdc": 1.0}, pairs={"generated": 0}))


@pytest.mark.parametrize("brightness", [0.15, 1.0])
def test_a_planted_square_is_found(brightness: float) -> None:
    genuine = (person(8) * brightness).astype(np.uint8)
    forged = genuine.copy()
    inside = np.zeros((224, 224), bool)
    inside[60:140, 90:180] = True
    forged[inside] = np.clip(forged[inside] + 60 * brightness, 0, 255).astype(np.uint8)
    mask = difference_mask(genuine, forged)
    assert mask is not None
    assert mask.dtype == np.float32
    found = mask > 0.5
    assert (found & inside).sum() / (found | inside).sum() > 0.9


def test_what_hardly_differs_has_no_mask() -> None:
    genuine = person(9)
    assert difference_mask(genuine, genuine) is None
    noisy = np.clip(genuine + np.random.default_rng(0).normal(0, 3, genuine.shape), 0, 255).astype(np.uint8)
    assert difference_mask(genuine, noisy) is None
    speck = genuine.copy()
    speck[100:120, 100:120] = 255
    assert difference_mask(genuine, speck) is None  # 0.8 % of the picture


@pytest.mark.parametrize("kind", ["mesh_swap", "cross_blend"])
def test_the_donor_of_a_swap_is_somebody_else_of_the_same_source(kind: str) -> None:
    """The people differ in tint alone: inside the mask the forged face has drawn away from its own towards another."""
    makes = maker(tiny_pack(), pairs=NONE | {kind: 6}, genuine_sources={"dfdc": 1.0}, augmentation=PLAIN)
    for step in range(3):
        batch = makes[step]
        genuine, forged = batch.pixels[0::2].astype(int), batch.pixels[1::2].astype(int)
        mask = batch.mask[1::2]
        assert (batch.masked == 1).all()
        assert (mask.max((1, 2)) > 0.3).all()
        assert (np.abs(genuine - forged).max((1, 2, 3)) > 0).all()
        untouched = np.repeat(np.repeat(mask == 0, 32, 1), 32, 2)
        assert np.abs(genuine - forged)[untouched].max(initial=0) <= 3


def test_alone_in_the_source_a_face_is_blended_with_itself() -> None:
    rows = [Row(jpeg(person(1)), "dfdc", "1") for _ in range(3)]
    makes = maker(pack_of(rows), pairs=NONE | {"mesh_swap": 1}, genuine_sources={"dfdc": 1.0}, held_out_identities=0)
    assert makes[0].pixels.shape == (2, 64, 64, 3)


def test_a_recipe_may_begin_with_smaller_pictures() -> None:
    makes = maker(tiny_pack(), size_px=96, small_px=64, small_until_step=2)
    assert [makes[step].pixels.shape[1] for step in range(4)] == [64, 64, 96, 96]
    assert [makes[step].mask.shape[1] for step in range(4)] == [2, 2, 3, 3]
