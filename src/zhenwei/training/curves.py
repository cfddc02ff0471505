"""The log of a training run -> one HTML page: is it learning, does it hold for what it never saw, when was it best?

Reads ``log.csv`` as the loop writes it, one row a check, and whatever columns it has: each ``auc_*`` is a curve of
held-out data, and a column that nobody has explained gets a picture of its own.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from zhenwei import pages
from zhenwei.errors import DataError, MissingExtraError, install_extra
from zhenwei.evaluation import charts
from zhenwei.evaluation.charts import Drawing, Series
from zhenwei.files import write_whole
from zhenwei.pages import counted, legible
from zhenwei.trainer.schedule import warmup_cosine
from zhenwei.training.recipe import Recipe

PAGE = "curves.html"
_LOSSES = {"whole": "whole face: forged or not", "regional": "which regions are forged"}
_HELD_OUT = {"auc_people": "people it never saw", "auc_sources": "sources it never saw", "choose": "what decides"}
_RATES = ("learning_rate", "lr")
_PAUSE = 4  # a gap so many times as long as usual is a pause of the run, no work


@dataclass(frozen=True, slots=True)
class Log:
    """Columns by name, one value a check; NaN where the log has none. Steps rise."""

    columns: dict[str, tuple[float, ...]]

    @property
    def steps(self) -> tuple[int, ...]:
        return tuple(int(s) for s in self.columns["step"])

    @property
    def best(self) -> int | None:
        """The row whose weights were kept: the first of the highest ``choose``."""
        chosen = self.columns.get("choose", ())
        known = list(filter(math.isfinite, chosen))
        return chosen.index(max(known)) if known else None


def read_log(path: Path) -> Log:
    """Raises :class:`DataError` for a file that is missing, or that holds no row with a step.

    A last line without its end is still being written and is left out; of two rows with one step the later holds.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("the log of the training run cannot be read", got=f"{path}: {error}") from error
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    rows: dict[int, dict[str, float]] = {}
    for row in csv.DictReader(lines, restkey="", restval=""):
        values = {name: _number(cell) for name, cell in row.items() if name}
        if math.isfinite(step := values.get("step", math.nan)):
            rows[int(step)] = values
    if not rows:
        fix = "Let the run reach its first check."
        raise DataError("the log holds no check yet", got=str(path), want="a header and a row with a step", fix=fix)
    ordered = [rows[step] for step in sorted(rows)]
    return Log({name: tuple(row[name] for row in ordered) for name in ordered[0]})


def to_html(log_csv: Path, recipe: Recipe | None = None) -> str:
    """The page. With its ``recipe`` it also tells how far the run is, its learning rate and the images seen.

    Raises :class:`DataError` for a log without a row, :class:`MissingExtraError` without matplotlib.
    """
    return _page(read_log(log_csv), recipe, drawn=True)


def write(folder: Path) -> Path:
    """``curves.html`` beside ``log.csv`` and ``recipe.json``, whole or not at all; returns its path.

    Numbers alone where matplotlib is not installed: a run is not stopped for want of a picture. Raises
    :class:`DataError` as :func:`read_log` does.
    """
    log, recipe = read_log(folder / "log.csv"), _recipe(folder / "recipe.json")
    try:
        html = _page(log, recipe, drawn=True)
    except MissingExtraError:
        html = _page(log, recipe, drawn=False)
    write_whole(folder / PAGE, html)
    return folder / PAGE


def _page(log: Log, recipe: Recipe | None, *, drawn: bool) -> str:
    name = recipe.detector if recipe else "a network"
    return pages.page(
        "training/curves.html",
        title=f"Training {name} · step {log.steps[-1]:,} · zhenwei",
        kind="Training run",
        footer="This page is one file. It loads nothing and sends nothing.",
        name=name,
        standing=_standing(log),
        known=_facts(log, recipe),
        drawings=_drawings(log, recipe) if drawn else None,
        install_line=install_extra("report"),
        heads=["step", *[name for name in log.columns if name != "step"]],
        checks=_checks(log),
    )


def _standing(log: Log) -> str:
    if log.best is None:
        return "Nothing here tells which step is best."
    since = len(log.steps) - 1 - log.best
    value = log.columns["choose"][log.best]
    tail = f"; {counted(since, 'check')} since then did not better it" if since else ", the latest check"
    best = f"Best at step {log.steps[log.best]:,}, with {value:.3f} on held-out data"
    if len(log.steps) == 1:
        return f"{best}: the only check so far."
    return f"{best}{tail}."


def _facts(log: Log, recipe: Recipe | None) -> list[tuple[str, str]]:
    step = log.steps[-1]
    shown = [("Step", f"{step:,}")]
    if recipe:
        whole = recipe.optimiser.steps
        shown = [("Step", f"{step:,} of {whole:,} ({min(1.0, step / whole):.0%})")]
        shown.append(("Images seen", f"{2 * recipe.pairs.total * step:,}"))
    seconds, pace = _worked(log)
    if pace:
        shown += [("Running time", f"{_clock(seconds)} between the first check and the latest, pauses left out")]
        shown += [("Pace", f"{60 / pace:.0f} steps a minute" if pace < 20 else f"{pace:.0f} s a step")]
        if recipe and step < recipe.optimiser.steps:
            shown.append(("Left, at this pace", _clock(pace * (recipe.optimiser.steps - step))))
    return shown


def _worked(log: Log) -> tuple[float, float]:
    """Seconds at work since the first check, and seconds a step; 0 and 0 where the log does not tell."""
    stamps = log.columns.get("time", ())
    known = [(s, t) for s, t in zip(log.steps, stamps, strict=False) if math.isfinite(t)]
    gaps = np.diff(np.array(known, np.float64).reshape(-1, 2), axis=0)  # (checks - 1, 2): steps, seconds
    steps, seconds = gaps[gaps[:, 1] > 0].T
    if not len(steps):
        return 0.0, 0.0
    pace = median((seconds / steps).tolist())
    return sum(np.minimum(seconds, _PAUSE * pace * steps).tolist()), pace


def _drawings(log: Log, recipe: Recipe | None) -> list[Drawing]:
    held_out = [name for name in log.columns if name.startswith("auc_")]
    losses = [name for name in log.columns if name in _LOSSES]
    explained = {"step", "time", "choose", *_RATES, *held_out, *losses}
    room = charts.SERIES_PER_CHART - 1  # beside what decides
    parts = []
    for number, start in enumerate(range(0, max(1, len(held_out)), room)):
        parts.append(_held_out(log, f"auc-{number}", held_out[start : start + room]))
    parts += [_losses(log, losses), _rate(log, recipe)]
    others = [name for name in log.columns if name not in explained]
    for number, name in enumerate(others):
        parts.append(_lines(log, f"other-{number}", [name], legible(name, 160), "", y="value"))
    return [part for part in parts if part is not None]


def _held_out(log: Log, key: str, names: Sequence[str]) -> Drawing | None:
    chosen = [*names, "choose"] if "choose" in log.columns else list(names)
    known: list[float] = []
    for name in chosen:
        known += filter(math.isfinite, log.columns[name])
    if not known:
        return None
    reading = (
        "How often a forged face scores above a genuine one, on faces that are not trained on; 0.5 is guessing. The "
        "gap between the lines is the price of what is new. The dotted line marks the step whose weights are kept."
    )
    reach = max(0.0, min(known) - 0.03), min(1.0, max(known) + 0.03)
    return _lines(log, key, chosen, "Held-out AUC", reading, y="AUC", said=_HELD_OUT, y_range=reach)


def _losses(log: Log, names: Sequence[str]) -> Drawing | None:
    reading = (
        "What training lowers, averaged since the check before, on faces that are trained on. It falls while the "
        "network learns; if it falls while the held-out AUC does, too, the network learns by heart."
    )
    return _lines(log, "loss", names, "Loss on the training faces", reading, y="loss, nats", said=_LOSSES)


def _rate(log: Log, recipe: Recipe | None) -> Drawing | None:
    """As logged, else as the recipe has it for every step, of which the last one reached is marked."""
    logged = [n for n in _RATES if n in log.columns][:1]
    reading = "How far one step may go. It rises at first, then falls to the end of the run."
    if logged or recipe is None:
        return _lines(log, "rate", logged, "Learning rate", reading, y="learning rate")
    end, now, warmup = recipe.optimiser.steps, log.steps[-1], recipe.optimiser.warmup_steps
    grid = sorted({*map(round, np.arange(401) * (end - 1) / 400), min(warmup, end - 1)})
    values = [warmup_cosine(step, end, recipe.optimiser.learning_rate, warmup) for step in grid]
    alt = f"Learning rate over {end:,} steps, from {values[0]:.3g} through {max(values):.3g} to {values[-1]:.3g}."
    series = [Series(grid, values)]
    drawn = charts.lines("rate", alt, series, x="step", y="learning rate", at=float(min(now, end)))
    return Drawing(drawn, "Learning rate", f"{reading} The dotted line marks where the run is.")


def _lines(
    log: Log,
    key: str,
    names: Sequence[str],
    title: str,
    reading: str,
    *,
    y: str,
    said: dict[str, str] | None = None,
    y_range: tuple[float, float] | None = None,
) -> Drawing | None:
    known = [n for n in names if any(map(math.isfinite, log.columns[n]))]
    if not known:
        return None
    series = [Series(log.steps, log.columns[n]) for n in known]
    latest = {name: list(filter(math.isfinite, log.columns[name]))[-1] for name in known}
    spoken = "; ".join(f"{name} {value:.4g}" for name, value in latest.items())
    at = None if log.best is None else float(log.steps[log.best])
    drawn = charts.lines(
        key,
        f"Over {counted(len(log.steps), 'check')}; latest: {spoken}.",
        series,
        x="step",
        y=y,
        at=at,
        y_range=y_range,
    )
    words = said or {}
    legend = tuple(f"{words[n]} ({n})" if n in words else n for n in known)
    return Drawing(drawn, title, reading or f"Column {known[0]} of the log.", legend)


def _checks(log: Log) -> list[list[str]]:
    """A row a check, the latest first; its first cell names the step, and whether it is the best."""
    rows = []
    for i in reversed(range(len(log.steps))):
        step = f"{log.steps[i]:,}{' (best)' if i == log.best else ''}"
        cells = [_cell(name, values[i]) for name, values in log.columns.items() if name != "step"]
        rows.append([step, *cells])
    return rows


def _cell(name: str, value: float) -> str:
    if not math.isfinite(value):
        return "—"
    return _stamp(value) if name == "time" else f"{value:.4g}"


def _stamp(seconds: float) -> str:
    from datetime import UTC, datetime

    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.4g}"


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else counted(minutes, "minute")


def _number(cell: str | None) -> float:
    try:
        value = float(cell or "nan")
    except (TypeError, ValueError):
        return math.nan
    return value if math.isfinite(value) else math.nan


def _recipe(path: Path) -> Recipe | None:
    try:
        return Recipe.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
