"""Coverage of layers, against counting by hand."""

from __future__ import annotations

import numpy as np
import torch

from zhenwei.nets.efficientnet_lite import EfficientNetLite
from zhenwei.nets.neuron_coverage import NeuronCoverageNet


def net() -> NeuronCoverageNet:
    torch.manual_seed(0)
    return NeuronCoverageNet(EfficientNetLite("lite0")).eval()


def faces(count: int = 3) -> torch.Tensor:
    return torch.rand(count, 3, 96, 96, generator=torch.Generator().manual_seed(2)) * 2 - 1


def test_coverage_is_the_share_of_neurons_above_the_layers_level() -> None:
    some = net()
    with torch.no_grad():
        seen = [a.numpy() for a in some.activations(faces())]
        some.levels.copy_(torch.tensor([float(a.mean()) for a in seen]))
        found = some.raw(faces()).numpy()
    assert found.shape == (3, len(seen))
    for layer, activation in enumerate(seen):
        for face in range(3):
            values = activation[face].ravel()
            assert np.isclose(found[face, layer], (values > activation.mean()).sum() / len(values), atol=1e-4)


def test_the_layers_watched_are_those_of_the_backbone() -> None:
    some = net()
    torch.manual_seed(0)
    whole = EfficientNetLite("lite0").eval()
    outputs: list[torch.Tensor] = []
    for module in (whole.stem, *list(whole.stages)[:5]):
        for layer in module.modules():
            if isinstance(layer, torch.nn.ReLU6):
                layer.register_forward_hook(lambda _m, _i, out: outputs.append(out))
    with torch.no_grad():
        whole(faces())
        seen = list(some.activations(faces()))
    assert len(seen) == len(outputs) == len(some.levels) == 22
    assert all(torch.equal(a, b) for a, b in zip(seen, outputs, strict=True))


def test_the_verdict_is_linear_in_departures() -> None:
    some = net()
    rng = np.random.default_rng(0)
    weights = rng.normal(size=22).astype(np.float32)
    some.weights.copy_(torch.from_numpy(weights))
    some.usual.fill_(0.25)
    some.spread.fill_(0.1)
    some.bias.fill_(-0.5)
    with torch.no_grad():
        found, raw = some(faces()), some.raw(faces()).numpy()
    departures = (raw - 0.25) / 0.1
    assert np.allclose(found.coverage.numpy(), departures, atol=1e-4)
    assert np.allclose(found.score.numpy(), departures @ weights - 0.5, atol=1e-3)


def test_nothing_of_it_learns() -> None:
    assert not any(p.requires_grad for p in net().parameters())
