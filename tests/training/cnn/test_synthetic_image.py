"""Portraits, pairs and the run of ``cnn.synthetic_image``: what must not tell the classes apart, and does not."""

from __future__ import annotations

import csv
import json
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from zhenwei import faces
from zhenwei.errors import DataError, UsageError
from zhenwei.evaluation.shortcuts import metadata_probe
from zhenwei.training.cnn._synthetic_image import (
    PortraitBatches,
    PortraitSplit,
    SyntheticPairs,
    SyntheticRecipe,
    exchange,
    generated_view,
    regenerated_view,
    run,
    sort_out,
)
from zhenwei.training.cnn.synthetic_image import lesson, product_of
from zhenwei.training.data.encoding import encode
from zhenwei.training.data.portraits import (
    ImageDegradation,
    LabelledPortrait,
    as_cut,
    draw_degradation,
    read_portraits,
)
from zhenwei.training.resuming import told_changes
from zhenwei.types import Frame, Pixels

ASTRONAUT = Path(__file__).parents[2] / "data" / "astronaut.jpg"


@cache
def astronaut() -> Pixels:
    return np.asarray(Image.open(ASTRONAUT).convert("RGB").resize((256, 256)), np.uint8)


def image(number: int, side: int = 256) -> Pixels:
    """The same face in another light, for as many pictures as are wanted."""
    tint = np.random.default_rng(number).integers(-30, 30, 3)
    pixels = np.clip(astronaut().astype(int) + tint, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def portrait(
    number: int, source: str = "ffhq", *, side: int = 256, quality: int = 95, test: bool = False
) -> LabelledPortrait:
    box = np.array([0.33, 0.08, 0.22]) * side  # about where the face is
    data, forged = encode(image(number, side), ".jpg", quality), source == "stylegan"
    return LabelledPortrait(
        data, f"{source}-{number}.jpg", source, forged, test, float(box[0]), float(box[1]), float(box[2])
    )


def small_recipe(**changes: object) -> SyntheticRecipe:
    recipe = lesson.read()
    few = recipe.optimiser.model_copy(update={"steps": 4, "warmup_steps": 1, "check_every": 2})
    pairs = SyntheticPairs(generated=1, regenerated=1)
    values = {"size_px": 64, "optimiser": few, "pairs": pairs, "exchanged": 0.0, "genuine_sources": {"ffhq": 1.0}}
    return recipe.model_copy(update=values | changes)


def album(recipe: SyntheticRecipe, count: int = 24) -> PortraitSplit:
    return sort_out([portrait(i, s) for i in range(count) for s in ("ffhq", "stylegan")], recipe)


def test_the_packaged_recipe_feeds_what_the_detector_is_fed() -> None:
    from zhenwei.detectors.cnn.synthetic_image import SyntheticImage

    assert lesson.read().contract == SyntheticImage.info.contract


def test_a_recipe_with_an_unknown_word_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('detector = "cnn.synthetic_image"\nspeed = 3\n')
    values = lesson.read().model_dump()
    for pairs, why in (
        ({"generated": 0, "regenerated": 0}, "at least one"),
        ({"generated": 0, "regenerated": 1}, "redrawn"),
    ):
        with pytest.raises(ValueError, match=why):
            SyntheticRecipe.model_validate(values | {"pairs": pairs, "genuine_sources": {}})
    with pytest.raises(UsageError, match="speed"):
        lesson.read(str(tmp_path / "r.toml"))
    with pytest.raises(UsageError, match="no such recipe"):
        lesson.read(str(tmp_path / "none.toml"))


def test_training_held_out_and_test_are_disjoint_and_people_stay_together() -> None:
    dfdc = [replace(portrait(i, "dfdc"), path=f"{i // 4}/train/real/{i}.jpg") for i in range(80)]
    rest = [portrait(i, s, test=i % 5 == 0) for i in range(60) for s in ("ffhq", "stylegan")]
    recipe = small_recipe(genuine_sources={"ffhq": 0.5, "dfdc": 0.5})
    found = sort_out([*dfdc, *rest], recipe)
    learned = [p for some in found.genuine.values() for p in some] + list(found.generated)
    names = [{p.path for p in some} for some in (learned, found.held_out, found.test)]
    assert sum(map(len, names)) == len(names[0] | names[1] | names[2]) == 200
    assert 15 <= len(found.held_out) <= 60
    assert all(p.test for p in found.test)
    people = [{p.path.split("/")[0] for p in some if p.source == "dfdc"} for some in (learned, found.held_out)]
    assert people[0]
    assert people[1]
    assert not people[0] & people[1]
    assert {p.path for p in sort_out([*rest, *dfdc][::-1], recipe).held_out} == names[1]


def test_pictures_that_the_recipe_wants_must_be_there() -> None:
    with pytest.raises(DataError, match="generated portraits"):
        sort_out([portrait(i) for i in range(9)], small_recipe())
    with pytest.raises(DataError, match="from pixabay"):
        sort_out(
            [portrait(i, s) for i in range(9) for s in ("ffhq", "stylegan")],
            small_recipe(genuine_sources={"pixabay": 1.0}),
        )


def test_a_batch_is_a_function_of_the_step() -> None:
    recipe = small_recipe()
    first, second = PortraitBatches(album(recipe), recipe), PortraitBatches(album(recipe), recipe)
    first[0], first[3]
    assert np.array_equal(first[1].pixels, second[1].pixels)
    assert not np.array_equal(first[1].pixels, first[2].pixels)
    batch = first[1]
    assert batch.pixels.shape == (4, 64, 64, 3)
    assert batch.forged.tolist() == [0, 1, 0, 1]
    assert batch.mask.tolist() == [[[label] * 2] * 2 for label in (0, 1, 0, 1)]


def test_both_of_a_pair_go_through_the_very_same() -> None:
    """Put the same picture on both sides: not one pixel may differ, in any draw."""
    recipe = small_recipe(pairs=SyntheticPairs(generated=6, regenerated=0))
    same = PortraitSplit({"ffhq": [portrait(0)]}, [replace(portrait(0), forged=True)], [], [])
    for step in range(15):
        pixels = PortraitBatches(same, recipe)[step].pixels
        assert np.array_equal(pixels[::2], pixels[1::2])


def test_an_exchanged_rectangle_is_known_to_both() -> None:
    before = [np.full((96, 96, 3), value, np.uint8) for value in (10, 200)]
    for seed in range(20):
        two = [x.copy() for x in before]
        mask = exchange(two, np.random.default_rng(seed))
        assert np.array_equal(mask == 1, two[0][..., 0] == 200)
        assert np.array_equal(mask == 0, two[1][..., 0] == 200)
        assert 0.05 < mask.mean() < 0.7


def test_the_label_is_the_share_that_was_generated() -> None:
    recipe = small_recipe(exchanged=1.0, pairs=SyntheticPairs(generated=4, regenerated=1))
    batch = PortraitBatches(album(recipe), recipe)[0]
    assert batch.forged[:8].reshape(4, 2).sum(1) == pytest.approx([1, 1, 1, 1])
    assert ((batch.forged[:8] > 0) & (batch.forged[:8] < 1)).all()
    assert batch.forged[8:].tolist() == [0, 1]
    assert batch.forged == pytest.approx(batch.mask.mean((1, 2)))


def test_a_redrawn_twin_differs_from_its_picture_by_a_little() -> None:
    recipe = small_recipe(pairs=SyntheticPairs(generated=0, regenerated=8))
    pixels = PortraitBatches(album(recipe), recipe)[0].pixels.astype(float)
    change = np.abs(pixels[::2] - pixels[1::2]).mean((1, 2, 3))
    assert (change > 0).all()
    assert np.median(change) < 8


def told_by(batches: PortraitBatches, steps: int) -> tuple[float, float]:
    """The 95 % interval of what a small classifier makes of sharpness, contrast and 8 x 8 blocks in what is shown."""
    rows: list[list[float]] = []
    labels: list[float] = []
    groups: list[int] = []
    for step in range(steps):
        batch = batches[step]
        for number, (pixels, forged) in enumerate(zip(batch.pixels, batch.forged, strict=True)):
            grey = pixels.astype(np.float32).mean(2)
            across = np.abs(np.diff(grey, axis=1))
            blocks = across[:, 7::8].mean() / (across.mean() + 1e-6)
            rows.append([float(cv2.Laplacian(grey, cv2.CV_32F).var()), float(grey.std()), float(blocks)])
            labels.append(float(forged))
            groups.append(step * 100 + number // 2)
    seen = metadata_probe(np.array(rows), labels, groups, seed=0)
    return seen.low, seen.high


@pytest.mark.heavy
def test_how_files_are_made_does_not_tell_the_classes_apart() -> None:
    """A planted shortcut: the generated files carry the same pictures, saved otherwise. Re-encoding hides it."""
    recipe = small_recipe(pairs=SyntheticPairs(generated=8, regenerated=0))
    genuine = [portrait(i, quality=95) for i in range(20)]
    otherwise = [replace(portrait(i, "stylegan", quality=90), path=f"x{i}") for i in range(20)]
    low, high = told_by(PortraitBatches(PortraitSplit({"ffhq": genuine}, otherwise, [], []), recipe), 30)
    assert low <= 0.55
    assert high >= 0.45
    # The probe would see it: a file saved at 12 is told from one saved at 95 through everything.
    ruined = [replace(portrait(i, "stylegan", quality=12), path=f"x{i}") for i in range(20)]
    low, _ = told_by(PortraitBatches(PortraitSplit({"ffhq": genuine}, ruined, [], []), recipe), 30)
    assert low > 0.5


def test_held_out_pictures_are_cut_as_the_detector_cuts() -> None:
    large = np.asarray(cv2.resize(astronaut(), (1024, 1024), interpolation=cv2.INTER_CUBIC), np.uint8)
    frame, contract = Frame(0, 0.0, large), lesson.read().contract
    (track,) = faces.find_people((frame,))
    expected, found = faces.cut(frame, track.faces[0], contract), _as_portrait(large)
    assert expected is not None
    assert found is not None
    shown = as_cut(found, large, ImageDegradation(), contract)
    # The box is rounded once more: a shift of up to a pixel of the picture.
    assert np.abs(shown.astype(float) - expected).mean() < 6
    elsewhere = as_cut(replace(found, left=found.left + 60), large, ImageDegradation(), contract)
    assert np.abs(elsewhere.astype(float) - expected).mean() > 12


def _as_portrait(pixels: Pixels) -> LabelledPortrait | None:
    from zhenwei.training.data.portraits import _placed

    ok, data = cv2.imencode(".png", pixels[..., ::-1])
    return _placed(LabelledPortrait(data.tobytes(), "a", "ffhq", False, False, 0, 0, 0)) if ok else None


def test_deliveries_shrink_encode_and_never_lose_the_picture() -> None:
    drawn = [draw_degradation(np.random.default_rng(i)) for i in range(300)]
    assert 0.4 < np.mean([d.scale != 1 for d in drawn]) < 0.7
    assert {d.encoding[0] for d in drawn if d.encoding} == {".jpg", ".webp"}
    assert ImageDegradation(scale=0.5).apply(astronaut()).shape == (128, 128, 3)
    assert ImageDegradation(scale=0.01).apply(astronaut()).shape == (64, 64, 3)
    assert np.array_equal(ImageDegradation().apply(astronaut()), astronaut())


def test_portraits_are_read_with_their_faces(tmp_path: Path) -> None:
    rows: dict[str, list[list[str]]] = {}
    for name, columns in (
        ("photos", ("path", "label", "generator", "source", "split")),
        ("dfdc-faces", ("path", "label", "original", "identity", "split", "width_px")),
    ):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            if name == "photos":
                for path, pixels in (("train/a.jpg", astronaut()), ("val/b.jpg", np.full((64, 64, 3), 90, np.uint8))):
                    archive.writestr(path, encode(pixels, ".jpg", 95))
                rows[name] = [
                    ["train/a.jpg", "fake", "stylegan", "stylegan", "train"],
                    ["val/b.jpg", "real", "", "ffhq-val", "val"],
                ]
            else:
                archive.writestr("train/fake/c.jpg", b"not read")
                rows[name] = [["train/fake/c.jpg", "fake", "d", "7", "train", "100"]]
        with (tmp_path / f"{name}.csv").open("w", newline="") as text:
            csv.writer(text).writerows([columns, *rows[name]])
    (found,) = read_portraits(tmp_path)  # no face in the grey one, forged faces of DFDC are not asked for
    assert (found.path, found.source, found.forged, found.test) == ("train/a.jpg", "stylegan", True, False)
    assert 30 < found.side < 100
    (tmp_path / "photos.zip").unlink()
    with pytest.raises(DataError, match=r"no photos\.zip"):
        read_portraits(tmp_path)


@pytest.mark.heavy
def test_a_run_writes_its_log_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    recipe = small_recipe()
    some, cpu = album(recipe), torch.device("cpu")

    def quiet(_step: int, _row: dict[str, float]) -> None:
        return None

    whole = run(recipe, some, tmp_path / "whole", device=cpu, tell=quiet)
    run(recipe, some, tmp_path / "parts", device=cpu, tell=quiet, stop_after=2)
    with pytest.raises(DataError, match="holds a run"):
        run(recipe, some, tmp_path / "parts", device=cpu, tell=quiet)
    parts = run(recipe, some, tmp_path / "parts", device=cpu, tell=quiet, resume=True)
    assert whole.step == parts.step == 4
    for ours, theirs in zip(whole.average.parameters(), parts.average.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    log = list(csv.DictReader((tmp_path / "whole" / "log.csv").read_text().splitlines()))
    assert [row["step"] for row in log] == ["2", "4"]
    assert {"auc_generated", "auc_half_jpeg", "auc_regenerated", "choose"} <= set(log[0])
    assert (tmp_path / "whole" / "best.pt").is_file()
    assert SyntheticRecipe.model_validate(json.loads((tmp_path / "whole" / "recipe.json").read_text())) == recipe
    other = recipe.model_copy(update={"seed": recipe.seed + 1})
    with pytest.raises(UsageError, match="the run is at its end"):  # which would be told of on the card
        run(other, some, tmp_path / "whole", device=cpu, tell=quiet, resume=True)
    assert SyntheticRecipe.model_validate(json.loads((tmp_path / "whole" / "recipe.json").read_text())) == recipe
    longer = recipe.model_copy(update={"optimiser": recipe.optimiser.model_copy(update={"steps": 5})})
    run(longer, some, tmp_path / "whole", device=cpu, tell=quiet, resume=True)
    told = told_changes(tmp_path / "whole", longer)
    assert told == ("The recipe changed at step 4: optimiser.steps 4 -> 5.",)
    assert told[0] in product_of(longer, log[-1], told).remarks


def test_views_hold_both_classes_in_equal_treatment() -> None:
    recipe = small_recipe()
    held = album(recipe).held_out
    view = generated_view(held, recipe, ImageDegradation())
    assert len(view.pixels) == len(held)
    assert {True, False} == set(view.forged)
    twins = regenerated_view(held, recipe)
    assert twins.forged == (False, True) * sum(not p.forged for p in held)
    again = regenerated_view(held, recipe)
    assert all(np.array_equal(a, b) for a, b in zip(twins.pixels, again.pixels, strict=True))


def test_held_out_pictures_are_shown_as_they_are_and_delivered() -> None:
    from zhenwei.training.data.held_out_faces import HeldOutPortraits

    some = album(small_recipe())
    shown = list(HeldOutPortraits(some.held_out, 1))
    assert len(shown) == len(HeldOutPortraits(some.held_out, 1)) == 2 * len(some.held_out)
    assert [s.degraded for s in shown] == [False, True] * len(some.held_out)
    for plain, degraded in zip(shown[::2], shown[1::2], strict=True):
        assert (plain.forged, plain.group, plain.face) == (degraded.forged, degraded.group, degraded.face)
        assert plain.pixels.tobytes() != degraded.pixels.tobytes()
    assert {s.forged for s in shown} == {True, False}


def test_bounds_allow_for_generators_that_leave_other_traces() -> None:
    from zhenwei.fusion.operating import OperatingPoints
    from zhenwei.training.install.calibrate import NEUTRAL, Calibrated, cautious

    sure = cautious(Calibrated(NEUTRAL, OperatingPoints({}, {}), (), 0)).calibration
    # With LR among known generators and half of them unknown, the mixture is LR / 2 + 1 / 2.
    assert sure.lowest == pytest.approx(np.log(0.5 * np.exp(NEUTRAL.lowest) + 0.5))
    assert sure.highest == pytest.approx(np.log(0.5 * np.exp(NEUTRAL.highest) + 0.5))
    modest = Calibrated(replace(NEUTRAL, lowest=-0.2, highest=0.3), OperatingPoints({}, {}), (), 0)
    assert cautious(modest).calibration.lowest == -0.2
    assert cautious(modest).calibration.highest == 0
