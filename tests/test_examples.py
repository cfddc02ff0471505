"""The bundled examples are what they say: genuine where untouched, forged where the mask says, and labelled."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.forge.repeating import repeat

from zhenwei import examine, faces
from zhenwei.forge.synthesis import Forgery
from zhenwei.types import Floats, Frame, Pixels

EXAMPLES = Path(__file__).parents[1] / "examples"
MEDIA = EXAMPLES / "media"
# What JPEG at quality 92 and H.264 at CRF 20 change on these pictures; measured, with room to spare.
JPEG_DIFFERENCE, VIDEO_DIFFERENCE = 3.0, 4.0


@pytest.fixture(scope="module")
def make() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_examples", EXAMPLES / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sidecar() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((MEDIA / "astronaut-forged.json").read_text(encoding="utf-8"))
    return read


def picture(name: str) -> Pixels:
    with Image.open(MEDIA / name) as image:
        return np.asarray(image, np.uint8)


def repeated(sidecar: dict[str, Any]) -> Forgery:
    landmarks: Floats = np.array(sidecar["landmarks"], np.float32)
    return repeat(sidecar["recipe"], picture("astronaut.jpg"), landmarks)


def difference(a: Pixels, b: Pixels) -> NDArray[np.float64]:
    """Per pixel, mean over the channels."""
    difference: NDArray[np.float64] = np.abs(a.astype(np.float64) - b).mean(axis=2)
    return difference


def test_the_recipe_repeats_the_forgery(make: ModuleType, sidecar: dict[str, Any]) -> None:
    forged = repeated(sidecar)
    published = picture("astronaut-forged.jpg")
    assert difference(make.labelled(forged.pixels), published).mean() < JPEG_DIFFERENCE
    inside = forged.mask > 0.5
    assert difference(forged.pixels, published)[inside].mean() < JPEG_DIFFERENCE
    assert difference(picture("astronaut.jpg"), published)[inside].mean() > 3 * JPEG_DIFFERENCE
    assert dict(forged.recipe) == sidecar["recipe"]


def test_the_mask_says_where_it_is_forged(make: ModuleType, sidecar: dict[str, Any]) -> None:
    mask = picture("astronaut-forged-mask.png")
    np.testing.assert_allclose(mask / 255, repeated(sidecar).mask, atol=1.5 / 255)
    untouched = mask == 0
    untouched[make.label_place(mask.shape[0])] = False
    published = difference(picture("astronaut.jpg"), picture("astronaut-forged.jpg"))
    assert published[untouched].mean() < JPEG_DIFFERENCE
    assert 0.01 < (mask > 127).mean() < 0.1  # the face is a small part of this picture


def test_the_landmarks_in_the_recipe_are_those_that_are_found(make: ModuleType, sidecar: dict[str, Any]) -> None:
    found = make.find_landmarks(picture("astronaut.jpg"))
    np.testing.assert_allclose(found, np.array(sidecar["landmarks"]), atol=1.0)


def test_the_forgery_is_labelled_on_the_picture_in_its_metadata_and_beside_it(
    make: ModuleType, sidecar: dict[str, Any]
) -> None:
    genuine, forged = picture("astronaut.jpg"), picture("astronaut-forged.jpg")
    place = make.label_place(forged.shape[0])
    with Image.open(EXAMPLES / "label.png") as label:
        ink = np.asarray(label)
    brightness = forged[place].mean(axis=2)
    assert brightness[ink > 200].mean() > 180
    assert brightness[ink < 50].mean() < 80
    assert difference(genuine, forged)[place].mean() > 20
    with Image.open(MEDIA / "astronaut-forged.jpg") as image:
        assert "AI-GENERATED" in image.getexif()[0x010E]
        assert b"compositeSynthetic" in image.info["xmp"]
    assert sidecar["label"] == "AI-GENERATED / AI 生成"
    assert sidecar["file"] == "astronaut-forged.jpg"
    assert "zhenwei" in sidecar["statement"]


def test_the_label_stands_clear_of_the_face(make: ModuleType, sidecar: dict[str, Any]) -> None:
    rows, columns = make.label_place(picture("astronaut.jpg").shape[0])
    points = np.array(sidecar["landmarks"])
    assert points[:, 1].max() < rows.start
    assert repeated(sidecar).mask[rows, columns].max() == 0


def test_the_sidecar_names_its_source(sidecar: dict[str, Any]) -> None:
    source = sidecar["source"]
    assert hashlib.sha256((MEDIA / source["file"]).read_bytes()).hexdigest() == source["sha256"]
    assert "NASA" in source["credit"]


def test_the_clip_is_the_untouched_photograph_in_motion(make: ModuleType) -> None:
    with av.open(str(MEDIA / "astronaut-clip.mp4")) as video:
        stream = video.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert "untouched" in video.metadata["comment"]
        shown = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in video.decode(stream)]
        duration_s = float((stream.duration or 0) * (stream.time_base or 0))
    assert duration_s == pytest.approx(3.6, abs=0.05)
    wanted = list(make.video_frames())
    assert len(shown) == len(wanted)
    differences = [difference(a, b).mean() for a, b in zip(shown, wanted, strict=True)]
    assert max(differences) < VIDEO_DIFFERENCE
    assert difference(shown[0], shown[-1]).mean() > 3 * VIDEO_DIFFERENCE


def test_there_is_one_face_to_find_in_each() -> None:
    for name in ("astronaut.jpg", "astronaut-forged.jpg"):
        (track,) = faces.find_people([Frame(0, 0.0, picture(name))])
        assert track.faces[0].quality.face_px > 90


@pytest.mark.heavy
def test_the_forgery_is_told_from_the_genuine_ones() -> None:
    forged = examine(MEDIA / "astronaut-forged.jpg").verdict
    assert forged.decision == "forged"
    for name in ("astronaut.jpg", "astronaut-clip.mp4"):
        genuine = examine(MEDIA / name).verdict
        assert genuine.decision != "forged"
        assert forged.llr is not None
        assert genuine.llr is not None
        assert genuine.llr < forged.llr - 1.1  # three times


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()) < 1_000_000
