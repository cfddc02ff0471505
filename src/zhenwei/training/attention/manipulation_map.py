"""The heads of the attention and warp families into the store: export, calibration of each, card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from zhenwei import faces, models
from zhenwei.detectors import build
from zhenwei.errors import DataError
from zhenwei.models import ModelEntry
from zhenwei.nets.face_traces import Traces
from zhenwei.training.attention import _heads as face_traces
from zhenwei.training.cnn.face_forgery import HeldOut
from zhenwei.training.data.batches import split_pack
from zhenwei.training.data.pack import Pack
from zhenwei.training.install.calibrate import Calibrated, Sample, Shown, calibrate_each
from zhenwei.training.install.export import export, load_weights
from zhenwei.training.install.publish import Product, publish_parts
from zhenwei.training.recipe import Recipe
from zhenwei.types import Detector, Frame, Media, Subject

MODEL = "face_traces"
PARTS = {
    "manipulation_map": "attention.manipulation_map",
    "boundary": "warp.boundary",
    "affine": "warp.affine",
    "self_blend": "warp.self_blend",
}
Progress = Callable[[float], None]
_DATA = (
    "Trunk: that of face_forgery. Attention head: DFDC face swaps, FFHQ and StyleGAN faces, and forgeries made "
    "of genuine "
    "faces on the fly. Heads of the warp family: genuine faces of DFDC and FFHQ and forgeries made of them on the fly "
    "alone. Data sets' licences: research."
)
_LIMITS = (
    "The heads stand on one trunk that learned from DFDC, StyleGAN and self-made forgeries: they are no independent "
    "witnesses, and the fusion counts them accordingly. They look at the face box alone. Wholly generated and animated "
    "faces leave nothing that the warp family looks for."
)


def install(
    recipe: Recipe,
    pack: Pack,
    folder: Path,
    measured: Mapping[str, float],
    *,
    store: Path = models.STORE,
    progress: Progress | None = None,
) -> ModelEntry:
    """Exports, calibrates and publishes ``folder/best.pt``. ``measured``: the figures of the held-out pairs."""
    net = face_traces.network("regression")
    kind = (folder / "variant.txt").read_text(encoding="utf-8").strip() if (folder / "variant.txt").is_file() else ""
    if kind == "appearance":
        net = face_traces.network("appearance")
    elif kind != "regression":
        raise DataError("no trained heads", got=str(folder), fix="Train first: zhenwei train warp.boundary ...")
    exported = export(load_weights(folder / "best.pt", net), recipe.size_px, outputs=Traces._fields)
    held_out = HeldOut(pack, split_pack(pack, recipe), recipe.seed)
    asked = {part: build(name) for part, name in PARTS.items()}

    def measure() -> dict[str, Calibrated]:
        return calibrate_each(
            held_out,
            lambda shown: ask(shown, asked),
            tuple(PARTS),
            seed=recipe.seed,
            of_video=("dfdc",),
            total=len(held_out),
            progress=progress,
        )

    return publish_parts(product_of(recipe, kind, measured), exported, measure, tuple(PARTS), store=store)


def ask(shown: Shown, asked: Mapping[str, Detector]) -> dict[str, Sample | None]:
    """What each detector makes of the largest face, through the package's own face finder."""
    frame = Frame(0, 0.0, shown.pixels)
    people = faces.find_people((frame,))
    if not people:
        return {}
    track = max(people, key=lambda t: t.faces[0].box.area)
    media = Media("", "", "image", 0, "jpeg", width=shown.pixels.shape[1], height=shown.pixels.shape[0])
    subject, seen = Subject(media, (frame,), replace(track, person=1)), track.faces[0].quality
    scores = {part: detector.examine(subject).score for part, detector in asked.items()}
    return {
        part: None
        if score is None
        else Sample(
            score, shown.forged, seen.face_px, seen.sharpness, shown.face, shown.group, shown.source, shown.delivered
        )
        for part, score in scores.items()
    }


def product_of(recipe: Recipe, kind: str, measured: Mapping[str, float]) -> Product:
    """The words of the card."""
    where = (
        f"Attention map on held-out pairs, cut at {face_traces.LOCALISED:g}: IINC {measured['iinc']:.3f}, pixel "
        "accuracy "
        f"{measured['pbca']:.3f}, IoU {measured['iou']:.3f}; {measured['false_localisation']:.1%} of genuine "
        "faces marked."
    )
    return Product(
        model=MODEL,
        detector=", ".join(PARTS.values()),
        question="Where was this face changed, does a seam run through it, was it warped, was it blended? A face "
        "crop in, "
        "four scores and four maps out.",
        licence="Apache-2.0 (weights made by this project; see training data)",
        origin="trained with `zhenwei train attention.manipulation_map` on the trunk of face_forgery "
        f"{models.entry('face_forgery').sha256[:12]}",
        training_data=_DATA,
        input=f"faces (n, 3, {recipe.size_px}, {recipe.size_px}) float32 RGB in [-1, 1], face box without "
        "margin; gives "
        "scores (n,) and maps (n, 12, 12) or (n, 24, 24), logits, of attention, boundary, affine, blend",
        facts=(
            f"Network: trunk of EfficientNet-Lite0 at {recipe.size_px} px, kept; attention by {kind}; three "
            "heads on a neck",
            f"Recipe: {recipe.optimiser.steps * recipe.pairs.total} pairs prepared once, {face_traces.EPOCHS} times "
            f"over, seed {recipe.seed}; the weights are the running average at the end",
        ),
        held_out="None of these faces was trained on; the heads were calibrated on them, so they flatter. The "
        "test figures "
        "are in `docs/accuracy.md`.",
        remarks=(where,),
        limits=_LIMITS,
    )
