"""Tunes norms and biases of the tower, or a low rank of its weights too, on forgeries made of genuine faces alone.

Every pair is a genuine face and a forgery made of it, blended or drawn anew by a latent autoencoder's decoder, both
delivered alike and seen through one window. Two questions are asked - was it blended, did it go through a decoder -,
each of those pairs alone that bear on it, of the whole face and of each patch (whose share of forged pixels is known);
and within a pair the forgery is to stand above its original. No collected forgery is learned from, so that whatever was
collected can tell how well this generalises. Half of the patches are left out at each step, which halves the work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from zhenwei.errors import DataError
from zhenwei.files import make_folder
from zhenwei.nets.face_encoder import CELLS, TunedEncoder, is_tuned, tuned, with_low_rank
from zhenwei.trainer.loop import ema_warmup, take_step, train
from zhenwei.trainer.precision import reduced_precision
from zhenwei.trainer.run import Progress, Run, Runtime, Schedule, Task, Turn
from zhenwei.training.clip import clip_tower
from zhenwei.training.data.face_room import FaceRoom
from zhenwei.training.data.made_pairs import PairBatch, PairMaker, PairRecipe, RoundTrips
from zhenwei.training.recipe import Seed, Share


class EncoderRecipe(PairRecipe):
    """What is chosen of the encoder's training. ``kept``: share of the patches that are looked at in a step.
    ``rank``: of the matrices that move the weights of the tuned blocks; 0: norms and biases alone."""

    seed: Seed = 1
    blocks: int = Field(default=8, ge=1, le=12)  # that are tuned; those above them stay as they were published
    rank: int = Field(default=0, ge=0, le=64)
    steps: int = Field(default=20000, ge=0)  # 0: the heads alone
    learning_rate: float = Field(default=3e-4, gt=0)
    head_share: float = Field(default=7.0, gt=0)  # of the learning rate, for the two questions
    warmup_steps: int = Field(default=60, ge=0)
    ema_decay: Share = 0.998
    map_weight: float = Field(default=1.0, ge=0)
    pair_weight: float = Field(default=0.5, ge=0)
    kept: float = Field(default=0.5, gt=0, le=1)


def losses(net: TunedEncoder, batch: PairBatch, recipe: EncoderRecipe, generator: torch.Generator) -> dict[str, Tensor]:
    """The whole face, its patches, and the order within pairs."""
    pairs, patches = len(batch.pixels) // 2, CELLS * CELLS
    x = torch.from_numpy(batch.pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    share = torch.from_numpy(batch.share).reshape(2 * pairs, patches)
    kept = None
    if recipe.kept < 1:  # the same patches of both
        order = torch.rand(pairs, patches, generator=generator).argsort(1)
        kept = order[:, : max(1, round(recipe.kept * patches))].repeat_interleave(2, 0)
        share = torch.gather(share, 1, kept)
    with reduced_precision(x.device):
        found = net(x, kept)
    question, each = torch.from_numpy(batch.decoded), torch.arange(2 * pairs)
    score, cells = found.scores.float()[each, question], found.cells.float()[each, :, question]
    forged = torch.arange(2 * pairs) % 2
    return {
        "whole": F.binary_cross_entropy_with_logits(score, forged.float()),
        "cells": recipe.map_weight * F.binary_cross_entropy_with_logits(cells, share),
        "pairs": recipe.pair_weight * F.softplus(score[0::2] - score[1::2]).mean(),
    }


def run(
    recipe: EncoderRecipe,
    room: FaceRoom,
    trips: RoundTrips,
    folder: Path,
    *,
    start: Path | None = None,
    tell: Callable[[Progress, Run], None],
    runtime: Runtime,
) -> tuple[TunedEncoder, bool]:
    """Tunes until the recipe's end or the deadline, from ``start`` (:func:`save_tuned`) or the published weights, going
    on where ``folder`` holds a run; gives the running average, and whether it came to its end."""
    torch.manual_seed(recipe.seed)
    net = encoder_of(recipe, start)
    moved = list(tuned(net.tower).values())
    heads = [*net.norm.parameters(), *net.whole.parameters(), *net.cell.parameters()]
    groups = [{"params": moved, "share": 1.0}, {"params": heads, "share": recipe.head_share}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)

    def step(turn: Turn) -> dict[str, Tensor]:
        found = losses(net, turn.batch, recipe, turn.generator())
        take_step(optimizer, torch.stack(list(found.values())).sum(), clip_norm=1.0)
        return found

    schedule = Schedule(
        recipe.steps,
        seed=recipe.seed,
        save_every=200,
        learning_rate=lambda done, _: recipe.learning_rate * min(1.0, (done + 1) / max(1, recipe.warmup_steps)),
        ema=lambda made: ema_warmup(recipe.ema_decay, made),
    )
    nets = nn.ModuleDict({"net": net})
    task = Task(nets, {"net": optimizer}, step, averaged=("net",), batches=PairMaker.of(room, trips, recipe))
    # Older runs do not know these, and go on.
    unused = {name for name in ("trip_parts", "animated", "rendered", "rank") if not getattr(recipe, name)}
    about: dict[str, Any] = {"recipe": recipe.model_dump(mode="json", exclude={"steps"} | unused)}
    if start is not None:  # a run that goes on may name it again, and no other
        about["from"] = f"{start.name} @ {hashlib.sha256(start.read_bytes()).hexdigest()}"
    made = train(task, schedule, folder, about=about, tell=tell, runtime=runtime)
    average = cast("TunedEncoder", made.averages["net"])
    return average.eval(), made.step >= recipe.steps


def encoder_of(recipe: EncoderRecipe, start: Path | None) -> TunedEncoder:
    """The published tower with the recipe's thin matrices, moved as ``start`` (:func:`save_tuned`) says; thin matrices
    that are not in it begin with nothing."""
    net = TunedEncoder(clip_tower(recipe.blocks))
    if recipe.rank:
        with_low_rank(net.tower, recipe.rank)
    if start is not None:
        load_tuned(net, start)
    return net


def save_tuned(net: TunedEncoder, path: Path) -> None:
    """What was tuned, and the two questions, in sixteen bits: a thousandth of the tower where norms were."""
    state = {name: value.half().contiguous() for name, value in net.state_dict().items() if _is_learned(name)}
    make_folder(path.parent)
    save_file(state, path)


def load_tuned(net: TunedEncoder, path: Path) -> None:
    """Raises :class:`DataError` for a file that holds something else."""
    try:
        state = {name: value.float() for name, value in load_file(path).items()}
        found = net.load_state_dict(state, strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError("tuned weights cannot be read", got=f"{path}: {str(error)[:200]}") from error
    lacking = [name for name in found.missing_keys if _is_learned(name) and not name.endswith((".down", ".up"))]
    if lacking or found.unexpected_keys:
        got = ", ".join([*lacking, *found.unexpected_keys][:3])
        raise DataError("these are tuned weights of another network", got=f"{path}: {got}")


def _is_learned(name: str) -> bool:
    return not name.startswith("tower.") or is_tuned(name)
