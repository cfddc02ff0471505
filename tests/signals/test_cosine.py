"""The cosine transform as a product with its matrix, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.fft import dct, dctn

from zhenwei.signals import cosine


@pytest.mark.parametrize("count", [2, 8, 32, 40])
def test_it_is_scipys_and_turns_back(count: int) -> None:
    blocks = np.random.default_rng(count).normal(0, 50, (3, 4, count, count))
    np.testing.assert_allclose(cosine.transformed(blocks), dctn(blocks, axes=(2, 3), norm="ortho"), atol=1e-11)
    np.testing.assert_allclose(cosine.restored(cosine.transformed(blocks)), blocks, atol=1e-11)
    np.testing.assert_allclose(blocks @ cosine.matrix(count).T, dct(blocks, norm="ortho"), atol=1e-11)


def test_precision_stays_what_it_was() -> None:
    assert cosine.transformed(np.zeros((2, 8, 8), np.float32)).dtype == np.float32
