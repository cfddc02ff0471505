"""The words of a model: its row in the manifest and its card, from what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zhenwei.models import ModelEntry
from zhenwei.stats.metrics import auc
from zhenwei.training.install.calibrate import Calibrated, Sample

OWN_LICENCE = "Apache-2.0 (weights made by this project; see training data)"


@dataclass(frozen=True, slots=True)
class Product:
    """What is particular to one model. ``model``: id in the store; ``detector``: id in the catalogue.

    The rest are words of the manifest and the card, in Markdown: ``question`` (what goes in, what comes out),
    ``facts`` (a list: network, recipe), ``held_out`` (what the table is measured on), ``remarks`` (paragraphs below
    it), ``limits``. ``noun``: what a row of the table counts, in the plural. ``reference``: what ONNX Runtime was held
    against. ``precision``: of the weights in the file.
    """

    model: str
    detector: str
    question: str
    origin: str
    training_data: str
    input: str
    held_out: str
    limits: str
    facts: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    noun: str = "faces"
    precision: str = "float32"
    version: str = "1"
    reference: str = "PyTorch"
    licence: str = OWN_LICENCE

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


def card(product: Product, row: ModelEntry, found: Mapping[str, Calibrated], parity: float) -> str:
    """The model's card, Markdown: what it is, how it did on what was held out, what it cannot do."""
    size = f"{row.bytes / 1e6:.1f} MB" if row.bytes >= 100_000 else f"{row.bytes / 1e3:.1f} kB"
    lines = [f"# {row.id}", "", product.question, "", f"- Detector: `{product.detector}`"]
    lines += [f"- File: {size}, ONNX opset 17, {product.precision}", f"- sha256: `{row.sha256}`"]
    for fact in (f"Training data: {row.training_data}", *product.facts):
        lines.append(f"- {fact}")
    lines += [f"- Largest difference of ONNX Runtime from {product.reference}: {parity:.1e}", ""]
    lines += [f"## Held-out figures at the level of one {product.noun.removesuffix('s')}", "", product.held_out, ""]
    for part, measured in found.items():
        lines += _table(part, measured)
    for remark in product.remarks:
        lines += [remark, ""]
    lines += ["## Calibration", ""]
    for part, measured in found.items():
        lines += [_calibration(product, part, measured), ""]
    return "\n".join([*lines, "## Limits", "", product.limits, ""])


def _table(part: str, found: Calibrated) -> list[str]:
    lines = [f"`{part}`:", ""] if part else []
    lines.append("| source | genuine | forged | AUC, as published | AUC, small and re-encoded too |")
    lines.append("|---|---|---|---|---|")
    for source in [*sorted({sample.source for sample in found.samples}), ""]:
        lines.append(_source_line(source, found.samples))
    return [*lines, ""]


def _calibration(product: Product, part: str, found: Calibrated) -> str:
    fitted = found.calibration
    return (
        f"{f'`{part}`: ' if part else ''}C_llr {fitted.c_llr:.2f} bits on groups left out of the fit (0 perfect, 1 "
        f"useless); {fitted.genuine} genuine and {fitted.forged} forged {product.noun} of {fitted.groups} groups; "
        f"{found.unanswered} gave no answer. LLRs are kept within [{fitted.lowest:.2f}, {fitted.highest:.2f}], "
        f"{found.bounds}. Thresholds hold in the worst of the sources."
    )


def _source_line(source: str, samples: tuple[Sample, ...]) -> str:
    """One row of the table; "" stands for all sources together."""
    mine = [s for s in samples if source in ("", s.source)]
    scores, forged = np.array([s.score for s in mine]), np.array([s.forged for s in mine], bool)
    clean = np.array([not s.degraded for s in mine], bool)
    n_forged = int(forged[clean].sum())
    n_genuine = int(clean.sum()) - n_forged
    published = both = "—"
    if n_genuine and n_forged:
        published, both = f"{auc(forged[clean], scores[clean]):.3f}", f"{auc(forged, scores):.3f}"
    return f"| {source or 'all'} | {n_genuine} | {n_forged} | {published} | {both} |"
