"""Converters against independent implementations of the same architectures, on random weights.

EfficientNet-B4 and the tower of CLIP are those of transformers; Xception is written here once more, as functions, from
the tables of its paper. None of them shares a line with what is converted to.
"""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from zhenwei import models
from zhenwei.cli import main
from zhenwei.errors import DataError
from zhenwei.models.foreign import METADATA, from_graph
from zhenwei.training.convert import convert, read_state


def randomised(state: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Random weights, scaled so that signals neither die nor explode, with norms that do something."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for name, value in state.items():
        if value.dtype != torch.float32:
            made[name] = value
        elif name.endswith("running_var"):
            made[name] = torch.rand(value.shape, generator=generator) + 0.5
        elif value.ndim < 2:
            shift = 1.0 if name.endswith("weight") else 0.0
            made[name] = shift + 0.1 * torch.randn(value.shape, generator=generator)
        else:
            made[name] = torch.randn(value.shape, generator=generator) * (1.5 / value[0].numel()) ** 0.5
    return made


# Xception, from the paper: entry flow, middle flow, exit flow.


def _norm(x: Tensor, w: dict[str, Tensor], name: str) -> Tensor:
    mean, variance = w[f"{name}.running_mean"], w[f"{name}.running_var"]
    return F.batch_norm(x, mean, variance, w[f"{name}.weight"], w[f"{name}.bias"], training=False)


def _separable(x: Tensor, w: dict[str, Tensor], name: str) -> Tensor:
    spatial = F.conv2d(x, w[f"{name}.conv1.weight"], padding=1, groups=x.shape[1])
    return F.conv2d(spatial, w[f"{name}.pointwise.weight"])


def xception(x: Tensor, w: dict[str, Tensor]) -> Tensor:
    x = F.relu(_norm(F.conv2d(x, w["conv1.weight"], stride=2), w, "bn1"))
    x = F.relu(_norm(F.conv2d(x, w["conv2.weight"]), w, "bn2"))
    for block in range(1, 13):
        places = sorted({int(m[1]) for n in w if (m := re.match(rf"block{block}\.rep\.(\d+)\.conv1", n))})
        y = x
        for place in places:
            if place:  # the first block begins without a ReLU
                y = F.relu(y)
            y = _norm(_separable(y, w, f"block{block}.rep.{place}"), w, f"block{block}.rep.{place + 1}")
        if f"block{block}.skip.weight" in w:
            y = F.max_pool2d(y, 3, 2, 1)
            x = _norm(F.conv2d(x, w[f"block{block}.skip.weight"], stride=2), w, f"block{block}.skipbn")
        x = x + y
    x = F.relu(_norm(_separable(x, w, "conv3"), w, "bn3"))
    x = F.relu(_norm(_separable(x, w, "conv4"), w, "bn4"))
    return F.linear(F.adaptive_avg_pool2d(x, 1).flatten(1), w["last_linear.weight"], w["last_linear.bias"])


def xception_state() -> dict[str, Tensor]:
    """Shapes after the paper's figure 5, under the names that weights are passed round with."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (32, 3, 3, 3), "conv2.weight": (64, 32, 3, 3)}
    norms = {"bn1": 32, "bn2": 64, "bn3": 1536, "bn4": 2048}

    def separable(name: str, inputs: int, outputs: int) -> None:
        shapes[f"{name}.conv1.weight"] = (inputs, 1, 3, 3)
        shapes[f"{name}.pointwise.weight"] = (outputs, inputs, 1, 1)

    flow = [(64, 128, 128), (128, 256, 256), (256, 728, 728), *[(728,) * 4] * 8, (728, 728, 1024)]
    for block, channels in enumerate(flow, start=1):
        for step in range(len(channels) - 1):
            place = 3 * step + (block > 1)
            separable(f"block{block}.rep.{place}", channels[step], channels[step + 1])
            norms[f"block{block}.rep.{place + 1}"] = channels[step + 1]
        if channels[0] != channels[-1]:
            shapes[f"block{block}.skip.weight"] = (channels[-1], channels[0], 1, 1)
            norms[f"block{block}.skipbn"] = channels[-1]
    separable("conv3", 1024, 1536)
    separable("conv4", 1536, 2048)
    for name, width in norms.items():
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (width,)
    shapes |= {"last_linear.weight": (2, 2048), "last_linear.bias": (2,)}
    return {name: torch.zeros(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("prefix", ["", "module.backbone."])
def test_xception_is_that_of_the_paper(prefix: str) -> None:
    state = randomised(xception_state(), 1)
    found = convert("xception", {prefix + name: value for name, value in state.items()})
    x = torch.rand(2, 3, 160, 160, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.no_grad():
        mine, theirs = found.net(x).logits, xception(x, state)
    assert found.unused == ()
    assert theirs.std() > 1e-3
    torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


def renamed_efficientnet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """From the names of transformers to those that weights of self-blended images are passed round with."""
    inner = {
        "expansion.expand_conv": "_expand_conv",
        "expansion.expand_bn": "_bn0",
        "depthwise_conv.depthwise_conv": "_depthwise_conv",
        "depthwise_conv.depthwise_norm": "_bn1",
        "squeeze_excite.reduce": "_se_reduce",
        "squeeze_excite.expand": "_se_expand",
        "projection.project_conv": "_project_conv",
        "projection.project_bn": "_bn2",
    }
    outer = {
        "efficientnet.embeddings.convolution": "_conv_stem",
        "efficientnet.embeddings.batchnorm": "_bn0",
        "efficientnet.encoder.top_conv": "_conv_head",
        "efficientnet.encoder.top_bn": "_bn1",
        "classifier": "_fc",
    }
    made = {}
    for name, value in state.items():
        layer, _, part = name.rpartition(".")
        block = re.match(r"efficientnet\.encoder\.blocks\.(\d+)\.(.+)", layer)
        made[f"net._blocks.{block[1]}.{inner[block[2]]}.{part}" if block else f"net.{outer[layer]}.{part}"] = value
    return made


def test_efficientnet_b4_is_that_of_transformers() -> None:
    transformers = pytest.importorskip("transformers", reason="the independent implementation is not installed")
    config = transformers.EfficientNetConfig(
        width_coefficient=1.4,
        depth_coefficient=1.8,
        image_size=380,
        hidden_dim=1792,
        depthwise_padding=[6],
        num_labels=2,
    )
    theirs = transformers.EfficientNetForImageClassification(config).eval()
    theirs.load_state_dict(randomised(theirs.state_dict(), 3))
    found = convert("efficientnet-b4", renamed_efficientnet(theirs.state_dict()))
    x = torch.rand(1, 3, 380, 380, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        mine, want = found.net(x).logits, theirs(x).logits
    assert found.unused == ()
    assert want.abs().max() > 1e-2
    torch.testing.assert_close(mine, want, rtol=1e-3, atol=1e-4)


def clip_pair(seed: int) -> tuple[Any, dict[str, Tensor]]:
    """A small tower of transformers, and its weights with a head of two classes as they are passed round."""
    transformers = pytest.importorskip("transformers", reason="the independent implementation is not installed")
    config = transformers.CLIPVisionConfig(
        hidden_size=128, intermediate_size=512, num_hidden_layers=3, num_attention_heads=2, image_size=56, patch_size=14
    )
    tower = transformers.CLIPVisionModel(config).eval()
    tower.load_state_dict(randomised(tower.state_dict(), seed))
    generator = torch.Generator().manual_seed(seed)
    state = {f"backbone.vision_model.{name.removeprefix('vision_model.')}": v for name, v in tower.state_dict().items()}
    state["head.weight"] = torch.randn(2, 128, generator=generator)
    state["head.bias"] = torch.randn(2, generator=generator)
    return tower, state


@pytest.mark.parametrize("unit_features", [False, True])
def test_clip_is_that_of_transformers(unit_features: bool) -> None:
    tower, state = clip_pair(5)
    found = convert("clip-l14", state, unit_features=unit_features)
    x = torch.randn(2, 3, 56, 56, generator=torch.Generator().manual_seed(6))
    with torch.no_grad():
        features = tower(x).pooler_output
        if unit_features:
            features = features / features.norm(dim=1, keepdim=True)
        want = features @ state["head.weight"].T + state["head.bias"]
        mine = found.net(x).logits
    assert found.size_px == 56
    torch.testing.assert_close(mine, want, rtol=1e-3, atol=1e-4)


def test_low_rank_parts_of_attention_are_folded_in() -> None:
    _, state = clip_pair(7)
    generator = torch.Generator().manual_seed(8)
    split, whole = dict(state), dict(state)
    for name in [n for n in state if re.search(r"self_attn\.\w+_proj\.weight$", n)]:
        layer = name.removesuffix(".weight")
        left, right = (torch.randn(128, 2, generator=generator) * 0.1 for _ in range(2))
        values = torch.rand(2, generator=generator)
        split[f"{layer}.weight_main"] = split.pop(name)
        split |= {f"{layer}.U_residual": left, f"{layer}.S_residual": values, f"{layer}.V_residual": right.T}
        whole[name] = state[name] + left @ torch.diag(values) @ right.T
    x = torch.randn(2, 3, 56, 56, generator=generator)
    with torch.no_grad():
        mine, want = convert("clip-l14", split).net(x).logits, convert("clip-l14", whole).net(x).logits
    torch.testing.assert_close(mine, want, rtol=1e-3, atol=1e-4)


def test_the_command_writes_a_network_that_says_what_it_is_fed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, state = clip_pair(9)
    weights, net = tmp_path / "weights.pth", tmp_path / "clip.onnx"
    torch.save({"state_dict": state, "epoch": 3}, weights)
    assert main(["models", "convert", "clip-l14", str(weights), "--output", str(net)]) == 0
    assert "Wrote" in capsys.readouterr().out
    loaded = models.load_file(net)
    assert "mean" in json.loads(loaded.session.get_modelmeta().custom_metadata_map[METADATA])
    network = from_graph(loaded, "foreign.clip", {})
    assert (network.takes, network.size_px, network.meaning, network.forged) == ("face", 56, "logits", 1)
    assert main(["models", "convert", "clip-l14", str(weights), "--output", str(net)]) == 2
    assert "--force" in capsys.readouterr().err


def test_weights_of_another_network_are_refused_by_what_they_lack() -> None:
    state = xception_state()
    del state["block5.rep.1.pointwise.weight"]
    with pytest.raises(DataError, match=r"block5\.rep\.1\.pointwise\.weight"):
        convert("xception", state)
    with pytest.raises(DataError, match="_conv_stem"):
        convert("efficientnet-b4", state)


class Stranger:
    """What a whole pickled module would bring along."""


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "module.pth"
    torch.save(Stranger(), path)
    with pytest.raises(DataError, match="no plain table of weights") as told:
        read_state(path)
    assert "weights_only" not in str(told.value)  # PyTorch advises to load it all the same
    path.write_bytes(pickle.dumps({"a": 1}, protocol=2))
    with pytest.raises(DataError):
        read_state(path)
