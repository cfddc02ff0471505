"""StyleGAN: its layers, its game, augmentation for few pictures, and what styles are good for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.gan import augment, edits, losses, runs, samples, stylegan
from zhenwei.forge.gan.faces import TrainingFaces, puppets
from zhenwei.forge.gan.gan_settings import GanSettings, fresh_generator
from zhenwei.nets import stylegan as nets
from zhenwei.trainer.run import Turn

CPU = torch.device("cpu")
SMALL = GanSettings("stylegan", 16, 8, 16, batch=8, seed=3, augment="ada")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def faces() -> TrainingFaces:
    return puppets(32, 16, 1)


@pytest.fixture(scope="module")
def generator() -> nets.StyleGenerator:
    torch.manual_seed(0)
    made = nets.StyleGenerator(32, 8, 32)
    for layer in made.styled:
        nn.init.constant_(cast("nn.Parameter", layer.noise), 0.1)  # as after some training
    return made.requires_grad_(False)


def test_demodulation_gives_unit_variance_whatever_the_style() -> None:
    torch.manual_seed(1)
    layer = nets.ModulatedConv(64, 64, 8)
    for loud in (0.1, 1.0, 30.0):
        y = layer(torch.randn(64, 64, 8, 8), loud * torch.randn(64, 8)).detach()[:, :, 1:-1, 1:-1]
        assert float(y.std()) == pytest.approx(1, abs=0.05)
    plain = nets.ModulatedConv(64, 64, 8, demodulate=False)
    assert float(plain(torch.randn(64, 64, 8, 8), 30 * torch.randn(64, 8)).detach().std()) > 5


def test_a_modulated_convolution_is_one_of_a_kernel_for_each_sample() -> None:
    """The oracle scales the kernel, as the paper's equations 1 and 3 do, sample by sample."""
    torch.manual_seed(2)
    layer = nets.ModulatedConv(5, 7, 4)
    x, w = torch.randn(3, 5, 6, 6), torch.randn(3, 4)
    y = layer(x, w)
    for k in range(3):
        kernel = layer.weight * layer.scale * layer.style(w)[k][None, :, None, None]
        kernel = kernel / (kernel.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        assert torch.allclose(y[k], nn.functional.conv2d(x[k : k + 1], kernel, padding=1)[0], atol=1e-4)


def test_the_mapping_does_not_hear_how_loud_a_latent_is() -> None:
    torch.manual_seed(3)
    mapping = nets.Mapping(16)
    z = torch.randn(4, 16)
    assert len(mapping.layers) == 8
    assert torch.allclose(mapping(z), mapping(7 * z), atol=1e-5)
    assert not torch.allclose(mapping(z), mapping(z.flip(0)), atol=1e-2)


def test_the_critic_is_shown_that_samples_are_alike() -> None:
    one = torch.randn(1, 6, 4, 4)
    same = nets.with_deviation(one.expand(8, -1, -1, -1), 4)
    apart = nets.with_deviation(torch.randn(8, 6, 4, 4), 4)
    assert same.shape == (8, 7, 4, 4)
    assert float(same[:, 6].max()) < 1e-3 < 0.3 < float(apart[:, 6].mean())
    assert nets.with_deviation(torch.randn(6, 6, 4, 4), 4).shape == (6, 7, 4, 4)  # four does not divide six


def test_r1_is_the_squared_gradient_in_closed_form() -> None:
    weight = torch.randn(3 * 4 * 4)
    reals = torch.randn(5, 3, 4, 4, requires_grad=True)
    assert losses.r1(reals.flatten(1) @ weight, reals).item() == pytest.approx(float(weight.square().sum()), rel=1e-5)
    squares = reals.flatten(1).square().sum(1) / 2
    expected = reals.detach().flatten(1).square().sum(1).mean().item()
    assert losses.r1(squares, reals).item() == pytest.approx(expected, rel=1e-5)


def test_one_step_changes_every_weight_of_both(faces: TrainingFaces) -> None:
    before = runs.game_of(SMALL, faces, CPU).nets
    after = runs.learn(SMALL, faces, 2, device=CPU).task.nets  # noise is added from the second step on
    for (name, a), b in zip(before.named_parameters(), after.parameters(), strict=True):
        assert not torch.equal(a, b), name


def test_a_run_cut_in_two_is_the_run_in_one(faces: TrainingFaces, tmp_path: Path) -> None:
    whole = runs.learn(SMALL, faces, 6, device=CPU)
    runs.learn(SMALL, faces, 3, tmp_path, device=CPU)
    again = runs.learn(SMALL, faces, 6, tmp_path, device=CPU)
    for one, other in ((whole.task.nets, again.task.nets), (whole.averages, again.averages)):
        assert all(
            torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True)
        )
    opened, known = runs.open_run(tmp_path)
    noise = samples.noise_for(3, 16, 0)
    assert np.array_equal(samples.imagine(opened, noise), samples.imagine(runs.generator_of(whole), noise))
    assert known["step"] == 6
    assert known["settings"]["augment"] == "ada"


def test_styles_are_mixed_at_every_layer_and_one_in_ten_is_not(generator: nets.StyleGenerator) -> None:
    styles = stylegan.mixed(generator, 2000, torch.Generator().manual_seed(0))
    changes = (styles[:, 1:] != styles[:, :-1]).any(2)
    assert int(changes.sum(1).max()) == 1
    assert float(changes.any(1).float().mean()) == pytest.approx(0.9, abs=0.02)
    assert float(changes.float().mean(0).min()) > 0.5 * 0.9 / (generator.layers - 1)


@given(share=st.floats(0, 1), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_augmentation_changes_the_share_that_is_asked(share: float, seed: int) -> None:
    images = torch.linspace(-1, 1, 3 * 16 * 16).reshape(1, 3, 16, 16).repeat(400, 1, 1, 1)
    made = augment.augment(images, share, torch.Generator().manual_seed(seed))
    assert made.shape == images.shape
    touched = float((made != images).flatten(1).any(1).float().mean())
    expected = 1 - (1 - share) ** 5
    assert touched == pytest.approx(expected, abs=4 * math.sqrt(max(expected * (1 - expected), 0.004) / 400))


def test_augmentation_is_differentiable_and_the_same_for_the_same_chance() -> None:
    images = torch.rand(6, 3, 16, 16, requires_grad=True)
    one, two = (augment.augment(images, 1.0, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, two)
    one.sum().backward()  # type: ignore[no-untyped-call]
    assert images.grad is not None
    assert bool((images.grad.flatten(1).abs().sum(1) > 0).all())


def test_a_shifted_picture_is_the_picture_elsewhere() -> None:
    dots = torch.zeros(200, 1, 16, 16)
    dots[:, :, 8, 8] = 1
    made = augment._shift(dots, torch.Generator().manual_seed(0))
    places = made.flatten(1).argmax(1)
    rows, columns = places // 16 - 8, places % 16 - 8
    assert torch.equal(made.sum((1, 2, 3)), torch.ones(200))
    assert {int(r) for r in rows} == {int(c) for c in columns} == {-2, -1, 0, 1, 2}


@pytest.mark.parametrize(("sure", "rises"), [(0.9, True), (0.7, True), (0.5, False), (0.0, False)])
def test_ada_follows_how_sure_the_critic_is(sure: float, rises: bool) -> None:
    watch = augment.Adaptive(images=6400)
    watch.share.fill_(0.3)
    logits = torch.ones(200)
    logits[: round(200 * (1 - sure) / 2)] = -1  # E sign = sure
    for _ in range(8):
        watch.watch(logits)
    assert float(watch.sure) == pytest.approx(sure)
    assert float(watch.share) == pytest.approx(0.3 + (1 if rises else -1) * 1600 / 6400, abs=1e-6)
    for _ in range(100):
        watch.watch(logits)
    assert float(watch.share) == pytest.approx(0.9 if rises else 0.0)


@pytest.mark.heavy
def test_ada_changes_more_where_few_pictures_are_learned_by_heart() -> None:
    """Eight pictures a critic knows soon; the share of changes rises for it, and less for one that sees many."""
    many = puppets(200, 16, 5)
    few = TrainingFaces(np.tile(many.pixels[:8], (25, 1, 1, 1)), "eight, again and again")
    told = []
    for data in (few, many):
        run = runs.learn(
            GanSettings("stylegan", 16, 8, 16, batch=32, augment="ada", penalty=0.0), data, 100, device=CPU
        )
        assert run.rows is not None
        told.append(run.rows[-1]["share"])
    assert told[0] > 0.002
    assert told[0] > told[1]


def test_truncation_lowers_variance_monotonically(generator: nets.StyleGenerator) -> None:
    noise = samples.noise_for(64, 32, 1)
    found = [
        samples.imagine(generator, noise, truncation=share, still=True).astype(float).var(0).mean()
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert found[0] == 0
    assert all(a < b for a, b in pairwise(found))
    with pytest.raises(UsageError, match="only StyleGAN"):
        samples.imagine(fresh_generator("dcgan", 32, 8, 16), noise[:, :16], truncation=0.5)


def test_noise_by_pixel_is_of_the_place_not_of_the_batch(generator: nets.StyleGenerator) -> None:
    noise = samples.noise_for(140, 32, 2)  # more than are drawn at once
    made = samples.imagine(generator, noise)
    assert np.array_equal(made[:3], samples.imagine(generator, noise[:3]))
    still = samples.imagine(generator, noise[:1].expand(2, -1), still=True)
    assert np.array_equal(still[0], still[1])
    lively = samples.imagine(generator, noise[:1].expand(2, -1))
    assert not np.array_equal(lively[0], lively[1])


def test_mixing_takes_coarse_layers_of_one_and_fine_ones_of_the_other(generator: nets.StyleGenerator) -> None:
    one, other = (samples.styles_of(generator, samples.noise_for(2, 32, seed)) for seed in (0, 1))
    mixed = edits.mix(generator, one, other, 16)
    sizes = [edits.size_of_layer(generator, k) for k in range(generator.layers)]
    assert sizes == [4, 8, 8, 16, 16, 32, 32, 32]
    for k, size in enumerate(sizes):
        assert torch.equal(mixed[:, k], (other if size >= 16 else one)[:, k])
    assert torch.equal(edits.mix(generator, one, other, 4), other)
    with pytest.raises(UsageError, match="no layer begins there"):
        edits.mix(generator, one, other, 64)
    sheet = edits.mixing_sheet(generator, 2, 3, 16, truncation=0.8, seed=0)
    assert [len(row) for row in sheet] == [4, 4, 4]
    assert sheet[0][0].min() == 255


def test_directions_of_a_planted_truth_move_one_attribute_alone() -> None:
    rng = np.random.default_rng(0)
    styles = rng.normal(size=(2000, 12)) * np.linspace(0.5, 2, 12) @ np.linalg.qr(rng.normal(size=(12, 12)))[0]
    truth = rng.normal(size=(12, 3))
    truth[:, 1] += 0.8 * truth[:, 0]  # two attributes that go together among styles
    clean = styles @ truth
    moves, explained = edits.moves_of(styles, clean + rng.normal(size=clean.shape) * 0.1)
    effect = moves.T @ truth / clean.std(0)
    assert np.allclose(effect, np.eye(3), atol=0.06)
    assert min(explained) > 0.95
    _, none = edits.moves_of(styles, rng.normal(size=(2000, 2)))
    assert max(none) < 0.05


@pytest.mark.heavy
def test_attributes_are_measured_on_drawn_faces() -> None:
    pixels = puppets(32, 64, 2).pixels
    found = edits.measured(pixels)
    darker = edits.measured((pixels * 0.5).astype(np.uint8))
    assert np.all(darker["light"] < found["light"])
    mirrored = edits.measured(np.ascontiguousarray(pixels[:, :, ::-1]))
    both = np.isfinite(found["turn"]) & np.isfinite(mirrored["turn"])
    assert both.sum() >= 8
    assert np.corrcoef(found["turn"][both], mirrored["turn"][both])[0, 1] < -0.5
    redder = pixels.copy()
    redder[..., 0] = np.clip(redder[..., 0].astype(int) + 20, 0, 255)
    assert edits.measured(redder)["warmth"].mean() > found["warmth"].mean() + 10
    untrained = nets.StyleGenerator(16, 8, 16)
    with pytest.raises(DataError, match="too few samples show a face"):
        edits.directions(untrained, 8)


def test_what_has_no_meaning_is_refused() -> None:
    with pytest.raises(UsageError, match="augmentation"):
        GanSettings("dcgan", augment="ada")
    with pytest.raises(UsageError, match="16, 32 or 64"):
        nets.StyleGenerator(128)
    with pytest.raises(UsageError, match="penalty"):
        GanSettings("stylegan", penalty=float("nan"))
    assert float(Turn(0, 1, 0).generator().initial_seed()) == 0
