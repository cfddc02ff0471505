"""``traditional.noise``: is the face as noisy as the picture around it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei import models
from zhenwei.detectors._answers import NO_FACE, abstain, evenly, face_too_small, from_faces
from zhenwei.signals.noise import BLOCK, BlockNoise, block_noise, noise_ratio
from zhenwei.signals.patches import Patches, cut_out
from zhenwei.signals.shown import shrunk
from zhenwei.types import (
    Box,
    Detector,
    DetectorInfo,
    Evidence,
    Face,
    Floats,
    Frame,
    ImageExhibit,
    Pixels,
    Subject,
    Text,
    Track,
)

Places = NDArray[np.float64]
_MODEL = "noise"
_MIN_PX = 64
_SLIGHT = 0.2
_FACE, _AWAY = (0.85, 0.95), (1.25, 1.3)  # ellipses in the box: the face ends within, the surroundings begin beyond
_MAX_OCTAVES = 4.0
_MAP_OCTAVES = 2.0
_SIDE, _MAX_PATCHES = 128, 64  # pixels a side; of the face, and as many of its surroundings
_PLACES_A_SIDE = 80
WHOLE_PX = 4_000_000  # of larger pictures a sample is looked at
_MORE, _LESS = np.array((255, 40, 30), np.float32), np.array((40, 90, 255), np.float32)

_FORGED = Text(
    "The face has another noise than the picture around it; a weak hint of pasting or redrawing.",
    zh="人脸的噪声与周围画面不同；这是拼贴或重绘的较弱提示。",
)
_NEITHER = Text("The noise of the face does not lean either way.", zh="人脸的噪声看不出倾向。")
_GENUINE = Text(
    "The noise of the face goes with the picture around it; a weak hint of its being untouched.",
    zh="人脸的噪声与周围画面一致；这是未经改动的较弱提示。",
)

_ONLY_FACE = Text(
    "nothing but the face can be seen, to compare its noise with", zh="画面中只有人脸，没有可供比较的周围噪声"
)
_TOO_LITTLE = Text("too little of the picture is free of texture and clipping", zh="画面中没有足够的平缓且未截断的区域")


@dataclass(frozen=True, slots=True)
class Noise:
    """Compares the noise inside up to ``most`` faces of one person, evenly spread, with that of their surroundings, at
    equal brightness and texture; the trimmed mean counts."""

    most: int = 8

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="traditional.noise",
        question=Text("Is the face as noisy as the picture around it?", zh="人脸的噪声与周围画面是否一致？"),
        takes=("image",),
        level="person",
        needs=(
            Text(f"a face of at least {_MIN_PX} px", zh=f"至少 {_MIN_PX} 像素的人脸"),
            Text("surroundings of the face", zh="人脸周围的画面"),
            Text("some parts without burnt-out tones or strong texture", zh="部分区域没有过曝、死黑或强纹理"),
        ),
        reference="noise by diagonal differences (Immerkaer 1996) compared between regions, after S. Lyu, X. Pan & X. "
        "Zhang, Exposing region splicing forgeries with blind local noise estimation, IJCV 2014",
        blind_spots=(
            Text(
                "strong compression, denoising and shrinking, which leave no noise to compare",
                zh="强压缩、降噪和缩小：没有留下可供比较的噪声",
            ),
            Text(
                "skin smoothing, make-up and portrait modes, which treat the face unlike the rest in genuine pictures",
                zh="磨皮、妆容和人像模式：在真实照片中也会使人脸与周围不同",
            ),
            Text("blurred or studio backgrounds, as smooth as they are", zh="虚化背景或影棚背景本身就很平滑"),
            Text(
                "forgeries to which noise was added over the whole picture, and pictures generated as a whole",
                zh="整幅画面事后加噪的伪造，以及整体生成的图片",
            ),
        ),
        models=(_MODEL,),
        depth="full",
    )

    def examine(self, subject: Subject) -> Evidence:
        track = subject.track
        if track is None or not track.faces:
            return abstain(self.info, NO_FACE)
        large = [face for face in evenly(track.faces, self.most) if face.quality.face_px >= _MIN_PX]
        if not large:
            return abstain(self.info, face_too_small(_MIN_PX), person=track.person)
        wide = [face for face in large if not face.tight]
        if not wide:
            return abstain(self.info, _ONLY_FACE, person=track.person)
        seen = []
        for face in wide:
            row = noise_features(subject.frame(face.frame).pixels, face)
            if row is not None:
                seen.append((face, row))
        if not seen:
            return abstain(self.info, _TOO_LITTLE, person=track.person)
        return self._evidence(subject, track, seen)

    def _evidence(self, subject: Subject, track: Track, seen: Sequence[tuple[Face, Floats]]) -> Evidence:
        (scores,) = models.load(_MODEL).run(np.stack([row for _, row in seen]))
        evidence = from_faces(self.info, track.person, [face for face, _ in seen], [float(s) for s in scores])
        face, row = seen[int(np.argmax(scores))]
        shown = _exhibit(subject.frame(face.frame), face, float(row[0]), moving=len(seen) > 1)
        return replace(evidence, finding=_finding(evidence.llr or 0.0), exhibits=(shown,))


def noise_features(pixels: Pixels, face: Face) -> Floats | None:
    """By how many octaves the noise inside the face exceeds that around it, and the sizes of these differences.

    ``(8,)`` float32: luma at full and at half size, red and blue chroma at half size, then their absolute values. A
    plane that holds too little to measure counts as equal. None where luma at full size does. Of a picture of more
    than ``WHOLE_PX`` pixels up to a megapixel each of the face and of its surroundings is looked at, evenly spread.
    """
    patches = None if pixels.shape[0] * pixels.shape[1] <= WHOLE_PX else _sampled(pixels, face.box)
    ycc = cv2.cvtColor(pixels if patches is None else patches.pixels, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    half = (max(1, ycc.shape[1] // 2), max(1, ycc.shape[0] // 2))
    small = cv2.resize(ycc, half, interpolation=cv2.INTER_AREA)
    fine = _difference(np.asarray(ycc[..., 0], np.float32), face.box, 1, patches)
    if not np.isfinite(fine):
        return None
    planes = [np.asarray(small[..., channel], np.float32) for channel in range(3)]
    coarse = [_difference(plane, face.box, 2, patches) for plane in planes]
    signed = np.clip(np.nan_to_num([fine, *coarse]), -_MAX_OCTAVES, _MAX_OCTAVES)
    return np.concatenate([signed, np.abs(signed)]).astype(np.float32)


def _sampled(pixels: Pixels, box: Box) -> Patches:
    """Patches from the face and from the rest of the picture, at most ``_MAX_PATCHES`` of each."""
    height, width = pixels.shape[:2]
    face: list[tuple[int, int]] = []
    away: list[tuple[int, int]] = []
    for y in range(0, height - _SIDE + 1, _SIDE):
        for x in range(0, width - _SIDE + 1, _SIDE):
            (face if _meets(box, y, x) else away).append((y, x))
    return cut_out(pixels, [*evenly(face, _MAX_PATCHES), *evenly(away, _MAX_PATCHES)], _SIDE)


def _meets(box: Box, top: int, left: int) -> bool:
    return box.left < left + _SIDE and box.right > left and box.top < top + _SIDE and box.bottom > top


def _difference(plane: Floats, box: Box, shrunk: int, patches: Patches | None) -> float:
    blocks = block_noise(plane)
    y, x, known = _places(blocks, shrunk, patches)
    face, away = _ellipse(y, x, box, *_FACE), _ellipse(y, x, box, *_AWAY)
    return noise_ratio(blocks, face & known, ~away & known)[1]


def _places(blocks: BlockNoise, shrunk: int, patches: Patches | None) -> tuple[Places, Places, NDArray[np.bool_]]:
    """Where the centres of the blocks lie in the whole picture, down and across, and which of them count."""
    size = BLOCK * shrunk
    if patches is not None:
        top, left, known = patches.blocks(size)
        return np.asarray(top + size / 2, np.float64), np.asarray(left + size / 2, np.float64), known
    y, x = np.asarray((np.indices(blocks.sigma.shape) + 0.5) * size, np.float64)
    return y, x, np.ones(blocks.sigma.shape, np.bool_)


def _ellipse(y: NDArray[np.float64], x: NDArray[np.float64], box: Box, wide: float, tall: float) -> NDArray[np.bool_]:
    """Which points lie in the ellipse that takes up ``wide`` and ``tall`` of the box."""
    across = (x - (box.left + box.right) / 2) / max(1e-6, box.width / 2 * wide)
    down = (y - (box.top + box.bottom) / 2) / max(1e-6, box.height / 2 * tall)
    return np.asarray(across**2 + down**2 < 1)


def _finding(llr: float) -> Text:
    if llr >= _SLIGHT:
        return _FORGED
    return _GENUINE if llr <= -_SLIGHT else _NEITHER


def _exhibit(frame: Frame, face: Face, octaves: float, *, moving: bool) -> ImageExhibit:
    more = "more" if octaves >= 0 else "less"
    times = 2 ** abs(octaves)
    caption = Text(
        "Noise by place: blue less, red more than usual in this picture; grey cannot be measured. At equal brightness "
        f"and texture the face holds {times:.1f} times {more} than its surroundings.",
        zh=f"各处噪声：蓝色低于、红色高于本图常值；灰色无法测量。在亮度和纹理相同时，人脸噪声"
        f"{'高' if octaves >= 0 else '低'}于周围 {times:.1f} 倍。",
    )
    time_s = face.time_s if moving else None
    return ImageExhibit(caption, noise_map(frame.pixels, face), time_s, shrunk(frame.pixels))


def noise_map(pixels: Pixels, face: Face) -> Pixels:
    """The picture in grey with the noise of each block laid over it and the face outlined; at most 640 px a side.

    Of a picture of more than ``WHOLE_PX`` pixels one block in each of at most 80 x 80 places stands for the place.
    """
    height, width = pixels.shape[:2]
    lean, face_scale = _lean(pixels), 1.0
    if height * width > WHOLE_PX:
        pixels = shrunk(pixels)
        face_scale = pixels.shape[1] / width
        whole = np.asarray(cv2.resize(lean, pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.float32)
    else:
        whole = np.zeros((height, width), np.float32)
        grown = np.kron(lean, np.ones((BLOCK, BLOCK), np.float32))
        whole[: grown.shape[0], : grown.shape[1]] = grown
    shown = _laid_over(pixels, whole)
    _outline(shown, face.box, face_scale)
    return shrunk(shown)


def _lean(pixels: Pixels) -> Floats:
    """By block, or by place of a large picture: how much more noise than usual, in [-1, 1]; 0 where none is known."""
    height, width = pixels.shape[:2]
    if height * width <= WHOLE_PX:
        blocks, known, shape = block_noise(_grey(pixels)), None, None
    else:
        step = -(-max(height, width) // _PLACES_A_SIDE)
        tops, lefts = range(step // 2, height - BLOCK, step), range(step // 2, width - BLOCK, step)
        patches = cut_out(pixels, [(y, x) for y in tops for x in lefts], BLOCK, BLOCK)
        blocks, known, shape = block_noise(_grey(patches.pixels)), patches.blocks(BLOCK)[2], (len(tops), len(lefts))
    usable = blocks.usable if known is None else blocks.usable & known
    octaves = np.log2(blocks.sigma + 0.25)
    usual = float(np.median(octaves[usable])) if usable.any() else 0.0
    lean = np.where(usable, np.clip((octaves - usual) / _MAP_OCTAVES, -1, 1), 0).astype(np.float32)
    if known is None or shape is None:
        return lean
    by_patch = lean[1::3, 1::3].ravel()  # of each patch the middle one of 3 x 3 blocks
    return np.asarray(by_patch[: shape[0] * shape[1]].reshape(shape), np.float32)


def _grey(pixels: Pixels) -> Floats:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)


def _laid_over(pixels: Pixels, whole: Floats) -> Pixels:
    grey = np.repeat(pixels.mean(axis=2, keepdims=True, dtype=np.float32), 3, axis=2)
    weight = 0.7 * np.abs(whole)[..., None]
    colour = np.where(whole[..., None] > 0, _MORE, _LESS)
    return np.asarray(np.rint(grey * (1 - weight) + colour * weight), np.uint8)


def _outline(shown: Pixels, box: Box, scale: float) -> None:
    centre = (round((box.left + box.right) / 2 * scale), round((box.top + box.bottom) / 2 * scale))
    axes = (max(1, round(box.width / 2 * _FACE[0] * scale)), max(1, round(box.height / 2 * _FACE[1] * scale)))
    cv2.ellipse(shown, centre, axes, 0, 0, 360, (255, 255, 255), max(1, min(shown.shape[:2]) // 200))


detector: type[Detector] = Noise
