"""Genuine pictures through a latent autoencoder and back: what a generator's decoder leaves, and nothing else.

Every depth keeps the content, so a picture and its round trip differ in the decoder's traces alone. "full": once;
"noise": with noise on the latents; "twice": two round trips; "half": half of the face alone, with a soft edge.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from zhenwei.errors import DataError
from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.nets.latent_autoencoder import latent_decoder, latent_encoder
from zhenwei.trainer.precision import quickest_type
from zhenwei.types import Floats, Pixels

Depth = Literal["full", "noise", "twice", "half"]
FILES = ("taef2_encoder.safetensors", "taef2_decoder.safetensors")
SIDES = (160, 192, 224, 256, 256)  # px at which a picture of a face is drawn anew; whole latents
_ODDS = (0.55, 0.15, 0.15, 0.15)
_CPU = torch.device("cpu")
_FACE = (0.22, 0.78)  # of a crop with half a face of margin on each side


class LatentRoundTrip:
    """The two networks, ready. ``folder`` holds :data:`FILES`; raises :class:`DataError` where it does not."""

    def __init__(self, folder: Path) -> None:
        encoder, decoder = latent_encoder(), latent_decoder()
        for net, name in zip((encoder, decoder), FILES, strict=True):
            path = folder / name
            if not path.is_file():
                raise DataError(
                    "the latent autoencoder is missing", got=f"no {name} in {folder}", want=", ".join(FILES)
                )
            try:
                net.load_state_dict(load_file(path))
            except (SafetensorError, RuntimeError) as error:
                raise DataError("these are no weights of the autoencoder", got=f"{path}: {str(error)[:200]}") from error
        self._encoder, self._decoder = _ready(encoder), _ready(decoder)

    @torch.no_grad()
    def __call__(self, pixels: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
        """``(h, w, 3)`` uint8 RGB, sides multiples of 8, drawn anew. ``strength``: of noise on the latents, in their
        deviations; nothing is drawn from ``rng`` without."""
        latents = self._encoder(_tensor(pixels))
        if strength:
            noise = torch.from_numpy(rng.standard_normal(latents.shape, np.float32)).to(latents.dtype)
            latents = latents + strength * latents.float().std().to(latents.dtype) * noise
        return _pixels(self._decoder(latents))

    def draw(self, pixels: Pixels, rng: np.random.Generator) -> tuple[Pixels, Forgery]:
        """A crop of a face ``(side, side, 3)`` uint8 RGB at a drawn size, and drawn anew at that size."""
        depth: Depth = get_args(Depth)[int(rng.choice(len(_ODDS), p=_ODDS))]
        side, seed = int(rng.choice(SIDES)), int(rng.integers(2**53))
        genuine = np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
        again = np.random.default_rng(seed)
        recipe: dict[str, Value] = {"method": "latent_round_trip", "seed": seed, "depth": depth, "side": side}
        strength = float(again.uniform(0.05, 0.3)) if depth == "noise" else 0.0
        if strength:
            recipe["strength"] = round(strength, 4)
        drawn = self(genuine, strength, again)
        if depth == "twice":
            drawn = self(drawn, 0.0, again)
        mask = np.ones((side, side), np.float32)
        if depth == "half":
            mask = _half(side, again)
            drawn = np.asarray(np.rint(genuine + (drawn - genuine.astype(np.float32)) * mask[..., None]), np.uint8)
        return genuine, Forgery(drawn, mask, recipe)


@cache
def opened(folder: Path) -> LatentRoundTrip:
    """That of ``folder``, opened once in a process."""
    return LatentRoundTrip(folder)


def _ready(net: nn.Module) -> nn.Module:
    """A sixteenth bit of precision is not seen in 8 bit pixels, and twice as fast where the processor has it."""
    net = net.eval().to(quickest_type(_CPU))
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _tensor(pixels: Pixels) -> Tensor:
    x = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None]
    return (x.to(quickest_type(_CPU)) / 255).contiguous(memory_format=torch.channels_last)


def _pixels(x: Tensor) -> Pixels:
    return np.asarray((x[0].float().clamp(0, 1) * 255).round().permute(1, 2, 0).numpy(), np.uint8)


def _half(side: int, rng: np.random.Generator) -> Floats:
    """A side of the face's square, its edge soft."""
    first, last = (round(share * side) for share in _FACE)
    mask = np.zeros((side, side), np.float32)
    mask[first:last, first:last] = 1
    middle = side // 2
    cut = (np.s_[:, :middle], np.s_[:, middle:], np.s_[:middle], np.s_[middle:])
    mask[cut[int(rng.integers(4))]] = 0
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(2, 8))), np.float32)
