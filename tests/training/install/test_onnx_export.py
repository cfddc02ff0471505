"""ONNX of trained weights: the same answers, named outputs, any number of faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from zhenwei.errors import DataError, ModelError
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.training.install.onnx_export import OPSET, ExportedModel, export, load_weights, parity

SIZE = 64


def network(seed: int = 0) -> FaceForgeryNet:
    """With norms that do something, as after training."""
    torch.manual_seed(seed)
    net = FaceForgeryNet("lite0")
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.2, 0.2)  # type: ignore[arg-type]
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    return net.eval()


@pytest.fixture(scope="module")
def exported() -> ExportedModel:
    return export(network(), SIZE)


def test_it_says_what_it_takes_and_gives(exported: ExportedModel) -> None:
    model = onnx.load_from_string(exported.onnx)
    assert model.opset_import[0].version == OPSET

    def shape(value: onnx.ValueInfoProto) -> list[int | str]:
        return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]

    assert {v.name: shape(v) for v in model.graph.input} == {"faces": ["n", 3, SIZE, SIZE]}
    assert [v.name for v in model.graph.output] == ["score", "regions"]
    assert all(shape(v)[0] == "n" for v in model.graph.output)
    assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)


@pytest.mark.parametrize("count", [1, 3])
def test_its_answers_are_those_of_pytorch(exported: ExportedModel, count: int) -> None:
    assert exported.parity < 1e-4
    faces = np.random.default_rng(9).uniform(-1, 1, (count, 3, SIZE, SIZE)).astype(np.float32)
    score, regions = onnxruntime.InferenceSession(exported.onnx).run(None, {"faces": faces})
    with torch.no_grad():
        wanted = network()(torch.from_numpy(faces))
    assert score == pytest.approx(wanted.score.numpy(), abs=1e-4)
    assert regions == pytest.approx(wanted.regions.numpy(), abs=1e-4)
    assert regions.shape == (count, 2, 2)


def test_parity_tells_other_weights_apart(exported: ExportedModel) -> None:
    assert parity(network(), exported.onnx, (3, SIZE, SIZE)) == exported.parity
    assert parity(network(1), exported.onnx, (3, SIZE, SIZE)) > 2e-3


def test_weights_that_give_no_number_are_not_exported() -> None:
    net = network()
    with torch.no_grad():
        net.whole.weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="departs from PyTorch"):
        export(net, SIZE)


def test_weights_come_back_as_they_were_saved(tmp_path: Path) -> None:
    saved = network().state_dict()
    torch.save(saved, tmp_path / "best.pt")
    loaded = load_weights(tmp_path / "best.pt", FaceForgeryNet("lite0"))
    assert not loaded.training
    assert all(torch.equal(v, saved[k]) for k, v in loaded.state_dict().items())


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no trained weights.*best\.pt.*Train first"):
        load_weights(tmp_path / "best.pt", FaceForgeryNet("lite0"))


@pytest.mark.parametrize("kind", ["another backbone", "another file", "cut short", "a pickle"])
def test_wrong_weights_are_one_clear_error(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    torch.save(network().state_dict(), path)
    net = FaceForgeryNet("lite1" if kind == "another backbone" else "lite0")
    if kind == "another file":
        path.write_bytes(b"weights")
    elif kind == "cut short":
        path.write_bytes(path.read_bytes()[:5000])
    elif kind == "a pickle":  # which could run anything, were it opened
        torch.save({"net": Path("x")}, path)
    with pytest.raises(DataError, match="no weights of this network"):
        load_weights(path, net)
