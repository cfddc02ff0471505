"""The mesh swap: triangles of one face onto another's, and the ways to blend."""

from __future__ import annotations

import time

import numpy as np
from docs.lecture.experiments.autoencoder_swap import save
from docs.lecture.page import Bench, Check, Figure, Page

from zhenwei.forge.blending import COLOURS, EDGES, blend
from zhenwei.forge.puppet import ANNA, BRUNO, Look, any_look, draw
from zhenwei.forge.synthesis.mesh_swap import mesh_swap_seeded, warp_onto
from zhenwei.types import Floats, Pixels

ORDER = 3
NEEDS_DATA = False
SIZE = 128


def experiment(bench: Bench) -> Page:
    rng = np.random.default_rng(bench.seed)
    count = 60 if bench.profile == "cpu" else 600
    outside = changed = different = 0
    placed, began = [], time.monotonic()
    rows: list[list[Pixels]] = []
    for seed in range(count):
        target, donor = draw(BRUNO, any_look(rng), SIZE), draw(ANNA, any_look(rng), SIZE)
        made = mesh_swap_seeded(target.pixels, target.landmarks, donor.pixels, donor.landmarks, seed)
        again = mesh_swap_seeded(target.pixels, target.landmarks, donor.pixels, donor.landmarks, seed)
        outside += int((made.pixels != target.pixels)[made.mask == 0].sum())
        changed += int((made.pixels != target.pixels).any())
        different += int((made.pixels != again.pixels).any() or (made.mask != again.mask).any())
        placed.append(_landmark_error(target.landmarks, donor.landmarks))
        if seed < 6:
            grey = np.repeat(np.rint(made.mask * 255).astype(np.uint8)[..., None], 3, axis=2)
            rows.append([target.pixels, donor.pixels, made.pixels, grey])
    seconds = (time.monotonic() - began) / count / 2
    save(bench.out / "mesh_swap.jpg", rows, ("target", "donor", "swap", "mask"), "mesh_swap/lecture", bench.seed)
    strip, untouched, seams = _strip()
    save(bench.out / "mesh_swap-blends.jpg", strip, ("target", *EDGES), "mesh_swap/lecture", bench.seed)
    checks = (
        Check("pixels changed where the mask is 0", outside, "0", outside == 0),
        Check("swaps that changed something", changed / count, "1", changed == count),
        Check("swaps that differ when repeated with their seed", different, "0", different == 0),
        Check(
            "donor's landmarks beside the target's after the warp, px",
            float(np.mean(placed)),
            "< 0.5",
            float(np.mean(placed)) < 0.5,
        ),
        Check("pixels that any of 16 blends changed where the mask is 0", untouched, "0", untouched == 0),
        Check(
            "step across the seam, Poisson over copy (no colour match)",
            seams["poisson"] / seams["copy"],
            "< 0.5",
            seams["poisson"] < 0.5 * seams["copy"],
        ),
        Check(
            "step across the seam, feather over copy (no colour match)",
            seams["feather"] / seams["copy"],
            "< 0.5",
            seams["feather"] < 0.5 * seams["copy"],
        ),
        Check("milliseconds a swap", seconds * 1000, "told", None),
    )
    figures = (
        Figure("mesh_swap.jpg", "Puppets: target, donor, swap, exact mask"),
        Figure("mesh_swap-blends.jpg", "Colours (rows: none, mean, Reinhard, histogram) and edges"),
    )
    protocol = {"data": f"{count} pairs of drawn puppets, {SIZE} px, seed {bench.seed}", "blends": "one pair"}
    return Page(_TITLE, _LECTURE, _EQUATION, _BODY, checks, figures, protocol)


def _landmark_error(target: Floats, donor: Floats) -> float:
    """How far the map at each of the target's landmarks is from the donor's, in pixels; the mean of those inside."""
    xs, ys = warp_onto(target[:, :2], donor[:, :2], SIZE, SIZE)
    at = np.rint(target[:, :2]).astype(int)
    inside = ((at >= 0) & (at < SIZE)).all(axis=1)
    at, rest = at[inside], target[inside, :2] - np.rint(target[inside, :2])
    found = np.stack([xs[at[:, 1], at[:, 0]], ys[at[:, 1], at[:, 0]]], axis=1) + rest
    return float(np.median(np.linalg.norm(found - donor[inside, :2], axis=1)))


def _strip() -> tuple[list[list[Pixels]], int, dict[str, float]]:
    """Every way to match colours with every edge; pixels wrongly changed; the step across the seam of each edge."""
    import cv2

    target, donor = draw(BRUNO, Look(yaw=6, scene=5), SIZE), draw(ANNA, Look(yaw=-6, side=-0.4, scene=2), SIZE)
    xs, ys = warp_onto(target.landmarks[:, :2], donor.landmarks[:, :2], SIZE, SIZE)
    moved = np.asarray(cv2.remap(donor.pixels, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.uint8)
    hard = (target.mask >= 0.5).astype(np.uint8)
    inner, outer = hard - cv2.erode(hard, np.ones((3, 3))), cv2.dilate(hard, np.ones((3, 3))) - hard
    rows: list[list[Pixels]] = []
    wrong, seams = 0, dict[str, float]()
    for colour in COLOURS:
        row = [target.pixels]
        for edge in EDGES:
            mixed = blend(target.pixels, moved, target.mask, colour=colour, edge=edge)
            wrong += int((mixed != target.pixels)[target.mask == 0].sum())
            row.append(mixed)
            if colour == "none":
                step = mixed[inner > 0].mean(axis=0) - mixed[outer > 0].mean(axis=0)
                genuine = target.pixels[inner > 0].mean(axis=0) - target.pixels[outer > 0].mean(axis=0)
                seams[edge] = float(np.abs(step - genuine).mean())
        rows.append(row)
    return rows, wrong, seams


_TITLE = "Mesh swap"
_LECTURE = "The lecture's FaceSwap and ZAO: computer graphics, one photograph laid over another, without any learning."
_EQUATION = """
out(p) = (1 - m(p)) target(p) + m(p) colour(donor(W p)),   W linear in every triangle of 468 landmarks
"""
_BODY = """
Every triangle of the donor's mesh is moved onto its place in the target, colours are matched and the result is blended
in. Nothing is learned and everything follows from a seed, so that the mask is exact: where it is 0, the picture is
what it was, bit for bit. That makes it the lab's first source of labelled forgeries, and the ways to blend are the
traces that detectors of blending learn.

Four ways to treat the edge: copied; weights that fall off in a straight line; as a Gaussian; and gradients of the
donor with the target's rim (Poisson).
"""
