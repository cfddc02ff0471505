"""Linear heads on the tuned tower's tokens, chosen and calibrated on sources that were left out.

Linear discriminants with the spread *between* genuine sources added to the spread within: a direction in which sources
differ is none to tell forgeries by. Every forged source pulls from the mean of its own genuine faces, where it has any.
For every source, heads are fitted without it and without methods of the same family; what they then answer to it is
what blocks are chosen by, and what scores are calibrated on.

A head is the mean of a few such discriminants that read different tokens: each by itself has many more weights than
there are sources. One of them reads the face less what is around it, in which a source's own way of saving cancels.

Genuine faces that were altered as apps and devices do (:mod:`zhenwei.training.data.altered`) are sources of their own,
one of each way, so that what a beauty filter or an enlargement changes is none to tell forgeries by either.

Of generators of whole pictures that does not work: a family that was never seen is not found (AUC 0.33 to 0.69). That
head speaks of families that it knows. A source with such pictures is left out by halves, one with genuine ones alone
as a whole, and what it says is bounded by how many generators may leave none of the known traces.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import DataError
from zhenwei.nets.face_encoder import Read
from zhenwei.stats.metrics import auc
from zhenwei.training.data.face_room import KINDS
from zhenwei.training.encoder._tokens import TokenTable
from zhenwei.training.install.calibrate import Sample
from zhenwei.types import Floats

_WEIGHT = 150  # a source with more faces than these counts as these
_MADE_WEIGHT = {"blended": 300}  # and the pairs made here, by kind
_RIDGE, _BETWEEN = 1.0, 1.0
_MIN_MEDIA = 4  # of a source that blocks are chosen by
KNOWN_ALONE = frozenset(["generated"])
"""Kinds of which a head finds the families that it learned from, and no others."""
SELF_MADE, BOTH, COLLECTED = "self-made", "both", "collected"
_MADE_KIND = {"blended": "made blended", "animated": "made decoded", "generated": "made decoded"}
Members = tuple[tuple[Read, ...], ...]
"""What discriminants read, the mean of which is a head."""
_CONTRAST: tuple[Read, ...] = ((7, "contrast"), (10, "class"))
_FACE: tuple[Read, ...] = ((5, "inner"), (7, "inner"), (11, "class"))
_WHOLE: tuple[Read, ...] = ((11, "class"),)
CHOICES: dict[str, tuple[tuple[Members, str], ...]] = {
    "blended": (
        ((((6, "mean"), (7, "mean"), (11, "class")),), BOTH),
        ((_FACE,), BOTH),
        ((_CONTRAST,), BOTH),
        ((_CONTRAST, _FACE, _WHOLE), BOTH),
        ((_CONTRAST, _FACE, _WHOLE), SELF_MADE),
    ),
    # Not the contrast: with it genuine streams, whose faces do differ from what is around them, looked animated, too.
    "animated": (
        ((((7, "mean"), (9, "class")),), COLLECTED),
        ((((7, "mean"), (10, "class")),), COLLECTED),
        ((((7, "mean"), (11, "class")),), COLLECTED),
    ),
    "generated": (
        ((((4, "mean"), (7, "mean"), (10, "class")),), BOTH),
        ((((4, "mean"), (5, "mean"), (10, "class")),), BOTH),
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """``weight`` ``(len(reads), width)``, ``bias``: the mean of ``members``' discriminants. ``samples``: genuine media
    and those of ``kind``, scored by heads that knew nothing of their source; ``left_out``: score and face size of all
    media, by digest, likewise. ``clips``: numbers of samples of several faces, ``clip_digests`` those of such media.
    ``by_source``: AUC of each forged source, left out."""

    kind: str
    members: Members
    learned: str
    weight: Floats
    bias: float
    samples: tuple[Sample, ...]
    left_out: dict[str, tuple[float, float]]
    clips: frozenset[int]
    clip_digests: frozenset[str]
    by_source: dict[str, float]

    @property
    def reads(self) -> tuple[Read, ...]:
        """What the members read, each once."""
        return reads_of(self.members)

    @property
    def figure(self) -> float:
        """What it is chosen by: the mean of the mean and the worst over sources."""
        areas = list(self.by_source.values())
        return (float(np.mean(areas)) + min(areas)) / 2 if areas else 0.0


def fit_heads(table: TokenTable, say: Callable[[str], None]) -> dict[str, FittedHead]:
    """The best of the choices for each kind; every one is told."""
    best: dict[str, FittedHead] = {}
    for kind in KINDS:
        for members, learned in CHOICES[kind]:
            head = fit_head(table, kind, members, learned)
            names = " and ".join("+".join(f"{part} {block}" for block, part in reads) for reads in members)
            areas = ", ".join(f"{source} {area:.3f}" for source, area in head.by_source.items())
            say(f"{kind} {names} {learned}: {head.figure:.3f} ({areas})")
            if kind not in best or head.figure > best[kind].figure:
                best[kind] = head
    return best


def fit_head(table: TokenTable, kind: str, members: Members, learned: str) -> FittedHead:
    """Raises :class:`DataError` where nothing of the kind was collected that it could be measured on."""
    reads = reads_of(members)
    x = table.read(reads)
    centre, scale = x.mean(0), x.std(0) + 1e-4
    x = (x - centre) / scale
    asked = _Asking(x, table, kind, learned, _columns(reads, members, x.shape[1] // len(reads)))
    everything = asked.cells()
    fitted = asked.direction(everything)
    if fitted is None:
        raise DataError("there is nothing to learn a head from", got=f"no {kind} faces")
    scores = np.full(len(x), np.nan)
    for source in np.unique(table.source[table.collected]).tolist():
        mine = (table.source == source) & table.collected
        if kind in KNOWN_ALONE and (table.kind[mine] == kind).any():
            for half in (0, 1):
                those = mine & (_halves(table.medium) == half)
                altered = ~table.collected & (table.origin == source)
                direction = asked.direction(asked.cells(~those & ~altered))
                if direction is not None:
                    scores[those] = x[those] @ direction[0] + direction[1]
            continue
        families = {family_of(method) for method in np.unique(table.method[mine]).tolist()} - {""}
        others = [[c for c in cells if c.origin != source and c.family not in families] for cells in everything]
        direction = asked.direction(others)
        if direction is not None:
            scores[mine] = x[mine] @ direction[0] + direction[1]
    weight, media = fitted[0] / scale, by_medium(table, scores)
    samples = samples_of(table, kind, media)
    clips = {number: str(table.medium[rows[0]]) for number, (rows, _, _) in enumerate(media) if len(rows) > 1}
    return FittedHead(
        kind,
        members,
        learned,
        np.asarray(weight.reshape(len(reads), -1), np.float32),
        float(fitted[1] - weight @ centre),
        samples,
        {str(table.medium[rows[0]]): (score, px) for rows, score, px in media},
        frozenset(clips),
        frozenset(clips.values()),
        _by_source(samples, clips),
    )


def reads_of(members: Members) -> tuple[Read, ...]:
    return tuple(dict.fromkeys(itertools.chain(*members)))


def _columns(reads: Sequence[Read], members: Members, width: int) -> list[NDArray[np.int64]]:
    """Which features each member reads, of ``reads`` one after the other."""
    of_read = {read: np.arange(place * width, (place + 1) * width) for place, read in enumerate(reads)}
    return [np.concatenate([of_read[read] for read in member]) for member in members]


@dataclass(frozen=True, slots=True, eq=False)
class _Asking:
    """Discriminants of ``columns`` of ``x`` each, and their mean."""

    x: Floats
    table: TokenTable
    kind: str
    learned: str
    columns: list[NDArray[np.int64]]

    def cells(self, usable: NDArray[np.bool_] | None = None) -> list[list[_Cell]]:
        """Of each member."""
        return [_cells(self.x[:, mine], self.table, self.kind, self.learned, usable) for mine in self.columns]

    def direction(self, cells: Sequence[Sequence[_Cell]]) -> tuple[Floats, float] | None:
        """Weights of all features and a bias; None where a class has no source."""
        weight, bias = np.zeros(self.x.shape[1], np.float32), 0.0
        for mine, of_member in zip(self.columns, cells, strict=True):
            found = _direction(of_member)
            if found is None:
                return None
            weight[mine] += found[0] / len(cells)
            bias += found[1] / len(cells)
        return weight, bias


def family_of(method: str) -> str:
    """The first word of a method's own name: "talkinghead:SadTalker (on ...)" is "sadtalker"."""
    found = re.search(r"[A-Za-z+]+", method.rpartition(":")[2])
    return found[0].lower() if found else ""


@dataclass(frozen=True, slots=True, eq=False)
class _Cell:
    """The faces of one source, class and family of methods: how many, their mean, and how they spread about it;
    altered ones of each origin apart until it is known which may be learned from."""

    source: str
    origin: str
    family: str
    forged: bool
    count: int
    mean: Floats
    spread: Floats
    most: int = _WEIGHT

    @property
    def weight(self) -> int:
        return min(self.count, self.most)

    def merged(self, other: _Cell) -> _Cell:
        """Both as one of this cell's source."""
        total, between = self.count + other.count, self.mean - other.mean
        share = np.float32(other.count / total)
        mean = self.mean - share * between
        inner = np.float32(max(0, self.count - 1)) * self.spread + np.float32(max(0, other.count - 1)) * other.spread
        spread = inner + np.float32(self.count) * share * np.outer(between, between)
        return replace(self, count=total, mean=mean, spread=spread / np.float32(max(1, total - 1)))


def _halves(media: NDArray[np.str_]) -> NDArray[np.int64]:
    """0 or 1 of each medium, the same everywhere."""
    return np.array([zlib.crc32(medium.encode()) % 2 for medium in media.tolist()])


def _cells(
    x: Floats, table: TokenTable, kind: str, learned: str, usable: NDArray[np.bool_] | None = None
) -> list[_Cell]:
    """Of what a head learns from: genuine faces, and forged ones that were made here, collected, or both."""
    wanted = {"": False, "made genuine": False, "made altered": False}
    if learned != COLLECTED:
        wanted[_MADE_KIND[kind]] = True
    if learned != SELF_MADE:
        wanted[kind] = True
    rows_of: dict[tuple[str, str, str, bool], list[int]] = {}
    known = table.split != "val" if usable is None else usable & (table.split != "val")
    columns = (table.source, table.origin, table.method, table.kind)
    for row, (source, origin, method, of_kind) in enumerate(zip(*[x.tolist() for x in columns], strict=True)):
        if of_kind in wanted and known[row]:
            rows_of.setdefault((source, origin, family_of(method), wanted[of_kind]), []).append(row)
    cells = []
    for (source, origin, family, forged), rows in rows_of.items():
        mean = x[rows].mean(0)
        centred = x[rows] - mean
        spread = centred.T @ centred / max(1, len(rows) - 1)
        most = _MADE_WEIGHT.get(kind, _WEIGHT) if source.startswith("made ") else _WEIGHT
        cells.append(_Cell(source, origin, family, forged, len(rows), mean, spread, most))
    return cells


def _direction(cells: Sequence[_Cell]) -> tuple[Floats, float] | None:
    """Weights and bias on standardised features, their spread within sources 1; None where a class has no source."""
    genuine: dict[str, _Cell] = {}
    for cell in cells:
        if not cell.forged:
            genuine[cell.source] = genuine[cell.source].merged(cell) if cell.source in genuine else cell
    forged = [cell for cell in cells if cell.forged]
    if not genuine or not forged:
        return None
    every = [*genuine.values(), *forged]
    total = sum([cell.weight for cell in every])
    spread = np.zeros_like(every[0].spread)
    for cell in every:
        spread += cell.weight / total * cell.spread
    means = np.stack([cell.mean for cell in genuine.values()])  # (sources, width)
    between = means - means.mean(0)
    spread += _BETWEEN / max(1, len(between) - 1) * (between.T @ between)
    middle = np.average(means, axis=0, weights=[cell.weight for cell in genuine.values()])
    steps = [cell.mean - (genuine[cell.source].mean if cell.source in genuine else middle) for cell in forged]
    step = np.average(np.stack(steps), axis=0, weights=[cell.weight for cell in forged])
    spread[np.diag_indices(len(spread))] += _RIDGE * np.trace(spread) / len(spread)
    direction = np.linalg.solve(spread, step.astype(np.float32))
    direction /= np.sqrt(direction @ spread @ direction)
    return np.asarray(direction, np.float32), -float((means @ direction).mean())


Scored = tuple[list[int], float, float]
"""Rows of a medium, the mean of their scores and of the sizes of their faces in px."""


def by_medium(table: TokenTable, scores: NDArray[np.float64]) -> list[Scored]:
    """Rows without a score (NaN) are left out."""
    rows_of: dict[str, list[int]] = {}
    for row in np.flatnonzero(np.isfinite(scores)):
        rows_of.setdefault(str(table.medium[row]), []).append(int(row))
    return [(rows, float(scores[rows].mean()), float(table.face_px[rows].mean())) for rows in rows_of.values()]


def samples_of(table: TokenTable, kind: str, media: Sequence[Scored]) -> tuple[Sample, ...]:
    """Of media that are genuine or of ``kind``."""
    samples = []
    for number, (rows, score, face_px) in enumerate(media):
        first = rows[0]
        if str(table.kind[first]) in ("", kind):
            sample = Sample(
                score=score,
                forged=str(table.kind[first]) == kind,
                number=number,
                group=str(table.group[first]),
                source=str(table.source[first]),
                face_px=face_px,
            )
            samples.append(sample)
    return tuple(samples)


def _by_source(samples: Sequence[Sample], clips: Collection[int]) -> dict[str, float]:
    """AUC of every forged source with media enough: the mean over all genuine sources with as many of the same kind
    of media, where ``clips`` are the numbers of those of several faces. Where a source has both, the mean of both.

    Clips beside clips: what a stream went through is no forgery, and pictures say nothing of whether a head knows."""
    by_source: dict[tuple[str, bool, bool], list[float]] = {}
    for sample in samples:
        by_source.setdefault((sample.source, sample.number in clips, sample.forged), []).append(sample.score)
    large = {key: scores for key, scores in by_source.items() if len(scores) >= _MIN_MEDIA}
    areas: dict[str, list[float]] = {}
    for (source, clip, forged), scores in large.items():
        genuine = [other for (_, same, of_forged), other in large.items() if same == clip and not of_forged]
        if forged and genuine:
            each = [auc([True] * len(scores) + [False] * len(other), [*scores, *other]) for other in genuine]
            areas.setdefault(source, []).append(float(np.mean(each)))
    return {source: float(np.mean(mine)) for source, mine in areas.items()}
