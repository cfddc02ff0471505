"""What a method's AUC owes to having seen that very method: from scores of trainings with and without each method of
the lab (``python -m benchmarks.lab_leave_one_out``) to figures, their schema, and how they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zhenwei.errors import DataError
from zhenwei.evaluation import documents
from zhenwei.evaluation.documents import DocumentSection, save
from zhenwei.evaluation.shortcuts import metadata_probe
from zhenwei.stats import Estimate
from zhenwei.stats.bootstrap import Rows, bootstrap_statistic
from zhenwei.stats.metrics import Reals, auc

__all__ = ["AskedImage", "LabLeaveOut", "MethodKept", "Training", "load", "measured", "save", "to_markdown"]

SCHEMA: Literal["zhenwei.lab-leave-one-out/1"] = "zhenwei.lab-leave-one-out/1"
ALL = "all"  # the condition that leaves nothing out
SEED = 20261129


class OfSeed(DocumentSection):
    """AUC of the networks of one seed, trained with the method and without it."""

    seed: int
    seen: float
    unseen: float


class MethodKept(DocumentSection):
    """One method. ``seen``, ``unseen``: AUC of networks trained with and without it, mean over seeds; ``lost``: their
    difference, in pairs. ``metadata``: AUC of what sees the files' sizes and qualities, and no pixel."""

    method: str
    genuine: int
    forged: int
    people: int
    seen: Estimate
    unseen: Estimate
    lost: Estimate
    metadata: Estimate
    seeds: tuple[OfSeed, ...]


class Training(DocumentSection):
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


class LabLeaveOut(DocumentSection):
    """``tested``: people of the test by source."""

    schema_: Literal["zhenwei.lab-leave-one-out/1"] = Field(default=SCHEMA, alias="schema")
    training: Training
    tested: dict[str, int]
    seed: int
    rows: tuple[MethodKept, ...]


@dataclass(frozen=True, slots=True)
class AskedImage:
    """A test picture. ``method``: "" = genuine. ``size``: of the file, in bytes. ``scores``: by condition and seed."""

    image: str
    person: str
    source: str
    method: str
    quality: int
    size: int
    scores: Mapping[tuple[str, int], float]


def measured(asked: Sequence[AskedImage], training: Training) -> LabLeaveOut:
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


def _kept(method: str, asked: Sequence[AskedImage], seeds: Sequence[int]) -> MethodKept:
    mine = [a for a in asked if a.method in ("", method)]
    seen, unseen = (_scores(mine, condition, seeds) for condition in (ALL, method))  # (pictures, seeds) each
    forged, people = np.array([a.method != "" for a in mine]), [a.person for a in mine]
    facts = np.array([[a.size, a.quality] for a in mine], np.float64)

    def over_people(figure: Callable[[Rows], float]) -> Estimate:
        """Resampled by row numbers, so that both networks are asked of the same people."""
        return bootstrap_statistic(figure, forged, groups=people, seed=SEED)

    by_seed = []
    for column, seed in enumerate(seeds):
        by_seed.append(OfSeed(seed=seed, seen=auc(forged, seen[:, column]), unseen=auc(forged, unseen[:, column])))
    return MethodKept(
        method=method,
        genuine=int((~forged).sum()),
        forged=int(forged.sum()),
        people=len(set(people)),
        seen=over_people(lambda rows: _mean_auc(forged[rows], seen[rows])),
        unseen=over_people(lambda rows: _mean_auc(forged[rows], unseen[rows])),
        lost=over_people(lambda rows: _mean_auc(forged[rows], seen[rows]) - _mean_auc(forged[rows], unseen[rows])),
        metadata=metadata_probe(facts, forged, people, seed=SEED),
        seeds=tuple(by_seed),
    )


def _scores(asked: Sequence[AskedImage], condition: str, seeds: Sequence[int]) -> Reals:
    """``(images, seeds)``."""
    try:
        return np.array([[a.scores[condition, seed] for seed in seeds] for a in asked], np.float64)
    except KeyError as error:
        raise DataError(
            "a picture lacks a score", got=f"none of condition and seed {error}", want="one of each"
        ) from error


def _mean_auc(labels: NDArray[np.bool_], scores: Reals) -> float:
    """AUC, mean over the seeds ``(images, seeds)``."""
    return float(np.mean([auc(labels, column) for column in scores.T]))


def load(path: Path) -> LabLeaveOut:
    """Raises :class:`DataError` for a file that is missing or is no such results file."""
    return documents.load(path, LabLeaveOut, fix="`python -m benchmarks.lab_leave_one_out report` writes it.")


def to_markdown(results: LabLeaveOut) -> str:
    """How it was measured, a line for each method, and what the table does not say."""
    t = results.training
    people = ", ".join(f"{count} of {source}" for source, count in results.tested.items())
    new = ", ".join(source for source in results.tested if source not in t.sources)
    others, unmet = t.genuine_faces - t.forged_faces, f"; nothing was trained on {new}" if new else ""
    left_out = [name for name in t.conditions if name != ALL]
    each = "each" if set(left_out) == set(t.methods) else f"each of {', '.join(left_out)}"
    seeds = "seed" if len(t.seeds) == 1 else "seeds"
    lines = [
        f"How much of an AUC on a method is owed to having seen that very method? One network ({t.backbone}, "
        f"{t.size_px} px) was trained from ImageNet weights, which saw no forgery, on all {len(t.methods)} methods, "
        f"and one without {each}, alike in all else: {t.steps} steps of {t.batch} faces, half of them genuine, of "
        f"{t.forged_faces} people who were forged and {others} who were not ({', '.join(t.sources)}); {seeds} "
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
        cells = f"{row.seen:.3f} | {row.unseen:.3f} | {row.lost:+.3f} | {seeds} | {row.metadata:.3f}"
        lines.append(f"| {row.method} | {row.genuine} + {row.forged} ({row.people}) | {cells} |")
    return "\n".join(lines) + f"\n\nSeed {results.seed}; PyTorch {t.torch}, {t.device}.\n"
