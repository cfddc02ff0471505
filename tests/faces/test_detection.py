"""Faces where a person sees them, in every size and turn, and none where there are none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from zhenwei import faces
from zhenwei.types import Box, Face, Floats, Frame, InputContract, Pixels

# FaceMesh points whose mean lies on the marks: right eye, left eye, tip of the nose, middle of the lips.
MESH_MARKS = ((33, 133), (362, 263), (4,), (13, 14))


def shrunk(image: Pixels, scale: float) -> Pixels:
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def moved(box: Box, scale: float, x: float, y: float) -> Box:
    return Box(box.left * scale + x, box.top * scale + y, box.right * scale + x, box.bottom * scale + y)


def only(found: tuple[Face, ...]) -> Face:
    assert len(found) == 1
    return found[0]


def landmarks(face: Face) -> Floats:
    assert face.landmarks is not None
    return face.landmarks


def mesh_marks(face: Face) -> Floats:
    return np.stack([landmarks(face)[list(points), :2].mean(axis=0) for points in MESH_MARKS])


def test_the_face_is_where_a_person_sees_it(astronaut: Pixels, marks: Floats, face_box: Box) -> None:
    face = only(faces.detect(astronaut))
    assert face.box.overlap(face_box) > 0.65
    assert face.confidence > 0.8
    assert not face.tight
    assert np.abs(face.keypoints[:4] - marks).max() < 9
    assert np.abs(mesh_marks(face) - marks).max() < 5
    assert face.keypoints[4, 0] < marks[0, 0] < marks[1, 0] < face.keypoints[5, 0]  # ears outside of the eyes


@pytest.mark.parametrize("scale", [0.28, 0.45, 1.0, 1.4])
def test_a_face_is_found_in_every_size_with_the_same_box(scale: float, astronaut: Pixels, backdrop: Pixels) -> None:
    own = only(faces.detect(astronaut)).box
    pasted, image = shrunk(astronaut, scale), backdrop.copy()
    x, y = 700 - pasted.shape[1] // 2, max(0, 300 - pasted.shape[0] // 2)
    image[y : y + pasted.shape[0], x : x + pasted.shape[1]] = pasted[: 720 - y]
    assert only(faces.detect(image)).box.overlap(moved(own, scale, x, y)) > 0.75


def test_everyone_in_a_group_is_found(astronaut: Pixels, backdrop: Pixels) -> None:
    """Fifteen faces of 40 px in a picture of 1280 px."""
    image, wanted = backdrop.copy(), []
    own = only(faces.detect(astronaut)).box
    head = Box(110, 0, 340, 230)
    scale = 40 / own.width
    pasted = shrunk(astronaut[0:230, 110:340], scale)
    for row in range(3):
        for column in range(5):
            x, y = 90 + 240 * column + 31 * row, 110 + 200 * row
            image[y : y + pasted.shape[0], x : x + pasted.shape[1]] = pasted
            wanted.append(moved(own, scale, x - head.left * scale, y - head.top * scale))
    found = faces.detect(image)
    assert len(found) == 15
    assert all(max(f.box.overlap(w) for f in found) > 0.6 for w in wanted)
    assert not faces.detect(image, minimum_px=60)


@pytest.mark.parametrize("turn_deg", [-35, 20, 35])
def test_points_turn_with_the_picture(turn_deg: float, astronaut: Pixels, marks: Floats) -> None:
    """The same points, found in the turned picture and turned back, lie where they did: the mapping is exact."""
    matrix = cv2.getRotationMatrix2D((224, 128), turn_deg, 1.0)
    turned = cv2.warpAffine(astronaut, matrix, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    upright, face = only(faces.detect(astronaut)), only(faces.detect(np.asarray(turned, np.uint8)))
    back = cv2.invertAffineTransform(matrix)
    points = landmarks(face)[:, :2] @ back[:, :2].T + back[:, 2]
    assert np.median(np.hypot(*(points - landmarks(upright)[:, :2]).T)) < 2.5
    assert face.quality.roll_deg is not None
    assert upright.quality.roll_deg is not None
    assert face.quality.roll_deg - upright.quality.roll_deg == pytest.approx(-turn_deg, abs=4)


def test_a_mirrored_picture_has_the_mirrored_face(astronaut: Pixels) -> None:
    face = only(faces.detect(astronaut))
    mirrored = only(faces.detect(np.ascontiguousarray(astronaut[:, ::-1])))
    flipped = Box(512 - mirrored.box.right, mirrored.box.top, 512 - mirrored.box.left, mirrored.box.bottom)
    assert flipped.overlap(face.box) > 0.85
    a, b = face.quality, mirrored.quality
    assert a.yaw_deg is not None
    assert b.yaw_deg == pytest.approx(-a.yaw_deg, abs=4)
    assert b.sharpness == pytest.approx(a.sharpness, rel=0.25)


def no_faces() -> dict[str, Pixels]:
    rng = np.random.default_rng(11)
    ramp = np.linspace(0, 255, 640)[None, :, None] * np.ones((480, 1, 3))
    text = np.full((480, 640, 3), 245, np.uint8)
    for i, line in enumerate(("Nobody is here.", "oo  o  ( o o )", "8:30 ~ 17:45", "O_O  ;-)  8-)")):
        cv2.putText(text, line, (30, 90 + 100 * i), cv2.FONT_HERSHEY_SIMPLEX, 2, (20, 20, 20), 4)
    return {
        "black": np.zeros((480, 640, 3), np.uint8),
        "white": np.full((480, 640, 3), 255, np.uint8),
        "noise": rng.integers(0, 256, (480, 640, 3), dtype=np.uint8),
        "blots": np.asarray(
            cv2.GaussianBlur(rng.integers(0, 256, (480, 640, 3)).astype(np.uint8), (0, 0), 9), np.uint8
        ),
        "ramp": ramp.astype(np.uint8),
        "board": np.kron(np.indices((15, 20)).sum(0) % 2 * 255, np.ones((32, 32)))[..., None]
        .repeat(3, 2)
        .astype(np.uint8),
        "text": text,
        "one pixel": np.full((1, 1, 3), 7, np.uint8),
        "one row": np.zeros((1, 4000, 3), np.uint8),
        "small": rng.integers(0, 256, (20, 20, 3), dtype=np.uint8),
        "panorama": np.tile(ramp.astype(np.uint8)[:200], (1, 6, 1)),
        "tall": rng.integers(0, 256, (3000, 40, 3), dtype=np.uint8),
    }


@pytest.mark.parametrize("name", no_faces())
def test_there_is_no_face_where_there_is_none(name: str) -> None:
    assert faces.detect(no_faces()[name]) == ()


def test_a_face_in_a_panorama_is_found(astronaut: Pixels) -> None:
    wide = np.full((300, 6000, 3), 128, np.uint8)
    wide[20:276, 4000:4256] = shrunk(astronaut, 0.5)
    own = only(faces.detect(astronaut)).box
    assert only(faces.detect(wide)).box.overlap(moved(own, 0.5, 4000, 20)) > 0.6


@pytest.mark.parametrize("side", [64, 224, 400])
def test_a_tight_crop_is_recognised_and_passes_through(side: int, astronaut: Pixels) -> None:
    """A crop made like those that face data sets hold: the box and nothing else."""
    box = only(faces.detect(astronaut)).box
    crop = astronaut[round(box.top) : round(box.bottom), round(box.left) : round(box.right)]
    crop = np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
    face = only(faces.detect(crop))
    assert face.tight
    edges = np.array([face.box.left, face.box.top, face.box.right - side, face.box.bottom - side]) / side
    assert np.abs(edges).max() < 0.1
    shown = faces.cut(Frame(0, 0.0, crop), face, InputContract(size_px=side, margin=0.0, min_face_px=24))
    assert shown is not None
    np.testing.assert_array_equal(shown, crop)


def test_the_same_picture_gives_the_same_face_and_stays_as_it_is(astronaut: Pixels) -> None:
    before = astronaut.copy()
    one, two = only(faces.detect(astronaut)), only(faces.detect(before))
    assert one.box == two.box
    assert one.quality == two.quality
    np.testing.assert_array_equal(landmarks(one), landmarks(two))
    np.testing.assert_array_equal(astronaut, before)


def test_a_face_without_colour_or_behind_a_strided_view_is_found(astronaut: Pixels) -> None:
    grey = np.repeat(astronaut.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert only(faces.detect(grey)).confidence > 0.7
    padded = np.zeros((1024, 512, 3), np.uint8)
    padded[::2] = astronaut
    assert only(faces.detect(padded[::2])).box == only(faces.detect(astronaut)).box
