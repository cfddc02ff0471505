"""The fit of neuron coverage: levels are means, a planted difference is found, the better network is kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zhenwei.nets.efficientnet_lite import EfficientNetLite
from zhenwei.nets.neuron_coverage import NeuronCoverageNet
from zhenwei.stats.metrics import auc
from zhenwei.training.cnn.neuron_coverage import fit, set_levels
from zhenwei.training.recipe import Recipe, read_recipe


def net() -> NeuronCoverageNet:
    torch.manual_seed(0)
    return NeuronCoverageNet(EfficientNetLite("lite0")).eval()


def test_levels_are_mean_activations() -> None:
    some, faces = net(), [torch.rand(1, 3, 64, 64) for _ in range(3)]
    set_levels(some, faces)
    with torch.no_grad():
        every = [[float(a.mean()) for a in some.activations(x)] for x in faces]
    assert np.allclose(some.levels.numpy(), np.mean(every, 0), atol=1e-5)


def test_a_planted_departure_is_found_in_its_layer() -> None:
    some, rng = net(), np.random.default_rng(0)
    coverage = rng.normal(0.4, 0.05, (400, 22)).astype(np.float32)
    forged = np.arange(400) % 2 == 1
    coverage[forged, 7] += 0.1
    fit(some, torch.from_numpy(coverage), torch.from_numpy(forged))
    departures = (coverage - coverage[~forged].mean(0)) / coverage[~forged].std(0, ddof=1)
    score = departures @ some.weights.numpy() + float(some.bias)
    assert int(np.argmax(np.abs(some.weights.numpy()))) == 7
    assert auc(forged, score) > 0.9
    assert score.mean() == pytest.approx(0, abs=0.3)


def test_the_packaged_recipe_feeds_what_the_detector_is_fed() -> None:
    assert read_recipe(Recipe, "neuron_coverage").size_px == 192
