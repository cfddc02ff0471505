"""A trained network into a model store: ONNX, neutral start, calibration, operating points, card from measurement.

For every detector alike. What is particular to one is said by its :class:`Product` (names and words), by ``exported``
(made by :mod:`zhenwei.training.install.onnx_export`) and by ``measure``, which shows held-out media to the detector.
While it runs, ``models.load(product.model)`` gives the new weights, in a store of their own, with a neutral
calibration.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from zhenwei import models
from zhenwei.errors import DataError, ModelError
from zhenwei.models import ModelEntry
from zhenwei.training.install.calibrate import NEUTRAL, Calibrated
from zhenwei.training.install.card import Product, card
from zhenwei.training.install.onnx_export import ExportedModel

Measure = Callable[[], Calibrated | Mapping[str, Calibrated]]


def publish(
    product: Product,
    exported: ExportedModel,
    measure: Measure,
    *,
    store: Path = models.STORE,
    parts: Sequence[str] = ("",),
    thresholds: Path | None = None,
) -> ModelEntry:
    """Measures the weights and writes them, their calibration, their card and the operating points; returns the row.

    ``store``: the package's or any folder. ``parts``: of a model that several detectors read, the calibrations that
    ``measure`` gives by part. ``thresholds``: a file for the operating points of this detector alone. If writing fails
    or is interrupted all is as it was before. Raises what ``measure`` raises, and :class:`ModelError`.
    """
    row = product.row()
    with tempfile.TemporaryDirectory(prefix="zhenwei-publish-") as scratch:
        source, trial = Path(scratch) / row.file, Path(scratch) / "store"
        source.write_bytes(exported.onnx)
        written = models.add_to_store(source, row, trial, card_text="to be measured\n")
        for part in parts:
            NEUTRAL.save(models.calibration_path(product.model, trial, part=part))
        with models.using(trial):
            if models.load(product.model).sha256 != written.sha256:
                raise ModelError("other weights of this model are in use", fix="Publish from a process of its own.")
            measured = measure()
        found = {"": measured} if isinstance(measured, Calibrated) else measured
        with _all_or_nothing(row, parts, store, thresholds):
            text = card(product, written, found, exported.parity)
            written = models.add_to_store(source, row, store, card_text=text)
            for part in parts:
                found[part].calibration.save(models.calibration_path(product.model, store, part=part))
            if thresholds is not None:
                found[parts[0]].operating.save(thresholds)
    return written


@contextmanager
def _all_or_nothing(row: ModelEntry, parts: Sequence[str], store: Path, thresholds: Path | None) -> Iterator[None]:
    """Puts back every file of the store that publishing touches, unless it comes to its end."""
    touched = [store / "weights" / row.file, store / "cards" / row.card, store / "manifest.json"]
    for part in parts:
        name = f"{row.id}.{part}" if part else row.id
        touched.append(store / "weights" / f"{name}.calibration.json")
    if thresholds is not None:
        touched.append(thresholds)
    before = {path: path.read_bytes() if path.is_file() else None for path in touched}
    try:
        yield
    except BaseException:
        for path, data in before.items():
            if data is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(data)
        raise


def best_row(log: Path) -> dict[str, str]:
    """The line of a run's ``log.csv`` whose weights were kept. Raises :class:`DataError` if it has none."""
    try:
        with log.open(encoding="utf-8", newline="") as text:
            return max(csv.DictReader(text), key=lambda row: float(row["choose"]))
    except (OSError, ValueError, KeyError) as error:
        raise DataError("the log of the run cannot be read", got=f"{log}: {error}", want="log.csv of a run") from error
