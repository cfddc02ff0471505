"""The first GAN: its value function beside the closed form, its two generator losses, the ring of eight."""

from __future__ import annotations

import numpy as np
import torch
from docs.lecture import theory
from docs.lecture.measure import Modes, modes
from docs.lecture.page import Bench, Check, Figure, Page

from zhenwei.forge.adversarial import Game, GameProgress, GameSchedule, train
from zhenwei.forge.gan import losses
from zhenwei.forge.gan.gan import Draw, GanRules
from zhenwei.trainer.run import Run

ORDER = 10
NEEDS_DATA = False
MEANS = (0.0, 0.5, 1.0, 2.0)
SAMPLES = 2000


def watched(
    game: Game, schedule: GameSchedule, noise: int, radius: float, every: int
) -> list[tuple[int, Modes, float]]:
    """Step, modes of fixed noise, and the critic's gap (nan where there is none), every ``every`` steps."""
    fixed = torch.randn(SAMPLES, noise, generator=torch.Generator().manual_seed(5))
    found: list[tuple[int, Modes, float]] = []

    def tell(step: GameProgress, run: Run) -> None:
        if step.step % every == 0:
            with torch.no_grad():
                points = run.task.nets["generator"](fixed).double().numpy()
            seen = modes(points, theory.ring_centres(8, radius), theory.RING_SIGMA)
            found.append((step.step, seen, step.losses.get("gap", float("nan"))))

    train(game, schedule, tell=tell)
    return found


def experiment(bench: Bench) -> Page:
    torch.set_num_threads(1)
    seed, long = bench.seed % 1000, 1 if bench.profile == "cpu" else 8
    off_value = off_critic = 0.0
    for mean in MEANS:
        critic = theory.train_critic(mean, steps=800, seed=seed)
        x = np.linspace(-9, 9 + mean, 6001)
        p, q = theory.normal_density(x, 0.0), theory.normal_density(x, mean)
        want = theory.best_value(theory.jensen_shannon(p, q, float(x[1] - x[0])))
        off_value = max(off_value, abs(want - theory.value_on_grid(critic, mean)))
        grid = np.linspace(-1, 1 + mean, 41)
        best = theory.optimal_critic(theory.normal_density(grid, 0.0), theory.normal_density(grid, mean))
        with torch.no_grad():
            got = critic(torch.from_numpy(grid).float()[:, None]).sigmoid().double().numpy().ravel()
        off_critic = max(off_critic, float(np.abs(best - got).max()))
    ring = watched(theory.toy(theory.ring, GanRules(), seed=seed), GameSchedule(1000 * long, seed=seed), 2, 1.0, 200)
    collapse = _collapse(seed, 400 * long)
    fair = max(seen.fair for _, seen, _ in ring)
    top = float(np.median([seen.top_share for _, seen, _ in collapse]))
    ratio = _gradient(losses.generator_non_saturating) / _gradient(losses.generator_saturating)
    _plot(bench, ring, collapse)
    checks = (
        Check(
            f"largest distance of V from -2 log 2 + 2 JSD, {len(MEANS)} means", off_value, "< 0.01", off_value < 0.01
        ),
        Check("largest distance of D from p/(p+q) on a grid", off_critic, "< 0.05", off_critic < 0.05),
        Check("gradient at D(fake) = 0.001, non-saturating over saturating", ratio, "999", abs(ratio - 999) < 1),
        Check("fair modes of 8, best snapshot", fair, ">= 7", fair >= 7),
        Check("share near the top centre, collapse recipe, median snapshot", top, "> 0.6", top > 0.6),
    )
    figures = (Figure("gan-ring.png", "Ring of eight: share of samples near the most popular centre (fair: 0.125)"),)
    protocol = {
        "value function": "N(0, 1) against N(mean, 1), means 0 to 2; 800 steps, V by quadrature",
        "ring": f"8 Gaussians, sigma 0.02, radius 1; {1000 * long} steps of 256; {SAMPLES} samples a snapshot",
        "collapse": f"radius 2, noise 256, batch 512, generator 1e-3, critic 1e-4, {400 * long} steps",
        "seed": str(seed),
    }
    return Page(
        "GAN: the first adversarial game",
        "The lecture's generator and critic, Algorithm 1.",
        "min_G max_D V(D, G) = E_x log D(x) + E_z log(1 - D(G(z)));  D* = p / (p + q);  V(D*, G) = -2 log 2 + 2 JSD",
        "A critic that is trained well is worth what theory says. Where it is sure, the minimax loss gives"
        " almost no gradient, and the non-saturating one does. The same game covers all modes or falls onto one by "
        "its settings alone.",
        checks,
        figures,
        protocol,
    )


def _collapse(seed: int, steps: int) -> list[tuple[int, Modes, float]]:
    def wide(n: int, rng: torch.Generator) -> torch.Tensor:
        return theory.ring(n, rng, radius=2.0)

    draw: Draw = wide
    rules = GanRules(batch=512, rate_generator=1e-3, rate_critic=1e-4, betas=(0.5, 0.999))
    return watched(theory.toy(draw, rules, seed=seed, noise=256, depth=2), GameSchedule(steps, seed=seed), 256, 2.0, 50)


def _gradient(loss: object) -> float:
    logit = torch.tensor([float(np.log(0.001 / 0.999))], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(logit), logit)  # type: ignore[operator]
    return float(slope.abs())


def _plot(bench: Bench, ring: list[tuple[int, Modes, float]], fallen: list[tuple[int, Modes, float]]) -> None:
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(6, 3), layout="constrained")
    axes = drawing.subplots()
    for series, name in ((ring, "plain recipe"), (fallen, "collapse recipe")):
        axes.plot([s for s, _, _ in series], [m.top_share for _, m, _ in series], label=name)
    axes.set(xlabel="steps", ylabel="share near one centre", ylim=(0, 1))
    axes.legend()
    drawing.savefig(bench.out / "gan-ring.png", dpi=90)
