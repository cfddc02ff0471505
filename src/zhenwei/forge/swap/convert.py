"""A trained swap on pictures and clips: the other person's face is drawn, brought back to its place and blended in.

Every result leaves through the door, with its mask and recipe. There is no live way in: files only, and no face above
128 px, whatever the size of the picture around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from zhenwei import media
from zhenwei.errors import DataError, UsageError
from zhenwei.forge.blending import Colour, Edge, blend
from zhenwei.forge.export import Door, ExportedFile, Origin, export_image, export_video
from zhenwei.forge.swap import checkpoint
from zhenwei.forge.swap.learn import swap_faces
from zhenwei.forge.swap.prepare import Cut, align, cut_faces
from zhenwei.forge.swap.sides import MAX_PX, oval_mask
from zhenwei.forge.swap.swap_settings import SwapSettings
from zhenwei.nets.swap import SwapNet
from zhenwei.types import Floats, Pixels

Points = NDArray[np.float64]
Direction = Literal["a-to-b", "b-to-a"]
MAX_FRAMES = 300
SMOOTHED_S = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Swapper:
    """A trained network and what it may be used for. ``consent``: SHA-256 of the manifest it was trained under."""

    net: SwapNet
    settings: SwapSettings
    consent: str
    subjects: tuple[str, str]
    step: int
    device: torch.device


@dataclass(frozen=True, slots=True, eq=False)
class Swapped:
    """``pixels`` ``(height, width, 3)`` uint8, ``mask`` ``(height, width)`` float32 in [0, 1]: 0 where untouched."""

    pixels: Pixels
    mask: Floats


def open_swapper(path: Path, consent: str, device: torch.device) -> Swapper:
    """The checkpoint at ``path``; DataError as in :func:`zhenwei.forge.swap.checkpoint.restore`."""
    state, told = checkpoint.restore(path, consent, device)
    return Swapper(state.net.eval(), told.settings, told.consent, told.subjects, told.step, device)


def swap_image(swapper: Swapper, pixels: Pixels, direction: Direction, colour: Colour, edge: Edge) -> Swapped | None:
    """The largest face of ``pixels`` ``(height, width, 3)`` uint8 drawn as the other person; None without a face.

    Where the face's square is above 128 px, the whole picture is made smaller first, and the result is of that size.
    """
    return _swap_all(swapper, [pixels], direction, colour, edge, 1)[0]


def _to_size(pixels: Pixels, height: int, width: int) -> Pixels:
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _swap_all(
    swapper: Swapper, frames: Sequence[Pixels], direction: Direction, colour: Colour, edge: Edge, window: int
) -> list[Swapped | None]:
    """All frames at one size, that at which no face is above the bound; None where there is no face. ``window``: frames
    that places are smoothed over."""
    size = swapper.settings.size
    found = [_largest(pixels, size) for pixels in frames]
    largest = max((_square(cut) for cut in found if cut), default=0.0)
    if largest > MAX_PX:
        scale = MAX_PX / largest
        frames = [_to_size(p, round(p.shape[0] * scale), round(p.shape[1] * scale)) for p in frames]
        found = [_largest(pixels, size) for pixels in frames]
    made: list[Swapped | None] = []
    for pixels, cut in zip(frames, steadied(frames, found, window), strict=True):
        made.append(lay_back(swapper, pixels, cut, direction, colour, edge) if cut else None)
    return made


def _largest(pixels: Pixels, size: int) -> Cut | None:
    return next(iter(cut_faces(pixels, size)), None)


def steadied(frames: Sequence[Pixels], cuts: Sequence[Cut | None], window: int) -> list[Cut | None]:
    """The same faces cut where a local parabola over ``window`` frames has their landmarks (A. Savitzky and M. Golay,
    1964), so that a drawn face does not tremble as the finder of landmarks does. Frames without a face, and a face that
    is suddenly elsewhere, begin anew; passages shorter than the window, and windows below 5, stay as they are."""
    steady, first = list(cuts), 0
    places = [_in_picture(cut) for cut in cuts]
    for last in range(1, len(cuts) + 1):
        if last < len(cuts) and _goes_on(places[last - 1], places[last]):
            continue
        passage, first = range(first, last), last
        there = [points for k in passage if (points := places[k]) is not None]
        if window >= 5 and len(there) >= window:
            for k, points in zip(passage, savgol_filter(np.stack(there), window, 2, axis=0), strict=True):
                was = cuts[k]
                if was is not None:
                    steady[k] = align(frames[k], points.astype(np.float32), was.pixels.shape[0], was.yaw_deg)
    return steady


def _in_picture(cut: Cut | None) -> Points | None:
    return None if cut is None else cut.landmarks @ cut.to_image[:, :2].T + cut.to_image[:, 2]


def _goes_on(one: Points | None, other: Points | None) -> bool:
    """Whether both are of one face in motion: at most half of its width apart."""
    if one is None or other is None:
        return False
    return bool(np.linalg.norm(one.mean(0) - other.mean(0)) < np.ptp(one[:, 0]) / 2)


def _square(cut: Cut) -> float:
    """Side in the picture of the square that was cut out."""
    return float(np.hypot(*cut.to_image[:, 0]) * cut.pixels.shape[0])


def lay_back(swapper: Swapper, pixels: Pixels, cut: Cut, direction: Direction, colour: Colour, edge: Edge) -> Swapped:
    """The face in ``cut`` drawn as the other, and brought back to where it was cut from. UsageError above 128 px."""
    if _square(cut) > 1.1 * MAX_PX:  # found again in a smaller picture, a face is not of exactly that size
        raise UsageError("this face is too large", got=f"{_square(cut):.0f} px", want=f"up to {MAX_PX} px")
    drawn, masks = swap_faces(swapper.net, cut.pixels[None], "b" if direction == "a-to-b" else "a", swapper.device)
    inside = oval_mask(cut.landmarks, swapper.settings.size)
    if masks is not None:
        inside = np.asarray(inside * masks[0], np.float32)
    size = (pixels.shape[1], pixels.shape[0])
    face = cv2.warpAffine(drawn[0], cut.to_image, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    mask = np.clip(cv2.warpAffine(inside, cut.to_image, size, flags=cv2.INTER_LINEAR), 0, 1).astype(np.float32)
    mixed = blend(np.ascontiguousarray(pixels), np.asarray(face, np.uint8), mask, colour=colour, edge=edge)
    touched = np.where((mixed != pixels).any(axis=2) | (mask >= 0.5), mask, 0).astype(np.float32)
    return Swapped(mixed, touched)


def convert(
    swapper: Swapper,
    source: Path,
    output: Path,
    door: Door,
    *,
    direction: Direction,
    colour: Colour,
    edge: Edge,
    smooth_s: float = SMOOTHED_S,
    beside: bool = False,
) -> tuple[ExportedFile, int]:
    """Swap the face in a picture or clip and export it; also the number of frames in which no face was found.

    ``smooth_s``: seconds over which faces' places in a clip are smoothed, 0 for as they were found. ``beside``: the
    original is shown to the left of the swap. Pictures go to .png or .jpg; clips, of at most 300 frames and without
    their sound, to .mp4. Raises DataError where no face is found at all, MediaError where the file cannot be read.
    """
    if output.resolve() == source.resolve():
        raise UsageError("a swap does not replace its source", got=str(output), fix="Name another --output.")
    opened = media.open_media(source)
    if opened.kind == "audio":
        raise UsageError("there is no face in a sound", got=source.name, want="a picture or a clip")
    parent = source.read_bytes()
    recipe = recipe_of(swapper, direction, colour, edge)
    if opened.kind == "image":
        pixels = media.read_image(opened).pixels
        made = swap_image(swapper, pixels, direction, colour, edge)
        if made is None:
            raise DataError(f"no face was found in {source.name}", fix="Faces below half the network's size are left.")
        origin = Origin("swap", recipe | {"beside": beside}, swapper.consent, "ai-edited", parent)
        mask = made.mask
        if beside:
            mask = np.concatenate([np.zeros_like(mask), mask], axis=1)
        return export_image(_shown(pixels, made, made, beside), origin, output, door, mask=mask), 0
    times = media.frame_times(opened)
    if len(times) > MAX_FRAMES:
        got, want = f"{len(times)} frames", f"at most {MAX_FRAMES}"
        raise UsageError("this clip is too long", got=got, want=want, fix="Cut it first: the lab makes short examples.")
    frames = [frame.pixels for frame in media.sample_frames(opened, len(times))]
    span = times[-1] - times[0]
    fps = Fraction((len(times) - 1) / span).limit_denominator(1001) if span > 0 else Fraction(25)
    window = round(smooth_s * float(fps)) // 2 * 2 + 1
    made_of = _swap_all(swapper, frames, direction, colour, edge, window)
    swapped = [made for made in made_of if made is not None]
    without = len(frames) - len(swapped)
    if not swapped:
        raise DataError(f"no face was found in {source.name}")
    shown = [_shown(frame, made, swapped[0], beside) for made, frame in zip(made_of, frames, strict=True)]
    recipe |= {"frames_without_face": without, "smoothed_over_frames": window, "beside": beside}
    origin = Origin("swap", recipe, swapper.consent, "ai-edited", parent)
    return export_video(shown, fps, origin, output, door), without


def _shown(frame: Pixels, made: Swapped | None, sized: Swapped, beside: bool) -> Pixels:
    """What is exported of a frame, at the size of ``sized``; one without a face as it is."""
    if made is not None and not beside:
        return made.pixels
    original = _to_size(frame, *sized.pixels.shape[:2])
    return np.concatenate([original, original if made is None else made.pixels], axis=1) if beside else original


def recipe_of(swapper: Swapper, direction: Direction, colour: Colour, edge: Edge) -> dict[str, Any]:
    """What repeats a swap, with the checkpoint at hand: plain JSON values."""
    return {
        "subjects": list(swapper.subjects),
        "direction": direction,
        "step": swapper.step,
        "settings": swapper.settings.to_dict(),
        "colour": colour,
        "edge": edge,
    }
