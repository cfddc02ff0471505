"""Matrix products in 8 bit: near to what was exported, smaller, and of plain operators."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from zhenwei.models.onnx_model import make_exact
from zhenwei.nets.face_encoder import Block, ClipTower, FaceEncoderNet, FaceEncoderOutput
from zhenwei.training.install.int8 import quantised, smooth
from zhenwei.training.install.onnx_export import export


@pytest.fixture(scope="module")
def net() -> FaceEncoderNet:
    torch.manual_seed(0)
    made = FaceEncoderNet(ClipTower(2, width=256, heads=4), ((0, "mean"),), ((1, "class"),), ((1, "mean"),)).eval()
    for name, parameter in made.named_parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.05)
        if name.endswith("norm1.weight"):
            parameter.data *= torch.linspace(0.2, 5, 256)  # channels that differ, as in the published weights
    return made


def faces(count: int = 6) -> Tensor:
    return torch.rand(count, 3, 224, 224, generator=torch.Generator().manual_seed(1)) * 2 - 1


def run(data: bytes, x: Tensor) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    make_exact(options)
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {"faces": x.numpy()}))


def test_answers_stay_the_file_shrinks_and_any_runtime_runs_it(net: FaceEncoderNet) -> None:
    plain = export(net, 224, outputs=FaceEncoderOutput._fields).onnx
    small = quantised(plain)
    with torch.no_grad():
        wanted = net(faces())
    for found, answer in zip(run(small, faces())[1::2], wanted[1::2], strict=True):
        assert np.corrcoef(found.ravel(), answer.numpy().ravel())[0, 1] > 0.99
    assert len(small) < 0.45 * len(plain)
    assert {node.domain for node in onnx.load_from_string(small).graph.node} == {""}


def test_no_face_minds_its_neighbours(net: FaceEncoderNet) -> None:
    data = quantised(export(net, 224, outputs=FaceEncoderOutput._fields).onnx)
    together, alone = run(data, faces()), run(data, faces()[2:3])
    for all_of_them, one in zip(together, alone, strict=True):
        assert np.allclose(all_of_them[2:3], one, atol=1e-5)


@torch.no_grad()
def test_smoothing_changes_no_answer_and_evens_out_channels(net: FaceEncoderNet) -> None:
    tower = net.tower
    before = tower(faces())
    spread = _spread(tower)
    smooth(tower, faces())
    for old, new in zip(before, tower(faces()), strict=True):
        assert torch.allclose(old, new, atol=1e-3 * float(old.abs().max()))
    assert _spread(tower) < spread


@torch.no_grad()
def _spread(tower: ClipTower) -> float:
    """How far apart the largest channels of the first norm's output are, as a ratio."""
    first = tower.blocks[0]
    assert isinstance(first, Block)
    most = first.norm1(tower.embed(faces())).abs().amax((0, 1))
    return float(most.max() / most.median())
