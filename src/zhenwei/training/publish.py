"""A trained network into a model store: ONNX, neutral start, calibration, operating points, card from measurement.

For every detector alike. What is particular to one is said by its :class:`Product` (names and words), by ``exported``
(:func:`zhenwei.training.export.export`) and by ``measure``, a function without arguments that shows held-out media to
the detector and returns :class:`Calibrated` (:func:`zhenwei.training.calibrate.calibrate` makes one). While it runs,
``models.load(product.model)`` gives the new weights with a calibration that changes nothing, so that the detector's
``score`` and ``llr`` are what the network says. They lie in a store of their own until everything is measured.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from zhenwei import models
from zhenwei.errors import DataError, ModelError
from zhenwei.models import ModelEntry
from zhenwei.stats.metrics import auc
from zhenwei.training.calibrate import NEUTRAL, Calibrated, Sample
from zhenwei.training.export import Exported

Measure = Callable[[], Calibrated]
MeasureEach = Callable[[], Mapping[str, Calibrated]]


@dataclass(frozen=True, slots=True)
class Product:
    """What is particular to one model. ``model``: id in the store; ``detector``: id in the catalogue.

    The rest are words of the manifest and the card, in Markdown: ``question`` (what goes in, what comes out),
    ``facts`` (a list: network, recipe), ``held_out`` (what the table is measured on), ``remarks`` (paragraphs below
    it), ``limits``. ``noun``: what a row of the table counts, in the plural. ``reference``: what ONNX Runtime was held
    against.
    """

    model: str
    detector: str
    question: str
    licence: str
    origin: str
    training_data: str
    input: str
    facts: tuple[str, ...]
    held_out: str
    limits: str
    remarks: tuple[str, ...] = ()
    noun: str = "faces"
    version: str = "1"
    reference: str = "PyTorch"

    def row(self) -> ModelEntry:
        """Of the manifest; hash and size are filled in by the store."""
        return ModelEntry(
            id=self.model,
            file=f"{self.model}.onnx",
            sha256="0" * 64,
            bytes=1,
            kind="onnx",
            licence=self.licence,
            origin=self.origin,
            version=self.version,
            training_data=self.training_data,
            input=self.input,
            card=f"{self.model}.md",
        )


def publish(
    product: Product,
    exported: Exported,
    measure: Measure,
    *,
    store: Path = models.STORE,
    thresholds: Path | None = None,
) -> ModelEntry:
    """Measures the weights and writes them, their calibration, their card and the operating points; returns the row.

    ``store``: the package's or any folder. ``thresholds``: a file for the operating points of this detector alone;
    those in the package are of all detectors together, and are measured apart.
    Measuring touches neither, and if writing fails or is interrupted both are as they were before: weights without
    their calibration would give false verdicts. Raises what ``measure`` raises, and :class:`ModelError`.
    """
    return _publish(product, exported, lambda: {"": measure()}, ("",), store, thresholds)


def publish_parts(
    product: Product, exported: Exported, measure: MeasureEach, parts: Sequence[str], *, store: Path = models.STORE
) -> ModelEntry:
    """:func:`publish` for a model that several detectors read: ``measure`` gives a calibration for each of ``parts``.

    Thresholds are left alone: those of the fused verdict are to be measured with every detector.
    """
    return _publish(product, exported, measure, parts, store, None)


def _publish(
    product: Product,
    exported: Exported,
    measure: MeasureEach,
    parts: Sequence[str],
    store: Path,
    thresholds: Path | None,
) -> ModelEntry:
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
            found = measure()
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
    names = [f"{row.id}.{part}" if part else row.id for part in parts]
    touched += [store / "weights" / f"{name}.calibration.json" for name in names]
    touched += [thresholds] if thresholds is not None else []
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


def card(product: Product, row: ModelEntry, found: Mapping[str, Calibrated], parity: float) -> str:
    """The model's card, Markdown: what it is, how it did on what was held out, what it cannot do."""
    tables = [line for part, measured in found.items() for line in _table(part, measured)]
    return "\n".join(
        [
            f"# {row.id}",
            "",
            product.question,
            "",
            f"- Detector: `{product.detector}`",
            f"- File: {_size(row.bytes)}, ONNX opset 17, float32",
            f"- sha256: `{row.sha256}`",
            f"- Training data: {row.training_data}",
            *(f"- {fact}" for fact in product.facts),
            f"- Largest difference of ONNX Runtime from {product.reference}: {parity:.1e}",
            "",
            f"## Held-out figures at the level of one {product.noun.removesuffix('s')}",
            "",
            product.held_out,
            "",
            *tables,
            *(line for remark in product.remarks for line in (remark, "")),
            "## Calibration",
            "",
            *(line for part, measured in found.items() for line in (_calibration(product, part, measured), "")),
            "## Limits",
            "",
            product.limits,
            "",
        ]
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def _table(part: str, found: Calibrated) -> list[str]:
    sources = sorted({s.source for s in found.samples})
    return [
        *([f"`{part}`:", ""] if part else []),
        "| source | genuine | forged | AUC, as published | AUC, small and re-encoded too |",
        "|---|---|---|---|---|",
        *(_source_line(source, found.samples) for source in sources),
        _source_line("", found.samples),
        "",
    ]


def _calibration(product: Product, part: str, found: Calibrated) -> str:
    fitted = found.calibration
    return (
        f"{f'`{part}`: ' if part else ''}"
        f"C_llr {fitted.c_llr:.2f} bits on groups left out of the fit (0 perfect, 1 useless); "
        f"{fitted.genuine} genuine and {fitted.forged} forged {product.noun} of {fitted.groups} groups; "
        f"{found.unanswered} gave no answer. LLRs are kept within [{fitted.lowest:.2f}, {fitted.highest:.2f}], what "
        "that many groups can support. Thresholds hold in the worst of the sources."
    )


def _source_line(source: str, samples: tuple[Sample, ...]) -> str:
    """One row of the table; "" stands for all sources together."""
    mine = [s for s in samples if source in ("", s.source)]
    clean = [s for s in mine if not s.delivered]
    counts = (sum(not s.forged for s in clean), sum(s.forged for s in clean))
    areas = [_area(some) if all(counts) else "—" for some in (clean, mine)]
    return f"| {source or 'all'} | {counts[0]} | {counts[1]} | {areas[0]} | {areas[1]} |"


def _area(samples: list[Sample]) -> str:
    return f"{auc([s.forged for s in samples], [s.score for s in samples]):.3f}"
