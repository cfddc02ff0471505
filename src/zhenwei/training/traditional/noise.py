"""``traditional.noise`` into the store: genuine photographs against forgeries made of them, re-encoded alike.

Of each photograph come itself and one forgery for each kind, and all of them go through the very same resizing and
re-encoding. Two in five photographs are kept out of the fit, by name, to calibrate on; donors come from the same part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import Field

from zhenwei.detectors.traditional.noise import Noise, noise_features
from zhenwei.errors import DataError
from zhenwei.forge.synthesis import affine_warp, cross_blend, mesh_swap, self_blend
from zhenwei.training.data.held_out_images import HeldOutImage
from zhenwei.training.data.photographs import Photograph, largest_face, read_photographs
from zhenwei.training.data.portraits import ImageDegradation, draw_degradation, parted
from zhenwei.training.data.video_codec import through_h264
from zhenwei.training.install.asking import of_face
from zhenwei.training.install.card import Product
from zhenwei.training.install.linear import LinearRecipe, Progress, linear_lesson
from zhenwei.types import Face, Floats, Pixels

MODEL = "noise"
SEED = 20261123
SOURCES = ("ffhq", "pixabay")
_KINDS = ("self_blend", "affine_warp", "cross_blend", "mesh_swap")
_FILMED, _CRF = 0.25, (18, 32)
ASK = of_face(Noise())
_PRODUCT = Product(
    model=MODEL,
    detector=Noise.info.id,
    question="Is the face as noisy as the picture around it? Differences of noise in, a score out.",
    origin="fitted with `zhenwei train traditional.noise`",
    training_data="FFHQ photographs and stock portraits (Pixabay), and forgeries made of them. Data sets' licences: "
    "research.",
    input="differences of noise between face and surroundings (n, 8) float32, see zhenwei.detectors.traditional.noise; "
    "gives score (n,)",
    facts=(f"Forgeries: {', '.join(_KINDS)}, one of each from every photograph",),
    held_out="None of these pictures was fitted to; forgeries are made of them. As published here means saved as JPEG "
    "95. The test figures are in `docs/detectors/traditional.noise.md`.",
    limits="A weak cue: genuine pictures often have another noise in the face than around it, and compression leaves "
    "little of it. Forgeries were made here; others may leave none of these traces.",
    noun="pictures",
    reference="NumPy",
)


@dataclass(frozen=True, slots=True, eq=False)
class PhotographedFace:
    """A photograph and the face in it, with its mesh."""

    photograph: Photograph
    face: Face


class NoiseRecipe(LinearRecipe):
    l2: float = Field(default=30.0, ge=0)


def split(recipe: NoiseRecipe, data: Path, progress: Progress) -> tuple[NoiseExamples, NoiseExamples]:
    """What to learn from and what is held out, by name, of ``photos.zip`` and ``photos.csv``."""
    sitters = sitters_of(read_photographs(data, SOURCES), progress)
    learn, held_out = parted(sitters, recipe.held_out, lambda sitter: sitter.photograph.path)
    return NoiseExamples(learn, 1), NoiseExamples(held_out, 2)


def rows(_: NoiseRecipe, learn: NoiseExamples, progress: Progress) -> Iterator[tuple[Floats, bool]]:
    """Differences of noise ``(8,)`` and truth; without surroundings a face is left out."""
    for number, (shown, face) in enumerate(learn.with_faces()):
        progress(number / len(learn))
        row = None if face.tight else noise_features(shown.pixels, face)
        if row is not None:
            yield row, shown.forged


def sitters_of(photographs: Sequence[Photograph], progress: Progress) -> list[PhotographedFace]:
    """Those photographs in which a face with a mesh is found."""
    found = []
    for number, photograph in enumerate(photographs):
        progress(number / len(photographs))
        face = largest_face(photograph.pixels())
        if face is not None and face.landmarks is not None:
            found.append(PhotographedFace(photograph, face))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class NoiseExamples:
    """Photographs and their forgeries, one after another, each at full size and delivered. ``purpose`` is part of the
    seed."""

    sitters: Sequence[PhotographedFace]
    purpose: int

    def __len__(self) -> int:
        return 2 * (1 + len(_KINDS)) * len(self.sitters)

    def __iter__(self) -> Iterator[HeldOutImage]:
        for shown, _ in self.with_faces():
            yield shown

    def with_faces(self) -> Iterator[tuple[HeldOutImage, Face]]:
        """Each with the face of the photograph, where it is after the delivery: no forgery moves it from its place."""
        if len(self.sitters) < 2:
            raise DataError("too few faces to forge with", got=str(len(self.sitters)), want="at least two")
        for number, sitter in enumerate(self.sitters):
            rng = np.random.default_rng((SEED, self.purpose, number))
            other = self.sitters[(number + int(rng.integers(1, len(self.sitters)))) % len(self.sitters)]
            ways = (Arrival(ImageDegradation(encoding=(".jpg", 95)), None), draw_arrival(rng))
            for pixels, forged in forgeries(sitter, other, rng):
                for way, degraded in zip(ways, (False, True), strict=True):
                    arrived = way.apply(pixels)
                    face = _scaled(sitter.face, way.degradation.scale)
                    source, path = sitter.photograph.source, sitter.photograph.path
                    yield HeldOutImage(arrived, forged, number, path, source, degraded), face


def forgeries(
    sitter: PhotographedFace, other: PhotographedFace, rng: np.random.Generator
) -> Iterator[tuple[Pixels, bool]]:
    """The photograph and its forgeries, some with the face of ``other``; a kind that the face does not allow is left
    out."""
    pixels, donor = sitter.photograph.pixels(), other.photograph.pixels()
    mine, theirs = sitter.face.landmarks, other.face.landmarks
    yield pixels, False
    if mine is None or theirs is None:
        return
    makers: tuple[Callable[[], Pixels], ...] = (
        lambda: self_blend(pixels, mine, rng).pixels,
        lambda: affine_warp(pixels, mine, rng).pixels,
        lambda: cross_blend(pixels, mine, donor, theirs, rng).pixels,
        lambda: mesh_swap(pixels, mine, donor, theirs, rng).pixels,
    )
    for make in makers:
        try:
            yield make(), True
        except DataError:
            continue


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery that always encodes: by its own encoding, or as a frame of H.264 at ``crf``."""

    degradation: ImageDegradation
    crf: int | None

    def apply(self, pixels: Pixels) -> Pixels:
        degraded = self.degradation.apply(pixels)
        if self.crf is None:
            return degraded
        height, width = degraded.shape[0] // 2 * 2, degraded.shape[1] // 2 * 2  # H.264 wants even sides
        return np.asarray(through_h264(degraded[None, :height, :width], self.crf)[0])


def draw_arrival(rng: np.random.Generator) -> Arrival:
    """Knows nothing of the label."""
    degradation, filmed, crf = draw_degradation(rng), rng.random() < _FILMED, int(rng.integers(*_CRF))
    if filmed:
        return Arrival(replace(degradation, encoding=None), crf)
    return Arrival(degradation if degradation.encoding else replace(degradation, encoding=(".jpg", 75)), None)


def _scaled(face: Face, scale: float) -> Face:
    box = face.box
    scaled = type(box)(box.left * scale, box.top * scale, box.right * scale, box.bottom * scale)
    quality = replace(face.quality, face_px=face.quality.face_px * scale)
    return replace(face, box=scaled, quality=quality, landmarks=None)


lesson = linear_lesson(
    NoiseRecipe, _PRODUCT, needs="photos (zip + csv): photographs with faces", split=split, rows=rows, ask=ASK
)
