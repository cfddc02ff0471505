"""Pictures out of generators: the same for the same seed, one by one or along a walk, and ready for a sheet."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zhenwei.errors import UsageError
from zhenwei.forge.gan.gan_settings import Generator
from zhenwei.nets.stylegan import StyleGenerator
from zhenwei.types import Pixels

_AT_ONCE = 128


def noise_for(count: int, noise: int, seed: int) -> Tensor:
    """(count, noise) numbers of N(0, 1), the same for the same seed."""
    return torch.randn(count, noise, generator=torch.Generator().manual_seed(seed))


def imagine(generator: Generator, noise: Tensor, *, truncation: float = 1.0, still: bool = False) -> Pixels:
    """Noise (n, noise) -> pictures (n, side, side, 3) uint8, by the statistics of training (no batch decides).

    ``truncation``, of StyleGAN only: 1 is as learned, 0 the mean face for all. ``still``: StyleGAN's noise by pixel is
    left out, so that only what is asked to move moves. UsageError for a truncation of another generator."""
    if isinstance(generator, StyleGenerator):
        return draw(generator, truncated(generator, styles_of(generator, noise), truncation), still=still)
    if truncation != 1:
        got = "a generator without styles"
        raise UsageError("only StyleGAN has a middle to be drawn to", got=got, want="truncation 1")
    was, device = generator.training, next(generator.parameters()).device
    generator.eval()
    with torch.no_grad():
        made = [generator(part.to(device)).float().cpu() for part in torch.split(noise, _AT_ONCE)]
    generator.train(was)
    return levels(torch.cat(made))


@torch.no_grad()
def styles_of(generator: StyleGenerator, noise: Tensor) -> Tensor:
    """(n, noise) -> styles by layer (n, layers, noise), on the generator's device."""
    return generator.repeated(generator.mapping(noise.to(generator.constant.device)))


@torch.no_grad()
def mean_style(generator: StyleGenerator) -> Tensor:
    """(noise,): mean style of 4096 latents, always the same ones."""
    styles: Tensor = generator.mapping(noise_for(4096, generator.noise, 0).to(generator.constant.device))
    return styles.mean(0)


def truncated(generator: StyleGenerator, styles: Tensor, share: float) -> Tensor:
    """Styles drawn to their mean: ``share`` of the way from it stays (StyleGAN 2019, section B)."""
    if share == 1:
        return styles
    middle = mean_style(generator)
    return middle + share * (styles - middle)


@torch.no_grad()
def draw(generator: StyleGenerator, styles: Tensor, *, still: bool = False) -> Pixels:
    """Styles by layer (n, layers, noise) -> pictures; the noise by pixel of each depends on its place alone."""
    made = []
    for start in range(0, len(styles), _AT_ONCE):
        part = styles[start : start + _AT_ONCE]
        noise = None if still else _pixel_noise(generator, range(start, start + len(part)))
        made.append(generator.draw(part, noise).float().cpu())
    return levels(torch.cat(made))


def levels(images: Tensor) -> Pixels:
    """(n, 3, side, side) around [-1, 1] -> (n, side, side, 3) uint8."""
    found = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(found.permute(0, 2, 3, 1).numpy())


def walk(stops: Tensor, between: int) -> Tensor:
    """A closed walk through ``stops`` (n, noise): (n * between, noise), ``between`` steps from each to the next.

    Along the sphere (T. White, "Sampling Generative Networks", 2016): straight lines pass through lengths that N(0, 1)
    hardly ever has, where the generator learned nothing. UsageError under 2 stops or 1 step."""
    if len(stops) < 2 or between < 1:
        raise UsageError("a walk goes somewhere", got=f"{len(stops)} stops, {between} steps", want="2 and 1 at least")
    path = []
    for a, b in zip(stops, stops.roll(-1, 0), strict=True):
        angle = torch.arccos(torch.clamp((a / a.norm()) @ (b / b.norm()), -1, 1))
        for share in torch.arange(between) / between:
            if float(angle.sin()) < 1e-4:
                path.append(a + share * (b - a))
            else:
                path.append(((1 - share) * angle).sin() / angle.sin() * a + (share * angle).sin() / angle.sin() * b)
    return torch.stack(path)


def rows_of(images: Pixels, columns: int) -> list[list[Pixels]]:
    """Tiles of a sheet, enlarged."""
    large = enlarged(images)
    return [large[k : k + columns] for k in range(0, len(large), columns)]


def enlarged(images: Pixels) -> list[Pixels]:
    """Each of 96 px at least, as a watermark drowns among small ones."""
    factor = -(-96 // images.shape[1])
    return [p.repeat(factor, axis=0).repeat(factor, axis=1) for p in images]


def _pixel_noise(generator: StyleGenerator, places: range) -> list[Tensor]:
    rngs = [torch.Generator().manual_seed(place) for place in places]
    noise: list[Tensor] = []
    for shape in generator.noise_shapes(1):
        drawn = torch.stack([torch.randn(shape[1:], generator=rng) for rng in rngs])
        noise.append(drawn.to(generator.constant.device))
    return noise
