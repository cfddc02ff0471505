"""Forgeries of a clip's course: frames dropped, frozen, in another order, from another clip, or forged one by one.

Ground truth is exact: of every frame where it was in the genuine clip, and what of its pixels is not genuine. Made of
genuine clips alone, for detectors that look across frames (after the clip-level artifacts of Y. Xu et al., "TALL", ICCV
2023, and the temporal self-blends of the field, but with the truth kept).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import DataError
from zhenwei.forge.synthesis.forgery import Value
from zhenwei.forge.synthesis.masks import check_face
from zhenwei.forge.synthesis.self_blend import self_blend_seeded
from zhenwei.types import Floats, Pixels

METHOD = "temporal"
KINDS = ("drop", "freeze", "reorder", "insert", "flicker", "jitter")
FOREIGN = -1  # a frame of another clip
_MIN_FRAMES = 8
_MESH = 468


@dataclass(frozen=True, slots=True, eq=False)
class VideoForgery:
    """A forged clip with its ground truth.

    ``frames`` ``(m, h, w, 3)`` uint8 RGB, m up to n of the genuine clip. ``origin`` ``(m,)`` int64: which genuine frame
    each is (or was forged from), -1 from another clip. ``masks`` ``(m, h, w)`` float32 in [0, 1]: the share of each
    pixel that is not that frame's own. ``recipe``: plain JSON values, whose ``seed`` and ``kind`` repeat it.
    """

    frames: Pixels
    origin: NDArray[np.int64]
    masks: Floats
    recipe: Mapping[str, Value]

    @property
    def altered(self) -> NDArray[np.bool_]:
        """``(m,)``: frames that are not genuine at their place: forged, foreign, or not the next of their clip."""
        return np.asarray(self.masks.any((1, 2)) | self.seams | (self.origin == FOREIGN))

    @property
    def seams(self) -> NDArray[np.bool_]:
        """``(m,)``: frames that do not follow the one before as in the genuine clip."""
        follows = np.append(True, (np.diff(self.origin) == 1) & (self.origin[1:] != FOREIGN))
        inside = np.append(False, (self.origin[1:] == FOREIGN) & (self.origin[:-1] == FOREIGN))
        return np.asarray(~(follows | inside))


def temporal(
    frames: Pixels,
    landmarks: Floats,
    rng: np.random.Generator,
    *,
    donor: Pixels | None = None,
    kind: str | None = None,
) -> VideoForgery:
    """One of ``KINDS``, at random unless ``kind`` says which, over a stretch of an eighth to a half of the clip.

    ``frames``: ``(n, h, w, 3)`` uint8 RGB, 8 or more, in order. ``landmarks``: ``(n, 468, 2)`` or ``(n, 468, 3)`` in
    pixels. ``donor``: another clip of the same frame size, ``(k, h, w, 3)``; "insert" needs one. Raises DataError for
    anything else. Draws once from ``rng``.
    """
    return temporal_seeded(frames, landmarks, int(rng.integers(2**53)), donor=donor, kind=kind)


def temporal_seeded(
    frames: Pixels, landmarks: Floats, seed: int, *, donor: Pixels | None = None, kind: str | None = None
) -> VideoForgery:
    """As ``temporal``, with every choice following from ``seed`` (and ``kind``, where it is given)."""
    _check(frames, landmarks, donor)
    rng = np.random.default_rng(seed)
    possible = [k for k in KINDS if k != "insert" or donor is not None]
    drawn_kind = possible[int(rng.integers(len(possible)))]
    chosen = kind or drawn_kind
    if chosen not in possible:
        want = f"one of {', '.join(possible)}" + ("" if donor is not None else "; insert needs a donor clip")
        raise DataError("there is no such forgery of a clip", got=chosen, want=want)
    length = max(2, round(len(frames) * float(rng.uniform(0.125, 0.5))))
    first = int(rng.integers(1, len(frames) - length + 1))
    recipe: dict[str, Value] = {"method": METHOD, "seed": seed, "kind": chosen, "first": first, "length": length}
    if chosen in ("flicker", "jitter"):
        return _forged_frames(frames, landmarks, chosen, first, length, rng, recipe)
    origin = _orders[chosen](len(frames), first, length, rng)
    return _rearranged(frames, origin, donor, rng, recipe)


Order = Callable[[int, int, int, np.random.Generator], NDArray[np.int64]]


def _dropped(n: int, first: int, length: int, _: np.random.Generator) -> NDArray[np.int64]:
    length = min(length, n - first - 1) or 1  # a frame after the gap, or nothing would show it
    first = min(first, n - length - 1)
    return np.delete(np.arange(n), np.s_[first : first + length])


def _frozen(n: int, first: int, length: int, _: np.random.Generator) -> NDArray[np.int64]:
    origin = np.arange(n)
    origin[first : first + length] = first - 1
    return origin


def _reordered(n: int, first: int, length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    origin = np.arange(n)
    some = origin[first : first + length]
    mixed = some[::-1] if rng.random() < 0.5 else rng.permutation(some)
    origin[first : first + length] = some[::-1] if np.array_equal(mixed, some) else mixed
    return origin


def _inserted(n: int, first: int, length: int, _: np.random.Generator) -> NDArray[np.int64]:
    origin = np.arange(n)
    origin[first : first + length] = FOREIGN
    return origin


_orders: dict[str, Order] = {"drop": _dropped, "freeze": _frozen, "reorder": _reordered, "insert": _inserted}


def _rearranged(
    frames: Pixels, origin: NDArray[np.int64], donor: Pixels | None, rng: np.random.Generator, recipe: dict[str, Value]
) -> VideoForgery:
    out = frames[origin]
    masks = np.zeros(out.shape[:3], np.float32)
    foreign = np.flatnonzero(origin == FOREIGN)
    if len(foreign) and donor is not None:
        begin = int(rng.integers(0, max(1, len(donor) - len(foreign) + 1)))
        out[foreign] = donor[(begin + np.arange(len(foreign))) % len(donor)]
        masks[foreign] = 1
        recipe["donor_first"] = begin
    return VideoForgery(out, origin, masks, recipe)


def _forged_frames(
    frames: Pixels,
    landmarks: Floats,
    kind: str,
    first: int,
    length: int,
    rng: np.random.Generator,
    recipe: dict[str, Value],
) -> VideoForgery:
    """Self-blends frame by frame: "flicker" draws each anew, "jitter" keeps one and lets its boundary tremble."""
    out, masks = frames.copy(), np.zeros(frames.shape[:3], np.float32)
    one = int(rng.integers(2**53))
    tremble_px = float(rng.uniform(0.005, 0.03)) * min(frames.shape[1:3])
    for place in range(first, first + length):
        seed, points = one, landmarks[place][:, :2].astype(np.float32)
        if kind == "flicker":
            seed = int(rng.integers(2**53))
        else:
            points = points + rng.normal(0, tremble_px, 2).astype(np.float32)
        forged = self_blend_seeded(frames[place], points, seed)
        out[place], masks[place] = forged.pixels, forged.mask
    if kind == "jitter":
        recipe["tremble_px"] = round(tremble_px, 3)
    return VideoForgery(out, np.arange(len(frames)), masks, recipe)


def _check(frames: Pixels, landmarks: Floats, donor: Pixels | None) -> None:
    for video, name in ((frames, "clip"), (donor, "donor clip")):
        if video is not None and (video.ndim != 4 or video.shape[3] != 3 or video.dtype != np.uint8 or not len(video)):
            got = f"{video.dtype} {video.shape}"
            raise DataError(f"a {name} cannot be used", got=got, want="uint8 (frames, height, width, 3)")
    if len(frames) < _MIN_FRAMES:
        raise DataError("the clip is too short to be forged", got=f"{len(frames)} frames", want=f"{_MIN_FRAMES} up")
    if donor is not None and donor.shape[1:] != frames.shape[1:]:
        raise DataError("the clips differ in size", got=str(donor.shape[1:3]), want=str(frames.shape[1:3]))
    if landmarks.shape not in ((len(frames), _MESH, 2), (len(frames), _MESH, 3)):
        want = f"({len(frames)}, {_MESH}, 2), a face mesh a frame"
        raise DataError("landmarks do not match the clip", got=str(landmarks.shape), want=want)
    for frame, points in zip(frames, landmarks, strict=True):
        check_face(frame, points)
