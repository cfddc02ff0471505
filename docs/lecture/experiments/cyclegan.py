"""CycleGAN: translation between two kinds of pictures, learned without a single pair."""

from __future__ import annotations

import numpy as np
import torch
from docs.lecture.measure import receptive_field
from docs.lecture.page import Bench, Check, Figure, Page
from torch import Tensor

from zhenwei.forge.adversarial import GameProgress, GameSchedule, train
from zhenwei.forge.gan import cyclegan
from zhenwei.nets.cyclegan import PatchCritic
from zhenwei.trainer.run import Run

ORDER = 40
NEEDS_DATA = False
SIDE, HELD_OUT = 32, 64
STEPS = {"cpu": 300, "gpu": 4000}
RULES = cyclegan.CycleRules(batch=8, rate=1e-3, width=12, blocks=1, halvings=1, critic_halvings=2, identity=1.0)


def experiment(bench: Bench) -> Page:
    torch.set_num_threads(1)
    device = torch.device("cuda" if bench.profile == "gpu" and torch.cuda.is_available() else "cpu")
    steps, seed = STEPS[bench.profile], bench.seed % 1000
    game = cyclegan.play(shapes, lambda n, c: partner(shapes(n, c)), SIDE, RULES, seed=seed, device=device)
    held = shapes(HELD_OUT, torch.Generator().manual_seed(10_000 + seed)).to(device)
    series = [(0, hidden(game.nets["a_to_b"], held))]
    cycles: list[float] = []

    def tell(progress: GameProgress, _: Run) -> None:
        cycles.append(progress.losses["cycle"])
        if progress.step % (steps // 10) == 0:
            series.append((progress.step, hidden(game.nets["a_to_b"], held)))

    train(game, GameSchedule(steps, seed=seed, watch=""), tell=tell)
    there, back = hidden(game.nets["a_to_b"], held), hidden(game.nets["b_to_a"], partner(held))
    nothing = float((partner(held) - held).abs().mean())
    fallen = float(np.mean(cycles[-20:]) / np.mean(cycles[:20]))
    patch, first = receptive_field(PatchCritic().layers), series[0][1]
    _draw(bench, series, cycles, game.nets["a_to_b"], held)
    checks = (
        Check("hidden-pair error over that of doing nothing, there", there / nothing, "< 0.8", there < 0.8 * nothing),
        Check("the same back", back / nothing, "< 0.8", back < 0.8 * nothing),
        Check("hidden-pair error at the end over that at the start", there / first, "< 0.5", there < 0.5 * first),
        Check("cycle loss, last 20 steps over first 20", fallen, "< 0.8", fallen < 0.8),
        Check("receptive field of the paper's critic, px", patch, "70", patch == 70),
    )  # fmt: skip
    figures = (Figure("cyclegan.png", "Above: shapes, their translation, the hidden partner. Below: both errors"),)
    protocol = {
        "data": f"drawn shapes of {SIDE} px, drawn anew for every step; {HELD_OUT} held out; seed {seed}",
        "networks": f"width {RULES.width}, {RULES.blocks} residual block, one halving; critics of two halvings",
        "training": f"{steps} steps of {RULES.batch}, Adam {RULES.rate}, cycle 10, identity 1, pool of {cyclegan.POOL}",
    }
    return Page(_TITLE, _LECTURE, _EQUATION, _BODY, checks, figures, protocol)


def shapes(count: int, rng: torch.Generator) -> Tensor:
    """Warm ellipses on grey, (n, 3, 32, 32) in [-1, 1]: place and size are drawn. Shades are fixed, since instance norm
    takes every level of brightness away: no such translator could give it back."""
    at = torch.linspace(-1, 1, SIDE)
    y, x = torch.meshgrid(at, at, indexing="ij")
    middle = torch.rand(count, 2, 1, 1, generator=rng) - 0.5
    size = 0.25 + 0.35 * torch.rand(count, 2, 1, 1, generator=rng)
    inside = (((x - middle[:, 0]) / size[:, 0]) ** 2 + ((y - middle[:, 1]) / size[:, 1]) ** 2 < 1).float()[:, None]
    warm = torch.tensor([0.9, 0.1, -0.7]).view(1, 3, 1, 1)
    return inside * warm


def partner(images: Tensor) -> Tensor:
    """The hidden partner: red and blue exchanged. No translator is ever shown one beside its picture."""
    return images.flip(1)


@torch.no_grad()
def hidden(net: torch.nn.Module, images: Tensor) -> float:
    """L1 between translations and hidden partners."""
    return float((net(images) - partner(images)).abs().mean())


def _draw(
    bench: Bench, series: list[tuple[int, float]], cycles: list[float], net: torch.nn.Module, held: Tensor
) -> None:
    from matplotlib.figure import Figure as Drawing

    with torch.no_grad():
        rows = [held[:12], net(held[:12]), partner(held[:12])]
    strips = [np.concatenate(list(r.cpu().permute(0, 2, 3, 1).numpy()), axis=1) for r in rows]
    drawing = Drawing(figsize=(9, 4.6), layout="constrained")
    above, below = drawing.subplots(2, 1, height_ratios=(3, 2))
    above.imshow(np.clip((np.concatenate(strips) + 1) / 2, 0, 1), interpolation="nearest")
    above.set_axis_off()
    below.plot([s for s, _ in series], [e for _, e in series], label="hidden-pair error, L1")
    below.plot(range(1, len(cycles) + 1), cycles, lw=0.7, label="cycle loss")
    below.legend(fontsize=8)
    below.grid(alpha=0.3)
    drawing.savefig(bench.out / "cyclegan.png", dpi=80)


_TITLE = "CycleGAN"
_LECTURE = (
    "The lecture's translation between attributes (FaceApp): from one heap of pictures to another, without pairs."
)
_EQUATION = """
L = LSGAN(G, D_B) + LSGAN(F, D_A) + 10 (|F(G(a)) - a| + |G(F(b)) - b|) + 1 (|G(b) - b| + |F(a) - a|)
"""
_BODY = """
Two translators learn to undo each other, while two critics see to it that what they make looks like the other heap.
Here the true partner of every picture is known and hidden: red and blue are exchanged. That the error against it falls
is not asked of the networks by any loss; it follows from the cycle, the critics and the shyness of the identity loss.
Shapes are nobody's, so the picture is an ordinary plot.

The same game between two heaps of small faces, people who agreed or drawn puppets that look stern and that smile:
`zhenwei forge translate train | convert`.
"""
