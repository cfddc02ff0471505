"""Protective perturbations: they lead one network astray until the photograph is saved again, and stop no training."""

from __future__ import annotations

import numpy as np
import torch
from docs.lecture.page import Bench, Check, Figure, Page

from zhenwei.forge.puppet import ANNA, BRUNO, any_puppet, portraits
from zhenwei.forge.swap import fitting, score
from zhenwei.forge.swap.sides import of_portraits
from zhenwei.forge.swap.swap_settings import SwapSettings
from zhenwei.nets.swap import FaceEmbedding
from zhenwei.training import cloak

ORDER = 300
NEEDS_DATA = False
SETTINGS = {
    "cpu": SwapSettings(size=32, width=16, batch=8, steps=250, rate=1e-3, held_out=24, check_every=1000),
    "gpu": SwapSettings(size=64, width=64, batch=16, steps=8000, rate=2e-4, held_out=24, check_every=1000),
}


def experiment(bench: Bench) -> Page:
    torch.set_num_threads(1)
    settings = SETTINGS[bench.profile]
    drawn = [portraits(p, 120, settings.size, bench.seed + k) for k, p in enumerate((ANNA, BRUNO))]
    pair = fitting.split(of_portraits("anna", drawn[0]), of_portraits("bruno", drawn[1]), settings)
    net = cloak.learned_swap(pair.a, pair.b, settings)
    held = pair.held_a.pixels
    astray = cloak.from_translation(net, held)
    translated = cloak.measure(astray, held, cloak.cloak(held, astray, seed=bench.seed))
    known, other = (_embedding(settings.size, bench.seed + k) for k in (0, 1))
    unknown = cloak.from_identity(known, held)
    hidden = cloak.cloak(held, unknown, seed=bench.seed)
    identified = cloak.measure(unknown, held, hidden)
    elsewhere = cloak.measure(cloak.from_identity(other, held), held, hidden)[0]
    photographs = pair.a.pixels
    cloaked = cloak.cloak(photographs, cloak.from_translation(net, photographs), seed=bench.seed)
    arms = cloak.honest_test(pair.a, pair.b, held, cloaked, settings, net)
    _draw(bench, translated, identified, arms)
    checks = _checks(translated, identified, elsewhere, arms)
    told = _body(translated, identified, arms)
    return Page(_TITLE, _LECTURE, _EQUATION, told, checks, _FIGURES, _protocol(settings, held, bench.seed))


def _embedding(size: int, seed: int) -> FaceEmbedding:
    people = []
    for k in range(20):
        puppet = any_puppet(np.random.default_rng([seed, k]))
        people.append(of_portraits(str(k), portraits(puppet, 12, size, seed + k)).pixels)
    net = score.train_embedding(people, 60, seed)
    net.eval()
    return net


def _checks(
    translated: tuple[cloak.CloakRow, ...],
    identified: tuple[cloak.CloakRow, ...],
    elsewhere: cloak.CloakRow,
    arms: tuple[cloak.Arm, ...],
) -> tuple[Check, ...]:
    first, jpeg = translated[0], next(r for r in translated if r.delivery == "JPEG 75")
    times = first.cloaked.value / max(first.noised.value, 1e-9)
    _, seed, cloaked, _ = arms
    worse = cloaked.reconstruction.value / seed.reconstruction.value
    apart = cloaked.swap.value / seed.swap.value
    hidden = identified[0]
    unknown = hidden.cloaked.low > hidden.noised.high
    crossed = (elsewhere.cloaked.value - elsewhere.noised.value) / max(hidden.cloaked.value - hidden.noised.value, 1e-9)
    return (
        Check("fixed translator: led astray, times noise of the same size", times, "> 3", times > 3),
        Check("the same after JPEG 75: share of the success left", jpeg.success, "less than before", jpeg.success < 1),
        Check("fixed embedding: 1 - cosine, cloaked", hidden.cloaked.value, "above noise", unknown),
        Check("another embedding, never seen: share of the success", crossed, "told", None),
        Check("learned from cloaked photographs: L1 of reconstruction, times clean", worse, "< 1.25", worse < 1.25),
        Check("learned from cloaked photographs: its swap's distance, times another seed's", apart, "told", None),
    )  # fmt: skip


def _body(
    translated: tuple[cloak.CloakRow, ...], identified: tuple[cloak.CloakRow, ...], arms: tuple[cloak.Arm, ...]
) -> str:
    lines = ["| delivered | translator: cloaked, noise | success left | embedding: cloaked, noise | success left |"]
    lines.append("|---|---|---|---|---|")
    for row, same in zip(translated, identified, strict=True):
        lines.append(
            f"| {row.delivery} | {row.cloaked.value:.5f} [{row.cloaked.low:.5f}, {row.cloaked.high:.5f}], "
            f"{row.noised.value:.5f} | {row.success:.0%} | {same.cloaked.value:.3f} [{same.cloaked.low:.3f}, "
            f"{same.cloaked.high:.3f}], {same.noised.value:.3f} | {same.success:.0%} |"
        )
    told = ["| swap learned from | L1 of its reconstruction of clean faces | L1 to the first swap |", "|---|---|---|"]
    told += [
        f"| {a.learned_from} | {a.reconstruction.value:.4f} [{a.reconstruction.low:.4f}, {a.reconstruction.high:.4f}] "
        f"| {a.swap.value:.4f} |"
        for a in arms
    ]
    return _BODY + "\n" + "\n".join(lines) + _SECOND + "\n".join(told) + "\n"


def _protocol(settings: SwapSettings, held: np.ndarray, seed: int) -> dict[str, str]:
    return {
        "data": f"drawn puppets, {len(held)} held-out faces, {settings.size} px, seed {seed}",
        "cloak": f"L-infinity {cloak.EPSILON:g} of 255, {cloak.STEPS} steps of {cloak.STEP:g}, white box",
        "networks": f"autoencoder swap of width {settings.width}, {settings.steps} steps; embeddings of 20 puppets",
        "intervals": "95 %, bootstrap over faces; one training run for each arm",
    }


def _draw(
    bench: Bench,
    translated: tuple[cloak.CloakRow, ...],
    identified: tuple[cloak.CloakRow, ...],
    arms: tuple[cloak.Arm, ...],
) -> None:
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(9, 3), layout="constrained")
    left, right = drawing.subplots(1, 2)
    at = np.arange(len(translated))
    for shift, rows, label in ((-0.2, translated, "translator"), (0.2, identified, "embedding")):
        left.bar(at + shift, [max(0.0, r.success) for r in rows], 0.4, label=label)
    left.set_xticks(at, [r.delivery for r in translated], fontsize=7, rotation=15)
    left.set_title("success of a cloak that is left after delivery", fontsize=9)
    left.legend(fontsize=7)
    heights = [a.reconstruction.value for a in arms]
    right.barh([a.learned_from for a in arms], heights, color=["#888", "#888", "#c44", "#c44"])
    right.invert_yaxis()
    right.tick_params(labelsize=7)
    right.set_title("L1 on clean faces of a swap that learned from ...", fontsize=9)
    drawing.savefig(bench.out / "protective_perturbation.png", dpi=80)


_CAPTION = "What is left of a cloak after delivery, and what a swap that learns from cloaked photographs loses"
_FIGURES = (Figure("protective_perturbation.png", _CAPTION),)
_TITLE = "Protective perturbation"
_LECTURE = "The lecture's third direction, active defence: changing a photograph so that a generator goes wrong on it."
_EQUATION = """
max |G(x + d) - G(x)|^2   with   |d| <= epsilon in every value;  G known
"""
_BODY = """
A cloak is worked out against one network whose weights are known. Fed to that network the cloaked face comes out wrong.
Two things happen to photographs, though: they are saved again, and generators are trained anew. The first table shows
what the one leaves of the success (above noise of the same size); the second trains the swap on the cloaked photographs
themselves.
"""
_SECOND = """

Learned from cloaked photographs instead, the swap reconstructs clean faces about as well, and its swaps differ from the
first one's about as much as those of another seed do. **A cloak does not stop whoever trains on the photograph.** The
command `zhenwei protect cloak` says so of the very photograph that it was given.

"""
