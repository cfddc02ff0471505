"""``zhenwei evaluate``: labelled files, a protocol, figures with intervals."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._evaluate_leaks import refuse_leaks, without_training
from zhenwei.cli._evaluate_scores import Higher, evaluate_scores
from zhenwei.cli.language import say, tell, told
from zhenwei.cli.trouble import complain_of, tell_of_plugins

if TYPE_CHECKING:
    from zhenwei.evaluation.items import Item
    from zhenwei.evaluation.protocols import Protocol
    from zhenwei.evaluation.readers import Reading
    from zhenwei.evaluation.results import Figures, Finding, Results

_HELP = """Examine labelled files and say how good the answers are.

Where the data name their sources, the protocol is "left-out" and begins with mean and worst over sources; elsewhere,
and with --protocol all, it is every file as it is.

DATA is a folder or a list of one of these formats, found out by its layout: FaceForensics++, Celeb-DF v2, DFDC,
DeepfakeBench, ASVspoof, this project's own, or a table with the columns path and label (real or fake).

With --scores no detector is asked: a table of another model's scores (columns path or id, score, label, and any of
source, group, original, method, set) gets the same figures, intervals and probes, calibrated on sources left out. With
--data the labels come from there, and set says which set a file is of where several have one of that name.

OUTPUT receives results.json (every figure and every answer), results.html (the same to read, with curves; needs the
extra "report") and a journal: interrupted with Ctrl-C, the same command goes on where it was. Results of another
evaluation that are there are kept under a number. Exit status: 0 all files examined, 1 at least one could not be, or a
detector failed on it.

Examples:

  zhenwei evaluate --data my-files.csv --output results/

  zhenwei evaluate cnn.face_forgery --data Celeb-DF-v2/ --output results/ --limit 100

  zhenwei evaluate --data DATA --protocol cross-quality --output results/

  zhenwei evaluate --data DATA --protocol accuracy --output results/

  zhenwei evaluate --scores theirs.csv --output theirs/

  zhenwei evaluate --scores theirs.csv --data my-files.csv --output theirs/
"""

_NO_FILE = {
    "sets": "Note: no file is of these sets: {}; there are: {}",
    "methods": "Note: no file is of these methods: {}; there are: {}",
    "sources": "Note: no file is of these sources: {}; there are: {}",
}


def evaluate(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")],
    data: Annotated[Path | None, typer.Option(help="Folder or list of labelled files.", show_default=False)] = None,
    detector: Annotated[
        str,
        typer.Argument(
            help="Id of one detector; all of them together if left out; with --scores: what to call the model."
        ),
    ] = "fused",
    fused: Annotated[bool, typer.Option("--fused", help="Those of the standard depth, by default.")] = False,
    format_: Annotated[str, typer.Option("--data-format", help="Format of the data, if it is in doubt.")] = "auto",
    protocol: Annotated[
        str, typer.Option(help='Packaged protocol or TOML file; "left-out" if left out, "all" if no source is known.')
    ] = "",
    frames: Annotated[int, typer.Option(help="Frames sampled from a clip, 0 = as the protocol says.", min=0)] = 0,
    only: Annotated[str, typer.Option(help="One set alone, by its name.")] = "",
    limit: Annotated[int, typer.Option(help="At most this many files of each set and class, 0 = all.", min=0)] = 0,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out files that the list names and that are not there.")
    ] = False,
    allow_leaks: Annotated[
        bool, typer.Option("--allow-leaks", help="Go on though the test holds what was trained on; the page says so.")
    ] = False,
    kaggle: Annotated[
        Path | None, typer.Option(help="Also write a submission.csv as the DFDC contest asked for.")
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(help="A table of another model's scores, instead of asking a detector.")
    ] = None,
    higher: Annotated[Higher, typer.Option(help="With --scores: what a higher score speaks for.")] = Higher.forged,
    as_llr: Annotated[
        bool, typer.Option("--as-llr", help="With --scores: they are log-likelihood ratios already.")
    ] = False,
) -> None:
    from zhenwei.cli._evaluate_folder import ResultsFolder
    from zhenwei.cli.progress import stages
    from zhenwei.errors import UsageError
    from zhenwei.evaluation import leaks
    from zhenwei.evaluation.evaluate import FUSED, is_foreign
    from zhenwei.evaluation.evaluate import evaluate as run
    from zhenwei.evaluation.readers import load
    from zhenwei.evaluation.submission import names_for

    if fused and detector != FUSED:
        raise UsageError("a detector and --fused exclude each other", got=detector, fix="Leave one of them out.")
    of_files = {"frames": frames, "limit": limit, "protocol": protocol, "only": only, "fused": fused}
    of_files |= {"kaggle": kaggle is not None}
    if data is None:
        of_files |= {"skip-missing": skip_missing, "data-format": format_ != "auto"}
    of_scores = {"higher": higher is not Higher.forged, "as-llr": as_llr}
    if scores is not None and any(of_files.values()):
        raise UsageError(f"--{_first(of_files)} is not for --scores", fix="Leave it out.")
    if scores is None and any(of_scores.values()):
        raise UsageError(f"--{_first(of_scores)} is for --scores alone", fix="Leave it out.")
    _writable(output, kaggle)
    reading = load(data, format_, skip_missing=skip_missing) if data is not None else None
    if reading is not None:
        _tell_reading(reading)
    if scores is not None:
        name = "" if detector == FUSED else detector
        ask_scores = partial(evaluate_scores, name=name, higher=higher, as_llr=as_llr, allow_leaks=allow_leaks)
        show_results(*ask_scores(scores, reading, output))
        return
    if reading is None:
        fix = "Name labelled files with --data, or another model's scores with --scores."
        raise UsageError("there is nothing to evaluate", want="--data or --scores", fix=fix)
    foreign = is_foreign(detector)
    plan, notes = _plan(protocol, frames, only, reading.items, foreign=foreign)
    chosen = plan.choose(reading.items)
    items = _limited(chosen, limit)
    if kaggle is not None:
        names_for(items, kaggle)
    with _interruptible(output), ResultsFolder(output) as folder, stages() as shown:
        looking = partial(shown, "looking for leaks")
        checked = (*notes, *leaks.check(items, reading.items, chosen=chosen, foreign=foreign, tell=looking))
        refuse_leaks(checked, allowed=allow_leaks)
        with tempfile.TemporaryDirectory(prefix="zhenwei-evaluate-") as scratch:
            ask = partial(run, journal=folder.journal, findings=checked, tell=shown, on_fault=complain_of)
            found = ask(detector, items, plan, Path(scratch))
        written = folder.save(found)
    for note in folder.notes:
        tell(f"Note: {note}", err=True)
    if kaggle is not None:
        _write_submission(items, found, kaggle)
    show_results(found, written)
    if not _all_examined(found, written[-1]):
        raise typer.Exit(1)


evaluate.__doc__ = _HELP


def _first(given: Mapping[str, object]) -> str:
    return next(name for name, value in given.items() if value)


@contextmanager
def _interruptible(output: Path) -> Iterator[None]:
    """Says what Ctrl-C leaves."""
    try:
        yield
    except KeyboardInterrupt:
        tell(f"Interrupted. What was answered is kept in {output}; the same command goes on from there.", err=True)
        raise


def _plan(
    name: str, frames: int, only: str, items: Sequence[Item], *, foreign: bool
) -> tuple[Protocol, Sequence[Finding]]:
    """The protocol, and what the results are to say of it. By default the training part is nothing to ask a ``foreign``
    model about."""
    from zhenwei.errors import UsageError
    from zhenwei.evaluation.by_source import sources_known
    from zhenwei.evaluation.protocols import load_protocol
    from zhenwei.evaluation.readers.table_reading import few

    sets = list(dict.fromkeys(item.set_name for item in items))
    if only and only not in sets:
        raise UsageError("there is no set of that name", got=f"--only {only}", want=few(sets))
    known = sources_known(item for item in items if only in ("", item.set_name))
    if not known:
        tell("Note: no source is known (origin), so that all figures are of all files together.", err=True)
    plan = load_protocol(name or ("left-out" if known else "all"))
    for what, (strange, there) in plan.unmatched(items).items():
        typer.echo(say(_NO_FILE[what], few(strange), few(there) or told("none")), err=True)
    changes: dict[str, Any] = {"frames": frames} if frames else {}
    plan = plan.model_copy(update=changes | ({"sets": (only,)} if only else {}))
    return _without_training(plan, items) if foreign and not name else (plan, ())


def _without_training(plan: Protocol, items: Sequence[Item]) -> tuple[Protocol, Sequence[Finding]]:
    """``plan`` without the training part of the data, and the finding that says so; as it is where nothing is left."""
    chosen = plan.choose(items)
    count = sum(item.split == "train" for item in chosen)
    if count in (0, len(chosen)):
        return plan, ()
    return plan.model_copy(update={"splits": ("val", "test")}), [without_training(count)]


def _limited(items: list[Item], limit: int) -> list[Item]:
    """Evenly spread over each set and class, so that a trial run meets every person and method."""
    if not limit:
        return items
    classes: dict[tuple[str, bool], list[Item]] = {}
    for item in items:
        classes.setdefault((item.set_name, item.forged), []).append(item)
    kept: list[Item] = []
    for mine in classes.values():
        count = min(limit, len(mine))
        kept += [mine[place * len(mine) // count] for place in range(count)]
    return kept


def _writable(output: Path, *files: Path | None) -> None:
    """Now, not after an hour of examining."""
    from zhenwei.errors import OutputError

    try:
        output.mkdir(parents=True, exist_ok=True)
        for file in (output / "results.json", *files):
            if file is not None:
                there = file.exists()
                with file.open("a"):
                    pass
                if not there:
                    file.unlink()
    except OSError as error:
        raise OutputError("the results cannot be written", got=f"{error.filename}: {error.strerror}") from error


def _tell_reading(reading: Reading) -> None:
    from zhenwei.evaluation.readers.table_reading import few

    for note in reading.notes:
        tell(f"Note: {note}", err=True)
    if reading.missing:
        tell(f"Note: {len(reading.missing)} listed files are not there: {few(reading.missing)}", err=True)
    tell_of_plugins()


def _all_examined(found: Results, page: Path) -> bool:
    """Whether every file was, by every detector; says how many could not be, and that detectors failed is a finding."""
    from zhenwei.evaluation.evaluate import FAILED

    lost = sum(f.decision == "unreadable" for f in found.files if f.level == "video" and not f.delivery)
    if lost:
        tell(f"{lost} files could not be examined; the reasons are in {page}.", err=True)
    return not lost and not any(finding.check == FAILED for finding in found.findings)


def _write_submission(items: list[Item], found: Results, path: Path) -> None:
    from zhenwei.evaluation import submission
    from zhenwei.evaluation.items import Outcome

    answers = {(f.set, f.file): f.llr for f in found.files if f.level == "video" and not f.delivery}
    outcomes = [Outcome(i, answers[(i.set_name, i.name)], "inconclusive") for i in items]
    written = submission.write(outcomes, path)
    tell(f"{path}: {written.rows} rows, {written.unanswered} without an answer", err=True)


def show_results(found: Results, written: Sequence[Path]) -> None:
    from zhenwei.cli._tables import show_table
    from zhenwei.evaluation.by_source import RULE, summary_cells

    if found.over_sources:
        apart = []
        for one in found.over_sources:
            figure, over, *values = summary_cells(one)
            apart.append((told(figure), told(over), *values))
        show_table(("figure", "over", "mean", "worst", "of"), apart)
        tell(RULE)
    heads = (
        "set",
        "genuine + forged",
        "AUC",
        "pair accuracy (pairs)",
        "false alarms",
        "forged found",
        "missed",
        "answered",
    )
    rows = []
    for f in found.figures:
        if f.level == "video" and not f.slice:
            rows.append((f.name, f"{f.genuine} + {f.forged}", *_cells(f)))
    show_table(heads, rows)
    for finding in found.findings:
        if not finding.ok:
            typer.echo(say("NOT OK: {}: {}", told(finding.check), told(finding.text)))
    tell(f"95 % intervals in brackets. All of it: {' and '.join(map(str, written))}")


def _cells(f: Figures) -> list[str]:
    from zhenwei.stats.estimate import cell

    rates = (f.false_alarms, f.found, f.missed, f.coverage)
    pairs = f" ({f.pair_accuracy.n})" if f.pair_accuracy else ""
    return [cell(f.auc), cell(f.pair_accuracy) + pairs, *(cell(rate, ".1%") for rate in rates)]
