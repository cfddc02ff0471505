"""Recipes: the packaged one loads, and whatever is wrong in one is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.training.making import tiny_recipe, write_recipe

from zhenwei.errors import UsageError
from zhenwei.training.install.linear import LinearRecipe
from zhenwei.training.recipe import Recipe, read_recipe


def test_the_packaged_recipe_loads_and_sums_up() -> None:
    recipe = read_recipe(Recipe, "face_forgery")
    assert recipe.detector == "cnn.face_forgery"
    kinds = recipe.pairs
    assert kinds.total == kinds.collected + kinds.self_blend + kinds.affine_warp + kinds.generated > 0
    assert recipe.size_px % 32 == 0
    assert not set(recipe.genuine_sources) & set(recipe.held_out_sources)
    assert recipe.optimiser.steps % recipe.optimiser.check_every == 0  # the last check is a whole one


def test_a_file_gives_what_was_written(tmp_path: Path) -> None:
    recipe = tiny_recipe(size_px=96)
    assert read_recipe(Recipe, str(write_recipe(tmp_path / "mine.toml", recipe))) == recipe


def test_a_recipe_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"no such recipe; got face_forgry; want .*face_forgery"):
        read_recipe(Recipe, "face_forgry")
    with pytest.raises(UsageError, match=r"want a TOML file or one of neuron_coverage"):  # nobody else's
        read_recipe(Recipe, "face_forgry", detectors=("cnn.neuron_coverage",))
    with pytest.raises(UsageError, match=r"want a TOML file$"):
        read_recipe(Recipe, "face_forgry", detectors=("speech.spectrogram",))


@pytest.mark.parametrize("share", ["0", "1"])
def test_a_share_that_leaves_nothing_on_one_side_is_answered_with_its_option(share: str) -> None:
    with pytest.raises(UsageError, match=r"held_out.*--held-out"):
        read_recipe(LinearRecipe, "", {"held-out": share})


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("seed = 5", "seed = 5\nsed = 6", "sed"),
        ("zoom = 0.85", "zooom = 0.85", "zooom"),
        ("seed = 5", 'seed = "five"', "seed"),
        ("seed = 5", "", "seed"),
        ('backbone = "lite0"', 'backbone = "resnet50"', "backbone"),
        ("size_px = 64", "size_px = 65", "size_px"),
        ("steps = 4", "steps = 0", "steps"),
        ("jpeg = 0.7", "jpeg = 1.7", "jpeg"),
        ("jpeg = 0.7", "jpeg = 0.99", "webp"),
        ("jpeg_quality = [35, 95]", "jpeg_quality = [95, 35]", "jpeg_quality"),
        ("ema_decay = 0.9", "ema_decay = 1.0", "ema_decay"),
        ("dfdc = 0.7", "dfdc = -1", "dfdc"),
        ("dfdc = 0.7", "pixabay = 0.7", "pixabay would be trained on"),
        ("seed = 5", "seed = ", "line"),
        ("seed = 5", "seed = -1", "seed = -1"),
        ("map_weight = 0.5", "map_weight = inf", "map_weight = inf"),
        ("zoom = 0.85", "zoom = nan", "zoom = nan"),
        ("h264_crf = [20, 40]", "h264_crf = [40, 60]", "h264_crf"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, named: str, tmp_path: Path) -> None:
    path = write_recipe(tmp_path / "mine.toml", tiny_recipe())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UsageError) as caught:
        read_recipe(Recipe, str(path))
    assert named in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_value_is_told_in_words_of_our_own(tmp_path: Path) -> None:
    path = str(write_recipe(tmp_path / "mine.toml", tiny_recipe()))
    with pytest.raises(UsageError) as caught:
        read_recipe(Recipe, path, {"optimiser.check-every": "0"})
    error = caught.value
    assert (error.got, error.want) == ("optimiser.check_every = 0", "a number above 0")
    assert error.fix == "Correct --optimiser.check-every."
    assert "pydantic" not in str(error)
    (tmp_path / "flat.toml").write_text("optimiser = 3\n")
    with pytest.raises(UsageError, match=r"got optimiser = 3; want a table \[optimiser\]"):
        read_recipe(Recipe, str(tmp_path / "flat.toml"), {"optimiser.steps": "5"})


def test_a_penalty_without_end_is_refused() -> None:
    with pytest.raises(UsageError, match="want a finite number"):
        read_recipe(LinearRecipe, "", {"l2": "inf"})
    with pytest.raises(UsageError, match="a number from 0 up"):
        read_recipe(LinearRecipe, "", {"seed": "-1"})


def test_a_batch_of_nothing_is_refused(tmp_path: Path) -> None:
    path = write_recipe(tmp_path / "mine.toml", tiny_recipe())
    text = path.read_text()
    for kind in ("collected", "self_blend", "affine_warp", "generated"):
        text = text.replace(f"{kind} = 1", f"{kind} = 0")
    path.write_text(text)
    with pytest.raises(UsageError, match="at least one"):
        read_recipe(Recipe, str(path))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        read_recipe(Recipe, str(path))


def test_a_scaled_recipe_is_the_same_schedule_in_fewer_steps() -> None:
    whole = read_recipe(Recipe, "face_forgery")
    half = whole.scaled(whole.optimiser.steps // 2)
    assert half.scaled(whole.optimiser.steps).optimiser.steps == whole.optimiser.steps
    assert half.optimiser.steps == whole.optimiser.steps // 2
    for name in ("warmup_steps", "check_every", "swa_from"):
        assert getattr(half.optimiser, name) == pytest.approx(getattr(whole.optimiser, name) / 2, abs=1)
    assert half.augmentation.h264_from_step == pytest.approx(whole.augmentation.h264_from_step / 2, abs=1)
    assert half.small_until_step == pytest.approx(whole.small_until_step / 2, abs=1)
    kept = ("seed", "pairs", "genuine_sources", "size_px", "held_out_sources")
    assert all(getattr(half, name) == getattr(whole, name) for name in kept)
    assert whole.scaled(1).optimiser.check_every == 1
