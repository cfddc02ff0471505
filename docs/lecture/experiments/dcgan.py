"""DCGAN: convolutions that learn to draw small faces, from drawn puppets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from docs.lecture import measure
from docs.lecture.experiments import _door
from docs.lecture.page import Bench, Check, Figure, Page
from torch import nn

from zhenwei.forge.adversarial import GameProgress
from zhenwei.forge.export import Origin, export_sheet
from zhenwei.forge.gan import runs, samples
from zhenwei.forge.gan.faces import TrainingFaces, puppets
from zhenwei.forge.gan.gan_settings import GanSettings
from zhenwei.trainer.run import Run
from zhenwei.types import Pixels

ORDER = 20
NEEDS_DATA = False
COUNT, HELD_OUT, SIDE, SAMPLES = 300, 200, 32, 200
STEPS = {"cpu": 320, "gpu": 4000}
WIDTH = {"cpu": 16, "gpu": 64}


def experiment(bench: Bench) -> Page:
    torch.set_num_threads(1)
    seed, steps = bench.seed % 1000, STEPS[bench.profile]
    device = torch.device("cuda" if bench.profile == "gpu" and torch.cuda.is_available() else "cpu")
    every = steps // 4
    pixels = puppets(COUNT + HELD_OUT, SIDE, seed).pixels
    faces = TrainingFaces(pixels[:COUNT], f"{COUNT} drawn puppets, seed {seed}")
    held = measure.features(pixels[COUNT:])
    settings = GanSettings(side=SIDE, width=WIDTH[bench.profile], batch=32, seed=seed, ema=0.98)
    start, norms = start_deviations(settings, faces)
    noise = samples.noise_for(SAMPLES, settings.noise, seed + 1)
    series: list[tuple[int, measure.Kernel]] = []
    rows: list[Pixels] = []

    def tell(step: GameProgress, run: Run) -> None:
        if step.step in (1, 10) or step.step % every == 0:
            made = samples.imagine(runs.generator_of(run), noise)
            series.append((step.step, measure.kernel_distance(measure.features(made), held)))
            rows.append(made[:8])

    run = runs.learn(settings, faces, steps, device=device, tell=tell)
    path = samples.walk(samples.noise_for(4, settings.noise, seed + 2), 12)
    smooth = measure.roughness(samples.imagine(runs.generator_of(run), path))
    jump = measure.roughness(samples.imagine(runs.generator_of(run), path[::12].repeat_interleave(12, 0)))
    real = measure.kernel_distance(measure.features(pixels[:HELD_OUT]), held)
    last_made = samples.imagine(runs.generator_of(run), noise)
    heart = measure.memorised(measure.features(last_made), measure.features(pixels[:HELD_OUT]), held)
    fall = series[0][1].value / series[-1][1].value
    spread = float(last_made.astype(float).std(0).mean() / pixels.astype(float).std(0).mean())
    _save(bench.out / "dcgan.jpg", rows, pixels[COUNT : COUNT + 8], seed)
    _curve(bench.out / "dcgan-curve.png", series, real)
    checks = (
        Check("kernel distance at the first step over that at the end", fall, "> 2", fall > 2),
        Check("kernel distance at the end", series[-1][1].value, "told", None),
        Check("its s.d. over subsets", series[-1][1].deviation, "told", None),
        Check("the same of as many of the puppets learned from", real.value, "told", None),
        Check("walk: largest change between frames over the mean", smooth, "< 4", smooth < 4),
        Check("the same where the walk jumps from stop to stop", jump, "> 8", jump > 8),
        Check("s.d. of the convolutions' first weights", start, "0.02 +- 0.001", abs(start - 0.02) < 1e-3),
        Check("mean of batch norm's first scales", norms, "1 +- 0.01", abs(norms - 1) < 0.01),
        Check("how much samples differ, as a share of how much puppets do", spread, "told", None),
        Check("share of samples nearer to a puppet learned from than to a held-out one", heart, "told", None),
    )
    figures = (
        Figure("dcgan.jpg", f"The same noise after {', '.join(str(s) for s, _ in series)} steps; last row: puppets"),
        Figure("dcgan-curve.png", "Kernel distance to held-out puppets over training; dashed: puppets themselves"),
    )
    protocol = {
        "data": f"{COUNT} drawn puppets to learn from, {HELD_OUT} held out, {SIDE} px",
        "training": f"width {settings.width}, {steps} steps of {settings.batch}, Adam 2e-4, average {settings.ema}",
        "kernel distance": f"{measure.FEATURES}; {SAMPLES} samples, {HELD_OUT} held out, 20 subsets of "
        f"{HELD_OUT // 2}; not comparable with published KID",
        "seed": str(seed),
    }
    return Page(_TITLE, _LECTURE, _EQUATION, _BODY, checks, figures, protocol)


def start_deviations(settings: GanSettings, faces: TrainingFaces) -> tuple[float, float]:
    """s.d. of all convolution weights before the first step, and mean of batch norm's scales."""
    nets = runs.game_of(settings, faces, torch.device("cpu")).nets
    with torch.no_grad():
        convs = [m.weight.flatten() for m in nets.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
        norms = [m.weight.flatten() for m in nets.modules() if isinstance(m, nn.BatchNorm2d)]
        return float(torch.cat(convs).std()), float(torch.cat(norms).mean())


def _save(path: Path, rows: list[Pixels], puppets: Pixels, seed: int) -> None:
    """The sheet, through the door."""
    tiles = [tile for row in (*rows, puppets) for tile in samples.rows_of(row, 8)]
    with _door.opened() as door:
        export_sheet(tiles, Origin("gan/dcgan", {"learned_from": "drawn puppets", "seed": seed}), path, door)


def _curve(path: Path, series: list[tuple[int, measure.Kernel]], real: measure.Kernel) -> None:
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(5, 2.8), layout="constrained")
    panel = drawing.subplots()
    values = np.array([k.value for _, k in series])
    panel.errorbar([s for s, _ in series], values, [k.deviation for _, k in series], capsize=3)
    panel.axhline(max(real.value, 1e-3), linestyle="--", color="grey")
    panel.set_yscale("symlog", linthresh=1)
    panel.set_xlabel("generator steps")
    panel.set_ylabel("kernel distance")
    panel.grid(alpha=0.3)
    drawing.savefig(path, dpi=80)


_TITLE = "DCGAN: faces out of noise"
_LECTURE = "The lecture's first generator of whole faces: the two players of the first game become convolutions."
_EQUATION = """
z ~ N(0, 1)^100;  G: 4 x 4 -> 8 x 8 -> 16 x 16 -> 32 x 32, transposed convolutions, batch norm, ReLU, tanh at the end
D: the same way back, strides instead of pooling, LeakyReLU 0.2;  weights ~ N(0, 0.02^2)
"""
_BODY = """
The rules are those of the paper: no dense layers, strides instead of pooling, batch norm everywhere but at the
generator's output and the critic's input, and small first weights. The page shows the same noise as training goes on,
and how far the samples are from puppets that the game never saw. In the half minute that this page has, colours and
the place of the head are learned, and hardly a face; sampled is the running average of the generator.

A walk through the noise, along the sphere on which N(0, 1) lies, changes the picture evenly: the generator is a
smooth map, and has no list of pictures from which it would have to jump. The share of
samples nearer to a puppet learned from than to a held-out one would be near 1 had the game learned puppets by heart,
and is about one half where it has not. While samples are still far from both, as here, few puppets decide it.

The lab's [zoo](zoo.md) has small models that were trained for longer, on photographs: `zhenwei forge gan sample`. What
they draw leaves through the marked door, as the sheet on this page did.
"""
