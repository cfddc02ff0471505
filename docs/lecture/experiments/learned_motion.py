"""Motion transfer, learned: keypoints that nobody named, and a picture drawn along their motion."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np
from docs.lecture.experiments import _real_motion
from docs.lecture.experiments.autoencoder_swap import film, save
from docs.lecture.experiments.motion_transfer import caught
from docs.lecture.measure import features
from docs.lecture.page import Bench, Check, Figure, Page

from zhenwei.forge.animate import animate, motion_of
from zhenwei.forge.animate.clips import MotionClips, like, puppet_clips
from zhenwei.forge.animate.learned import carried, home, open_weights, render
from zhenwei.forge.export import Origin
from zhenwei.forge.puppet import Look, any_look, any_puppet, draw
from zhenwei.forge.swap import score
from zhenwei.nets.first_order import SIDE, FirstOrderMotion
from zhenwei.stats import Estimate
from zhenwei.stats.bootstrap import mean_interval
from zhenwei.types import Floats, Pixels

ORDER = 4.5
NEEDS_DATA = False
_LOOKS, _SHOWN = 7, 5
_FAR = 1_000_003  # seeds from here on were not trained on


@dataclass(slots=True, eq=False)
class Scores:
    """Of each person, what was drawn and the source that stands still, both against the truth: mean absolute
    difference of 255; distance of features; landmarks, px; cosine of embeddings. ``ours``, ``theirs``: cosine of what
    was drawn with the truth, and with the driver."""

    pixels: list[tuple[float, float]] = field(default_factory=list)
    space: list[tuple[float, float]] = field(default_factory=list)
    places: list[tuple[float, float]] = field(default_factory=list)
    cosine: list[tuple[float, float]] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def add(self, made: Pixels, source: Pixels, truth: Pixels, embed: score.Embedder) -> None:
        wanted, stood = truth.astype(np.float64), np.repeat(source[None], len(truth), 0)
        self.pixels.append((_gap(made, wanted), _gap(stood, wanted)))
        felt = [features(each) for each in (made, stood, truth)]
        self.space.append((_far(felt[0], felt[2]), _far(felt[1], felt[2])))
        whose = [embed(each) for each in (made, stood, truth)]
        self.cosine.append((_alike(whose[0], whose[2]), _alike(whose[1], whose[2])))


def experiment(bench: Bench) -> Page:
    people = 24 if bench.profile == "cpu" else 400
    learned, told = open_weights(home())
    known = puppet_clips(24, 10, _FAR + bench.seed)
    embed = score.learned(score.train_embedding(known.frames, 60, bench.seed, soft=0.5))
    began = time.process_time()
    own = own_motion(learned.net, people, bench.seed, embed)
    other, rows = others_motion(learned.net, people, bench.seed, embed)
    seconds = time.process_time() - began
    save(bench.out / "learned_motion.jpg", rows, ("driver", *map(str, range(1, _SHOWN + 1))), "animate/lecture",
         bench.seed)  # fmt: skip
    origin = Origin("animate/lecture", {"people": "drawn puppets", "seed": bench.seed})
    beside = [np.concatenate(tiles, 1) for tiles in zip(*rows[:4], strict=True)]
    film(bench.out / "learned_motion.mp4", np.stack(beside), 3, origin)
    milliseconds = 1000 * seconds / (2 * people * (_LOOKS - 1))
    checks = (
        *_against_standing("own motion", own),
        *_against_standing("another's motion", other),
        Check(f"cosine with the person shown, above that with the driver {_around(_leak(other))}", _leak(other).value,
              "> 0", _leak(other).low > 0),
        Check("bytes of the weights", float(_size()), "<= 4e6", _size() <= 4e6),
        Check("milliseconds a frame, drawing puppets and scores included", milliseconds, "told", None),
        *_declared(bench, learned.net),
    )  # fmt: skip
    shown = "Two pairs of puppets; of each: driver, drawn by the network, bent along landmarks, truth"
    protocol = {
        "data": f"{people} drawn puppets that were not trained on, {_LOOKS - 1} frames each, and as many pairs; "
        f"seed {bench.seed}",
        "trained on": f"{told['data']}: {told['steps']} steps of {told['batch']} pairs, {told['minutes']:.0f} min of "
        f"one core; sha256 {told['sha256'][:16]}",
        "embedding": "24 other puppets in 10 looks, 60 steps, half of them seen blurred",
        "intervals": "95 %, bootstrap over people",
    }
    return Page(
        _TITLE,
        _LECTURE,
        _EQUATION,
        _BODY + _real_motion.section(),
        checks,
        (Figure("learned_motion.jpg", shown),),
        protocol,
        (Figure("learned_motion.mp4", "the first pair, one look after another"),),
    )


def own_motion(net: FirstOrderMotion, people: int, seed: int, embed: score.Embedder) -> Scores:
    """Each puppet's first look made into their others."""
    return redrawn(net, puppet_clips(people, _LOOKS, _FAR + seed + 1), embed)


def redrawn(net: FirstOrderMotion, clips: MotionClips, embed: score.Embedder) -> Scores:
    """Each clip's first frame made into its others: as it was trained."""
    scores = Scores()
    for frames, points in zip(clips.frames, clips.landmarks, strict=True):
        made = render(net, frames[0], frames[1:])
        scores.add(made.pixels, frames[0], frames[1:], embed)
        scores.places.append(_moved(carried(points[0], made.flow), points[:1], points[1:]))
    return scores


def others_motion(
    net: FirstOrderMotion, people: int, seed: int, embed: score.Embedder
) -> tuple[Scores, list[list[Pixels]]]:
    """Somebody else's motion, relative to a face that looks ahead; the truth is the person in the driver's looks."""
    scores, rows = Scores(), list[list[Pixels]]()
    for number in range(people):
        rng = np.random.default_rng([_FAR + seed, number])
        one, driver, scene = any_puppet(rng), any_puppet(rng), any_look(rng)
        looks = [replace(like(any_look(rng), scene), blink=0.1) for _ in range(_LOOKS - 1)]
        looks = [like(Look(blink=0.1), scene), *looks]
        truth, acted = ([draw(who, look, SIDE) for look in looks] for who in (one, driver))
        wanted, driving = (np.stack([each.pixels for each in drawn]) for drawn in (truth, acted))
        meshes = np.stack([each.landmarks for each in truth])
        made = render(net, wanted[0], driving[1:], driving[0])
        scores.add(made.pixels, wanted[0], wanted[1:], embed)
        scores.theirs.append(_alike(embed(made.pixels), embed(driving[1:])))
        points = meshes[..., :2]
        scores.places.append(_moved(carried(points[0], made.flow), points[:1], points[1:]))
        if number < 2:
            bent = _bent(wanted[0], meshes[0], np.stack([each.landmarks for each in acted]))
            each = slice(0, _SHOWN)
            rows += [[driving[0], *driving[1:][each]], [wanted[0], *made.pixels[each]], [wanted[0], *bent[1:][each]],
                     [wanted[0], *wanted[1:][each]]]  # fmt: skip
    return scores, rows


def _bent(source: Pixels, points: Floats, acted: Floats) -> Pixels:
    return animate(source, points, motion_of(acted, 25.0)).frames


def _against_standing(what: str, scores: Scores) -> tuple[Check, ...]:
    """Each measure, and its ratio to that of a source that stands still, person by person."""
    parts = (
        ("L1, of 255", scores.pixels, True),
        ("distance of features", scores.space, False),
        ("landmarks, px", scores.places, False),
    )
    checks = []
    for name, pairs, judged in parts:
        drawn, stood = np.array(pairs).T
        share = mean_interval(drawn / stood)
        text = f"{what}: {name}: {drawn.mean():.3g}, standing still {stood.mean():.3g}; the one over the other"
        ok = share.high < 1 if judged else None
        checks.append(Check(f"{text} {_around(share)}", share.value, "< 1" if judged else "told", ok))
    drawn, stood = np.array(scores.cosine).T
    gain = mean_interval(drawn - stood)
    text = f"{what}: identity cosine {drawn.mean():.3f}, standing still {stood.mean():.3f}; the one less the other"
    checks.append(Check(f"{text} {_around(gain)}", gain.value, "> 0", gain.low > 0))
    return tuple(checks)


def _leak(scores: Scores) -> Estimate:
    return mean_interval(np.array(scores.cosine)[:, 0] - np.array(scores.theirs))


def _declared(bench: Bench, net: FirstOrderMotion) -> tuple[Check, ...]:
    """A clip of it leaves through the door, and says what it is."""
    clip = puppet_clips(2, 9, _FAR + bench.seed + 2).frames
    return caught(bench, render(net, clip[0][0], clip[1], clip[1][0]).pixels)


def _moved(found: Floats, stood: Floats, truth: Floats) -> tuple[float, float]:
    return tuple(float(np.linalg.norm(each - truth, axis=2).mean()) for each in (found, stood))  # type: ignore[return-value]


def _gap(one: Pixels, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def _far(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other, axis=1).mean())


def _alike(one: Floats, other: Floats) -> float:
    return float((one * other).sum(1).mean())


def _around(estimate: Estimate) -> str:
    return f"[{estimate.low:.3g}, {estimate.high:.3g}], n = {estimate.n}"


def _size() -> int:
    return sum(path.stat().st_size for path in home().iterdir())


_TITLE = "Motion transfer, learned"
_LECTURE = "The lecture's 2018.08 and 2019.05 as they went on: the motion of a clip put on one portrait by a network."
_EQUATION = """
T(z) about p_S,k + J_S,k inv(J_D,k) (z - p_D,k)     the motion from driving frame D to source S, around keypoint k
flow(z) = m_0 z + sum_k m_k(z) T_k(z)               m: which of them a pixel follows, by softmax
out = G(o * warp(F(S), flow))                       o: what of it the source shows
loss = sum |phi(out) - phi(D)| + |out - D| + |p - B p(B D)| + |1 - inv(J) B' J(B D)|
"""
_BODY = """
Nobody names a keypoint. A network puts ten of them on a picture, each with a 2 x 2 matrix that says how the picture is
turned and stretched around it; a second one makes a dense flow of the affine motions around them and says what the
source does not show; a third draws the frame. Two frames of one clip teach it: from the one, the other is to be drawn,
in a feature space (the first layers of an ImageNet network) at two sizes and in pixels; and when a picture is bent by
a known map B, its keypoints are to go along (A. Siarohin et al., NeurIPS 2019, from the paper). For somebody else's
face the motion is taken relative to the driver's neutral frame.

The network that comes with the package is a demonstration at 64 px which has seen drawn puppets alone: of photographs
it makes something blurred that moves. The scores are of puppets that it has not seen: first their own looks, from one
of them, as it was trained; then another puppet's motion, where the truth is the same puppet drawn in the driver's
looks. Beside each stands what a source that does not move would get. Landmarks are carried along the flow.

It falls short of what the paper has: heads turn and mouths stay, in pixels and likeness it is nearer to the truth than
standing still is, but landmarks and features hardly are: most of the motion is drawn, not carried. It was trained for
minutes. Three ways were tried: a generator that draws everything, 32 wide in batches of 8 (given up after 150 steps,
too slow); the same 24 wide in batches of 4 (after 600 steps an immobile blur, L1 1.25 times that of standing still);
and this one, whose frames begin as the moved source and are drawn only where the source does not show them.

`zhenwei forge motion train --puppets 300 --output run`, and
`zhenwei forge animate portrait.jpg --driver clip.mp4 --method learned --run run --consent consent.json`
"""
