"""Trained weights into the model store: ONNX, neutral start, calibration, operating points, card from measurement."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zhenwei import models
from zhenwei.errors import DataError, ModelError
from zhenwei.evaluation.metrics import auc
from zhenwei.fusion.operating import PACKAGED
from zhenwei.models import ModelEntry
from zhenwei.training.batches import split_pack
from zhenwei.training.calibrate import Calibrated, Sample, calibrate, install_neutral
from zhenwei.training.export import export, load_weights
from zhenwei.training.pack import Pack
from zhenwei.training.recipe import Recipe

_MODEL = "face_forgery"
_DATA = (
    "DFDC (Kaggle) training set: face crops of genuine clips and face swaps, identity-disjoint; FFHQ and StyleGAN "
    "faces; forgeries made of genuine faces on the fly (self-blending, affine warping). Data sets' licences: research."
)


def publish(recipe: Recipe, pack: Pack, folder: Path, progress: Callable[[float], None] | None = None) -> ModelEntry:
    """Exports ``folder/best.pt``, calibrates it and writes all of it into the package's store; returns the row.

    The detector reads its weights from that store, so they are put there to be measured. If anything fails, or somebody
    interrupts, the store is as it was before: weights without their calibration would give false verdicts. Raises
    :class:`DataError` where the run holds no weights or the pack too few faces.
    """
    exported = export(load_weights(folder / "best.pt", recipe), recipe.size_px)
    best = _best_row(folder / "log.csv")
    row = ModelEntry(
        id=_MODEL,
        file=f"{_MODEL}.onnx",
        sha256="0" * 64,
        bytes=1,
        kind="onnx",
        licence="Apache-2.0 (weights made by this project; see training data)",
        origin=f"trained with `zhenwei train cnn.face_forgery`, from ImageNet {_backbone(recipe)} (Apache-2.0)",
        version="1",
        training_data=_DATA,
        input=f"faces (n, 3, {recipe.size_px}, {recipe.size_px}) float32 RGB in [-1, 1], face box without margin; "
        "gives score (n,) and regions (n, size / 32, size / 32), logits",
        card=f"{_MODEL}.md",
    )
    with tempfile.TemporaryDirectory(prefix="zhenwei-publish-") as scratch, _all_or_nothing(row):
        source = Path(scratch) / row.file
        source.write_bytes(exported.onnx)
        written = models.add_to_store(source, row, card_text="to be measured\n")
        install_neutral(_MODEL)
        if models.load(_MODEL).sha256 != written.sha256:
            raise ModelError("other weights of this model are in use", fix="Publish from a process of its own.")
        found = calibrate(pack, split_pack(pack, recipe), seed=recipe.seed, progress=progress)
        found.calibration.save(models.calibration_path(_MODEL))
        found.operating.save(PACKAGED)
        return models.add_to_store(source, row, card_text=_card(recipe, written, found, exported.parity, best))


@contextmanager
def _all_or_nothing(row: ModelEntry) -> Iterator[None]:
    """Puts back every file of the store that publishing touches, unless it comes to its end."""
    store = models.STORE
    touched = [store / "weights" / row.file, store / "cards" / row.card, store / "manifest.json", PACKAGED]
    touched.append(store / "weights" / f"{row.id}.calibration.json")
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


def _best_row(log: Path) -> dict[str, str]:
    try:
        with log.open(encoding="utf-8", newline="") as text:
            return max(csv.DictReader(text), key=lambda row: float(row["choose"]))
    except (OSError, ValueError, KeyError) as error:
        raise DataError("the log of the run cannot be read", got=f"{log}: {error}", want="log.csv of a run") from error


def _backbone(recipe: Recipe) -> str:
    return f"EfficientNet-{recipe.backbone.capitalize()}"


def _card(recipe: Recipe, row: ModelEntry, found: Calibrated, parity: float, best: dict[str, str]) -> str:
    calibration, cells = found.calibration, recipe.size_px // 32
    lines = [
        f"# {row.id}",
        "",
        f"Is this face forged? A face crop in, a score and a {cells} x {cells} map of regional scores out.",
        "",
        f"- Network: {_backbone(recipe)} at {recipe.size_px} px, {row.bytes / 1e6:.1f} MB, ONNX opset 17, float32",
        f"- sha256: `{row.sha256}`",
        f"- Training data: {row.training_data}",
        f"- Recipe: {recipe.optimiser.steps} steps of {recipe.pairs.total * 2} faces, seed {recipe.seed}; the "
        f"weights are the running average (EMA) at step {float(best['step']):.0f}, chosen by "
        "held-out people and sources",
        f"- Largest difference of ONNX Runtime from PyTorch: {parity:.1e}",
        "",
        "## Held-out figures at the level of one face",
        "",
        "None of these faces was trained on, and nothing of pixabay was; the weights were chosen and "
        "calibrated on them, so they flatter. The test figures are in `docs/accuracy.md`.",
        "",
        "| source | genuine | forged | AUC, as published | AUC, small and re-encoded too |",
        "|---|---|---|---|---|",
        *(_source_line(source, found.samples) for source in sorted({s.source for s in found.samples})),
        _source_line("", found.samples),
        "",
        f"AUC while training: {float(best['auc_people']):.3f} on other people of the training sources, "
        f"{float(best['auc_sources']):.3f} on sources never trained on (against self-made forgeries, degraded).",
        "",
        "## Calibration",
        "",
        f"C_llr {calibration.c_llr:.2f} bits on groups left out of the fit (0 perfect, 1 useless); "
        f"{calibration.genuine} genuine and {calibration.forged} forged faces of {calibration.groups} groups; "
        f"{found.unanswered} gave no answer. LLRs are kept within "
        f"[{calibration.lowest:.2f}, {calibration.highest:.2f}], what that many groups can "
        "support. Thresholds hold in the worst of the sources.",
        "",
        "## Limits",
        "",
        "It knows swaps of the 2019 DFDC kind, blending and warping traces, and StyleGAN faces. Whole-head animation, "
        "text-to-video and generators unlike these may pass. Strong compression, filters and enlargement hide traces; "
        "profiles and covered faces are hard. It looks at the face alone.",
        "",
    ]
    return "\n".join(lines)


def _source_line(source: str, samples: tuple[Sample, ...]) -> str:
    """One row of the table; "" stands for all sources together."""
    mine = [s for s in samples if source in ("", s.source)]
    clean = [s for s in mine if not s.delivered]
    counts = (sum(not s.forged for s in clean), sum(s.forged for s in clean))
    areas = [_area(some) if all(counts) else "—" for some in (clean, mine)]
    return f"| {source or 'all'} | {counts[0]} | {counts[1]} | {areas[0]} | {areas[1]} |"


def _area(samples: list[Sample]) -> str:
    return f"{auc([s.forged for s in samples], [s.score for s in samples]):.3f}"
