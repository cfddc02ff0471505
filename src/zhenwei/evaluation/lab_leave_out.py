"""What a method's AUC owes to having seen that very method: from scores of trainings with and without each method of
the lab (``python -m benchmarks.lab_leave_one_out``) to figures, their schema, and how they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zhenwei.errors import DataError
from zhenwei.evaluation.metrics import Estimate, auc, bootstrap_interval
from zhenwei.evaluation.results import Interval95
from zhenwei.evaluation.shortcuts import metadata_probe

SCHEMA: Literal["zhenwei.lab-leave-one-out/1"] = "zhenwei.lab-leave-one-out/1"
ALL = "all"  # the condition that leaves nothing out
SEED = 20261129


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OfSeed(_Section):
    """AUC of the networks of one seed, trained with the method and without it."""

    seed: int
    seen: float
    unseen: float


class Kept(_Section):
    """One method. ``seen``, ``unseen``: AUC of networks trained with and without it, mean over seeds; ``lost``: their
    difference, in pairs. ``metadata``: AUC of what sees the files' sizes and qualities, and no pixel."""

    method: str
    genuine: int
    forged: int
    people: int
    seen: Interval95
    unseen: Interval95
    lost: Interval95
    metadata: Interval95
    seeds: tuple[OfSeed, ...]


class Training(_Section):
    """How each of the networks was trained, as the benchmark says it in ``run.json``."""

    backbone: str
    size_px: int
    steps: int
    batch: int
    methods: tuple[str, ...]
    conditions: tuple[str, ...]
    seeds: tuple[int, ...]
    forged_faces: int
    genuine_faces: int
    sources: tuple[str, ...]
    torch: str
    device: str
    seconds: float


class LabLeaveOut(_Section):
    """``tested``: people of the test by source."""

    schema_: Literal["zhenwei.lab-leave-one-out/1"] = Field(default=SCHEMA, alias="schema")
    training: Training
    tested: dict[str, int]
    seed: int
    rows: tuple[Kept, ...]

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """A test picture. ``method``: "" = genuine. ``size``: of the file, in bytes. ``scores``: by condition and seed."""

    picture: str
    person: str
    source: str
    method: str
    quality: int
    size: int
    scores: Mapping[tuple[str, int], float]


def measured(asked: Sequence[Asked], training: Training) -> LabLeaveOut:
    """A row for each method that was left out. Raises :class:`DataError` where a picture lacks a score, or there is no
    network that saw every method."""
    if ALL not in training.conditions:
        raise DataError("no network saw every method", got=", ".join(training.conditions), want=f"{ALL} among them")
    methods = [name for name in training.conditions if name != ALL]
    people = {(a.source, a.person) for a in asked}
    return LabLeaveOut(
        training=training,
        tested={source: sum(of == source for of, _ in people) for source in sorted({of for of, _ in people})},
        seed=SEED,
        rows=tuple(_kept(method, asked, training.seeds) for method in sorted(methods)),
    )


def _kept(method: str, asked: Sequence[Asked], seeds: Sequence[int]) -> Kept:
    mine = [a for a in asked if a.method in ("", method)]
    seen, unseen = (_scores(mine, condition, seeds) for condition in (ALL, method))
    forged, people = np.array([a.method != "" for a in mine]), [a.person for a in mine]
    facts = np.array([[a.size, a.quality] for a in mine], np.float64)

    def told(figure: Callable[[NDArray[np.float64], NDArray[np.int64]], float]) -> Interval95:
        """Resampled by row numbers, so that both networks are asked of the same people."""
        rows = np.arange(len(mine))
        found = bootstrap_interval(
            lambda labels, drawn: figure(labels, drawn.astype(int)), forged, rows, groups=people, seed=SEED
        )
        return _plain(found)

    return Kept(
        method=method,
        genuine=int((~forged).sum()),
        forged=int(forged.sum()),
        people=len(set(people)),
        seen=told(lambda labels, rows: _area(labels, seen[rows])),
        unseen=told(lambda labels, rows: _area(labels, unseen[rows])),
        lost=told(lambda labels, rows: _area(labels, seen[rows]) - _area(labels, unseen[rows])),
        metadata=_plain(metadata_probe(facts, forged, people, seed=SEED)),
        seeds=tuple(
            OfSeed(seed=seed, seen=auc(forged, seen[:, k]), unseen=auc(forged, unseen[:, k]))
            for k, seed in enumerate(seeds)
        ),
    )


def _scores(asked: Sequence[Asked], condition: str, seeds: Sequence[int]) -> NDArray[np.float64]:
    """``(pictures, seeds)``."""
    try:
        return np.array([[a.scores[condition, seed] for seed in seeds] for a in asked], np.float64)
    except KeyError as error:
        raise DataError(
            "a picture lacks a score", got=f"none of condition and seed {error}", want="one of each"
        ) from error


def _area(labels: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """AUC, mean over the seeds ``(pictures, seeds)``."""
    return float(np.mean([auc(labels, column) for column in scores.T]))


def _plain(found: Estimate) -> Interval95:
    return Interval95(value=found.value, low=found.low, high=found.high, n=found.n)


def save(results: LabLeaveOut, path: Path) -> None:
    """UTF-8 JSON, ending in a newline; whole or not at all."""
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_text(results.model_dump_json(indent=1, by_alias=True) + "\n", encoding="utf-8")
    partial.replace(path)


def load(path: Path) -> LabLeaveOut:
    """Raises :class:`DataError` for a file that is missing or is no such results file."""
    try:
        return LabLeaveOut.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError("the results cannot be read", got=f"{path}: {error.strerror}") from error
    except ValidationError as error:
        got, want = f"{path}: {error.errors()[0]['msg']}", f"JSON of schema {SCHEMA}"
        raise DataError("this is no results file of leaving the lab's methods out", got=got, want=want) from error


def to_markdown(results: LabLeaveOut) -> str:
    """How it was measured, a line for each method, and what the table does not say."""
    t = results.training
    people = ", ".join(f"{count} of {source}" for source, count in results.tested.items())
    new = ", ".join(source for source in results.tested if source not in t.sources)
    others, unmet = t.genuine_faces - t.forged_faces, f"; nothing was trained on {new}" if new else ""
    lines = [
        f"How much of an AUC on a method is owed to having seen that very method? One network ({t.backbone}, "
        f"{t.size_px} px) was trained from ImageNet weights, which saw no forgery, on all {len(t.methods)} methods, "
        f"and one without each, alike in all else: {t.steps} steps of {t.batch} faces, half of them genuine, of "
        f"{t.forged_faces} people who were forged and {others} who were not ({', '.join(t.sources)}); seeds "
        f"{' and '.join(map(str, t.seeds))}. Asked are other people: {people}{unmet}. A face and all that was made of "
        "it share one JPEG quality. AUCs are means over the seeds. Intervals are by bootstrap over people, those of "
        "the difference in pairs: they tell what other people would change, not what another seed would; the seeds "
        "stand beside them. **Metadata** sees a file's size and quality, and no pixel. The qualities are alike; what "
        "is smoother makes the smaller file, and where that tells, pixels tell it, too. Each network is far short of "
        "the shipped training: what counts is the difference.",
        "",
        "| method | genuine + forged (people) | trained with it | trained without it | lost by not seeing it "
        "| with / without, each seed | metadata |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in results.rows:
        seeds = ", ".join(f"{one.seen:.3f} / {one.unseen:.3f}" for one in row.seeds)
        lost = f"{row.lost.value:+.3f} [{row.lost.low:+.3f}, {row.lost.high:+.3f}]"
        cells = [_cell(row.seen), _cell(row.unseen), lost, seeds, _cell(row.metadata)]
        lines.append(f"| {row.method} | {row.genuine} + {row.forged} ({row.people}) | {' | '.join(cells)} |")
    return "\n".join(lines) + f"\n\nSeed {results.seed}; PyTorch {t.torch}, {t.device}.\n"


def _cell(v: Interval95) -> str:
    return f"{v.value:.3f} [{v.low:.3f}, {v.high:.3f}]"
