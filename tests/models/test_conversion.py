"""The converted networks answer as the originals do. The oracle is OpenCV, which runs the originals itself."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei import models

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("face_detection_short_range", "face_detection_full_range", "face_landmark")


@pytest.fixture(scope="module")
def originals() -> Path:
    data = os.environ.get("ZHENWEI_DATA")
    folder = (Path(data).parent if data else ROOT.parent / "shared") / "models"
    if not folder.is_dir():
        pytest.skip("the original .tflite files are not here (models/ beside the shared data folder)")
    return folder


@pytest.fixture(scope="module")
def converter() -> ModuleType:
    spec = importlib.util.spec_from_file_location("convert_tflite", ROOT / "scripts" / "convert_tflite.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def images(side: int) -> np.ndarray:
    """Noise, a ramp, and blots: four inputs in [-1, 1]."""
    rng = np.random.default_rng(7)
    noise = rng.uniform(-1, 1, (side, side, 3))
    ramp = np.linspace(-1, 1, side)[:, None, None] * np.ones((1, side, 3))
    blots = cv2.GaussianBlur(rng.uniform(-1, 1, (side, side, 3)), (0, 0), side / 16)
    return np.stack([noise, ramp, blots / np.abs(blots).max(), np.zeros_like(noise)]).astype(np.float32)


@pytest.mark.data
@pytest.mark.parametrize("name", NAMES)
def test_parity_with_opencv(name: str, originals: Path) -> None:
    engine = [cv2.dnn.ENGINE_CLASSIC] if hasattr(cv2.dnn, "ENGINE_CLASSIC") else []
    net = cv2.dnn.readNetFromTFLite(str(originals / f"{name}.tflite"), *engine)
    model = models.load(name)
    side = model.input_shape[1]
    assert side is not None
    batch = images(side)
    outputs = model.run(batch)
    for i, image in enumerate(batch):
        net.setInput(np.ascontiguousarray(image.transpose(2, 0, 1)[None]))
        wanted = {r.size: r.reshape(-1) for r in net.forward(net.getUnconnectedOutLayersNames())}
        for output in outputs:
            found = output[i].reshape(-1)
            scale = max(1.0, float(np.abs(wanted[found.size]).max()))
            assert np.abs(found - wanted[found.size]).max() < 1e-5 * scale


@pytest.mark.data
@pytest.mark.parametrize("name", NAMES)
def test_the_embedded_file_is_what_the_converter_writes(name: str, originals: Path, converter: ModuleType) -> None:
    written = converter.convert((originals / f"{name}.tflite").read_bytes())
    assert written == models.read(name)


@given(size=st.integers(1, 200), kernel=st.integers(1, 7), stride=st.integers(1, 4))
def test_same_padding_gives_every_output_and_wastes_nothing(
    converter: ModuleType, size: int, kernel: int, stride: int
) -> None:
    before, after = converter.same_padding(size, kernel, stride)
    assert after - before in (0, 1)
    assert (size + before + after - kernel) // stride + 1 >= -(-size // stride)
    if before + after:
        assert (size + before + after - 1 - kernel) // stride + 1 < -(-size // stride)
