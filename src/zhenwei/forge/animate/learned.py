"""Motion transfer by the learned network: a portrait drawn like the frames of a driving clip.

The network draws 64 px. What it is fed is one window about the face, standing still; motion is taken over relative to
the driver's neutral frame, so that it fits another face (A. Siarohin et al., NeurIPS 2019). Where the portrait is
larger, its own detail is carried along the same flow and laid over what was drawn.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save as pack_tensors
from torch import Tensor

from zhenwei.errors import DataError
from zhenwei.files import make_folder, write_whole
from zhenwei.forge.animate.animation import Animation
from zhenwei.forge.animate.clips import cut, framing, like
from zhenwei.forge.animate.motion import neutral_frame
from zhenwei.forge.puppet import any_look, any_puppet, draw
from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.masks import check_face
from zhenwei.forge.synthesis.retouch import blend
from zhenwei.nets.first_order import SIDE, FirstOrderMotion, Flow, Keypoints, enlarged, inverse, places_of
from zhenwei.types import Floats, Pixels

METHOD, RENDERED = "animate_learned", "rendered"
SCHEMA = "zhenwei.first-order/1"
WEIGHTS, INDEX = "first_order.safetensors", "first_order.json"
MAX_PX = 256
_TALL = 0.62  # of the window, as clips.framing has it
_EDGE = 0.08  # of the window's side, over which a drawn window fades into the picture
_NEAR_PX = 1.0
_AT_ONCE = 16


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """``pixels`` ``(n, 64, 64, 3)`` uint8 RGB as drawn, and the flow that they came by, of half that side."""

    pixels: Pixels
    flow: Flow


@dataclass(frozen=True, slots=True, eq=False)
class LearnedMotion:
    """A network ready to draw, and the first digits of the SHA-256 of its weights, whatever file they came from."""

    net: FirstOrderMotion
    digest: str

    @classmethod
    def of(cls, net: FirstOrderMotion) -> LearnedMotion:
        digest = hashlib.sha256()
        for name, value in sorted(net.state_dict().items()):
            digest.update(name.encode() + value.float().numpy().tobytes())
        return cls(net.eval().requires_grad_(False), digest.hexdigest()[:16])


def home() -> Path:
    """Where the demonstration's weights lie: inside the package."""
    return Path(str(files("zhenwei.forge.animate") / "weights"))


@cache
def shipped() -> LearnedMotion:
    """The demonstration's network, which has seen drawn puppets alone. DataError where its file is not the one that was
    measured."""
    return open_weights(home())[0]


def open_weights(folder: Path) -> tuple[LearnedMotion, dict[str, Any]]:
    """A network kept as half floats, checked against its digest, and what the index says of it."""
    try:
        told: dict[str, Any] = json.loads((folder / INDEX).read_text("utf-8"))
        data = (folder / WEIGHTS).read_bytes()
        if told["schema"] != SCHEMA or hashlib.sha256(data).hexdigest() != told["sha256"]:
            raise ValueError(f"sha256 {hashlib.sha256(data).hexdigest()}")
        net = FirstOrderMotion(int(told["points"]), int(told["width"]))
        held = {name: value.float() for name, value in read_tensors(data).items()}
        counters = {name: value for name, value in net.state_dict().items() if not value.is_floating_point()}
        net.load_state_dict(held | counters)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        fix = "Install zhenwei anew."
        raise DataError(f"there is no readable network of motion in {folder}", got=str(error)[:200], fix=fix) from None
    return LearnedMotion.of(net), told


def save_weights(net: FirstOrderMotion, told: Mapping[str, Any], folder: Path) -> None:
    """``net`` as half floats, and the index, which says ``told`` of it, so that :func:`open_weights` opens them."""
    make_folder(folder)
    state = net.state_dict()
    data = pack_tensors({k: v.half().contiguous() for k, v in state.items() if v.is_floating_point()})
    sizes = {"points": net.points, "width": net.width, "sha256": hashlib.sha256(data).hexdigest()}
    write_whole(folder / WEIGHTS, data)
    text = json.dumps({"schema": SCHEMA, **sizes, **told}, indent=1, ensure_ascii=False)
    write_whole(folder / INDEX, (text + "\n").encode())


@torch.inference_mode()
def render(
    net: FirstOrderMotion, source: Pixels, driving: Pixels, neutral: Pixels | None = None, gain: float = 1.0
) -> Rendered:
    """``source`` ``(64, 64, 3)`` drawn like each of ``driving`` ``(n, 64, 64, 3)``, uint8 RGB.

    ``neutral``: the driver's frame that is to leave the source as it is; None takes places over as they are, for
    frames of the same person. ``gain``: of the keypoints' motion away from it.
    """
    ours = net.detector(_tensor(source[None]))
    first = None if neutral is None else net.detector(_tensor(neutral[None]))
    drawn, grids, shown = list[Tensor](), list[Tensor](), list[Tensor]()
    for start in range(0, len(driving), _AT_ONCE):
        theirs = net.detector(_tensor(driving[start : start + _AT_ONCE]))
        count = len(theirs.at)
        repeated = Keypoints(*(x.expand(count, *x.shape[1:]) for x in ours))
        if first is not None:
            theirs = _relative(ours, theirs, first, gain)
        made = net(_tensor(source[None]).expand(count, -1, -1, -1), repeated, theirs)
        drawn.append((made.pixels * 255).round().byte().permute(0, 2, 3, 1))
        grids.append(made.flow.grid)
        shown.append(made.flow.shown)
    return Rendered(torch.cat(drawn).numpy(), Flow(torch.cat(grids), torch.cat(shown)))


def _relative(ours: Keypoints, theirs: Keypoints, first: Keypoints, gain: float) -> Keypoints:
    spread = [(x.at - x.at.mean(1, keepdim=True)).norm(dim=2).mean() for x in (ours, first)]
    at = ours.at + gain * spread[0] / spread[1].clamp(min=1e-3) * (theirs.at - first.at)
    return Keypoints(at, theirs.axes @ inverse(first.axes) @ ours.axes)


@torch.inference_mode()
def with_detail(window: Pixels, made: Rendered) -> Pixels:
    """``(n, s, s, 3)``: what was drawn, enlarged to the side of ``window`` ``(s, s, 3)``, with the detail of the window
    that the network could not see, moved along the flow and as far as the source shows it."""
    side = window.shape[0]
    if side == SIDE:
        return made.pixels
    coarse = cv2.resize(cv2.resize(window, (SIDE, SIDE), interpolation=cv2.INTER_AREA), (side, side))
    fine = window.astype(np.float32) - coarse.astype(np.float32)
    flow = enlarged(made.flow, side / made.flow.grid.shape[1])
    out = []
    for pixels, grid, shown in zip(made.pixels, flow.grid.numpy(), flow.shown.numpy(), strict=True):
        at = ((grid + 1) * side - 1) / 2
        moved = cv2.remap(fine, np.ascontiguousarray(at[..., 0]), np.ascontiguousarray(at[..., 1]), cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
        large = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        out.append(np.clip(np.rint(large + moved * shown[0, ..., None]), 0, 255).astype(np.uint8))
    return np.stack(out)


def carried(points: Floats, flow: Flow) -> Floats:
    """Where ``points`` ``(k, 2)`` of the source, in pixels of a window of 64 px, come to in each frame: ``(n, k, 2)``.
    The mean of the places that come from about there."""
    fine = enlarged(flow).grid
    places = ((places_of(*fine.shape[1:3]) + 1) * SIDE / 2).reshape(-1, 2)
    came = ((fine + 1) * SIDE / 2).flatten(1, 2)  # (n, m, 2)
    found = []
    for frame in came:
        gap = torch.cdist(torch.from_numpy(points.astype(np.float32)) + 0.5, frame)
        near = torch.maximum(gap.amin(1, keepdim=True), torch.tensor(_NEAR_PX))
        share = torch.exp(-((gap / near) ** 2) / 2)
        found.append(share @ places / share.sum(1, keepdim=True) - 0.5)
    return torch.stack(found).numpy()


def animate_learned(
    motion: LearnedMotion, pixels: Pixels, landmarks: Floats, driver: Pixels, driver_landmarks: Floats, rate_hz: float,
    gain: float = 1.0,
) -> Animation:  # fmt: skip
    """The window about the face of a portrait, drawn like a clip ``(n, h, w, 3)`` with ``(n, 468, 3)``.

    The window's side is even and at most 256 px. The mask is 1 everywhere: nothing of it is the portrait's own. Raises
    DataError for landmarks that span no face."""
    points = check_face(pixels, landmarks)
    side = window_px(points) // 2 * 2
    window, small = (cut(pixels, framing(points, each), each) for each in (side, SIDE))
    theirs = framing(driver_landmarks.mean(0), SIDE)
    driving = np.stack([cut(frame, theirs, SIDE) for frame in driver])
    neutral = driving[neutral_frame(np.asarray(driver_landmarks, np.float64))]
    made = render(motion.net, small, driving, neutral, gain)
    frames = with_detail(window, made)
    matrix = framing(points, SIDE)
    seen = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    flat = carried(seen, made.flow) * (side / SIDE)
    deep = np.repeat(landmarks[None, :, 2:] * framing(points, side)[0, 0], len(frames), 0)
    recipe: dict[str, Value] = {
        "method": METHOD, "gain": gain, "rate_hz": round(rate_hz, 3), "window_px": side, "weights": motion.digest,
    }  # fmt: skip
    masks = np.ones(frames.shape[:3], np.float32)
    return Animation(frames, masks, np.concatenate([flat, deep], 2).astype(np.float64), recipe)


def rendered(pixels: Pixels, landmarks: Floats, rng: np.random.Generator, motion: LearnedMotion) -> Forgery:
    """The head in ``pixels`` drawn anew by ``motion`` as a puppet moved it, and faded into the picture.

    ``pixels``: ``(height, width, 3)`` uint8 RGB. ``landmarks``: ``(468, 2)`` or ``(468, 3)`` in pixels. Raises
    DataError if they span no face. Draws once from ``rng``.
    """
    return rendered_seeded(pixels, landmarks, int(rng.integers(2**53)), motion)


def rendered_seeded(pixels: Pixels, landmarks: Floats, seed: int, motion: LearnedMotion) -> Forgery:
    """As ``rendered``, with every choice following from ``seed``."""
    points = check_face(pixels, landmarks)
    rng = np.random.default_rng(seed)
    who, first = any_puppet(rng), any_look(rng)
    acted = [draw(who, like(look, first), SIDE).pixels for look in (first, any_look(rng))]
    gain, side = float(rng.uniform(0.4, 1.0)), window_px(points)
    matrix = framing(points, side)
    made = render(motion.net, cut(pixels, framing(points, SIDE), SIDE), acted[1][None], acted[0], gain)
    drawn = with_detail(cut(pixels, matrix, side), made)[0]
    height, width = pixels.shape[:2]
    back = cv2.WARP_INVERSE_MAP
    source = cv2.warpAffine(drawn, matrix, (width, height), flags=cv2.INTER_LINEAR | back,
                            borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    faded = cv2.warpAffine(_fading(side), matrix, (width, height), flags=cv2.INTER_LINEAR | back)
    mask: Floats = np.clip(faded, 0, 1).astype(np.float32)
    recipe: dict[str, Value] = {
        "method": RENDERED, "seed": seed, "gain": round(gain, 4), "window_px": side, "weights": motion.digest,
    }  # fmt: skip
    return Forgery(blend(pixels, np.asarray(source, np.uint8), mask), mask, recipe)


def window_px(points: Floats) -> int:
    """The side of the window about a face at its own size, from 64 to 256 px."""
    return int(np.clip(round(float(np.ptp(points[:, 1])) / _TALL), SIDE, MAX_PX))


def _fading(side: int) -> Floats:
    """``(side, side)``: 1 within, 0 at the edges."""
    ramp = np.clip((np.minimum(np.arange(side), np.arange(side)[::-1])) / (_EDGE * side), 0, 1)
    smooth = ramp * ramp * (3 - 2 * ramp)
    return np.asarray(np.outer(smooth, smooth), np.float32)


def _tensor(pixels: Pixels) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 255
