"""What the networks that look at one face at a time share: which faces they answer, how a track is scored and shown."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from zhenwei import faces, models
from zhenwei.models.calibration import Calibration
from zhenwei.signals.colour import distinct_colours, is_grey
from zhenwei.types import (
    Box,
    Curve,
    DetectorInfo,
    Evidence,
    Exhibit,
    Face,
    Floats,
    Frame,
    InputContract,
    Interval,
    Picture,
    Pixels,
    Subject,
    Text,
    Track,
)

_SOFTEST = 12.0  # variance of the Laplacian below which the networks take softness for a forgery
_PALETTE = 256
_SAMPLED_PX = 128
_BATCH = 8
_EXHIBITS = 3
_SLIGHT = 0.35


def needs(contract: InputContract) -> tuple[Text, ...]:
    """What a face must have to be answered, for the catalogue."""
    least = contract.min_face_px
    return (
        Text(f"a face of at least {least} px", zh=f"至少 {least} 像素的人脸"),
        Text("some sharpness", zh="一定的清晰度"),
        Text("more than 256 colours", zh="多于 256 种颜色"),
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
    makes the exhibits where the second output is no map.
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
    draw: Callable[[Look, Floats], tuple[Exhibit, ...]] | None = None

    def examine(self, subject: Subject) -> Evidence:
        track = subject.track
        if track is None or not track.faces:
            return self._abstain(None, "no face to look at", "没有可供检查的人脸")
        chosen = _spread(track.faces, self.most)
        look = _look(subject, track, self._way())
        if not look.seen:
            return self._abstain(track.person, *_too_poor(track, self.contract.min_face_px))
        return replace(self._evidence(track, look), reason=_left_out(len(chosen) - len(look.seen), len(chosen)))

    def maps(self, subject: Subject) -> Floats | None:
        """Regional scores of the faces that can be judged, logits ``(n, rows, columns)``; None if there is none."""
        if subject.track is None or not subject.track.faces:
            return None
        look = _look(subject, subject.track, self._way())
        return look.outputs[self.first + 1] if look.seen else None

    def _way(self) -> _Way:
        return _Way(self.info.models[0], self.contract, self.mirrored, self.enough, self.most)

    def _evidence(self, track: Track, look: Look) -> Evidence:
        model, seen = self.info.models[0], look.seen
        scores, maps = look.outputs[self.first], look.outputs[self.first + 1]
        calibration = Calibration.load(models.calibration_path(model, part=self.part))
        face_px = float(np.median([f.quality.face_px for f in seen]))
        sharpness = float(np.median([f.quality.sharpness for f in seen]))
        times = [f.time_s for f in seen]
        score = calibration.combine_frames([float(s) for s in scores], times)
        llr = calibration.llr(score, face_px=face_px, sharpness=sharpness, frames=len(seen))
        drawn, count = maps + np.float32(self.shift), 1 if self.part else _EXHIBITS
        return Evidence(
            detector=self.info.id,
            llr=llr,
            finding=_finding(self.wording, llr),
            score=score,
            person=track.person,
            interval=Interval(times[0], times[-1]) if len(seen) > 1 else None,
            exhibits=self.draw(look, maps)
            if self.draw
            else _exhibits(self.wording.map, calibration, look, scores, drawn, count),
            weights=models.load(model).weights,
        )

    def _abstain(self, person: int | None, why: str, zh: str) -> Evidence:
        return Evidence(self.info.id, None, Text("No answer.", zh="没有结论。"), Text(why, zh=zh), person=person)


@dataclass(frozen=True, slots=True)
class _Way:
    """How a person's faces are looked at; two detectors that look alike share one pass."""

    model: str
    contract: InputContract
    mirrored: bool
    enough: int
    most: int


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """The faces that could be judged, their crops, and every output of the model for them, ``(n, ...)`` each."""

    seen: tuple[Face, ...]
    crops: tuple[Pixels, ...]
    outputs: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Pass:
    """A pass with what it was asked of: track, way and weights, and the pictures."""

    asked: tuple[Track, _Way, str]
    pictures: tuple[weakref.ref[Pixels], ...]
    look: Look

    def shown(self, frames: Sequence[Frame]) -> bool:
        return len(frames) == len(self.pictures) and all(
            ref() is frame.pixels for ref, frame in zip(self.pictures, frames, strict=True)
        )


_memory = threading.local()  # of each thread: the last pass of every model


def _look(subject: Subject, track: Track, way: _Way) -> Look:
    """The last pass of this thread over the model, if it was over the very same pictures; else a new one."""
    passes: dict[str, _Pass] = _memory.__dict__.setdefault("passes", {})
    asked, last = (track, way, models.load(way.model).weights), passes.get(way.model)
    if last and last.asked[0] is track and last.asked[1:] == asked[1:] and last.shown(subject.frames):
        return last.look
    # Pictures are not kept alive: a clip's frames may be hundreds of megabytes.
    passes[way.model] = _Pass(
        asked, tuple(weakref.ref(f.pixels) for f in subject.frames), _new_look(subject, track, way)
    )
    return passes[way.model].look


def _new_look(subject: Subject, track: Track, way: _Way) -> Look:
    crops = [(face, _cut(subject, face, way.contract)) for face in _spread(track.faces, way.most)]
    seen = [(face, crop) for face, crop in crops if crop is not None]
    if not seen:
        return Look((), (), ())
    batch = faces.normalise(np.stack([crop for _, crop in seen]), way.contract)
    return Look(tuple(f for f, _ in seen), tuple(c for _, c in seen), _answers(batch, way))


def _answers(batch: Floats, way: _Way) -> tuple[Floats, ...]:
    """Every output, each face by itself (its neighbours do not matter), both views averaged where wanted."""
    model = models.load(way.model)
    straight = _run(model, batch)
    if not way.mirrored or len(batch) >= way.enough:
        return straight
    flipped = _run(model, np.ascontiguousarray(batch[..., ::-1]))
    back = [out if out.ndim < 3 else out[..., ::-1] for out in flipped]
    return tuple((a + b) * np.float32(0.5) for a, b in zip(straight, back, strict=True))


def _cut(subject: Subject, face: Face, contract: InputContract) -> Pixels | None:
    frame = subject.frame(face.frame)
    if face.quality.sharpness < _SOFTEST or _is_palette(frame.pixels, faces.region(frame, face, contract)):
        return None
    return faces.cut(frame, face, contract)


def _spread(every: Sequence[Face], most: int) -> Sequence[Face]:
    if not most or len(every) <= most:
        return every
    return [every[int(i)] for i in np.linspace(0, len(every) - 1, most).round()]


def _run(model: models.OnnxModel, batch: Floats) -> tuple[Floats, ...]:
    parts = [model.run(batch[i : i + _BATCH]) for i in range(0, len(batch), _BATCH)]
    return tuple(np.concatenate(out) for out in zip(*parts, strict=True))


def _too_poor(track: Track, least_px: int) -> tuple[str, str]:
    largest = max(f.quality.face_px for f in track.faces)
    if largest < least_px:
        return (
            f"the face is too small: {largest:.0f} px at most, {least_px} px are needed",
            f"人脸太小：最大 {largest:.0f} 像素，至少需要 {least_px} 像素",
        )
    if max(f.quality.sharpness for f in track.faces) < _SOFTEST:
        return "the face is too soft to judge: it holds no detail", "人脸过于模糊，没有可供判断的细节"
    return (
        f"the face has {_PALETTE} colours or fewer, as in a GIF: that hides and imitates traces",
        f"人脸只有不超过 {_PALETTE} 种颜色（如 GIF）：这会掩盖痕迹，也会造成假痕迹",
    )


def _is_palette(pixels: Pixels, box: Box) -> bool:
    """Whether a coloured region was reduced to a palette; the network never learned what that does to a face."""
    height, width = pixels.shape[:2]
    top, bottom = max(0, int(box.top)), min(height, int(box.bottom))
    left, right = max(0, int(box.left)), min(width, int(box.right))
    step = max(1, min(bottom - top, right - left) // _SAMPLED_PX)
    part = pixels[top:bottom:step, left:right:step]
    if part.shape[0] * part.shape[1] < 4 * _PALETTE or is_grey(part):
        return False
    return distinct_colours(part) <= _PALETTE


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


def _exhibits(
    caption: Text, calibration: Calibration, look: Look, scores: Floats, maps: Floats, count: int
) -> tuple[Picture | Curve, ...]:
    seen, crops = look.seen, look.crops
    most = np.argsort(-scores, kind="stable")[:count]
    pictures = tuple(
        Picture(
            caption,
            _overlay(crops[i], maps[i]),
            seen[i].time_s if len(seen) > 1 else None,
        )
        for i in sorted(int(k) for k in most)
    )
    if len(seen) < 2:
        return pictures
    curve = Curve(
        Text("What each face would weigh alone, over time", zh="每一帧人脸单独的证据强度随时间的变化"),
        Text("time (s)", zh="时间（秒）"),
        Text("LLR", zh="对数似然比"),
        tuple(f.time_s for f in seen),
        tuple(
            round(calibration.llr(float(s), face_px=f.quality.face_px, sharpness=f.quality.sharpness), 4)
            for f, s in zip(seen, scores, strict=True)
        ),
        0.0,
    )
    return (*pictures, curve)


def _overlay(crop: Pixels, regional: Floats) -> Pixels:
    """The face with its regional scores laid over it: clear below score 0, then yellow to red."""
    share = 1 / (1 + np.exp(-np.clip(regional, -20, 20)))
    heat = cv2.resize(share.astype(np.float32), crop.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    heat = np.clip(heat, 0, 1)[..., None]
    colour = np.concatenate([np.full_like(heat, 255), 220 * (1 - heat), 30 * (1 - heat)], axis=-1)
    weight = 0.45 * np.clip(2 * heat - 0.5, 0, 1)
    return np.asarray(np.round(crop * (1 - weight) + colour * weight), np.uint8)
