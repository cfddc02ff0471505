"""One real portrait, in the public domain, what a person reads off it, and somebody else made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei.types import Box, Floats, Pixels


@pytest.fixture(scope="session")
def astronaut() -> Pixels:
    """``(512, 512, 3)``: Eileen Collins, by NASA."""
    with Image.open(Path(__file__).parents[1] / "data" / "astronaut.jpg") as image:
        pixels = np.array(image.convert("RGB"))
    pixels.flags.writeable = False
    return pixels


@pytest.fixture(scope="session")
def marks() -> Floats:
    """``(4, 2)``, read off the picture by eye: middles of the right and left eye, tip of the nose, mouth."""
    return np.array([[203, 101], [246, 103], [224, 124], [222, 146]], np.float32)


@pytest.fixture(scope="session")
def face_box() -> Box:
    """The face of the picture from brows to chin, cheek to cheek, read off by eye."""
    return Box(176, 80, 276, 180)


@pytest.fixture(scope="session")
def stranger(astronaut: Pixels) -> Pixels:
    """Somebody else: mirrored, broader, with other colours and another light."""
    import cv2

    changed = cv2.resize(astronaut[:, ::-1], (512, 440), interpolation=cv2.INTER_AREA)
    changed = cv2.copyMakeBorder(changed, 36, 36, 0, 0, cv2.BORDER_REPLICATE).astype(np.float32)
    light = np.linspace(0.45, 0.95, 512, dtype=np.float32)[None, :, None]
    darker: Pixels = np.clip(changed * light * np.array([0.75, 0.7, 0.95], np.float32), 0, 255).astype(np.uint8)
    return darker


@pytest.fixture(scope="session")
def backdrop() -> Pixels:
    """``(720, 1280, 3)``: soft blots without a face in them."""
    import cv2

    noise = np.random.default_rng(3).integers(0, 255, (18, 32, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (1280, 720), interpolation=cv2.INTER_CUBIC) // 3 + 80, np.uint8)
