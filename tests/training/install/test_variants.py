"""Variants: smaller, nearly the same answers, and what they cost is measured rather than hoped for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from zhenwei.errors import DataError, ModelError
from zhenwei.training.install.onnx_export import export
from zhenwei.training.install.variants import card_lines, cost, fp16, int8, paired_difference, write_variants
from zhenwei.types import Floats

from .test_onnx_export import SIZE, network


def faces(count: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 3, SIZE, SIZE)).astype(np.float32)


@pytest.fixture(scope="module")
def original() -> bytes:
    return export(network(), SIZE).onnx


def scores(model: bytes, batch: Floats) -> Floats:
    return np.asarray(onnxruntime.InferenceSession(model).run(None, {"faces": batch})[0])


def test_half_the_weights_are_half_the_file_and_the_same_network_otherwise(original: bytes) -> None:
    half = fp16(original)
    assert len(half) < 0.53 * len(original)
    model = onnx.load_from_string(half)
    assert all(v.type.tensor_type.elem_type == TensorProto.FLOAT for v in [*model.graph.input, *model.graph.output])
    rounded = onnx.load_from_string(original)  # the same network with its weights rounded, stored in full
    for tensor in rounded.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > 1:
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16).astype(np.float32), tensor.name))
    batch = faces(4)
    assert scores(half, batch) == pytest.approx(scores(rounded.SerializeToString(), batch), abs=1e-5)


def test_a_weight_that_does_not_fit_is_refused() -> None:
    constant = helper.make_tensor("k", TensorProto.FLOAT, [2], [1e6, 1.0])
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "k"], ["y"])],
        "large",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [constant],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    with pytest.raises(ModelError, match="does not fit into 16 bits"):
        fp16(model.SerializeToString())


def test_eight_bits_are_a_quarter_of_the_file_and_close(original: bytes) -> None:
    small = int8(original, [faces(4, 1), faces(4, 2)])
    assert len(small) < 0.35 * len(original)
    nodes = {node.op_type for node in onnx.load_from_string(small).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= nodes
    batch = faces(8, 3)
    ours, theirs = scores(original, batch), scores(small, batch)
    assert np.abs(ours - theirs).max() < 0.2 * max(1.0, float(np.abs(ours).max()))
    with pytest.raises(DataError, match="no faces to measure ranges on"):
        int8(original, [])


def test_a_network_costs_nothing_against_itself(original: bytes) -> None:
    found = cost("same", original, original, faces(8), [True, False] * 4, list("aabbccdd"))
    assert (found.size_ratio, found.largest) == (1.0, 0.0)
    assert (found.auc_difference.value, found.auc_difference.low, found.auc_difference.high) == (0.0, 0.0, 0.0)
    assert found.auc_difference.n == 8


def test_the_difference_is_paired() -> None:
    """Two noisy scores that share their noise differ by much less than each of them is uncertain."""
    rng = np.random.default_rng(0)
    forged = rng.random(400) < 0.5
    shared = (forged + rng.normal(0, 1.5, 400)).astype(np.float32)
    near = (shared + rng.normal(0, 0.01, 400)).astype(np.float32)
    groups = [str(i // 2) for i in range(400)]
    small = paired_difference(forged.tolist(), shared, near, groups)
    assert small.low <= small.value <= small.high
    assert small.high - small.low < 0.005
    worse = paired_difference(forged.tolist(), shared, -shared, groups)
    assert worse.high < 0
    with pytest.raises(DataError, match="too few groups"):
        paired_difference([True, True], shared[:2], near[:2], ["a", "b"])


def test_files_and_their_costs_are_written_and_come_to_the_card(original: bytes, tmp_path: Path) -> None:
    held_out, forged = faces(12, 5), [bool(i % 2) for i in range(12)]
    costs = write_variants(
        original, tmp_path, faces=[faces(4)], held_out=held_out, forged=forged, groups=list("aabbccddeeff"), name="m"
    )
    assert [c.name for c in costs] == ["int8", "fp16"]
    for found in costs:
        data = (tmp_path / f"m.{found.name}.onnx").read_bytes()
        assert found.bytes == len(data)
        assert found.largest == pytest.approx(
            np.abs(scores(data, held_out) - scores(original, held_out)).max(), abs=1e-4
        )
        assert found.speed_ratio > 0
    assert json.loads((tmp_path / "variants.json").read_text())["faces"] == 12
    head, table = card_lines(tmp_path / "variants.json")
    assert "12 held-out faces" in head
    assert table.splitlines()[2].startswith("| int8 | ")
    (tmp_path / "variants.json").write_text("{}")
    with pytest.raises(DataError, match="table of variants"):
        card_lines(tmp_path / "variants.json")
