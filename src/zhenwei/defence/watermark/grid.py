"""Where the canonical grid lies in a picture that was mirrored, cut, scaled unevenly or turned after it was marked.

A faint pattern that follows from the key lies over the grid. The texture of what is seen is correlated with it at
trial scales, angles and all offsets; the few best trials are refined by fractions of a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.defence.watermark.carrier import PILOT_BAND, SIDE, Layout
from zhenwei.types import Floats

_SCALES = tuple(1.0 - 0.015 * step for step in range(10))  # shares of width and height that are left: down to 86.5 %
_ANGLES = tuple(sign * degrees for degrees in (0.8, 1.6, 2.4, 3.2, 4.0, 4.8) for sign in (-1, 1))
_MIN_PEAK = 4.3  # standard deviations; the best of all trials on a clean picture reaches 3.4 to 4.5
_TRIALS = 4
_CLEAR_PEAK = 4.8  # from here on the pattern is likely there, and more is tried about it
_OFF = 0.45  # canonical pixels
_STEPS = (0.6, 0.3, 0.15)  # of the refinement, canonical pixels
_PIVOT = (SIDE - 1) / 2
_HIGHEST = int(PILOT_BAND[1] * SIDE) + 1  # frequency of the pattern, in cycles a side


@dataclass(frozen=True, slots=True)
class Grid:
    """What was seen, ``(x, y)`` of its own 256 x 256 canonical form, lies at ``(left + x width, top + y height)`` of
    the marked one, after turning by ``angle_deg`` about the middle, and mirrored first where ``mirrored``. ``aspect``:
    width over height of the picture, which the canonical form has lost and turning needs."""

    mirrored: bool = False
    width: float = 1.0
    height: float = 1.0
    left: float = 0.0
    top: float = 0.0
    angle_deg: float = 0.0
    aspect: float = 1.0

    def said(self) -> str:
        """In words, for people."""
        parts = ["mirrored"] if self.mirrored else []
        if self.width < 0.995 or self.height < 0.995:
            parts.append(f"cut to {self.width:.1%} x {self.height:.1%}")
        if abs(self.angle_deg) > 0.2:
            parts.append(f"turned by {self.angle_deg:+.1f} degrees")
        return ", ".join(parts) or "as it is"

    def restored(self, luma: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """``luma`` ``(256, 256)`` brought back onto the marked grid, and which pixels of that are known."""
        flipped = luma[:, ::-1] if self.mirrored else luma
        if self == Grid(mirrored=self.mirrored, aspect=self.aspect):
            return np.ascontiguousarray(flipped), np.ones((SIDE, SIDE), np.bool_)
        matrix = self.matrix()
        mean = float(luma.mean())
        moved = cv2.warpAffine(np.ascontiguousarray(flipped), matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC,
                               borderMode=cv2.BORDER_CONSTANT, borderValue=mean)  # fmt: skip
        inside = cv2.warpAffine(np.ones((SIDE, SIDE), np.float32), matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
        return np.asarray(moved, np.float32), np.asarray(inside > 0.99)

    def matrix(self) -> NDArray[np.float64]:
        """From seen to marked, pixel centres at whole numbers."""
        scale = np.array([
            [self.width, 0, self.left + (self.width - 1) / 2],
            [0, self.height, self.top + (self.height - 1) / 2],
            [0, 0, 1],
        ])  # fmt: skip
        return np.asarray((_turn(self.angle_deg, self.aspect) @ scale)[:2])


def _turn(angle_deg: float, aspect: float) -> NDArray[np.float64]:
    """``(3, 3)``: about the middle of the canonical form, as the picture itself is turned."""
    cosine, sine = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    turn = np.array([[cosine, sine / aspect], [-sine * aspect, cosine]])
    middle = np.full(2, _PIVOT)
    return np.vstack([np.column_stack([turn, middle - turn @ middle]), [0, 0, 1]])


def likely_grids(luma: Floats, plan: Layout, aspect: float) -> Iterator[Grid]:
    """Grids other than the plain and the mirrored one, best first; none where the pattern is not seen."""
    found: list[tuple[float, Grid]] = []
    patterns = [_spectrum(pilot) for pilot in (plan.pilot, np.ascontiguousarray(plan.pilot[:, ::-1]))]
    texture = _texture(luma)
    for trials in (_scaled(texture, patterns), _turned(texture, patterns, aspect)):
        found += trials
    found.sort(key=lambda item: -item[0])
    for peak, grid in found[:_TRIALS]:
        if peak >= _MIN_PEAK:
            near = _refined(luma, grid, plan)
            yield from _about(near) if peak >= _CLEAR_PEAK else (near,)


def _about(grid: Grid) -> list[Grid]:
    """The grid and those with its edges half a pixel off, the nearest first: so exactly the pattern does not tell."""
    right, bottom = grid.left + SIDE * grid.width, grid.top + SIDE * grid.height
    moves = sorted(product((0.0, -_OFF, _OFF), repeat=4), key=lambda move: sum(map(abs, move)))
    return [
        replace(
            grid,
            left=grid.left + left,
            width=(right + across - grid.left - left) / SIDE,
            top=grid.top + top,
            height=(bottom + down - grid.top - top) / SIDE,
        )
        for left, top, across, down in moves
    ]


def _scaled(texture: Floats, patterns: list[NDArray[np.complex64]]) -> Iterator[tuple[float, Grid]]:
    for width in _SCALES:
        across = round(SIDE * width)
        narrow = cv2.resize(texture, (across, SIDE), interpolation=cv2.INTER_AREA)
        for height in _SCALES:
            down = round(SIDE * height)
            small = np.zeros((SIDE, SIDE), np.float32)
            small[:down, :across] = cv2.resize(narrow, (across, down), interpolation=cv2.INTER_AREA)
            for mirrored, (peak, left, top) in enumerate(_peaks(small, patterns, SIDE - across, SIDE - down)):
                yield peak, Grid(bool(mirrored), across / SIDE, down / SIDE, left, top)


def _turned(texture: Floats, patterns: list[NDArray[np.complex64]], aspect: float) -> Iterator[tuple[float, Grid]]:
    for angle in _ANGLES:
        matrix = _turn(angle, aspect)[:2]
        turned = np.asarray(cv2.warpAffine(texture, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR), np.float32)
        for mirrored, (peak, _, _) in enumerate(_peaks(turned, patterns, 0, 0)):  # a mirror turns the other way
            yield peak, Grid(bool(mirrored), angle_deg=-angle if mirrored else angle, aspect=aspect)


def _peaks(
    seen: Floats, patterns: list[NDArray[np.complex64]], across: int, down: int
) -> Iterator[tuple[float, float, float]]:
    """The highest correlation with the pattern, in standard deviations, over shifts right by up to ``across`` and down
    by up to ``down`` and a pixel more; and that shift. Once for ``seen`` and once for its mirror image, which with the
    pattern does what ``seen`` does with the pattern mirrored, shifted the other way.

    Only phases count, so that the deviation of all correlations is that of the pattern, 1. Frequencies that it does not
    hold and shifts that are not asked about are left out, which leaves a hundredth of the work.
    """
    spectrum = _spectrum(seen)
    phases = np.conj(spectrum) / (np.abs(spectrum) + np.float32(1e-6))
    rows, columns = _waves()
    right = columns[:, : across + 3]
    for mirrored, pattern in enumerate(patterns):
        partly = rows[: down + 3] @ (pattern * phases)
        surface = partly.real @ right.real - partly.imag @ right.imag
        top, left = np.unravel_index(int(np.argmax(surface)), surface.shape)
        shift = float(left - 1)
        yield float(surface[top, left]), across - shift if mirrored else shift, float(top - 1)


def _spectrum(plane: Floats) -> NDArray[np.complex64]:
    """``(105, 53)``: the Fourier transform of a real plane ``(256, 256)`` at the frequencies from -52 to 52 (down) and
    from 0 to 52 (across), as many as the pattern has."""
    packed = cv2.dft(plane)  # parts of a number side by side, those of no frequency across above each other
    across = np.ascontiguousarray(packed[:, 1 : 2 * _HIGHEST + 1]).view(np.complex64)
    straight = np.ascontiguousarray(packed[1 : 2 * _HIGHEST + 1, 0]).view(np.complex64)
    found = np.empty((2 * _HIGHEST + 1, _HIGHEST + 1), np.complex64)
    found[:_HIGHEST, 1:], found[_HIGHEST:, 1:] = across[-_HIGHEST:], across[: _HIGHEST + 1]
    found[:_HIGHEST, 0], found[_HIGHEST, 0], found[_HIGHEST + 1 :, 0] = straight[::-1].conj(), packed[0, 0], straight
    return found


@lru_cache(maxsize=1)
def _waves() -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """What turns such a spectrum back into a plane, for shifts from -1 on: ``(shifts, 105)`` and ``(53, shifts)``."""
    shifts = np.arange(-1, SIDE - round(SIDE * _SCALES[-1]) + 2)
    rows = np.exp(2j * np.pi / SIDE * shifts[:, None] * np.arange(-_HIGHEST, _HIGHEST + 1))
    columns = np.exp(2j * np.pi / SIDE * np.arange(_HIGHEST + 1)[:, None] * shifts)
    columns[1:] *= 2  # for those of negative frequency across
    return rows.astype(np.complex64), (columns / SIDE**2).astype(np.complex64)


def _texture(luma: Floats) -> Floats:
    """Without slow shades, and as strong everywhere: edges would correlate with anything."""
    fine = luma - cv2.GaussianBlur(luma, (0, 0), 2.5)
    strength = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 6)) + 0.5
    return np.asarray(np.clip(fine / strength, -2, 2), np.float32)


def _refined(luma: Floats, grid: Grid, plan: Layout) -> Grid:
    """Climbs the correlation with the pattern, one dimension after another, in ever smaller steps."""
    texture = _texture(luma)  # moved as the picture would be: its texture there differs by less than the noise
    best, score = grid, _fit(texture, grid, plan)
    for step in _STEPS:
        for _ in range(3):
            before = score
            for change in _changes(best, step):
                fit = _fit(texture, change, plan)
                if fit > score:
                    best, score = change, fit
            if score == before:
                break
    return best


def _changes(grid: Grid, step: float) -> Iterator[Grid]:
    """Each edge moved by ``step`` pixels either way, and the angle so that corners move as far."""
    right, bottom = grid.left + SIDE * grid.width, grid.top + SIDE * grid.height
    for by in (-step, step):
        yield replace(grid, left=grid.left + by, width=(right - grid.left - by) / SIDE)
        yield replace(grid, width=(right + by - grid.left) / SIDE)
        yield replace(grid, top=grid.top + by, height=(bottom - grid.top - by) / SIDE)
        yield replace(grid, height=(bottom + by - grid.top) / SIDE)
        if grid.angle_deg:
            yield replace(grid, angle_deg=grid.angle_deg + by * 0.4)


def _fit(texture: Floats, grid: Grid, plan: Layout) -> float:
    """Correlation with the pattern, in standard deviations; interpolated linearly, which is coarser than ``restored``:
    it is asked for some 150 times a picture, and only which grid is best matters."""
    flipped = np.ascontiguousarray(texture[:, ::-1]) if grid.mirrored else texture
    moved = cv2.warpAffine(flipped, grid.matrix(), (SIDE, SIDE), flags=cv2.INTER_LINEAR)  # 0 where nothing is known
    return float(np.vdot(moved, plan.pilot)) / (SIDE * math.sqrt(grid.width * grid.height))
