"""One evaluation: a protocol over labelled files, all that was said of them, and the figures that follow."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from zhenwei import pipeline
from zhenwei.detectors import asked_at, build, package_of
from zhenwei.errors import UsageError
from zhenwei.evaluation.ablation import ablations
from zhenwei.evaluation.by_source import by_source, over_sources, sources_known
from zhenwei.evaluation.controls import controls
from zhenwei.evaluation.examine import Journal, examine
from zhenwei.evaluation.figures import figures_of, files_of, step_of
from zhenwei.evaluation.items import Item, Outcome, class_sizes
from zhenwei.evaluation.ladder import Degradation, steps
from zhenwei.evaluation.leaks import some_of
from zhenwei.evaluation.maps import MAPPED, localised
from zhenwei.evaluation.protocols import Protocol
from zhenwei.evaluation.results import Ablation, Figures, Finding, Results, Step
from zhenwei.faults import OnFault
from zhenwei.types import Text

FUSED = "fused"
FAILED = "detectors that failed"  # the check of a finding
Tell = Callable[[str, int, int], None]  # what is being done, how far, of how many
_VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
_LIBRARIES = ("zhenwei", "numpy", "onnxruntime", "opencv-python-headless", "av", "pillow")


def evaluate(
    subject: str,
    items: Sequence[Item],
    protocol: Protocol,
    scratch: Path,
    *,
    journal: Path | None = None,
    findings: Sequence[Finding] = (),
    tell: Tell | None = None,
    on_fault: OnFault | None = None,
) -> Results:
    """Asks ``subject``, a detector's id or "fused" for those of the standard depth, about the files that ``protocol``
    chooses.

    ``journal``: a file that what was said is kept in, so that an interrupted run goes on. ``findings``: of checks that
    ran before. ``on_fault``: told of what the program, or a detector, failed on. Raises :class:`UsageError` for an
    unknown detector or degradation, or where no file is left.
    """
    chosen, degradations = protocol.choose(items), ladder_of(protocol)
    options = pipeline.Options(frames=protocol.frames, detectors=() if subject == FUSED else (subject,))
    run = run_of(subject, options)
    weights, versions = run["weights"], run["versions"]
    kept = Journal.open(journal, run)
    failures = dict[str, dict[str, None]]()  # the files that each detector failed on, in order

    def ask(what: str, mine: Sequence[Item], degradation: Degradation | None = None) -> list[Outcome]:
        say = (lambda done: tell(what, done, len(mine))) if tell else None
        outcomes = examine(
            mine, scratch, options=options, degradation=degradation, journal=kept, tell=say, on_fault=on_fault
        )
        for o in outcomes:
            for detector in o.failed:
                failures.setdefault(detector, {})[f"{o.item.set_name}: {o.item.name}"] = None
        return outcomes

    outcomes = ask("examining", chosen)
    files, ladder = files_of(outcomes), list[Step]()
    apart = by_source(files, seed=protocol.seed) if sources_known(chosen) else ()
    by_set = _by_set(outcomes)
    for degradation in degradations:
        for name, clean in _sampled(by_set, protocol, degradation).items():
            arrived = ask(f"{degradation.name}, {name}", [o.item for o in clean], degradation)
            amount, seed = degradation.amount, protocol.seed
            ladder.append(step_of(name, degradation.family, degradation.name, amount, clean, arrived, seed=seed))
            files += files_of(arrived, degradation.name)
    figures = tuple(_figures(by_set, protocol))
    alone: list[Ablation] = []
    for name, mine in by_set.items():
        alone += ablations(name, mine, seed=protocol.seed)
    say = (lambda done, of: tell("where maps lie", done, of)) if tell else None
    mapped = protocol.maps and subject in (FUSED, MAPPED)
    return Results(
        subject=subject,
        protocol=protocol.name,
        protocol_text=Text(protocol.text, zh=protocol.text_zh),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=protocol.seed,
        frames=protocol.frames,
        data={name: _described(mine) for name, mine in by_set.items()},
        weights=weights,
        versions={"python": platform.python_version(), **versions},
        over_sources=over_sources(apart),
        by_source=apart,
        figures=figures,
        ladder=tuple(ladder),
        asked=tuple(alone),
        localised=localised(chosen, scratch, seed=protocol.seed, tell=say) if mapped else (),
        findings=(*findings, *_failed(failures, len(chosen)), *controls(figures)),
        files=tuple(f for f in files if f.level in ("video", *protocol.levels)),
    )


def run_of(subject: str, options: pipeline.Options) -> dict[str, Any]:
    """All that answers follow from: options, weights, versions of packages. A journal belongs to one of these."""
    versions = {package: metadata.version(package) for package in _LIBRARIES}
    return {"options": repr(options), "weights": weights_of(subject), "versions": versions}


def is_foreign(subject: str) -> bool:
    """Whether a plug-in or an added network is asked, of which this package cannot know what it learned from."""
    asked = asked_at("standard") if subject == FUSED else (subject,)
    return any(package_of(name) for name in asked)


def ladder_of(protocol: Protocol) -> list[Degradation]:
    """The degradations of a protocol, by name or by family. Raises :class:`UsageError` for one that there is not."""
    families: dict[str, None] = {}
    names, chosen = set(), []
    for step in steps():
        families[step.family] = None
        names.add(step.name)
        if step.name in protocol.ladder or step.family in protocol.ladder:
            chosen.append(step)
    unknown = set(protocol.ladder) - names - families.keys()
    if unknown:
        want = f"a step or a family: {', '.join(families)}"
        raise UsageError("no such step of the ladder", got=", ".join(sorted(unknown)), want=want)
    return chosen


def weights_of(subject: str) -> dict[str, str]:
    """sha256 of every model that the subject and the face finder use. :class:`UsageError` for an unknown detector."""
    asked = asked_at("standard") if subject == FUSED else (subject,)
    return pipeline.weights_of([build(name) for name in asked])


def _failed(failures: Mapping[str, Mapping[str, None]], count: int) -> list[Finding]:
    """One for each detector that failed on a file, which then stands there as not answered."""
    found = []
    for detector, files in sorted(failures.items()):
        text = f"{detector} failed on {len(files)} of {count} files, which count as not answered"
        found.append(Finding(check=FAILED, ok=False, text=text, cases=some_of(list(files))))
    return found


def _by_set(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for o in outcomes:
        found.setdefault(o.item.set_name, []).append(o)
    return found


def _sampled(
    by_set: Mapping[str, Sequence[Outcome]], protocol: Protocol, degradation: Degradation
) -> dict[str, list[Outcome]]:
    """The files of the ladder: of each set evenly spread ones, as many of each class, of a kind that it takes."""
    found: dict[str, list[Outcome]] = {}
    for name, mine in by_set.items():
        if protocol.ladder_sets and name not in protocol.ladder_sets:
            continue
        classes: dict[bool, list[Outcome]] = {False: [], True: []}
        for o in mine:
            kind = "video" if Path(o.item.member or o.item.path).suffix.lower() in _VIDEOS else "image"
            if kind in degradation.takes and o.decision != "unreadable":
                classes[o.item.forged].append(o)
        kept: list[Outcome] = []
        for some in classes.values():
            step = max(1, -(-len(some) * 2 // protocol.ladder_files)) if protocol.ladder_files else 1
            kept += some[::step]
        if kept:
            found[name] = kept
    return found


def _figures(by_set: Mapping[str, Sequence[Outcome]], protocol: Protocol) -> list[Figures]:
    found: list[Figures] = []
    for name, mine in by_set.items():
        domain = mine[0].item.domain
        for level in protocol.levels:
            for part, some in _slices(mine, protocol.slices).items():
                found.append(figures_of(name, some, level=level, part=part, domain=domain, seed=protocol.seed))
    return found


def _slices(mine: Sequence[Outcome], wanted: Sequence[str]) -> dict[str, list[Outcome]]:
    """The set, then its methods (each against every genuine file) and origins, where there are several."""
    methods: set[str] = set()
    origins: dict[str, list[Outcome]] = {}
    for o in mine:
        if o.item.forged and o.item.method:
            methods.add(o.item.method)
        if o.item.origin:
            origins.setdefault(o.item.origin, []).append(o)
    found: dict[str, list[Outcome]] = {"": list(mine)}
    if "method" in wanted and len(methods) > 1:
        for method in sorted(methods):
            found[f"method: {method}"] = [o for o in mine if not o.item.forged or o.item.method == method]
    if "origin" in wanted and len(origins) > 1:
        for origin in sorted(origins):
            found[f"origin: {origin}"] = origins[origin]
    return found


def _described(mine: Sequence[Outcome]) -> str:
    splits = ", ".join(sorted({o.item.split for o in mine}))
    n_genuine, n_forged = class_sizes(mine)
    return f"{n_genuine} genuine and {n_forged} forged files, split {splits}"
