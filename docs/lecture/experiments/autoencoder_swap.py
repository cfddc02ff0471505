"""The autoencoder swap: one encoder, two decoders, and why the warp is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from docs.lecture import measure
from docs.lecture.experiments import _door, _real_faces
from docs.lecture.page import Bench, Check, Figure, Page

from zhenwei.forge.export import Origin, export_video
from zhenwei.forge.puppet import ANNA, BRUNO, any_puppet, portraits
from zhenwei.forge.swap import checkpoint, fitting, score
from zhenwei.forge.swap.learn import Losses, batches, learn, swap_faces
from zhenwei.forge.swap.sides import SwapFaces, of_portraits
from zhenwei.forge.swap.swap_settings import SwapSettings
from zhenwei.stats import Estimate
from zhenwei.stats.bootstrap import mean_interval
from zhenwei.types import Pixels

ORDER = 1
NEEDS_DATA = False
CPU = torch.device("cpu")
SETTINGS = {
    "cpu": SwapSettings(size=32, width=16, batch=8, steps=1400, rate=1e-3, held_out=24, check_every=100),
    "gpu": SwapSettings(size=64, width=128, batch=16, steps=20_000, rate=5e-5, held_out=24, check_every=1000),
}


def experiment(bench: Bench) -> Page:
    torch.set_num_threads(1)
    settings = replace(SETTINGS[bench.profile], seed=bench.seed)
    pair = puppets(settings, bench.seed)
    embed, auc, pairs = embedding(settings.size, bench.seed)
    device = torch.device("cuda" if bench.profile == "gpu" and torch.cuda.is_available() else "cpu")
    rows, net = run(pair, settings, embed, device)
    found = likeness(pair, net, embed, device)
    partners = hidden(pair, settings, bench.seed)
    led = follows(pair, partners, net, device)
    ablation: tuple[Check, ...] = ()
    if not bench.is_judged_only:
        bare_rows, bare = run(pair, replace(settings, warped=False), embed, device)
        without, bare_led = likeness(pair, bare, embed, device), follows(pair, partners, bare, device)
        _curves(bench.out / "autoencoder_swap-curves.png", rows, bare_rows)
        gained = without.to_target.value - found.to_target.value
        ablation = (
            Check("without the warp: training loss over that with it", _loss(bare_rows) / _loss(rows), "told", None),
            Check("without the warp: likeness to B, less that with it", gained, "told", None),
            Check("the same without the warp", bare_led.value, "told", None),
        )
    save(bench.out / "autoencoder_swap.jpg", drawn_rows(pair, net, device), fitting.TITLES, "swap/lecture", bench.seed)
    first, last = rows[0], rows[-1]
    fallen = (last["loss_a"] + last["loss_b"]) / (first["loss_a"] + first["loss_b"])
    checks = (
        Check("distance of the swap to B, 1 - cosine", 1 - found.to_target.value, "less than to A", found.gain.low > 0),
        Check("distance of the swap to A, 1 - cosine", 1 - found.to_source.value, "told", None),
        Check(
            "gain: nearer to B than to A by (lower end of the 95 % interval)", found.gain.low, "> 0", found.gain.low > 0
        ),
        Check("ceiling: B's own held-out faces with B", found.ceiling, "told", None),
        Check("floor: A's held-out faces with B", found.floor, "told", None),
        Check("loss at the end as a share of the first 100 steps'", fallen, "< 0.85", fallen < 0.85),
        Check(
            "held-out reconstruction, L1",
            last["held_l1"],
            "less than at the first check",
            last["held_l1"] < first["held_l1"],
        ),
        Check(
            "held-out reconstruction, SSIM",
            last["held_ssim"],
            "more than at the first check",
            last["held_ssim"] > first["held_ssim"],
        ),
        *ablation[:2],
        Check(
            "error to B in the driving face's very look, of that to B in others' (upper end)",
            led.high,
            "< 1",
            led.high < 1,
        ),
        Check("the same, mean", led.value, "told", None),
        *ablation[2:],
        Check(
            "how much swaps differ from each other, as a share of how much B drawn in these looks does",
            variety(pair, partners, net, device),
            "told",
            None,
        ),
        Check("embedding: AUC of verification on puppets that it never saw", auc, "> 0.9", auc > 0.9),
    )
    figures = (
        Figure(
            "autoencoder_swap.jpg",
            "Held-out puppets of both: original, own decoder, the other's, the face's mask, three times the gap",
        ),
        Figure("autoencoder_swap-curves.png", "Loss, held-out reconstruction and likeness, with and without the warp"),
    )
    protocol = {
        "data": f"puppets, {len(pair.a)} and {len(pair.b)} to learn from, {len(pair.held_a)} and {len(pair.held_b)} "
        f"held out, {settings.size} px, seed {bench.seed}",
        "network": f"width {settings.width}, batch {settings.batch} a side, {settings.steps} steps, Adam "
        f"{settings.rate}",
        "likeness": f"cosine with the mean face, of a network trained on 30 other puppets (CosFace); {pairs} pairs of "
        f"one puppet in its AUC; interval: bootstrap over {found.gain.n} held-out faces, one training run",
    }
    body = _BODY + _real_faces.section()
    return Page(_TITLE, _LECTURE, _EQUATION, body, checks, figures, protocol)


def puppets(settings: SwapSettings, seed: int, count: int = 200) -> fitting.Pair:
    """Anna and Bruno, each ``count`` times."""
    drawn = [portraits(p, count, settings.size, seed + k) for k, p in enumerate((ANNA, BRUNO))]
    return fitting.split(of_portraits("anna", drawn[0]), of_portraits("bruno", drawn[1]), settings)


def hidden(pair: fitting.Pair, settings: SwapSettings, seed: int, count: int = 200) -> SwapFaces:
    """What each swap of A's held-out faces should be: B drawn in the very same looks, which no network ever sees."""
    faces = of_portraits("bruno", portraits(BRUNO, count, settings.size, seed))
    return faces.halves(len(pair.held_a))[1]


def follows(pair: fitting.Pair, partners: SwapFaces, net: Any, device: torch.device) -> Estimate:
    """Of each swap, its error to its partner over its mean error to the others' partners, inside the face."""
    swaps, _ = swap_faces(net, pair.held_a.pixels, "b", device)
    inside = partners.masks[None, :, :, :, None]
    gaps = np.abs(swaps[:, None].astype(float) - partners.pixels[None].astype(float)) * inside
    errors = gaps.sum((2, 3, 4)) / inside.sum((2, 3, 4))  # (swaps, partners)
    others = (errors.sum(1) - errors.diagonal()) / (len(errors) - 1)
    return mean_interval(errors.diagonal() / others)


def embedding(size: int, seed: int) -> tuple[score.Embedder, float, int]:
    """Trained on 30 puppets that are neither; its AUC on 12 more, and how many pairs of one puppet that is from."""

    def looks(first: int, count: int, each: int) -> list[Pixels]:
        made = []
        for k in range(first, first + count):
            puppet = any_puppet(np.random.default_rng([seed, k]))
            made.append(of_portraits(str(k), portraits(puppet, each, size, seed + k)).pixels)
        return made

    embed = score.learned(score.train_embedding(looks(100, 30, 20), 100, seed))
    return embed, *measure.verification_auc(looks(200, 12, 8), embed)


def run(
    pair: fitting.Pair, settings: SwapSettings, embed: score.Embedder, device: torch.device
) -> tuple[list[dict[str, float]], Any]:
    """Train in memory; a row for each check."""
    state, rows, recent = checkpoint.fresh(settings, device), [], list[Losses]()
    while state.step < settings.steps:
        recent.append(learn(state, batches(pair.a, pair.b, settings, state.step, device), settings))
        if state.step % settings.check_every == 0:
            rows.append(fitting.check(state.net, pair, recent, state.step, embed, device))
            recent = []
    return rows, state.net


def likeness(pair: fitting.Pair, net: Any, embed: score.Embedder, device: torch.device) -> score.Likeness:
    swaps, _ = swap_faces(net, pair.held_a.pixels, "b", device)
    return score.likeness(swaps, pair.a.pixels, pair.b.pixels, pair.held_a.pixels, pair.held_b.pixels, embed)


def variety(pair: fitting.Pair, partners: SwapFaces, net: Any, device: torch.device) -> float:
    """Mean deviation of a pixel over the swaps, over that of their partners: 0 = always one face."""
    swaps, _ = swap_faces(net, pair.held_a.pixels, "b", device)
    return float(swaps.astype(float).std(axis=0).mean() / partners.pixels.astype(float).std(axis=0).mean())


def drawn_rows(pair: fitting.Pair, net: Any, device: torch.device, count: int = 3) -> list[list[Pixels]]:
    """A row for each held-out face, A and B in turn: original, again, swapped, mask, gap; enlarged four times."""
    rows = fitting.preview_rows(net, pair, device)[: 2 * count]
    return [[large(tile) for tile in row] for row in rows]


def large(tile: Pixels) -> Pixels:
    """At least 96 px: in a sheet of small tiles a watermark drowns."""
    factor = -(-96 // tile.shape[0])
    return tile.repeat(factor, axis=0).repeat(factor, axis=1)


def save(path: Path, rows: list[list[Pixels]], titles: tuple[str, ...], method: str, seed: int) -> None:
    """A sheet of swapped puppets, through the door."""
    with _door.opened() as door:
        fitting.export_rows(rows, Origin(method, {"people": "drawn puppets", "seed": seed}), path, door, titles)


def film(path: Path, frames: Pixels, fps: int, origin: Origin, **sound: Any) -> None:
    """A clip of ``frames`` ``(n, height, width, 3)``, through the door; ``sound`` as for :func:`export_video`."""
    with _door.opened() as door:
        export_video(list(frames), fps, origin, path, door, **sound)


def _loss(rows: list[dict[str, float]]) -> float:
    return rows[-1]["loss_a"] + rows[-1]["loss_b"]


def _curves(path: Path, rows: list[dict[str, float]], bare: list[dict[str, float]]) -> None:
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(9, 2.8), layout="constrained")
    panels = (("training loss, A", "loss_a"), ("held-out L1", "held_l1"), ("likeness of the swap to B", "to_target"))
    for panel, (title, column) in zip(drawing.subplots(1, 3), panels, strict=True):
        for told, label in ((rows, "warped"), (bare, "not warped")):
            panel.plot([r["step"] for r in told], [r[column] for r in told], label=label)
        panel.set_title(title, fontsize=9)
        panel.legend(fontsize=7)
        panel.grid(alpha=0.3)
    drawing.savefig(path, dpi=80)


_TITLE = "Autoencoder swap"
_LECTURE = (
    "The lecture's first generator of deepfakes (FakeApp, DeepFaceLab): one encoder learns what two people share, a "
    "decoder each what they do not."
)
_EQUATION = """
L = mean |D_A(E(warp(a))) - a| + mean |D_B(E(warp(b))) - b|
swap of a:  D_B(E(a))
"""
_BODY = """
Both people pass through one encoder and a dense bottleneck; each decoder sees only its own person. The input is warped
by a grid of 5 by 5 points and the target is not, so that a decoder learns to draw its own person whatever shape comes
in. The other person's face is then one more warped shape.

What comes first is the other's mean face; only after some hundred steps does the decoder begin to follow pose, light
and expression. That can be measured on puppets as on nobody else: the other one can be drawn in the very look of the
driving face, a hidden partner that no network ever sees. The error to it, as a share of the error to the other one in
other looks, is below 1 as far as the swap follows. Those who use such networks speak of ten thousand steps as the bare
minimum; it is a demonstration that learns, and no convincing swap.

The people are drawn puppets, nobody's faces. The same runs by command, on faces with a consent manifest:
`zhenwei forge swap train`, whose previews and results leave through the marked door.

**Without the warp** nothing makes the decoder redraw the shape that it is given; those who use such networks report a
lower training loss and a worse swap. In this page's one run of each the network without it follows the driving face
better; the figures of the ablation are told and not judged. `zhenwei forge swap train --no-warp` is
there for longer runs.
"""
