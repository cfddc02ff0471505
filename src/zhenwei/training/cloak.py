"""Protective perturbations, measured: what a cloak does to a fixed network, after JPEG, and to one that learns from it.

A cloak changes a face by at most ``epsilon`` grey levels so that a network that is known goes wrong on it: projected
gradient ascent (A. Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018) away from
what the network made of the clean face (N. Ruiz et al., "Disrupting Deepfakes", ECCV Workshops 2020). It is an exhibit,
no protection: an autoencoder swap is trained anew for every pair, on the cloaked photographs themselves, warped, scaled
and coloured at random, and :func:`honest_test` shows that it learns from them all the same.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from zhenwei.errors import DataError
from zhenwei.forge.puppet import BRUNO, any_puppet, portraits
from zhenwei.forge.swap import checkpoint
from zhenwei.forge.swap.fitting import fit
from zhenwei.forge.swap.learn import swap_faces, to_tensor
from zhenwei.forge.swap.prepare import Cut, align, cut_faces
from zhenwei.forge.swap.score import train_embedding
from zhenwei.forge.swap.sides import SwapFaces, of_portraits, oval_mask
from zhenwei.forge.swap.swap_settings import SwapSettings
from zhenwei.nets.swap import FaceEmbedding, SwapNet
from zhenwei.stats import Estimate
from zhenwei.stats.bootstrap import mean_interval
from zhenwei.types import Floats, Pixels

Tell = Callable[[str, float], None]
EPSILON, STEPS, STEP = 8.0, 30, 1.0  # grey levels of 255, as published attacks
CPU = torch.device("cpu")
_EMBEDDED = 64  # pixels that the embedding takes


def cloak(faces: Pixels, away: Callable[[Tensor], Tensor], *, epsilon: float = EPSILON, seed: int = 0) -> Pixels:
    """``faces`` ``(n, s, s, 3)`` uint8, each pixel changed by at most ``epsilon`` levels so that ``away`` grows.

    ``away``: ``(n, 3, s, s)`` float32 in [0, 1] to one value each, ``(n,)``: how far from its goal the network is.
    """
    clean = to_tensor(faces, CPU)
    reach = epsilon / 255
    rng = torch.Generator().manual_seed(seed)
    change = (torch.rand(clean.shape, generator=rng) * 2 - 1) * reach / 4
    for _ in range(STEPS):
        change.requires_grad_(True)
        (slope,) = torch.autograd.grad(away((clean + change).clamp(0, 1)).sum(), change)
        change = (change.detach() + STEP / 255 * slope.sign()).clamp(-reach, reach)
        change = (clean + change).clamp(0, 1) - clean
    levels = ((clean + change) * 255).round().byte()
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).numpy())


def noise(faces: Pixels, *, epsilon: float = EPSILON, seed: int = 0) -> Pixels:
    """The same change without aim: each value up or down by ``epsilon``."""
    drawn = np.random.default_rng(seed).choice([-1.0, 1.0], faces.shape) * epsilon
    return np.clip(np.rint(faces + drawn), 0, 255).astype(np.uint8)


def from_translation(net: SwapNet, faces: Pixels) -> Callable[[Tensor], Tensor]:
    """Away from the swap that ``net`` makes of the clean faces: mean squared difference."""
    with torch.no_grad():
        goal = net(to_tensor(faces, CPU), "b").colour

    def away(pixels: Tensor) -> Tensor:
        return functional.mse_loss(net(pixels, "b").colour, goal, reduction="none").mean(dim=(1, 2, 3))

    return away


def from_identity(net: FaceEmbedding, faces: Pixels) -> Callable[[Tensor], Tensor]:
    """Away from where ``net`` puts the clean faces: 1 - cosine."""

    def embed(pixels: Tensor) -> Tensor:
        found: Tensor = net(functional.interpolate(pixels, (_EMBEDDED, _EMBEDDED), mode="bilinear"))
        return found

    with torch.no_grad():
        goal = embed(to_tensor(faces, CPU))

    def away(pixels: Tensor) -> Tensor:
        return 1 - (embed(pixels) * goal).sum(dim=1)

    return away


@torch.no_grad()
def distances(away: Callable[[Tensor], Tensor], faces: Pixels) -> Estimate:
    """How far ``away`` is on ``faces``; mean with its bootstrap interval over faces."""
    return mean_interval(away(to_tensor(faces, CPU)).double().numpy())


def _jpeg(quality: int) -> Callable[[Pixels], Pixels]:
    def change(faces: Pixels) -> Pixels:
        out = []
        for face in faces:
            file = io.BytesIO()
            Image.fromarray(face).save(file, "JPEG", quality=quality)
            with Image.open(file) as read:
                out.append(np.asarray(read.convert("RGB")))
        return np.stack(out)

    return change


def _smaller(faces: Pixels) -> Pixels:
    side = faces.shape[1]
    halved = [cv2.resize(face, (side // 2, side // 2), interpolation=cv2.INTER_AREA) for face in faces]
    whole = [cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC) for face in halved]
    return np.asarray(np.stack(whole), np.uint8)


DEGRADATIONS: Mapping[str, Callable[[Pixels], Pixels]] = {
    "as it is": lambda faces: faces,
    "JPEG 90": _jpeg(90),
    "JPEG 75": _jpeg(75),
    "JPEG 50": _jpeg(50),
    "half the size and back": _smaller,
}


@dataclass(frozen=True, slots=True)
class CloakRow:
    """One delivery: how far the network is led astray by the cloak, by noise of the same size, and by the delivery
    alone. ``success``: the cloak's distance above noise's, as a share of what it was before delivery."""

    delivery: str
    cloaked: Estimate
    noised: Estimate
    clean: Estimate
    success: float


def measure(away: Callable[[Tensor], Tensor], faces: Pixels, cloaked: Pixels) -> tuple[CloakRow, ...]:
    """Success of a cloak before and after what happens to photographs on their way."""
    rows = []
    plain = noise(faces)
    first = 0.0
    for name, deliver in DEGRADATIONS.items():
        found = [distances(away, deliver(given)) for given in (cloaked, plain, faces)]
        gap = found[0].value - max(found[1].value, found[2].value)
        first = first or max(gap, 1e-9)
        rows.append(CloakRow(name, found[0], found[1], found[2], gap / first))
    return tuple(rows)


def learned_swap(
    a: SwapFaces, b: SwapFaces, settings: SwapSettings, tell: Tell = lambda *_: None, stage: str = ""
) -> SwapNet:
    """An autoencoder swap of the two, from nothing, in memory."""
    state = checkpoint.fresh(settings, CPU)
    fit(state, a, b, settings, CPU, tell=lambda step: tell(stage, step / settings.steps))
    return state.net.eval()


@dataclass(frozen=True, slots=True)
class Arm:
    """A swap learned from photographs of one kind, asked about clean faces kept back. ``reconstruction``: L1 of its own
    decoder, in [0, 1]; ``swap``: L1 between its swap and that of the network learned from clean photographs."""

    learned_from: str
    reconstruction: Estimate
    swap: Estimate


def honest_test(
    a: SwapFaces,
    b: SwapFaces,
    held: Pixels,
    cloaked: Pixels,
    settings: SwapSettings,
    clean: SwapNet,
    tell: Tell = lambda *_: None,
) -> tuple[Arm, ...]:
    """Does a cloak of ``a``'s photographs stop an autoencoder that learns from them?

    ``cloaked``: as ``a.pixels``. Three more swaps are learned: with another seed, from cloaked ones, after JPEG 75.
    """
    other = replace(settings, seed=settings.seed + 1)
    kinds: Sequence[tuple[str, Pixels, SwapSettings]] = (
        ("clean photographs, another seed", a.pixels, other),
        ("cloaked photographs", cloaked, other),
        ("cloaked photographs, JPEG 75", _jpeg(75)(cloaked), other),
    )
    arms = [_arm("clean photographs", clean, clean, held)]
    for name, pixels, how in kinds:
        net = learned_swap(replace(a, pixels=pixels), b, how, tell, f"learning from {name}")
        arms.append(_arm(name, net, clean, held))
    return tuple(arms)


def _arm(name: str, net: SwapNet, clean: SwapNet, held: Pixels) -> Arm:
    def gaps(made: Pixels, wanted: Pixels) -> Estimate:
        return mean_interval(np.abs(made.astype(np.float64) - wanted).mean(axis=(1, 2, 3)) / 255)

    again, swapped = swap_faces(net, held, "a", CPU)[0], swap_faces(net, held, "b", CPU)[0]
    wanted = swap_faces(clean, held, "b", CPU)[0]
    return Arm(name, gaps(again, held), gaps(swapped, wanted))


@dataclass(frozen=True, slots=True, eq=False)
class Cloaked:
    """``pixels``: the whole photograph with the cloak laid over the face, of the same size. ``translator``,
    ``embedding``: what it does to the two networks it was made against and what is left after delivery; ``arms``: what
    a swap that learns from the cloaked face loses. ``changed``: grey levels, the most in any pixel."""

    pixels: Pixels
    translator: tuple[CloakRow, ...]
    embedding: tuple[CloakRow, ...]
    arms: tuple[Arm, ...]
    changed: int


_PHOTO = SwapSettings(size=64, width=16, batch=8, steps=250, rate=1e-3, held_out=1, check_every=1000)
_COPIES, _STRANGERS, _LOOKS, _LESSONS = 24, 16, 10, 60


def cloak_photo(
    pixels: Pixels, *, epsilon: float = EPSILON, seed: int = 0, steps: int = _PHOTO.steps, tell: Tell = lambda *_: None
) -> Cloaked:
    """Cloak the largest face of a photograph ``(height, width, 3)`` uint8, and measure what that is worth.

    The networks are made for this photograph and thrown away: a swap that learns its face beside a drawn puppet's, and
    an embedding that tells puppets apart. Takes a minute or two. Raises DataError if there is no face of 64 px.
    """
    settings = replace(_PHOTO, seed=seed, steps=steps)
    cuts = cut_faces(pixels, settings.size)
    if not cuts:
        raise DataError("no face was found that is large enough", want="a face of about 64 px and more")
    cut = cuts[0]
    # One photograph many times: what is learned from is moved, coloured and warped at random anyway.
    pixels_of, points = np.repeat(cut.pixels[None], _COPIES, axis=0), np.repeat(cut.landmarks[None], _COPIES, axis=0)
    masks = np.repeat(oval_mask(cut.landmarks, settings.size)[None], _COPIES, axis=0)
    own = SwapFaces("photograph", pixels_of, points, masks)
    puppet = of_portraits("puppet", portraits(BRUNO, _COPIES, settings.size, seed))
    net = learned_swap(own, puppet, settings, tell, "a swap learns the photograph")
    known = _embedding(settings.size, seed, tell)
    face = cut.pixels[None]
    swapped, identified = from_translation(net, face), from_identity(known, face)
    scale = [float(distances(away, noise(face, epsilon=epsilon)).value) + 1e-6 for away in (swapped, identified)]

    def both(given: Tensor) -> Tensor:
        return swapped(given) / scale[0] + identified(given) / scale[1]

    tell("the cloak", 0.0)
    square = cloak(face, both, epsilon=epsilon, seed=seed)[0]
    whole = _laid(pixels, cut, square)
    again = align(whole, _points(cut), settings.size).pixels[None]
    copies = np.repeat(again, len(own), axis=0)
    arms = honest_test(own, puppet, face, copies, settings, net, tell)
    changed = int(np.abs(whole.astype(np.int16) - pixels).max())
    return Cloaked(whole, measure(swapped, face, again), measure(identified, face, again), arms, changed)


def _points(cut: Cut) -> Floats:
    return np.asarray(cut.landmarks @ cut.to_image[:, :2].T + cut.to_image[:, 2], np.float32)


def _laid(pixels: Pixels, cut: Cut, square: Pixels) -> Pixels:
    """The change of the aligned square, brought back to the photograph and added."""
    change = square.astype(np.float32) - cut.pixels
    size = (pixels.shape[1], pixels.shape[0])
    there = cv2.warpAffine(change, cut.to_image, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(np.clip(np.rint(pixels + there), 0, 255), np.uint8)


def _embedding(size: int, seed: int, tell: Tell) -> FaceEmbedding:
    tell("an embedding learns to tell puppets apart", 0.0)
    people = []
    for k in range(_STRANGERS):
        stranger = any_puppet(np.random.default_rng([seed, k]))
        people.append(of_portraits(str(k), portraits(stranger, _LOOKS, size, seed + k)).pixels)
    net = train_embedding(people, _LESSONS, seed)
    net.eval()
    return net
