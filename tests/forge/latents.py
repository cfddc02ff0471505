"""The latent autoencoder with weights by chance: what it draws is no picture, and everything else is as it is."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from zhenwei.forge.latent import FILES
from zhenwei.nets.latent_autoencoder import latent_decoder, latent_encoder


def untrained_latents(folder: Path) -> Path:
    torch.manual_seed(0)
    for net, name in zip((latent_encoder(), latent_decoder()), FILES, strict=True):
        save_file(net.state_dict(), folder / name)
    return folder
