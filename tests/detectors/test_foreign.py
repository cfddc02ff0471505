"""Detectors made of somebody's network keep the contract, whatever they look at, and are fed as stated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from zhenwei import models
from zhenwei.detectors._foreign import kind_of, square, windows_of
from zhenwei.models import ModelEntry
from zhenwei.models.calibration import Calibration
from zhenwei.models.foreign import ForeignModel
from zhenwei.testing import check_detector, image_subject, subjects
from zhenwei.testing.made import portrait
from zhenwei.types import Detector

STEEP = Calibration(0.0, 1.0, (100.0,), (0.0,), (0.0,), -6.0, 6.0)


def made(folder: Path, network: ForeignModel, shape: list[Any]) -> type[Detector]:
    """The detector of a network that answers the mean of its input."""
    axes = helper.make_tensor("axes", TensorProto.INT64, [len(shape) - 1], list(range(1, len(shape))))
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x", "axes"], ["y"], keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [shape[0]])],
        [axes],
    )
    net = folder / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), net)
    row = ModelEntry(network.id, f"{network.id}.onnx", "0" * 64, 1, "onnx", "MIT", "a test", "1", "", "")
    store = folder / "store"
    written = models.add_to_store(net, row, store)
    network.save(store)
    STEEP.save(models.calibration_path(network.id, store))
    return kind_of(store, network.id, written.sha256)


@pytest.mark.parametrize("batch", ["n", 1])
def test_one_that_looks_at_faces_keeps_the_contract(tmp_path: Path, batch: str | int) -> None:
    network = ForeignModel(id="foreign.face", takes="face", size_px=32, channels="bgr", margin=0.1)
    kind = made(tmp_path, network, [batch, 3, 32, 32])
    check_detector(kind)
    answer = kind().examine(subjects()["clip"])
    assert answer.llr is not None
    assert answer.interval is not None


def test_one_that_listens_keeps_the_contract(tmp_path: Path) -> None:
    network = ForeignModel(id="foreign.voice", takes="audio", samples=8000, axes=3, rate_hz=8000, finds="voice")
    check_detector(made(tmp_path, network, ["n", 1, 8000]))


def test_a_face_is_scored_by_what_is_stated(tmp_path: Path) -> None:
    """The mean of a grey face of level 51, by mean 0.1 and deviation 0.05, is 2."""
    network = ForeignModel(
        id="foreign.grey", takes="face", size_px=32, mean=(0.1, 0.1, 0.1), deviation=(0.05, 0.05, 0.05)
    )
    kind = made(tmp_path, network, ["n", 3, 32, 32])
    answer = kind().examine(image_subject(np.full((200, 200, 3), 51, np.uint8)))
    assert answer.score == pytest.approx(2.0, abs=1e-5)
    assert answer.llr == pytest.approx(2.0, abs=1e-5)
    assert answer.weights.startswith("foreign.grey @ ")


def test_whole_pictures_are_cut_or_scaled() -> None:
    cut = ForeignModel(id="foreign.a", takes="image", size_px=64)
    scaled = ForeignModel(id="foreign.a", takes="image", size_px=64, squash=True)
    wide = np.concatenate([np.zeros((64, 64, 3), np.uint8), portrait(64, 64), np.zeros((64, 64, 3), np.uint8)], axis=1)
    assert np.array_equal(square(wide, cut), portrait(64, 64))
    assert square(wide, scaled).shape == (64, 64, 3)
    assert not np.array_equal(square(wide, scaled), portrait(64, 64))


def test_windows_stand_side_by_side_and_short_speech_is_repeated() -> None:
    network = ForeignModel(id="foreign.a", takes="audio", samples=1000)
    ramp = np.arange(2500, dtype=np.float32)
    assert [window[0] for window in windows_of(ramp, network)] == [0.0, 1000.0]
    (only,) = windows_of(ramp[:600], network)
    assert only[600] == 0.0
