"""Motion transfer: one portrait moved by the face in a clip, by landmarks and a warp."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from docs.lecture.experiments.autoencoder_swap import film, save
from docs.lecture.page import Bench, Check, Figure, Page
from numpy.typing import NDArray

from zhenwei.forge.animate import Animation, animate, motion_of
from zhenwei.forge.export import Origin
from zhenwei.forge.puppet import Look, PuppetPortrait, any_puppet, draw
from zhenwei.types import Floats, Pixels

ORDER = 4
NEEDS_DATA = False
SIZE, RATE_HZ, FRAMES = 160, 25.0, 32
_BLINKS = (9, 22)


def experiment(bench: Bench) -> Page:
    rng = np.random.default_rng(bench.seed)
    pairs = 5 if bench.profile == "cpu" else 50
    followed, stood, nearer, unmoved, different = [], [], [], 0, 0
    rows: list[list[Pixels]] = []
    began = seconds = 0.0
    for number in range(pairs):
        one, other = any_puppet(rng), any_puppet(rng)
        looks = _acting(rng)
        clip, truth = [[draw(who, look, SIZE) for look in looks] for who in (other, one)]
        portrait = truth[0]
        began = time.process_time()
        made = animate(portrait.pixels, portrait.landmarks, motion_of(_mesh(clip), RATE_HZ))
        seconds += time.process_time() - began
        again = animate(portrait.pixels, portrait.landmarks, motion_of(_mesh(clip), RATE_HZ))
        different += int((made.frames != again.frames).any())
        unmoved += int((made.frames != portrait.pixels)[made.masks == 0].sum())
        followed.append(_apart(made.landmarks, _mesh(truth)))
        stood.append(_apart(np.repeat(portrait.landmarks[None], FRAMES, 0), _mesh(truth)))
        nearer.append(_faces_apart(made, portrait, truth))
        if number == 0:
            beside = np.concatenate([np.stack([each.pixels for each in clip]), made.frames], axis=2)
            origin = Origin("animate/lecture", {"people": "drawn puppets", "seed": bench.seed})
            film(bench.out / "motion_transfer.mp4", beside, round(RATE_HZ), origin)
        if number < 2:
            shown = (5, 11, 18, 25)
            rows += [[portrait.pixels, *[clip[k].pixels for k in shown]], [portrait.pixels, *made.frames[list(shown)]],
                     [portrait.pixels, *[truth[k].pixels for k in shown]]]  # fmt: skip
    save(bench.out / "motion_transfer.jpg", rows, ("portrait", "1", "2", "3", "4"), "animate/lecture", bench.seed)
    declared = caught(bench, made.frames)
    share, identity = float(np.mean(followed)) / float(np.mean(stood)), [a / b for a, b in nearer]
    checks = (
        Check("pixels changed where the mask is 0", unmoved, "0", unmoved == 0),
        Check("clips that differ when made again", different, "0", different == 0),
        Check("landmarks from where they should be, px", float(np.mean(followed)), "told", None),
        Check("the same of a portrait that stands still, px", float(np.mean(stood)), "told", None),
        Check("the one over the other", share, "< 0.35", share < 0.35),
        Check("L1 inside the face, over that of a portrait that stands still", float(np.mean(identity)), "< 0.75",
              float(np.mean(identity)) < 0.75),
        Check("milliseconds a frame", 1000 * seconds / pairs / FRAMES, "told", None),
        *declared,
    )  # fmt: skip
    figures = (
        Figure("motion_transfer.jpg", "Two pairs of puppets; of each: the driver, the portrait moved, the truth"),
    )
    protocol = {
        "data": f"{pairs} pairs of drawn puppets, {FRAMES} frames of {SIZE} px at {RATE_HZ:g} Hz, seed {bench.seed}",
        "truth": "the portrait's own puppet, drawn with the driver's looks",
    }
    clips = (Figure("motion_transfer.mp4", "the driver, and the portrait that it moves"),)
    return Page(_TITLE, _LECTURE, _EQUATION, _BODY, checks, figures, protocol, clips)


def _acting(rng: np.random.Generator) -> list[Look]:
    """From a face that looks ahead: it turns, nods, speaks, smiles and blinks."""
    fast = rng.uniform(0.8, 1.25, 5)
    scene = int(rng.integers(1 << 30))
    looks = []
    for k in range(FRAMES):
        yaw, pitch, roll = 15 * np.sin(k / 6 * fast[0]), 6 * np.sin(k / 4 * fast[1]), 4 * np.sin(k / 7 * fast[2])
        opened, smile = max(0.0, 0.8 * np.sin(k / 2.5 * fast[3])), 0.5 * np.sin(k / 6 * fast[4])
        blink = 1.0 if k in _BLINKS else 0.1
        looks.append(Look(float(yaw), float(pitch), float(roll), float(smile), float(opened), blink, scene=scene))
    return looks


def _mesh(drawn: list[PuppetPortrait]) -> Floats:
    return np.stack([each.landmarks for each in drawn])


def _apart(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    return float(np.linalg.norm(one[..., :2] - other[..., :2], axis=-1).mean())


def _faces_apart(made: Animation, portrait: PuppetPortrait, truth: list[PuppetPortrait]) -> tuple[float, float]:
    """L1 inside the true face, of the frames and of the portrait."""
    frames, still = [], []
    for frame, true in zip(made.frames[1:], truth[1:], strict=True):
        face, wanted = true.mask > 0.5, true.pixels.astype(np.float64)
        frames.append(np.abs(frame - wanted)[face].mean())
        still.append(np.abs(portrait.pixels - wanted)[face].mean())
    return float(np.mean(frames)), float(np.mean(still))


def caught(bench: Bench, frames: Pixels) -> tuple[Check, ...]:
    """What the product says of a clip that left through the door, and so carries the lab's marks."""
    from fractions import Fraction

    from docs.lecture.experiments import _door

    from zhenwei import examine
    from zhenwei.forge.export import Origin, export_video

    with tempfile.TemporaryDirectory() as folder, _door.opened() as door:
        place = Path(folder) / "moved.mp4"
        origin = Origin("animate/lecture", {"seed": bench.seed})
        export_video(frames, Fraction(round(RATE_HZ)), origin, place, door)
        report = examine(place)
    declared = float(report.verdict.decision == "forged")
    return (Check("the clip is found out by what it declares", declared, "1", declared == 1.0),)


_TITLE = "Motion transfer"
_LECTURE = "The lecture's 2018.08: the motion of a driving clip put on another person."
_EQUATION = """
L_t = s_t R_t (N + E_t) + d_t          the driver's landmarks: head (s, R, d) and expression E about the neutral N
P_t = s_t A R_t A' (P + A E_t) + d_t   the portrait's, A from the driver's head to the portrait's
out_t(p) = m(W_t p) portrait(W_t p) + (1 - m(W_t p)) behind(p)
"""
_BODY = """
Landmarks of every frame of the driver are taken apart into the head's motion, fitted to points that no expression
moves, and the expression that is left, both relative to a neutral frame of the same clip and measured in distances of
the eyes. They are put on the portrait's own landmarks, bent smoothly towards what one photograph can show (22 degrees
of turning), and the picture is warped so that every landmark lands in its place: linear in every triangle of the face,
rigid in the hair, nothing at the shoulders. The person is cut out first and what is behind filled in, so that the
background does not swim; where no person can be cut out (a tight crop), it bends along. A mouth that was shut has no
inside: it is drawn, teeth and dark. Nothing is learned of anybody.

`zhenwei forge animate portrait.jpg --driver clip.mp4 --consent consent.json --output moved.mp4`
"""
