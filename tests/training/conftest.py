"""One thread: what is compared bit by bit must be summed in one order, and other work on the machine goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from tests.forge.latents import untrained_latents


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def latents(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a latent autoencoder that learned nothing."""
    return str(untrained_latents(tmp_path_factory.mktemp("latents")))
