"""The autoencoder swap: warp, networks, learning, checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.puppet import ANNA, BRUNO, portraits
from zhenwei.forge.swap import checkpoint
from zhenwei.forge.swap.learn import batches, learn, reconstruction, swap_faces, to_tensor
from zhenwei.forge.swap.sides import SwapFaces, of_portraits
from zhenwei.forge.swap.swap_settings import SwapSettings, cost
from zhenwei.nets.swap import PatchDiscriminator, SwapNet, ssim
from zhenwei.trainer.checkpoints import state_tensors

CPU = torch.device("cpu")
SMALL = SwapSettings(size=32, width=8, batch=8, steps=150, rate=2e-3, held_out=2, seed=3)


@pytest.fixture(scope="module")
def people() -> tuple[SwapFaces, SwapFaces]:
    return tuple(of_portraits(n, portraits(p, 8, 32, s)) for n, p, s in (("anna", ANNA, 1), ("bruno", BRUNO, 2)))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def overfitted(people: tuple[SwapFaces, SwapFaces]) -> tuple[checkpoint.SwapState, list[float]]:
    state, losses = checkpoint.fresh(SMALL, CPU), []
    for step in range(SMALL.steps):
        found = learn(state, batches(*people, SMALL, step, CPU), SMALL)
        losses.append(found.a + found.b)
    return state, losses


def test_the_original_has_82_million_parameters() -> None:
    net = SwapNet(64, 128)
    count = sum(p.numel() for p in net.parameters())
    assert round(count / 1e6, 1) == 82.1
    assert cost(SwapSettings(width=128)).parameters == count


@pytest.mark.parametrize(
    "settings", [SwapSettings(), SwapSettings(size=128, width=16), SwapSettings(size=32, width=8, masked=True)]
)
def test_the_estimate_counts_parameters_exactly(settings: SwapSettings) -> None:
    net = SwapNet(settings.size, settings.width, masked=settings.has_mask)
    assert cost(settings).parameters == sum(p.numel() for p in net.parameters())
    drawn = net(torch.rand(2, 3, settings.size, settings.size), "a")
    assert drawn.colour.shape == (2, 3, settings.size, settings.size)
    assert (drawn.mask is not None) == settings.has_mask


def test_loss_falls_on_eight_faces(overfitted: tuple[checkpoint.SwapState, list[float]]) -> None:
    losses = overfitted[1]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])


def test_gradients_come_from_where_they_should(people: tuple[SwapFaces, SwapFaces]) -> None:
    net = checkpoint.fresh(SMALL, CPU).net
    a, b = batches(*people, SMALL, 0, CPU)
    for batch, side, own, other in ((a, "a", net.decoder_a, net.decoder_b), (b, "b", net.decoder_b, net.decoder_a)):
        net.zero_grad(set_to_none=True)
        drawn = net(batch.seen, side)
        reconstruction(drawn, drawn.colour, batch, SMALL).backward()  # type: ignore[no-untyped-call]
        assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in net.encoder.parameters())
        assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in own.parameters())
        assert all(p.grad is None for p in other.parameters())


def test_both_at_once_are_drawn_as_either_alone(people: tuple[SwapFaces, SwapFaces]) -> None:
    net = SwapNet(32, 8, masked=True).eval()
    a, b = (to_tensor(faces.pixels[:3], CPU) for faces in people)
    for side, x, drawn in zip(("a", "b"), (a, b[:2]), net.each(a, b[:2]), strict=True):
        alone = net(x, side)
        assert torch.allclose(drawn.colour, alone.colour, atol=1e-6)
        assert drawn.mask is not None
        assert torch.allclose(drawn.mask, alone.mask, atol=1e-6)


def test_a_swap_comes_nearer_to_the_other(
    people: tuple[SwapFaces, SwapFaces], overfitted: tuple[checkpoint.SwapState, list[float]]
) -> None:
    a, b = people
    swapped, masks = swap_faces(overfitted[0].net, a.pixels, "b", CPU)
    assert masks is None
    mean_b = b.pixels.astype(float).mean(axis=0)
    inside = (a.masks > 0.5)[..., None]
    to_b = (np.abs(swapped - mean_b) * inside).sum() / inside.sum()
    to_a = (np.abs(swapped.astype(float) - a.pixels) * inside).sum() / inside.sum()
    assert to_b < 0.6 * to_a


@pytest.mark.parametrize("kind", ["plain", "adversarial"])
def test_a_resumed_run_has_the_same_next_loss(people: tuple[SwapFaces, SwapFaces], tmp_path: Path, kind: str) -> None:
    change = {"adversarial": 0.1, "adversarial_from": 0.0} if kind == "adversarial" else {"loss": "ssim_mse"}
    settings = SwapSettings(**(SMALL.to_dict() | change))
    state = checkpoint.fresh(settings, CPU)
    for step in range(4):
        learn(state, batches(*people, settings, step, CPU), settings)
    checkpoint.keep(tmp_path / "x.safetensors", state, settings, "c" * 64, ("anna", "bruno"))
    again, told = checkpoint.restore(tmp_path / "x.safetensors", "c" * 64, CPU)
    assert told.settings == settings
    for step in (4, 5):
        pair = batches(*people, settings, step, CPU)
        assert learn(state, pair, settings) == learn(again, pair, settings)


def test_checkpoints_of_others_are_refused(people: tuple[SwapFaces, SwapFaces], tmp_path: Path) -> None:
    state = checkpoint.fresh(SMALL, CPU)
    path = tmp_path / "x.safetensors"
    checkpoint.keep(path, state, SMALL, "c" * 64, ("anna", "bruno"))
    with pytest.raises(DataError, match="another consent"):
        checkpoint.restore(path, "d" * 64, CPU)
    save_file({k: v.contiguous() for k, v in state.net.state_dict().items()}, path)
    with pytest.raises(DataError, match="no readable checkpoint"):
        checkpoint.restore(path, "c" * 64, CPU)
    path.write_bytes(b"\x80\x04pickle")
    with pytest.raises(DataError, match="no readable checkpoint"):
        checkpoint.tell(path)
    with torch.no_grad():
        next(state.net.parameters()).fill_(float("nan"))
    checkpoint.keep(path, state, SMALL, "c" * 64, ("anna", "bruno"))
    with pytest.raises(DataError, match="not finite"):
        checkpoint.restore(path, "c" * 64, CPU)


@pytest.mark.parametrize("damage", ["nested", "endless", "name", "lost", "shape", "number"])
def test_damaged_checkpoints_are_refused(people: tuple[SwapFaces, SwapFaces], tmp_path: Path, damage: str) -> None:
    from safetensors import safe_open
    from safetensors.torch import load_file

    state, path = checkpoint.fresh(SMALL, CPU), tmp_path / "x.safetensors"
    learn(state, batches(*people, SMALL, 0, CPU), SMALL)
    checkpoint.keep(path, state, SMALL, "c" * 64, ("anna", "bruno"))
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        told = file.metadata()["zhenwei"]
    first = tensors["optimizers.net.0.exp_avg"]
    if damage == "nested":
        told = "[" * 100_000
    elif damage == "endless":
        told = told.replace('"step": 1', '"step": Infinity')
        assert "Infinity" in told
    elif damage == "lost":
        del tensors["optimizers.net.0.exp_avg"]
    elif damage == "shape":
        tensors["optimizers.net.0.exp_avg"] = first.flatten()[:1].clone()
    else:
        tensors["optimizers.net.0.x.y" if damage == "name" else "optimizers.net.9999.exp_avg"] = first.clone()
    save_file(tensors, path, {"zhenwei": told})
    match = "no readable checkpoint" if damage in ("nested", "endless") else "does not fit"
    with pytest.raises(DataError, match=match):
        checkpoint.restore(path, "c" * 64, CPU)


def test_a_loss_that_is_not_finite_stops_before_the_step(people: tuple[SwapFaces, SwapFaces]) -> None:
    state = checkpoint.fresh(SMALL, CPU)
    with torch.no_grad():
        state.net.decoder_b.last.weight.fill_(float("nan"))
    before = state.net.encoder.squeeze.weight.clone()
    with pytest.raises(DataError, match="no longer finite"):
        learn(state, batches(*people, SMALL, 0, CPU), SMALL)
    assert torch.equal(before, state.net.encoder.squeeze.weight)
    assert state.step == 0


def test_the_adversarial_part_starts_late_and_teaches_both(people: tuple[SwapFaces, SwapFaces]) -> None:
    settings = SwapSettings(**(SMALL.to_dict() | {"adversarial": 0.1, "adversarial_from": 0.5, "steps": 4}))
    state = checkpoint.fresh(settings, CPU)
    assert state.critics is not None
    start = [p.clone() for p in state.critics.parameters()]
    found = [learn(state, batches(*people, settings, k, CPU), settings) for k in range(4)]
    assert [f.critic > 0 for f in found] == [False, False, True, True]
    assert all(not torch.equal(p, q) for p, q in zip(start, state.critics.parameters(), strict=True))
    assert isinstance(state.critics[0], PatchDiscriminator)


def test_masked_networks_learn_the_mask(people: tuple[SwapFaces, SwapFaces]) -> None:
    settings = SwapSettings(**(SMALL.to_dict() | {"masked": True, "steps": 120}))
    state = checkpoint.fresh(settings, CPU)
    first = swap_faces(state.net, people[0].pixels, "b", CPU)[1]
    for step in range(settings.steps):
        learn(state, batches(*people, settings, step, CPU), settings)
    last = swap_faces(state.net, people[0].pixels, "b", CPU)[1]
    assert first is not None
    assert last is not None
    errors = [float(np.abs(m - people[0].masks).mean()) for m in (first, last)]
    assert errors[1] < 0.5 * errors[0]


def test_ssim_is_one_for_equal_and_less_for_others() -> None:
    one = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(ssim(one, one), torch.ones(3))
    assert bool((ssim(one, 1 - one) < 0.1).all())


@pytest.mark.parametrize(
    "wrong", [{"size": 256}, {"width": 130}, {"batch": 0}, {"loss": "l2"}, {"adversarial": -1}, {"held_out": 0}]
)
def test_settings_without_meaning_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        SwapSettings(**wrong)  # type: ignore[arg-type]


def test_faces_above_128_px_are_refused() -> None:
    with pytest.raises(UsageError, match="no faces"):
        SwapFaces(
            "x",
            np.zeros((1, 160, 160, 3), np.uint8),
            np.zeros((1, 468, 2), np.float32),
            np.zeros((1, 160, 160), np.float32),
        )


def test_a_checkpoint_of_the_first_schema_is_still_read(people: tuple[SwapFaces, SwapFaces], tmp_path: Path) -> None:
    settings = SwapSettings(**(SMALL.to_dict() | {"adversarial": 0.1, "adversarial_from": 0.0}))
    state, path = checkpoint.fresh(settings, CPU), tmp_path / "x.safetensors"
    learn(state, batches(*people, settings, 0, CPU), settings)
    earlier = {"nets.net.": "net.", "nets.critics.": "critics.", "optimizers.net.": "best."}
    earlier["optimizers.critics."] = "critics_best."
    tensors = {}
    for name, value in state_tensors(state.nets, nn.ModuleDict(), state.optimizers).items():
        (start,) = (start for start in earlier if name.startswith(start))
        tensors[earlier[start] + name.removeprefix(start)] = value.contiguous()
    told: dict[str, object] = {"schema": "zhenwei.swap/1", "settings": settings.to_dict(), "consent": "c" * 64}
    told |= {"subjects": ["anna", "bruno"], "step": 1, "least": None}
    save_file(tensors, path, {"zhenwei": json.dumps(told)})
    again, _ = checkpoint.restore(path, "c" * 64, CPU)
    pair = batches(*people, settings, 1, CPU)
    assert learn(state, pair, settings) == learn(again, pair, settings)
