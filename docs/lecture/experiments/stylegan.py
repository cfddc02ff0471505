"""StyleGAN: styles by layer; learned on drawn puppets here, and shown on the zoo's model of small faces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from docs.lecture import measure
from docs.lecture.experiments import _door
from docs.lecture.experiments.autoencoder_swap import film
from docs.lecture.page import Bench, Check, Figure, Page
from numpy.typing import NDArray

from zhenwei.forge.adversarial import GameProgress
from zhenwei.forge.export import Origin, export_sheet
from zhenwei.forge.gan import edits, runs, samples, zoo
from zhenwei.forge.gan.faces import TrainingFaces, puppets
from zhenwei.forge.gan.gan_settings import GanSettings
from zhenwei.forge.swap.score import found_landmarks
from zhenwei.nets.stylegan import ModulatedConv, StyleGenerator
from zhenwei.trainer.run import Run
from zhenwei.types import Pixels

ORDER = 50
NEEDS_DATA = False
MODEL, FINE_FROM, PAIRS = "stylegan-64-1", 16, 64
COUNT, HELD_OUT, SIDE, SAMPLES = 300, 200, 32, 200
STEPS, WIDTH = {"cpu": 240, "gpu": 4000}, {"cpu": 8, "gpu": 32}
POINTS = [1, 10, 13, 14, 33, 61, 152, 234, 263, 291, 454]  # of the mesh
Doubles = NDArray[np.float64]
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
FEW = Path(__file__).parents[1] / "few_pictures.json"


def experiment(bench: Bench) -> Page:
    torch.set_num_threads(1)
    seed = bench.seed % 1000
    generator = cast("StyleGenerator", zoo.open_generator(MODEL))
    entry = zoo.entries()[MODEL]
    colour, shape, seen = mixing(generator, seed)
    spread = truncation(generator, seed)
    path = samples.walk(samples.noise_for(4, generator.noise, seed + 2), 12)
    smooth = measure.roughness(samples.imagine(generator, path, still=True))
    found = edits.directions(generator)
    effect = slopes(generator, found, 60, seed + 3)
    own = {name: float(effect[name][k]) for k, name in enumerate(edits.ATTRIBUTES)}
    others = {name: float(np.abs(np.delete(effect[name], k)).max()) for k, name in enumerate(edits.ATTRIBUTES)}
    one = [name for name in edits.ATTRIBUTES if own[name] > 0.5 and others[name] < own[name] / 2]
    series = learned(bench, seed)
    fall = series[0][1].value / series[-1][1].value
    few = json.loads(FEW.read_text("utf-8"))
    first, gains = few["runs"][0], few_gains(few)
    seeds = len({run["seed"] for run in few["runs"]})
    _sheets(bench, generator, found, entry.data, seed)
    _few_plot(bench.out / "stylegan-few.png", few)
    falls, even = sum(a < b for a, b in pairwise(spread)), demodulated()
    checks = (
        Check("s.d. out of a demodulated convolution, inputs of s.d. 1", even, "1 +- 0.05",
              abs(even - 1) < 0.05),
        Check("mixing: how much of the way to the fine face the colour goes", colour, "> 0.5", colour > 0.5),
        Check("mixing: how much of it the landmarks go", shape, "< 0.3", shape < 0.3),
        Check("truncation: steps from 0 to 1 at which samples come to differ more", falls, "4 of 4", falls == 4),
        Check("walk: largest change between frames over the mean", smooth, "< 4", smooth < 4),
        Check("edits: attributes of four that move alone (0.5 and more asked s.d., others less than half of it)",
              len(one), "> 0", len(one) > 0),
        *(Check(f"edit of {name}: moves by, of one s.d. asked", own[name], "told", None) for name in own),
        *(Check(f"edit of {name}: what else moves most", others[name], "told", None) for name in own),
        Check("puppets: kernel distance at the first step over that at the end", fall, "> 2", fall > 2),
        Check("puppets: kernel distance at the end", series[-1][1].value, "told", None),
        *(Check(f"few pictures: kernel distance without augmentation over that with {name}", gain, "> 1", gain > 1)
          for name, gain in gains.items()),
        *(Check(f"few pictures: seeds of {seeds} with which {name} is nearer than nothing", won, "told", None)
          for name, won in few_won(few).items()),
        Check("shipped model: kernel distance to held-out faces", entry.kid, "told", None),
        Check("the same of real faces", entry.kid_real, "told", None),
        Check("its samples nearer to a face learned from than to one held out", entry.memorised, "told", None),
    )  # fmt: skip
    figures = (
        Figure("stylegan-mix.jpg", "Mixing: first column gives the coarse styles (4 and 8 px), first row the others"),
        Figure("stylegan-truncation.jpg", f"Truncation: the same latents with {', '.join(map(str, SHARES))} of the way "
               "from the mean style"),
        Figure("stylegan-walk.jpg", "A walk: from face to face in eight steps each, and back to the first"),
        Figure("stylegan-edit.jpg", "Edits: two faces each for turn, mouth, light and warmth, from -2 to 2 s.d."),
        Figure("stylegan-few.png", f"Few pictures ({first['data']}): kernel distance to others over training, "
               f"{seeds} seeds each"),
    )  # fmt: skip
    protocol = {
        "shipped model": f"{MODEL}, {entry.side} px, {entry.steps} steps, SHA-256 {entry.sha256[:16]}; {entry.data}; "
        f"n {entry.kid_n} a side, s.d. over subsets {entry.kid_deviation}",
        "mixing": f"{PAIRS} pairs ({seen} of them with landmarks in all three), fine styles from {FINE_FROM} px on, "
        "truncation 0.8",
        "edits": f"directions from {edits.LEARNED_FROM} samples, R squared on a fifth kept back "
        + ", ".join(f"{name} {d.explained:.2f}" for name, d in found.items())
        + "; effect on 60 others",
        "puppets": f"{COUNT} of {SIDE} px, width {WIDTH[bench.profile]}, {STEPS[bench.profile]} steps of 32, "
        f"DiffAugment; {SAMPLES} samples beside {HELD_OUT} held out",
        "few pictures": f"{first['data']}; width {first['width']}, {first['rows'][-1]['step']} steps of "
        f"{first['batch']}, R1 {first['penalty']}; {seeds} seeds each, mean of the last three measures on "
        f"{few['samples']} samples and as many others",
        "kernel distance": f"{measure.FEATURES}; not comparable with published KID",
        "seed": str(seed),
    }
    clips = (Figure("stylegan-edit.mp4", "two faces, their turn, mouth, light and warmth there and back"),)
    return Page(_TITLE, _LECTURE, _EQUATION, _BODY, checks, figures, protocol, clips)


def demodulated() -> float:
    """s.d. of a demodulated convolution's output, for styles a hundred times as loud as one another."""
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = ModulatedConv(64, 64, 8)
        loud = 10 ** (4 * torch.rand(64, 1, generator=rng) - 2)
        styles = loud * torch.randn(64, 8, generator=rng)
        return float(layer(torch.randn(64, 64, 10, 10, generator=rng), styles)[:, :, 1:-1, 1:-1].std())


def mixing(generator: StyleGenerator, seed: int) -> tuple[float, float, int]:
    """Of the way from the coarse face to the fine one, the share that mixed faces go: in mean colour less its grey, and
    in landmarks; and in how many pairs all three show a face."""
    styles = samples.styles_of(generator, samples.noise_for(2 * PAIRS, generator.noise, seed))
    coarse, fine = torch.split(samples.truncated(generator, styles, 0.8), PAIRS)
    mixed = edits.mix(generator, coarse, fine, FINE_FROM)
    drawn = [samples.draw(generator, part, still=True) for part in (coarse, mixed, fine)]
    colour, _ = share_of_way(*(tint(faces) for faces in drawn))
    shape, seen = share_of_way(*(outline(faces) for faces in drawn))
    return colour, shape, seen


def share_of_way(start: Doubles, made: Doubles, end: Doubles) -> tuple[float, int]:
    """Projection of the way to ``made`` on that to ``end``, over rows (n, k) where all three are known."""
    whole, part = end - start, made - start
    known = np.isfinite(whole + part).all(1)
    return float((part * whole)[known].sum() / (whole[known] ** 2).sum()), int(known.sum())


def tint(faces: Pixels) -> Doubles:
    """Mean colour of each face less its grey (n, 3)."""
    means = faces.astype(float).mean((1, 2))
    return np.asarray(means - means.mean(1, keepdims=True), np.float64)


def outline(faces: Pixels) -> Doubles:
    """Brow, chin, cheeks, nose, corners of the eyes and of the mouth (n, 22) in px, NaN where no face is found."""
    found = [found_landmarks(face) for face in faces]
    rows = [np.full(2 * len(POINTS), np.nan) if f is None else f[POINTS].astype(np.float64).ravel() for f in found]
    return np.stack(rows)


def truncation(generator: StyleGenerator, seed: int) -> list[float]:
    """Mean s.d. over 64 samples of a pixel, by truncation."""
    noise = samples.noise_for(64, generator.noise, seed)
    made = (samples.imagine(generator, noise, truncation=share, still=True) for share in SHARES)
    return [float(images.astype(float).std(0).mean()) for images in made]


def slopes(
    generator: StyleGenerator, found: Mapping[str, edits.Direction], count: int, seed: int
) -> dict[str, Doubles]:
    """What each direction does to ``count`` new faces: by attribute moved, the mean change of every attribute between
    one s.d. less and one more, in s.d. among those faces, halved: 1 at its own place and 0 elsewhere were perfect."""
    styles = samples.styles_of(generator, samples.noise_for(count, generator.noise, seed))
    before = edits.measured(samples.draw(generator, styles, still=True))
    told: dict[str, Doubles] = {}
    for name, direction in found.items():
        less = edits.measured(samples.draw(generator, edits.moved(styles, direction, -1.0), still=True))
        more = edits.measured(samples.draw(generator, edits.moved(styles, direction, 1.0), still=True))
        told[name] = np.array([np.nanmean(more[k] - less[k]) / 2 / np.nanstd(before[k]) for k in edits.ATTRIBUTES])
    return told


def learned(bench: Bench, seed: int) -> list[tuple[int, measure.Kernel]]:
    """Kernel distance to held-out puppets over a short training."""
    steps = STEPS[bench.profile]
    device = torch.device("cuda" if bench.profile == "gpu" and torch.cuda.is_available() else "cpu")
    pixels = puppets(COUNT + HELD_OUT, SIDE, seed).pixels
    held = measure.features(pixels[COUNT:])
    settings = GanSettings("stylegan", SIDE, WIDTH[bench.profile], 64, 32, seed, 0.98, "diffaugment")
    noise = samples.noise_for(SAMPLES, settings.noise, seed + 1)
    series = []

    def tell(step: GameProgress, run: Run) -> None:
        if step.step == 1 or step.step % (steps // 4) == 0:
            made = measure.features(samples.imagine(runs.generator_of(run), noise))
            series.append((step.step, measure.kernel_distance(made, held)))

    runs.learn(settings, TrainingFaces(pixels[:COUNT], "puppets"), steps, device=device, tell=tell)
    return series


def few_ends(few: Mapping[str, Any]) -> dict[str, dict[int, float]]:
    """Kernel distance at the end of each run, by augmentation and seed."""
    ends: dict[str, dict[int, float]] = {}
    for run in few["runs"]:
        ends.setdefault(run["augment"], {})[run["seed"]] = float(np.mean([row["kid"] for row in run["rows"][-3:]]))
    return ends


def few_gains(few: Mapping[str, Any]) -> dict[str, float]:
    """Mean kernel distance at the end without augmentation over that with each kind of it."""
    ends = {name: float(np.mean(list(values.values()))) for name, values in few_ends(few).items()}
    return {name: ends["none"] / value for name, value in ends.items() if name != "none"}


def few_won(few: Mapping[str, Any]) -> dict[str, int]:
    """With how many seeds the run ends nearer than that without augmentation."""
    ends = few_ends(few)
    plain = ends.pop("none")
    return {name: sum(value < plain[seed] for seed, value in values.items()) for name, values in ends.items()}


def _sheets(
    bench: Bench, generator: StyleGenerator, found: Mapping[str, edits.Direction], data: str, seed: int
) -> None:
    """Sheets leave as every forgery does: labelled, marked, signed, by keys made for this run."""
    mixed = edits.mixing_sheet(generator, 4, 6, FINE_FROM, truncation=0.8, seed=seed)
    noise = samples.noise_for(6, generator.noise, seed)
    shares = [samples.enlarged(samples.imagine(generator, noise, truncation=share, still=True)) for share in SHARES]
    changed = [
        row
        for k, name in enumerate(edits.ATTRIBUTES)
        for row in edits.edit_sheet(generator, found[name], 2, 2.0, truncation=0.8, seed=seed + k)
    ]
    stops = samples.noise_for(3, generator.noise, seed + 2)
    steps = samples.enlarged(samples.imagine(generator, samples.walk(stops, 8), truncation=0.8, still=True))
    course = [*range(len(changed[0])), *range(len(changed[0]) - 2, 0, -1)]  # there and back
    moving = [np.concatenate([np.concatenate([row[k] for row in changed[at::2]], 1) for at in (0, 1)]) for k in course]
    origin = Origin("gan/stylegan", {"learned_from": data, "model": MODEL, "seed": seed})
    film(bench.out / "stylegan-edit.mp4", np.stack(moving * 2), 5, origin)
    walked = [steps[k : k + 8] for k in range(0, len(steps), 8)]
    with _door.opened() as door:
        for name, rows in (("mix", mixed), ("truncation", shares), ("edit", changed), ("walk", walked)):
            export_sheet(rows, origin, bench.out / f"stylegan-{name}.jpg", door)


def _few_plot(path: Path, few: Mapping[str, Any]) -> None:
    from matplotlib.figure import Figure as Drawing
    from matplotlib.ticker import ScalarFormatter

    drawing = Drawing(figsize=(5.4, 3), layout="constrained")
    panel = drawing.subplots()
    colours = {"none": "tab:red", "diffaugment": "tab:blue", "ada": "tab:green"}
    means: dict[str, list[list[float]]] = {}
    for run in few["runs"]:
        steps, values = zip(*((row["step"], row["kid"]) for row in run["rows"]), strict=True)
        panel.plot(steps, values, color=colours[run["augment"]], alpha=0.3, linewidth=0.8)
        means.setdefault(run["augment"], []).append(list(values))
    for name, runs_of in sorted(means.items()):
        panel.plot(steps, np.mean(runs_of, axis=0), color=colours[name], linewidth=2, label=f"{name}, mean of seeds")
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter(ScalarFormatter())
    panel.yaxis.set_minor_formatter(ScalarFormatter())
    panel.set_xlabel("steps")
    panel.set_ylabel("kernel distance")
    panel.grid(alpha=0.3)
    panel.legend(fontsize=8)
    drawing.savefig(path, dpi=80)


_TITLE = "StyleGAN: a style for every layer"
_LECTURE = (
    "The lecture's StyleGAN, with its eight-layer mapping, styles by layer and noise by pixel; and what FaceApp's row "
    "asks of it: one attribute moved."
)
_EQUATION = """
w = f(z), eight layers;  y = conv(s(w) * x) / sqrt(sum (s w_ijk)^2 + 1e-8) + b noise;  colours of all sizes are summed
L_D = softplus(-D(x)) + softplus(D(G(z))) + gamma / 2 |grad D(x)|^2, every 16th step;  L_G = softplus(-D(G(z)))
"""
_BODY = """
The generator begins with a learned constant and is steered by styles alone: eight layers turn noise z into a style w,
and w scales the maps of every convolution. Demodulation (the second StyleGAN's successor of AdaIN) brings each sample's
kernel back to unit length, so that a loud style does not drown the next layer. Styles of coarse layers say where things
are, styles of fine ones which colours they have: hence the mixing sheet.

The shipped model was trained on small real faces, by the GPU profile, and stays small on purpose: 64 px, less than ten
minutes of a GPU that it shared. What it draws is nobody, and leaves marked: `zhenwei forge gan sample | walk | mix |
edit`. Directions of attributes are found among its own samples: each sample's turn, mouth, light and warmth are
measured, regressed on its style, and the move is taken that changes one and leaves the others where they are.

With few pictures a critic learns them by heart, and the generator learns nothing more. Changing whatever the critic
sees, real or drawn, keeps it from that: always (DiffAugment), or as often as it is too sure of the reals (ADA). The
comparison was run by `benchmarks/gan_few_pictures.py`, and its figures are kept beside this page: at this size, with as
few seeds, DiffAugment is the steadier of the two, and what ADA gains may be chance.
"""
