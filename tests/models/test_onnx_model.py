"""Sessions as the package makes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from zhenwei import models
from zhenwei.models import onnx_model
from zhenwei.models.onnx_model import make_exact


def product_in_8_bit(path: Path, weight: np.ndarray) -> Path:
    """``x`` ``(n, k)`` to uint8, times int8 ``weight`` ``(k, m)``, in float32."""
    nodes = [
        helper.make_node("Cast", ["x"], ["tokens"], to=TensorProto.UINT8),
        helper.make_node("MatMulInteger", ["tokens", "weight"], ["counts"]),
        helper.make_node("Cast", ["counts"], ["y"], to=TensorProto.FLOAT),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", len(weight)])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", weight.shape[1]])
    graph = helper.make_graph(nodes, "product", [x], [y], [numpy_helper.from_array(weight, "weight")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    return path


def test_products_of_8_bit_are_exact_on_every_processor(tmp_path: Path) -> None:
    """Two neighbours of 255 times 127 leave 16 bits: processors without VNNI would cut them off at 32,767."""
    if not make_exact(onnxruntime.SessionOptions()):
        pytest.skip(f"ONNX Runtime {onnxruntime.__version__} cannot be asked for it")
    rng = np.random.default_rng(0)
    weight = np.where(rng.random((512, 64)) < 0.5, rng.integers(-127, 128, (512, 64)), 127).astype(np.int8)
    x = np.where(rng.random((9, 512)) < 0.5, rng.integers(0, 256, (9, 512)), 255)
    net = models.load_file(product_in_8_bit(tmp_path / "net.onnx", weight))
    (found,) = net.run(x.astype(np.float32))
    assert np.array_equal(found, x @ weight.astype(np.int64))


def test_the_product_that_is_tried_is_one_of_8_bit() -> None:
    graph = onnx.load_from_string(onnx_model._PRODUCT).graph
    onnx.checker.check_model(onnx.load_from_string(onnx_model._PRODUCT))
    assert [node.op_type for node in graph.node] == ["MatMulInteger"]
    assert [x.type.tensor_type.elem_type for x in graph.input] == [TensorProto.UINT8, TensorProto.INT8]


@pytest.mark.parametrize("over", [True, False])
def test_exact_sums_are_asked_for_only_where_they_are_not_exact_anyway(
    over: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for in vain they take twice the time."""
    asked: list[str] = []

    class Options:
        def add_session_config_entry(self, name: str, _: str) -> None:
            asked.append(name)

    monkeypatch.setattr(onnx_model, "_runs_over", lambda: over)
    recent = tuple(int(part) for part in onnxruntime.__version__.split(".")[:2]) >= (1, 30)
    assert make_exact(Options()) is (recent or not over)
    assert asked == (["session.x64quantprecision"] if over and recent else [])
