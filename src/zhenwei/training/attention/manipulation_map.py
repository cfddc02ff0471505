"""``attention.manipulation_map`` and the three ``warp`` detectors: heads on one trunk, learned together."""

from __future__ import annotations

from collections.abc import Mapping

from zhenwei import models
from zhenwei.detectors import build
from zhenwei.models import ModelEntry
from zhenwei.nets.face_traces import Attention, FaceTracesOutput
from zhenwei.training.attention import _heads as face_traces
from zhenwei.training.data.batches import split_pack
from zhenwei.training.data.held_out_faces import HeldOutFaces
from zhenwei.training.data.pack import Pack, prepare_pack
from zhenwei.training.install.asking import of_face_each
from zhenwei.training.install.calibrate import Calibrated, calibrate_each
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import export, load_weights
from zhenwei.training.install.publish import publish
from zhenwei.training.lesson import Lesson, LessonRun, figures_line
from zhenwei.training.recipe import Recipe

MODEL = "face_traces"
PARTS = {
    "manipulation_map": "attention.manipulation_map",
    "boundary": "warp.boundary",
    "affine": "warp.affine",
    "self_blend": "warp.self_blend",
}
_DATA = (
    "Trunk: that of face_forgery. Attention head: DFDC face swaps, FFHQ and StyleGAN faces, and forgeries made of "
    "genuine faces on the fly. Heads of the warp family: genuine faces of DFDC and FFHQ and forgeries made of them on "
    "the fly alone. Data sets' licences: research."
)
_LIMITS = (
    "The heads stand on one trunk that learned from DFDC, StyleGAN and self-made forgeries: they are no independent "
    "witnesses, and the fusion counts them accordingly. They look at the face box alone. Wholly generated and animated "
    "faces leave nothing that the warp family looks for."
)


def prepare(_: Recipe, run: LessonRun) -> Pack:
    return prepare_pack(run.data, run.output, run.bar("preparing faces"), workers=run.workers)


def learn(recipe: Recipe, pack: Pack, run: LessonRun) -> tuple[Attention, dict[str, float]]:
    """Which attention was better, and the figures of the held-out pairs; writes ``best.pt`` and ``log.csv``."""
    kind, found = face_traces.run(recipe, pack, run.output, run.tell)
    run.say(figures_line(found))
    return kind, found


def install(
    recipe: Recipe, pack: Pack, heads: tuple[Attention, dict[str, float]], run: LessonRun
) -> tuple[ModelEntry, ...]:
    net = load_weights(run.output / "best.pt", face_traces.network(heads[0]))
    exported = export(net, recipe.size_px, outputs=FaceTracesOutput._fields)
    held_out, parts = HeldOutFaces(pack, split_pack(pack, recipe), recipe.seed), tuple(PARTS)
    progress = run.bar("calibrating")

    def measure() -> dict[str, Calibrated]:
        ask = of_face_each({part: build(name) for part, name in PARTS.items()})
        return calibrate_each(held_out, ask, parts, seed=recipe.seed, of_video=("dfdc",), progress=progress)

    product = product_of(recipe, *heads)
    return (publish(product, exported, measure, parts=parts, store=run.store),)


def product_of(recipe: Recipe, kind: str, measured: Mapping[str, float]) -> Product:
    """The words of the card."""
    where = (
        f"Attention map on held-out pairs, cut at {face_traces.LOCALISED:g}: IINC {measured['iinc']:.3f}, pixel "
        f"accuracy {measured['pbca']:.3f}, IoU {measured['iou']:.3f}; {measured['false_localisation']:.1%} of genuine "
        "faces marked."
    )
    return Product(
        model=MODEL,
        detector=", ".join(PARTS.values()),
        question="Where was this face changed, does a seam run through it, was it warped, was it blended? A face crop "
        "in, four scores and four maps out.",
        origin="trained with `zhenwei train attention.manipulation_map` on the trunk of face_forgery "
        f"{models.entry('face_forgery').sha256[:12]}",
        training_data=_DATA,
        input=f"faces (n, 3, {recipe.size_px}, {recipe.size_px}) float32 RGB in [-1, 1], face box without margin; "
        "gives scores (n,) and maps (n, 12, 12) or (n, 24, 24), logits, of attention, boundary, affine, blend",
        facts=(
            f"Network: trunk of EfficientNet-Lite0 at {recipe.size_px} px, kept; attention by {kind}; three "
            "heads on a neck",
            f"Recipe: {recipe.optimiser.steps * recipe.pairs.total} pairs prepared once, {face_traces.EPOCHS} times "
            f"over, seed {recipe.seed}; the weights are the running average at the end",
        ),
        held_out="None of these faces was trained on; the heads were calibrated on them, so they flatter. The test "
        "figures are in `docs/accuracy.md`.",
        remarks=(where,),
        limits=_LIMITS,
    )


lesson = Lesson(
    serves=tuple(PARTS.values()),
    recipe=Recipe,
    packaged=MODEL,
    needs="dfdc-faces and photos (zip + csv), or a pack.npz of them",
    prepare=prepare,
    learn=learn,
    install=install,
)
