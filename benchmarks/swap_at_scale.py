"""The autoencoder swap at the lecture's own scale: ``python -m benchmarks.swap_at_scale RUN [--size 128] [--dry-run]``.

Two drawn puppets, 500 frames a side to learn from and 60 kept back, or two people of whom a clip each is given
(``--clip FILE X Y WIDTH HEIGHT`` twice: every frame of that part; five passages spread over the clip are kept back,
with a little before and after each that nothing is learned from; no picture is written); the plain autoencoder and the
one with an adversarial part, one after another, each saved in RUN and gone on with when the command is given again.
Then what a swap must do is measured, both ways: landmarks nearer to the driving face than half of their distance to
another's; a gain in likeness above 0.2; the adversarial one sharper than the plain one. Beside the landmarks stands
what they would reach if the driving face itself were looked at, and what is left when each person's mean shape is taken
off, which no swap is to carry over. Writes ``RUN/swap_at_scale.json``; with ``--keep`` also what the page of the
adversarial swap shows: its figures, and of puppets a sheet.

On one core of a CPU this is a matter of a day at 64 px; on a GPU of minutes. ``--dry-run``: a few steps of each, what
all of them would take, and every figure once, of networks that have learned nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from docs.lecture import real_faces
from docs.lecture.experiments._at_scale import KEPT, in_order, name_of, sheet_of
from docs.lecture.experiments.autoencoder_swap import embedding, save
from docs.lecture.measure import sharpness
from docs.lecture.pages import data_folder

from zhenwei import media
from zhenwei.files import make_folder, write_whole
from zhenwei.forge.puppet import ANNA, BRUNO, portraits
from zhenwei.forge.swap import checkpoint, fitting, score
from zhenwei.forge.swap.learn import swap_faces
from zhenwei.forge.swap.prepare import cut_faces
from zhenwei.forge.swap.sides import SwapFaces, of_portraits, oval_mask
from zhenwei.forge.swap.swap_settings import SwapSettings
from zhenwei.nets.swap import Side
from zhenwei.stats.bootstrap import mean_interval
from zhenwei.stats.estimate import value_as_mean
from zhenwei.types import Pixels

LEARNED, HELD, SEED = 500, 60, 20261129
KINDS = {"plain": 0.0, "adversarial": 0.1}
WAYS: tuple[tuple[Side, Side], ...] = (("a", "b"), ("b", "a"))
_DRY_STEPS, _DRY_FACES, _SAVE_EVERY, _ALL = 4, 24, 500, 10_000
_SHOWN = 4
_PASSAGES, _NEAR, _HELD_OF_CLIPS = 5, 3, 40  # of a clip: a hundred frames would be neighbours of one another


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--size", type=int, choices=(64, 128), default=64)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--minutes", type=float, default=0.0, help="of each of the two, at most; 0: all the steps")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--keep", action="store_true", help="into the lecture's page")
    parser.add_argument("--clip", nargs=5, action="append", default=[], metavar=("FILE", "X", "Y", "WIDTH", "HEIGHT"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    faces, held = (_DRY_FACES, 6) if given.dry_run else (LEARNED, HELD)
    held = _HELD_OF_CLIPS if given.clip else held
    settings = SwapSettings(
        given.size, given.width, given.batch, given.steps, given.rate, "ssim_mse", masked=True, held_out=held, seed=SEED
    )
    if given.clip and (len(given.clip) != 2 or data_folder() is None):
        parser.error("two clips, please, and the shared data, from whose other people likeness is learned")
    pair = of_clips(given.clip, settings) if given.clip else pair_of(settings, faces)
    say(f"{len(pair.a)} and {len(pair.b)} faces of {given.size} px to learn from, {held} of each held out, on {device}")
    networks = {}
    for name, adversarial in KINDS.items():
        mine = replace(settings, adversarial=adversarial)
        networks[name] = learned(name, mine, pair, given, device)
    embed, auc = likeness_of(given)
    found: dict[str, Any] = {"settings": asdict(settings), "embedding_auc": auc, "kinds": {}}
    for name, state in networks.items():
        found["kinds"][name] = {"steps": state.step} | measured(state, pair, embed, device)
    found["sharper"] = sharper(found["kinds"])
    say(json.dumps(found["kinds"], indent=1))
    if not given.dry_run:
        write_whole(given.run / "swap_at_scale.json", json.dumps(found, indent=1) + "\n")
    if given.keep and not given.dry_run:
        told = json.loads(KEPT.read_text("utf-8")) if KEPT.is_file() else {}
        name = name_of("people" if given.clip else "puppets", given.size)
        told[name] = found | {"faces": [len(pair.a), len(pair.b)], "held_out": held}
        write_whole(KEPT, json.dumps(dict(sorted(told.items(), key=in_order)), indent=1) + "\n")
        if not given.clip:
            sheet(networks, pair, KEPT.parent / "img" / sheet_of(name), device)
    return 0


def sheet(networks: Mapping[str, checkpoint.SwapState], pair: fitting.Pair, path: Path, device: torch.device) -> None:
    """Held-out faces of both: as they are, by their own decoder, by the other's of either network."""
    rows = []
    for here, there in WAYS:
        faces = (pair.held_a if here == "a" else pair.held_b).pixels[:_SHOWN]
        own, _ = swap_faces(networks["plain"].net, faces, here, device)
        swaps = [swap_faces(networks[kind].net, faces, there, device)[0] for kind in KINDS]
        rows += [list(row) for row in zip(faces, own, *swaps, strict=True)]
    save(path, rows, ("original", "again", "plain", "adversarial"), "swap/lecture", SEED)


def likeness_of(given: Any) -> tuple[score.Embedder, float]:
    """What says how alike two faces are, and its AUC on people that it never saw."""
    folder = data_folder()
    if given.dry_run:
        return score.appearance, 0.0
    if not given.clip or folder is None:
        embed, auc, _ = embedding(given.size, SEED)
        return embed, auc
    names = real_faces.identities(folder)[: real_faces.OTHERS]
    embed, told = real_faces.embedding(folder, names, given.run)
    return embed, told["verification_auc"]


def of_clips(clips: Sequence[Sequence[str]], settings: SwapSettings) -> fitting.Pair:
    """Every frame in which a face is found, of a part of each clip; passages that are kept back come last."""
    sides = []
    for side, (path, *place) in zip(("a", "b"), clips, strict=True):
        x, y, width, height = map(int, place)
        cuts = []
        for frame in media.sample_frames(media.open_media(path), _ALL):
            cuts += cut_faces(frame.pixels[y : y + height, x : x + width], settings.size)
        cuts = [cuts[k] for k in passages_last(len(cuts), settings.held_out)]
        points = np.stack([cut.landmarks for cut in cuts])
        masks = np.stack([oval_mask(each, settings.size) for each in points])
        sides.append(SwapFaces(side, np.stack([cut.pixels for cut in cuts]), points, masks))
    return fitting.split(sides[0], sides[1], settings)


def passages_last(frames: int, held: int) -> list[int]:
    """Numbers of frames: those to learn from, then ``held`` in passages; what is next to a passage is left out."""
    each = held // _PASSAGES
    starts = [(2 * k + 1) * frames // (2 * _PASSAGES) - each // 2 for k in range(_PASSAGES)]
    kept = [k for start in starts for k in range(start, start + each)]
    near = {k + off for k in kept for off in range(-_NEAR, _NEAR + 1)}
    return [k for k in range(frames) if k not in near] + kept


def pair_of(settings: SwapSettings, faces: int) -> fitting.Pair:
    count = faces + settings.held_out
    sides = []
    for name, puppet, seed in (("anna", ANNA, SEED), ("bruno", BRUNO, SEED + 1)):
        sides.append(of_portraits(name, portraits(puppet, count, settings.size, seed)))
    return fitting.split(sides[0], sides[1], settings)


def learned(
    name: str, settings: SwapSettings, pair: fitting.Pair, given: Any, device: torch.device
) -> checkpoint.SwapState:
    """Goes on where the run holds a checkpoint; of a dry run a few steps, timed, and nothing kept."""
    path, subjects, began = given.run / f"{name}.safetensors", (pair.a.name, pair.b.name), time.monotonic()
    if given.dry_run:
        state = checkpoint.fresh(settings, device)
        fitting.fit(state, pair.a, pair.b, replace(settings, steps=1), device)
        began = time.monotonic()
        fitting.fit(state, pair.a, pair.b, replace(settings, steps=1 + _DRY_STEPS), device)
        step_s = (time.monotonic() - began) / _DRY_STEPS
        say(f"{name}: {step_s:.3f} s a step, {settings.steps} steps: {settings.steps * step_s / 3600:.1f} hours")
        return state
    make_folder(given.run)
    state = checkpoint.restore(path, "", device)[0] if path.exists() else checkpoint.fresh(settings, device)
    while state.step < settings.steps and not (given.minutes and time.monotonic() - began > 60 * given.minutes):
        until = min(settings.steps, state.step + _SAVE_EVERY)
        # The adversarial part begins at a share of the steps: at the same step, whatever part of them is made now.
        later = min(settings.adversarial_from * settings.steps / until, 1 - 1e-7)
        part = replace(settings, steps=until, adversarial_from=later)
        losses = fitting.fit(state, pair.a, pair.b, part, device)
        checkpoint.keep(path, state, settings, "", subjects)
        say(f"{name}: step {state.step}, loss {losses[-1].a:.4f} {losses[-1].b:.4f}")
    return state


def measured(
    state: checkpoint.SwapState, pair: fitting.Pair, embed: score.Embedder, device: torch.device
) -> dict[str, Any]:
    """By way: gain in likeness; landmarks' distance to the driving face over that to another's; sharpness."""
    sides = {"a": (pair.a, pair.held_a), "b": (pair.b, pair.held_b)}
    found: dict[str, Any] = {}
    for here, there in WAYS:
        (source, driving), (target, wanted) = sides[here], sides[there]
        swaps, _ = swap_faces(state.net, driving.pixels, there, device)
        alike = score.likeness(swaps, source.pixels, target.pixels, driving.pixels, wanted.pixels, embed)
        shape = target.landmarks.mean(0) - source.landmarks.mean(0)
        own, _ = swap_faces(state.net, driving.pixels, here, device)
        found[f"{here}_to_{there}"] = {
            "gain": asdict(alike.gain, dict_factory=value_as_mean),
            "landmarks_to_driver_over_another": told(follows(swaps, driving.landmarks)),
            "the_same_less_each_mean_shape": told(follows(swaps, driving.landmarks, shape)),
            "the_same_of_the_own_decoder": told(follows(own, driving.landmarks)),
            "the_same_of_the_driving_faces": told(follows(driving.pixels, driving.landmarks)),
            "sharpness": sharpness(swaps),
            "sharpness_of_each": [sharpness(swap[None]) for swap in swaps],
            "sharpness_of_target": sharpness(wanted.pixels),
        }
    return found


def follows(faces: Pixels, driving: np.ndarray, shape: np.ndarray | float = 0.0) -> list[float]:
    """Of each of ``faces`` in which a face is found, its landmarks' error to its driver over the mean error to other
    drivers. ``shape`` ``(468, 2)``: what the landmarks of the person shown are off those of the driver on average."""
    ratios = []
    for number, face in enumerate(faces):
        points = score.found_landmarks(face)
        if points is None:
            continue
        errors = [score.landmark_error(each, points - shape) for each in driving]
        others = (sum(errors) - errors[number]) / (len(errors) - 1)
        ratios.append(errors[number] / others)
    return ratios


def told(ratios: Sequence[float]) -> dict[str, Any] | None:
    return asdict(mean_interval(ratios), dict_factory=value_as_mean) if len(ratios) > 1 else None


def sharper(kinds: Mapping[str, Any]) -> dict[str, Any]:
    """The adversarial network's sharpness over the plain one's on the same driving face, by way."""
    found = {}
    for here, there in WAYS:
        way = f"{here}_to_{there}"
        plain, adversarial = (np.array(kinds[kind][way].pop("sharpness_of_each")) for kind in KINDS)
        found[way] = asdict(mean_interval(adversarial / plain), dict_factory=value_as_mean)
    return found


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
