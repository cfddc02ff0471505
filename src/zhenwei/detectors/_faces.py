"""What the networks that look at one face at a time share: which faces they answer, how a track is scored and shown."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np

from zhenwei import faces, models
from zhenwei.detectors._answers import NO_FACE, abstain, evenly, from_faces
from zhenwei.models.calibration import Calibration
from zhenwei.signals.colour import distinct_colours, is_grey
from zhenwei.types import (
    Box,
    Curve,
    Depth,
    DetectorInfo,
    Evidence,
    Exhibit,
    Face,
    Floats,
    Forgery,
    Frame,
    ImageExhibit,
    InputContract,
    Pixels,
    Subject,
    Text,
    Track,
)

MIN_SHARPNESS = 12.0  # variance of the Laplacian below which the networks take softness for a forgery
_PALETTE = 256
# Forty photographed faces in grey had 186 levels and more, darkened to 35 % of their light or with a quarter of their
# contrast 48 and more, at a fifth of their light 38 and more; drawings of dots and pictures of few greys have 2 to 16.
_GREYS = 32
_SAMPLED_PX = 128
_BATCH = 1  # no slower than many at a time on one core, and the working memory of a network is that of one face
_MAX_IMAGES = 3
_SLIGHT = 0.35
FEW_COLOURS = Text(
    f"the face has {_PALETTE} colours or fewer, as in a GIF, or {_GREYS} greys: that hides and imitates traces",
    zh=f"人脸只有不超过 {_PALETTE} 种颜色（如 GIF），或不超过 {_GREYS} 级灰度：这会掩盖痕迹，也会造成假痕迹",
)
COMPRESSED = Text(
    "faces that were strongly compressed, filtered or enlarged after forging",
    zh="伪造之后又经过强压缩、滤镜或放大的人脸",
)


def needs(contract: InputContract) -> tuple[Text, ...]:
    """What a face must have to be answered, for the catalogue."""
    least = contract.min_face_px
    return (
        Text(f"a face of at least {least} px", zh=f"至少 {least} 像素的人脸"),
        Text("some sharpness", zh="一定的清晰度"),
        Text(f"more than {_PALETTE} colours, or {_GREYS} greys", zh=f"多于 {_PALETTE} 种颜色，或 {_GREYS} 级灰度"),
    )


@dataclass(frozen=True, slots=True)
class Wording:
    """Sentences of one detector. ``forged`` and ``genuine`` have a place ``{}`` for the strength; ``map`` captions the
    picture of the regional scores."""

    neither: Text
    forged: Text
    genuine: Text
    map: Text


@dataclass(frozen=True, slots=True)
class Examiner:
    """Asks the model ``info.models[0]``, which answers a batch of faces with scores and regional scores.

    ``mirrored`` and ``enough``: see the detectors. ``most``: faces to look at, evenly spread; 0 = all. The person's
    score is the trimmed mean over time. ``part``: of a model that several detectors read, whose calibration; its
    scores are output ``first``, its regional scores the next. Such a model is run once a person, whoever asks.
    ``shift`` is added to regional scores before they are drawn: a seam is thin, and few come near certainty. ``draw``
    makes the exhibits where the second output is no map. ``relative``: regional scores are drawn against the others of
    the same face, where they have no zero of their own.
    """

    info: DetectorInfo
    contract: InputContract
    wording: Wording
    mirrored: bool
    enough: int
    most: int = 0
    part: str = ""
    first: int = 0
    shift: float = 0.0
    draw: Callable[[FaceBatch, Floats], tuple[Exhibit, ...]] | None = None
    relative: bool = False

    def examine(self, subject: Subject) -> Evidence:
        track = subject.track
        if track is None or not track.faces:
            return abstain(self.info, NO_FACE)
        batch = self._batch(subject, track)
        if not batch.faces:
            return abstain(self.info, _too_poor(track, self.contract.min_face_px), person=track.person)
        chosen = len(evenly(track.faces, self.most))
        return replace(self._evidence(track, batch), reason=_left_out(chosen - len(batch.faces), chosen))

    def maps(self, subject: Subject) -> Floats | None:
        """Regional scores of the faces that can be judged, logits ``(n, rows, columns)``; None if there is none."""
        if subject.track is None or not subject.track.faces:
            return None
        batch = self._batch(subject, subject.track)
        return batch.outputs[self.first + 1] if batch.faces else None

    def _batch(self, subject: Subject, track: Track) -> FaceBatch:
        way = _Way(self.info.models[0], self.contract, self.mirrored, self.enough, self.most)
        return _shared_pass(subject, track, way)

    def _evidence(self, track: Track, batch: FaceBatch) -> Evidence:
        scores, maps = batch.outputs[self.first], batch.outputs[self.first + 1]
        evidence = from_faces(self.info, track.person, batch.faces, [float(s) for s in scores], part=self.part)
        if self.draw:
            exhibits = self.draw(batch, maps)
        else:
            exhibits = (*self._images(batch, scores, maps), *self._curve(batch, scores))
        return replace(evidence, finding=_finding(self.wording, evidence.llr or 0.0), exhibits=exhibits)

    def _images(self, batch: FaceBatch, scores: Floats, maps: Floats) -> list[ImageExhibit]:
        """The most suspicious faces in order of time, each with its map; one where several detectors show theirs."""
        most = np.argsort(-scores, kind="stable")[: 1 if self.part else _MAX_IMAGES]
        drawn = (_standing_out(maps) if self.relative else maps) + np.float32(self.shift)
        images = []
        for i in sorted(most.tolist()):
            time_s = batch.faces[i].time_s if len(batch.faces) > 1 else None
            overlay = _overlay(batch.crops[i], drawn[i])
            images.append(ImageExhibit(self.wording.map, overlay, time_s, batch.crops[i], place=batch.places[i]))
        return images

    def _curve(self, batch: FaceBatch, scores: Floats) -> list[Curve]:
        """What each face would weigh alone; none for a single one."""
        if len(batch.faces) < 2:
            return []
        calibration = Calibration.load(models.calibration_path(self.info.models[0], part=self.part))
        llrs = []
        for face, score in zip(batch.faces, scores, strict=True):
            quality = face.quality
            llr = calibration.llr(float(score), face_px=quality.face_px, sharpness=quality.sharpness)
            llrs.append(round(llr, 4))
        caption = Text("What each face would weigh alone, over time", zh="每一帧人脸单独的证据强度随时间的变化")
        time, weight = Text("time (s)", zh="时间（秒）"), Text("LLR", zh="对数似然比")
        return [Curve(caption, time, weight, tuple(face.time_s for face in batch.faces), tuple(llrs), 0.0)]


@dataclass(frozen=True, slots=True)
class _Way:
    """How a person's faces are looked at; two detectors that look alike share one pass."""

    model: str
    contract: InputContract
    mirrored: bool
    enough: int
    most: int


@dataclass(frozen=True, slots=True, eq=False)
class FaceBatch:
    """The faces that could be judged, their crops ``(size, size, 3)`` uint8, every output of the model for them,
    ``(n, ...)`` each, and what part of its frame each crop is, in shares."""

    faces: tuple[Face, ...] = ()
    crops: tuple[Pixels, ...] = ()
    outputs: tuple[Floats, ...] = ()
    places: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Pass:
    """A pass with what it was asked of: track, way, weights, and the pixels of the frames.

    Frames are not kept alive: those of a clip may be hundreds of megabytes.
    """

    track: Track
    way: _Way
    weights: str
    pixels: tuple[weakref.ref[Pixels], ...]
    batch: FaceBatch

    def is_of(self, track: Track, way: _Way, weights: str, frames: Sequence[Frame]) -> bool:
        if self.track is not track or (self.way, self.weights) != (way, weights) or len(frames) != len(self.pixels):
            return False
        return all(ref() is frame.pixels for ref, frame in zip(self.pixels, frames, strict=True))

    def outlived(self) -> bool:
        """Whether the frames are gone: nobody can ask for it any more."""
        return not any(ref() is not None for ref in self.pixels)


_memory = threading.local()  # of each thread: the last pass of every model over each person
_MAX_PASSES = 64  # of more people only the last are remembered


def _shared_pass(subject: Subject, track: Track, way: _Way) -> FaceBatch:
    """The last pass of this thread over model and person, if it was over the very same frames; else a new one."""
    passes: dict[tuple[str, int], _Pass] = _memory.__dict__.setdefault("passes", {})
    key = (way.model, track.person)
    weights, last = models.load(way.model).weights, passes.get(key)
    if last is None or not last.is_of(track, way, weights, subject.frames):
        pixels = tuple(weakref.ref(frame.pixels) for frame in subject.frames)
        last = _Pass(track, way, weights, pixels, _new_pass(subject, track, way))
        passes.pop(key, None)
        for gone in [one for one, kept in passes.items() if kept.outlived()]:
            del passes[gone]
        if len(passes) >= _MAX_PASSES:
            del passes[next(iter(passes))]
        passes[key] = last
    return last.batch


def _new_pass(subject: Subject, track: Track, way: _Way) -> FaceBatch:
    seen, crops = [], []
    for face in evenly(track.faces, way.most):
        crop = _cut(subject, face, way.contract)
        if crop is not None:
            seen.append(face)
            crops.append(crop)
    if not seen:
        return FaceBatch()
    batch = faces.normalise(np.stack(crops), way.contract)
    places = [_place(subject, face, way.contract) for face in seen]
    return FaceBatch(tuple(seen), tuple(crops), _answers(batch, way), tuple(places))


def _place(subject: Subject, face: Face, contract: InputContract) -> Box:
    frame = subject.frame(face.frame)
    height, width = frame.pixels.shape[:2]
    return faces.region(frame, face, contract).share_of(width, height)


def _answers(batch: Floats, way: _Way) -> tuple[Floats, ...]:
    """Every output for ``batch`` ``(n, 3, size, size)``, each face by itself (its neighbours do not matter), both views
    averaged where wanted."""
    model = models.load(way.model)
    straight = _run(model, batch)
    if not way.mirrored or len(batch) >= way.enough:
        return straight
    flipped = _run(model, np.ascontiguousarray(batch[..., ::-1]))
    mean = []
    for one, other in zip(straight, flipped, strict=True):
        back = other if other.ndim < 3 else other[..., ::-1]  # maps (n, rows, columns) are turned back, scores are not
        mean.append((one + back) * np.float32(0.5))
    return tuple(mean)


def _cut(subject: Subject, face: Face, contract: InputContract) -> Pixels | None:
    frame = subject.frame(face.frame)
    if face.quality.sharpness < MIN_SHARPNESS or is_palette(frame.pixels, faces.region(frame, face, contract)):
        return None
    return faces.cut(frame, face, contract)


def _run(model: models.OnnxModel, batch: Floats) -> tuple[Floats, ...]:
    parts = [model.run(batch[i : i + _BATCH]) for i in range(0, len(batch), _BATCH)]
    return tuple(np.concatenate(out) for out in zip(*parts, strict=True))


def _too_poor(track: Track, min_px: int) -> Text:
    largest = max(f.quality.face_px for f in track.faces)
    if largest < min_px:
        return Text(
            f"the face is too small: {largest:.0f} px at most, {min_px} px are needed",
            zh=f"人脸太小：最大 {largest:.0f} 像素，至少需要 {min_px} 像素",
        )
    if max(f.quality.sharpness for f in track.faces) < MIN_SHARPNESS:
        return Text("the face is too soft to judge: it holds no detail", zh="人脸过于模糊，没有可供判断的细节")
    return FEW_COLOURS


def is_palette(pixels: Pixels, box: Box) -> bool:
    """Whether a region was reduced to a palette, of colours or of greys; no model learned what that does to a face."""
    height, width = pixels.shape[:2]
    top, bottom = max(0, int(box.top)), min(height, int(box.bottom))
    left, right = max(0, int(box.left)), min(width, int(box.right))
    step = max(1, min(bottom - top, right - left) // _SAMPLED_PX)
    part = pixels[top:bottom:step, left:right:step]
    if part.shape[0] * part.shape[1] < 4 * _PALETTE:
        return False
    if distinct_colours(part[::8]) > _PALETTE:  # an eighth of the rows mostly settles it
        return False
    return distinct_colours(part) <= (_GREYS if is_grey(part) else _PALETTE)


def _finding(wording: Wording, llr: float) -> Text:
    strength, zh = _strength(abs(llr))
    if abs(llr) < _SLIGHT:
        return wording.neither
    lean = wording.forged if llr > 0 else wording.genuine
    return Text(lean.format(strength), zh=lean.zh.format(zh))


def _left_out(lost: int, found: int) -> Text:
    if not lost:
        return Text("")
    return Text(
        f"{lost} of {found} faces were too small, too soft or too few in colours and were left out",
        zh=f"{found} 张人脸中有 {lost} 张太小、太模糊或颜色太少，未参与判断",
    )


def _strength(size: float) -> tuple[str, str]:
    if size < 2.3:
        return "weak", "较弱"
    if size < 4.6:
        return "moderate", "中等"
    return "strong", "明显"


def _standing_out(maps: Floats) -> Floats:
    """Regional scores ``(n, rows, columns)``, smoothed, in quartile distances above the upper quartile of their face:
    what is above 0 stands out among its own. Single cells far off, as transformers have them, do not set the scale."""
    smooth = np.stack([cv2.medianBlur(np.ascontiguousarray(one, np.float32), 3) for one in maps])
    low, high = np.quantile(smooth, (0.25, 0.75), axis=(1, 2), keepdims=True)
    return np.asarray((smooth - high) / np.maximum(high - low, 1e-6), np.float32)


def _overlay(crop: Pixels, regional: Floats) -> Pixels:
    """The face with its regional scores laid over it: clear below score 0, then yellow to red."""
    share = 1 / (1 + np.exp(-np.clip(regional, -20, 20)))
    heat = cv2.resize(share.astype(np.float32), crop.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    heat = np.clip(heat, 0, 1)[..., None]
    colour = np.concatenate([np.full_like(heat, 255), 220 * (1 - heat), 30 * (1 - heat)], axis=-1)
    weight = 0.45 * np.clip(2 * heat - 0.5, 0, 1)
    return np.asarray(np.round(crop * (1 - weight) + colour * weight), np.uint8)


@dataclass(frozen=True, slots=True)
class Head:
    """Of a network that several detectors read: its calibration is ``part``, its scores are output ``first``, its map
    the next. ``shift``, ``relative``: see :class:`Examiner`."""

    part: str
    first: int
    shift: float = 0.0
    relative: bool = False


@dataclass(frozen=True, slots=True)
class SharedHead:
    """A detector that is a head of a network which others read, too: one pass a person, whoever asks. A subclass says
    what it asks (``info``), in which words it answers and which outputs are its own.

    ``mirrored`` also scores the mirrored face, for pictures and short tracks; from ``enough`` faces on it is left out.
    ``most``: faces of a track that are looked at, evenly spread.
    """

    mirrored: bool
    enough: int
    most: int

    contract: ClassVar[InputContract]
    info: ClassVar[DetectorInfo]
    wording: ClassVar[Wording]
    head: ClassVar[Head]

    def examine(self, subject: Subject) -> Evidence:
        return self.examiner().examine(subject)

    def examiner(self) -> Examiner:
        way, head = (self.mirrored, self.enough, self.most), self.head
        found = Examiner(self.info, self.contract, self.wording, *way, part=head.part, first=head.first)
        return replace(found, shift=head.shift, relative=head.relative)


def head_info(
    id_: str,
    question: Text,
    reference: str,
    blind_spots: tuple[Text, ...],
    *,
    model: str,
    contract: InputContract,
    finds: Forgery = "altered",
    depth: Depth = "standard",
) -> DetectorInfo:
    """The catalogue entry of a :class:`SharedHead` of ``model``."""
    return DetectorInfo(
        id=id_,
        question=question,
        takes=("image", "video"),
        level="person",
        needs=needs(contract),
        reference=reference,
        blind_spots=blind_spots,
        models=(model,),
        contract=contract,
        finds=finds,
        depth=depth,
    )
