"""Traces of JPEG in decoded pixels: the 8 x 8 grid and its offset, double quantisation, and ghosts of another quality.

Every JPEG cuts luma into blocks of 8 x 8 and rounds their cosine coefficients to multiples of its steps. Both can be
seen long after: steps between blocks, combs in the histograms of coefficients, and an error that dips when the picture
is quantised once more at the quality that it was saved at before. Each is measured here by place, block by block, so
that a part with another history stands out.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.signals import cosine
from zhenwei.types import Floats, Pixels

BLOCK = 8
QUALITIES = tuple(range(34, 100, 3))  # at which ghosts are looked for
_MAX_BLOCKS = 32_768  # of a larger picture every second, third, ... block in both directions is looked at
_CUT = 12.0  # grey levels: a step larger than this is an edge of the picture, whatever the grid
_LEVEL = 0.05  # squared grey levels, added to errors before their logarithm: rounding to 8 bits hides less
_EVENTFUL = 8.0  # squared grey levels of error at the lowest quality from which a block holds anything to quantise
_HARMONIC = 0.5  # share of the deepest dip from which a dip at a lower quality is the saving's own
_COUNTED = tuple((r, c) for r in range(4) for c in range(4) if 0 < r + c < 4)  # coefficients with enough to count
_REACH = 40  # largest quantised coefficient that is counted
_MIN_VOTES = 0.5  # coefficients that can be counted, a block
_PERIODS = tuple(range(2, 13))
_WINDOW = 5  # blocks a side, over which a place is judged

# Luminance table of ITU-R T.81, annex K.1.
_ANNEX_K = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


def table(quality: int) -> NDArray[np.int64]:
    """The luminance steps ``(8, 8)`` of the Independent JPEG Group's library at ``quality`` 1 to 100."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.asarray(np.clip((_ANNEX_K * scale + 50) // 100, 1, 255), np.int64)


def luma(pixels: Pixels) -> Floats:
    """BT.601 luma ``(height, width)`` float32 in [0, 255], not rounded."""
    return np.asarray(pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)


# The grid.


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Mean step, in grey levels, before each column (``across``) and row (``down``) of every 8 x 8 cell: ``(rows,
    columns, 8)``. A step is how much a pixel differs from the one before it beyond the slopes on both sides."""

    across: Floats
    down: Floats


def grid_steps(plane: Floats) -> Steps:
    """``plane``: ``(height, width)`` in [0, 255]; pixels beyond the last whole cell are left out."""
    rows, columns = plane.shape[0] // BLOCK, plane.shape[1] // BLOCK
    whole = plane[: rows * BLOCK, : columns * BLOCK]
    cells = rows, BLOCK, columns, BLOCK
    across, down = _steps(whole, 1).reshape(cells), _steps(whole, 0).reshape(cells)
    return Steps(across.mean(axis=1), down.mean(axis=3).swapaxes(1, 2))


def _steps(plane: Floats, axis: int) -> Floats:
    lines = np.moveaxis(plane, axis, 0)
    out = np.zeros_like(lines)
    if lines.shape[0] >= 4:
        size = np.minimum(np.abs(np.diff(lines, axis=0)), 3 * _CUT)
        out[2:-1] = np.clip(size[1:-1] - (size[:-2] + size[2:]) / 2, -_CUT, _CUT)
    return np.moveaxis(out, 0, axis)


def grid_offset(steps: Steps) -> tuple[int, int, float]:
    """Row and column offset, in [0, 8), of the strongest grid of the picture, and its strength in grey levels: how
    far its steps lie above the next strongest offset's, in the direction where that is less. 0 strength for no blocks.

    A picture cut out of a JPEG at (x, y) has its grid at (-y mod 8, -x mod 8).
    """
    if steps.across.size == 0:
        return 0, 0, 0.0
    by_row = np.asarray(steps.down.mean(axis=(0, 1)), np.float64)
    by_column = np.asarray(steps.across.mean(axis=(0, 1)), np.float64)
    rising = np.sort([by_row, by_column], axis=1)
    lead = rising[:, -1] - rising[:, -2]
    return int(by_row.argmax()), int(by_column.argmax()), float(lead.min())


def other_grid(steps: Steps, offset: tuple[int, int]) -> Floats:
    """How strong a second grid is at each place, ``(rows, columns)`` in grey levels: the strongest offset but that of
    the whole picture's grid, over a window of 5 x 5 cells, above the mean of the others, the lesser of both directions.
    """
    return np.minimum(_lead(_pooled(steps.down), offset[0]), _lead(_pooled(steps.across), offset[1]))


def _lead(steps: Floats, left_out: int) -> Floats:
    others = np.delete(steps, left_out, axis=2)
    most = others.max(axis=2)
    return np.asarray(most - (others.sum(axis=2) - most) / (others.shape[2] - 1), np.float32)


# Coefficients.


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """Cosine coefficients of blocks, ``(rows, columns, 8, 8)`` float32, orthonormal. Blocks lie ``stride`` apart; the
    first has its corner at ``offset`` (row, column), in pixels."""

    values: Floats
    stride: int
    offset: tuple[int, int]


def coefficients(plane: Floats, offset: tuple[int, int] = (0, 0)) -> Coefficients:
    """Of ``plane`` ``(height, width)`` in [0, 255] on the grid at ``offset``; at most about 32,768 blocks, evenly
    spread."""
    inner = plane[offset[0] :, offset[1] :]
    rows, columns = inner.shape[0] // BLOCK, inner.shape[1] // BLOCK
    stride = max(1, int(np.ceil(np.sqrt(rows * columns / _MAX_BLOCKS))))
    cells = inner[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)
    cells = np.ascontiguousarray(cells[::stride, ::stride])
    if cells.size == 0:
        return Coefficients(np.zeros((*cells.shape[:2], BLOCK, BLOCK), np.float32), stride, offset)
    values = cosine.transformed(cells - np.float32(128))
    return Coefficients(np.asarray(values, np.float32), stride, offset)


def requantised_error(values: Floats, quality: int) -> Floats:
    """Mean squared error, in grey levels, of each block ``(..., 8, 8)`` once it is quantised at ``quality``: what
    saving it as JPEG would do to it, by Parseval, but for rounding and clipping."""
    step = table(quality).astype(np.float32)
    error = values - np.rint(values / step) * step
    return np.asarray((error**2).mean(axis=(-2, -1)), np.float32)


def ghosts(blocks: Coefficients) -> Floats:
    """How far the error at each of ``QUALITIES`` but the outermost dips below that at its neighbours, in octaves, by
    place: ``(rows, columns, 20)``, over 5 x 5 blocks (H. Farid, "Exposing digital forgeries from JPEG ghosts", TIFS
    2009). Blocks without anything to quantise count for nothing; a place without others is NaN.
    """
    errors = np.stack([requantised_error(blocks.values, q) for q in QUALITIES], axis=2)
    octaves = np.log2(errors + np.float32(_LEVEL))
    dips = (octaves[..., :-2] + octaves[..., 2:]) / 2 - octaves[..., 1:-1]
    weight = (errors[..., :1] > _EVENTFUL).astype(np.float32)
    return _ratio(_pooled(dips * weight), _pooled(weight))


def last_quality(blocks: Coefficients) -> tuple[int, float]:
    """The quality, of those of the IJG tables, that the picture was last saved at, and by how many octaves quantising
    it once more at that quality changes it less than at the next ones: above about 1 where it was saved at all.

    Steps that divide those of the saving change as little, so that of several dips the lowest quality is meant.
    """
    flat = blocks.values.reshape(-1, BLOCK, BLOCK)
    some = flat[:: max(1, len(flat) // 4096)]
    some = some[requantised_error(some, QUALITIES[0]) > _EVENTFUL]
    if not len(some):
        return 100, 0.0
    tried = range(28, 101)
    octaves = np.log2([float(requantised_error(some, q).mean()) + _LEVEL for q in tried])
    dips = (octaves[:-4] + octaves[4:]) / 2 - octaves[2:-2]
    first = int(np.flatnonzero(dips >= _HARMONIC * dips.max())[0]) if dips.max() > 0 else int(dips.argmax())
    near = slice(first, first + 3)  # the flank of a dip is not its bottom
    best = first + int(dips[near].argmax())
    return tried[2 + best], float(dips[best])


def double_quantised(blocks: Coefficients, quality: int) -> tuple[Floats, float]:
    """Where a picture saved twice was *not* saved twice: log odds of each place, and the strength of the comb.

    A coefficient quantised by one step and then by another has a histogram with gaps or peaks at a period. Where the
    picture shows such a comb, a part that comes from elsewhere fills it evenly (Z. Lin, J. He, X. Tang & C.-K. Tang,
    "Fast, automatic and fine-grained tampered JPEG image detection via DCT coefficient analysis", Pattern Recognition
    2009). ``(rows, columns)`` in nats a coefficient, over 5 x 5 blocks, NaN where too few coefficients are not 0 (a
    plain wall has no comb to fill), 0 everywhere without a comb; the strength in [0, 1] is the mean share by which the
    comb departs from an even filling. ``quality``: of the last saving.
    """
    step = table(quality)
    evidence = np.zeros(blocks.values.shape[:2], np.float32)
    votes = np.zeros_like(evidence)
    strengths = []
    for row, column in _COUNTED:
        quantised = np.rint(blocks.values[..., row, column] / step[row, column]).astype(np.int64)
        size = np.minimum(np.abs(quantised), _REACH + 1)
        counts = np.bincount(size.ravel(), minlength=_REACH + 2)[: _REACH + 1].astype(np.float64)
        period, strength, odds = _comb(counts)
        strengths.append(strength)
        if period:
            counted = (size > 0) & (size <= _REACH)
            evidence += np.where(counted, odds[np.minimum(size, _REACH)], 0).astype(np.float32)
            votes += counted
    if not votes.any():
        return evidence, float(np.mean(strengths))
    pooled = _ratio(_pooled(evidence[..., None]), _pooled(votes[..., None]), _MIN_VOTES)[..., 0]
    return pooled, float(np.mean(strengths))


def _comb(counts: NDArray[np.float64]) -> tuple[int, float, NDArray[np.float64]]:
    """The period of the comb in a histogram of sizes 0, 1, ..., its strength, and log P(even) / P(comb) of each size.

    0 as period where none departs from chance.
    """
    odds = np.zeros(len(counts))
    smooth = np.convolve(np.pad(counts, 3, mode="reflect"), np.ones(7) / 7, mode="valid")
    reach = int(np.flatnonzero(smooth[1:] >= 8)[-1]) + 1 if (smooth[1:] >= 8).any() else 0
    if reach < 2 * _PERIODS[0] + 2:
        return 0, 0.0, odds
    sizes = np.arange(1, reach + 1)
    share = counts[sizes] / np.maximum(smooth[sizes], 1e-9)
    best, strength, expected = 0, 0.0, np.ones(len(sizes))
    for period in _PERIODS:
        if reach < 2 * period:
            break
        phase = sizes % period
        weights = smooth[sizes]
        means = np.bincount(phase, share * weights, period) / np.maximum(np.bincount(phase, weights, period), 1e-9)
        departs = float(np.sqrt(np.average((means[phase] - 1) ** 2, weights=weights)) - np.sqrt(period / weights.sum()))
        if departs > strength * 1.1 + 1e-9:  # a multiple of the period departs as much: the shortest is the one
            best, strength, expected = period, departs, means[phase]
    if strength < 0.15:
        return 0, max(0.0, min(1.0, strength)), odds
    odds[sizes] = -np.log(np.clip(expected, 0.05, 20))
    return best, min(1.0, strength), odds


# Places.


def unlike(places: Floats) -> Floats:
    """How far each place ``(rows, columns)`` lies from the usual one, in robust deviations, either way; NaN stays."""
    known = places[np.isfinite(places)]
    if not known.size:
        return places
    usual = np.median(known)
    spread = 1.4826 * np.median(np.abs(known - usual))
    floor = 0.05 * float(np.abs(known - usual).max()) + 1e-6
    return np.asarray((places - usual) / max(float(spread), floor), np.float32)


def _pooled(values: Floats) -> Floats:
    """Mean over windows of 5 x 5 places, ``(rows, columns, n)``; beyond the border counts as 0."""
    if not values.size:
        return values
    pooled = cv2.blur(np.ascontiguousarray(values), (_WINDOW, _WINDOW), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(pooled, np.float32).reshape(values.shape)


def _ratio(total: Floats, weight: Floats, least: float = 0.1) -> Floats:
    return np.asarray(np.where(weight >= least, total / np.maximum(weight, least), np.nan), np.float32)
