"""Scores of anybody's model on labelled files, held to the same protocol as ours.

A table has a row a file: ``path`` or ``id``, ``score`` (empty = no answer), ``label``, and any of ``source``, ``group``
(who must not be split: a person), ``original`` (the recording that a forgery was made from, as its row names it; a
genuine file without one is its own), ``method``, ``set`` and ``kind``. Beside labelled data only ``path`` or ``id``,
``score`` and ``set`` are read; all else comes from the data, so that the files pair with those of an evaluation of
ours. A name that several sets of the data have needs the column ``set``, which says whose it is.

A score says nothing of itself. Each source is calibrated on all others, and its decisions are taken where those had the
wanted rate of errors in their worst source; without sources the same is done for people in five parts. What only ranks
(AUC, EER, pair accuracy) is of the scores as they are, as whoever published them counts it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

import numpy as np

from zhenwei.errors import DataError
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.readers.labels_csv import label_of
from zhenwei.evaluation.readers.table_reading import few, printable_row, split_of, table_of
from zhenwei.evaluation.results import LARGEST
from zhenwei.fusion.operating import OperatingPoints, Tail, measure_operating_points, worst_of
from zhenwei.models.calibration_fit import fit
from zhenwei.stats.logistic import group_folds
from zhenwei.stats.metrics import Labels, Reals
from zhenwei.types import Decision, Kind

Higher = Literal["forged", "genuine"]
ERRORS = 0.05
LARGEST_SCORE = 1e100  # whose square, summed over all files there can be, is still a number
_FOLDS = 5
_AUDIO = (".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac")
_VIDEO = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
_FACTS = {"width": "width", "height": "height", "bytes": "bytes", "duration": "duration"}


@dataclass(frozen=True, slots=True)
class Scored:
    """A labelled file with its ``score``, higher for forged; None = no answer. ``facts``: numbers on how the file is
    made that the table itself tells."""

    item: Item
    score: float | None
    kind: Kind
    facts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Calibrated:
    """``llr`` and ``decision`` of every row, in order; ``left_out``: whether whole sources were."""

    llrs: tuple[float | None, ...]
    decisions: tuple[Decision, ...]
    left_out: Literal["source", "group"]


def read_scores(path: Path, data: Sequence[Item] | None = None, *, higher: Higher = "forged") -> tuple[Scored, ...]:
    """The rows of a table, in its order. ``data``: labelled files that it is about. ``higher``: what a higher score
    speaks for; scores come back higher for forged. Raises :class:`DataError` naming the line."""
    wanted = ("score",) if data is not None else ("score", "label")
    rows = table_of(path, wanted)
    known = None if data is None else _Known.of(data)
    found, seen, unknown, shared = list[Scored](), set[tuple[str, str]](), list[str](), dict[str, set[str]]()
    for line, cells in rows:
        where = f"line {line} of {path}"
        row = printable_row(cells, where)
        name = row.get("path") or row.get("id") or ""
        if not name:
            raise DataError("a row names no file", got=where, want="path or id")
        own = row.get("set", "")
        meant = {own: _own_item(row, name, path, where)} if known is None else known.find(name, own, where)
        item = next(iter(meant.values()), None)
        if len(meant) > 1:
            shared[name] = set(meant)
            continue
        if item is None:
            unknown.append(f"{own}: {name}" if own else name)
            continue
        if (item.set_name, _key(item.name)) in seen:
            raise DataError("a file is listed twice", got=f"{name} in {where}", want="once")
        seen.add((item.set_name, _key(item.name)))
        score = _number(row["score"], where)
        turned = score if score is None or higher == "forged" else -score
        found.append(Scored(item, turned, _kind(row, name, where), _facts(row)))
    if shared:
        got, sets = f"{len(shared)}: {few(list(shared))}", sorted(set().union(*shared.values()))
        fix = "Add a column set to the table of scores."
        raise DataError("several sets of the data have files of these names", got=got, want=few(sets), fix=fix)
    if unknown:
        fix = "Name files in the column path as the data do."
        raise DataError("scores of files that the data do not have", got=f"{len(unknown)}: {few(unknown)}", fix=fix)
    if not any(row.score is not None for row in found):
        raise DataError("there are no scores", got=str(path), want="a row a file with a number in the column score")
    return tuple(found)


def _own_item(row: Mapping[str, str], name: str, table: Path, where: str) -> Item:
    forged, original = label_of(row["label"], where), row.get("original", "")
    if not forged and "original" in row:
        original = original or name
    return Item(
        name=name,
        path=table.parent / name,
        set_name=row.get("set") or table.stem,
        forged=forged,
        method=row.get("method", ""),
        origin=row.get("source", ""),
        identity=row.get("group", ""),
        video=_key(original),
        split=split_of(row.get("split", ""), where),
    )


def unpaired(rows: Sequence[Scored]) -> int:
    """How many forgeries name an original that no genuine file of their set is or comes from."""
    genuine = {(row.item.set_name, row.item.video) for row in rows if not row.item.forged}
    forged = [row.item for row in rows if row.item.forged and row.item.video]
    return sum((item.set_name, item.video) not in genuine for item in forged)


BySet = dict[str, Item | None]  # None: several files of a set


@dataclass(frozen=True, slots=True)
class _Known:
    """The files of the data, by what a table may call them: their names or paths, else the last part of the name."""

    whole: Mapping[str, BySet]
    ends: Mapping[str, BySet]
    sets: tuple[str, ...]

    @classmethod
    def of(cls, data: Sequence[Item]) -> _Known:
        whole, ends = dict[str, BySet](), dict[str, BySet]()
        for item in data:
            mine, name = item.set_name, _key(item.name)
            for called in (name,) if item.member else (name, _key(str(item.path))):
                whole.setdefault(called, {})[mine] = item
            alike = ends.setdefault(PurePosixPath(name).name, {})
            alike[mine] = None if mine in alike else item
        return cls(whole, ends, tuple(sorted({item.set_name for item in data})))

    def find(self, name: str, set_name: str, where: str) -> BySet:
        """The file of that name in ``set_name``; where that is "", in every set that has one."""
        if set_name and set_name not in self.sets:
            got, fix = f"{set_name[:40]} in {where}", "Write sets as the data call them, or leave the column set out."
            raise DataError("no set of the data is called so", got=got, want=few(self.sets), fix=fix)
        for known in (self.whole, self.ends):
            meant = known.get(_key(name), {})
            if set_name:
                meant = {set_name: meant[set_name]} if set_name in meant else {}
            if meant:
                return meant
        return {}


def _key(name: str) -> str:
    return name.strip().replace("\\", "/").removeprefix("./")


def _number(text: str, where: str) -> float | None:
    if not text:
        return None
    value = _figure(text)
    if not math.isfinite(value):
        fix = "Write a decimal point, not a comma."
        raise DataError("a score is no number", got=f"{text[:40]!r} in {where}", want="a number, or nothing", fix=fix)
    if abs(value) > LARGEST_SCORE:
        got, want = f"{text[:40]!r} in {where}", f"within {LARGEST_SCORE:g} of 0"
        raise DataError("a score is too large", got=got, want=want, fix="Divide all scores by one number.")
    return value


def _figure(text: str) -> float:
    """NaN for what is no number. Python alone takes 1_000 for one."""
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan


def _kind(row: Mapping[str, str], name: str, where: str) -> Kind:
    for kind in get_args(Kind):
        if row.get("kind", "").lower() == kind:
            known: Kind = kind
            return known
    if row.get("kind"):
        raise DataError("no kind is called so", got=f"{row['kind'][:40]!r} in {where}", want="image, video or audio")
    return kind_by_name(name)


def kind_by_name(name: str) -> Kind:
    """By the ending of a file's name; what has none that is known is a picture."""
    end = PurePosixPath(name).suffix.lower()
    return "audio" if end in _AUDIO else "video" if end in _VIDEO else "image"


def _facts(row: Mapping[str, str]) -> dict[str, float]:
    found = {}
    for column, name in _FACTS.items():
        if row.get(column):
            value = _figure(row[column])
            found[name] = value if math.isfinite(value) and value >= 0 else math.nan
    return found


def calibrated(rows: Sequence[Scored], *, seed: int, as_llr: bool = False, errors: float = ERRORS) -> Calibrated:
    """LLRs and decisions of every row by a calibration that saw nothing of its source; see the module.

    ``as_llr``: the scores are natural-log likelihood ratios already, and stay; decisions are still those of others.
    ``errors``: wanted rate of false alarms, and of misses. Raises :class:`DataError` for too few people of a class, and
    for a likelihood ratio that is none.
    """
    table = _Table.of(rows)
    if as_llr:
        _require_ratios(rows)
    else:
        table.require_groups()
    folds, left_out = table.folds(seed)
    llr = np.full(len(table.scores), np.nan)
    decisions: list[Decision] = ["inconclusive"] * len(llr)
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        to_llr = table.calibration(train, seed, as_llr)
        llr[test] = [to_llr(score) for score in table.scores[test]]
        points = table.operating(train, [to_llr(score) for score in table.scores[train]])
        for place in np.flatnonzero(test):
            decisions[place] = _decision(float(llr[place]), table.kinds[place], points, errors)
    answered = iter(zip(llr.tolist(), decisions, strict=True))
    llrs, said = list[float | None](), list[Decision]()
    for row in rows:
        if row.score is None:
            llrs.append(None)
            said.append("inconclusive")
        else:
            value, decision = next(answered)
            llrs.append(value)
            said.append(decision)
    return Calibrated(tuple(llrs), tuple(said), left_out)


def _require_ratios(rows: Sequence[Scored]) -> None:
    for row in rows:
        if row.score is not None and abs(row.score) > LARGEST:
            got, want = f"{row.item.name}: {row.score:g}", f"its natural logarithm, within {LARGEST:g} of 0"
            fix = "Leave --as-llr out where these are scores."
            raise DataError("no likelihood ratio is that large", got=got, want=want, fix=fix)


def _decision(llr: float, kind: Kind, points: OperatingPoints, errors: float) -> Decision:
    if llr > 0 and points.genuine.get(kind, Tail()).at(llr) <= errors:
        return "forged"
    if llr < 0 and points.forged.get(kind, Tail()).at(-llr) <= errors:
        return "genuine"
    return "inconclusive"


_MIN_GROUPS = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The rows that were answered, as columns of n."""

    scores: Reals
    forged: Labels
    groups: list[str]
    sources: list[str]
    kinds: list[Kind]

    @classmethod
    def of(cls, rows: Sequence[Scored]) -> _Table:
        answered = [row for row in rows if row.score is not None]
        scores = np.array([row.score for row in answered], np.float64)
        forged = np.array([row.item.forged for row in answered], bool)
        groups = [f"{row.item.set_name}/{row.item.group}" for row in answered]
        sources = [row.item.origin or row.item.set_name for row in answered]
        return cls(scores, forged, groups, sources, [row.kind for row in answered])

    def require_groups(self) -> None:
        """Two of a class have to be left to calibrate on, whoever is left out."""
        for forged in (False, True):
            groups = set(compress(self.groups, self.forged == forged))
            if len(groups) < _MIN_GROUPS:
                want = f"at least {_MIN_GROUPS} of each class"
                fix = "Add files with scores, or tell people and recordings apart in the column group."
                got = f"{len(groups)} groups of forged files" if forged else f"{len(groups)} groups of genuine files"
                raise DataError("too few groups to calibrate on with one left out", got=got, want=want, fix=fix)

    def folds(self, seed: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Literal["source", "group"]]:
        """The fold of every row: its source, where what is left has people enough of both classes, else five parts."""
        names, inverse = np.unique(np.array(self.sources), return_inverse=True)
        if len(names) > 1 and all(self._enough(inverse != place) for place in range(len(names))):
            return inverse, "source"
        return group_folds(self.groups, self.forged, folds=_FOLDS, seed=seed), "group"

    def _enough(self, rows: Labels) -> bool:
        for forged in (False, True):
            if len({self.groups[place] for place in np.flatnonzero(rows & (self.forged == forged))}) < 2:
                return False
        return True

    def calibration(self, rows: Labels, seed: int, as_llr: bool) -> Callable[[float], float]:
        if as_llr:
            return float
        groups = [self.groups[place] for place in np.flatnonzero(rows)]
        return fit(self.scores[rows], self.forged[rows], None, groups, seed=seed).llr

    def operating(self, rows: Labels, llrs: Sequence[float]) -> OperatingPoints:
        """Tails in the worst source of those rows, of which ``llrs`` are."""
        places, values = np.flatnonzero(rows), np.asarray(llrs)
        sources = np.array([self.sources[place] for place in places])
        tails: dict[str, dict[str, list[Tail]]] = {"genuine": {}, "forged": {}}
        for source in np.unique(sources):
            mine = np.flatnonzero(sources == source)
            chosen = places[mine]
            kinds = [self.kinds[place] for place in chosen]
            groups = [self.groups[place] for place in chosen]
            points = measure_operating_points(values[mine], self.forged[chosen], kinds, groups=groups)
            for side in tails:
                for kind, tail in getattr(points, side).items():
                    tails[side].setdefault(kind, []).append(tail)
        worst = {side: {kind: worst_of(some) for kind, some in by.items()} for side, by in tails.items()}
        return OperatingPoints(worst["genuine"], worst["forged"])
