"""Round trips through the latent autoencoder: the content stays, and only what the mask says is drawn anew."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zhenwei.errors import DataError
from zhenwei.forge.latent import FILES, LatentRoundTrip
from zhenwei.nets.latent_autoencoder import LATENTS, latent_decoder, latent_encoder

WEIGHTS = Path(__file__).parents[3] / "shared" / "models"
PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
needs_weights = pytest.mark.skipif(not (WEIGHTS / FILES[0]).is_file(), reason="the autoencoder's weights are not here")


@torch.no_grad()
def test_eight_pixels_are_a_latent() -> None:
    latents = latent_encoder()(torch.rand(1, 3, 64, 40))
    assert latents.shape == (1, LATENTS, 8, 5)
    assert latent_decoder()(latents).shape == (1, 3, 64, 40)


def test_missing_weights_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="autoencoder is missing"):
        LatentRoundTrip(tmp_path)
    for name in FILES:
        (tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(DataError, match="no weights of the autoencoder"):
        LatentRoundTrip(tmp_path)


@needs_weights
def test_a_portrait_comes_back_nearly_the_same() -> None:
    pixels = np.asarray(Image.open(PORTRAIT).convert("RGB").resize((320, 320)), np.uint8)
    trip, rng = LatentRoundTrip(WEIGHTS), np.random.default_rng(3)
    depths = set()
    for _ in range(12):
        genuine, forgery = trip.draw(pixels, rng)
        difference = genuine.astype(np.float64) - forgery.pixels
        psnr = 10 * np.log10(255**2 / np.mean(difference**2))
        assert 24 < psnr < 55
        untouched = forgery.mask == 0
        assert not difference[untouched].any()
        depths.add(forgery.recipe["depth"])
        assert genuine.shape[0] == forgery.recipe["side"]
    assert {"full", "half"} <= depths
