"""Fingerprint networks: cosines are cosines, residuals are what is not given back, generators leave their grid."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from zhenwei.nets.fingerprint import ENLARGERS, SIZE_PX, Generator, LearnedFingerprint, ResidualFingerprint


def images(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, SIZE_PX, SIZE_PX, generator=torch.Generator().manual_seed(0)) * 2 - 1


@torch.no_grad()
def test_similarity_is_the_cosine_with_the_classifiers_rows() -> None:
    net = LearnedFingerprint(5).eval()
    found = net(images())
    assert found.fingerprint.shape == (2, 128)
    torch.testing.assert_close(found.fingerprint.norm(dim=1), torch.ones(2))
    expected = functional.cosine_similarity(found.fingerprint[:, None], net.rows[None], dim=2)
    torch.testing.assert_close(found.cosines, expected, atol=1e-5, rtol=0)
    assert found.least.shape == (2, 5)


@torch.no_grad()
def test_the_residual_is_what_the_autoencoder_does_not_give_back() -> None:
    net, some = ResidualFingerprint(3).eval(), images()
    found = net(some)
    torch.testing.assert_close(found.residual + net.autoencoder(some), some, atol=1e-5, rtol=0)
    flat = found.residual.flatten(1)
    for source in range(3):
        both = torch.corrcoef(torch.stack([flat[0], net.templates[source].flatten()]))[0, 1]
        assert float(found.cosines[0, source]) == pytest.approx(float(both), abs=1e-4)


@pytest.mark.parametrize("enlarger", ENLARGERS)
@torch.no_grad()
def test_generators_draw_in_the_size_they_see(enlarger: str) -> None:
    net = Generator(enlarger)
    assert net(images()[:, :, :64, :48]).shape == (2, 3, 64, 48)
    assert net.encoder(images()).shape[2:] == (SIZE_PX // 4, SIZE_PX // 4)


def test_an_enlarger_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="bicubic"):
        Generator("bicubic")
