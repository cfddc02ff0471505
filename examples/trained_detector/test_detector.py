"""The numbers of ``traditional.colour_noise`` are those of noise whose strength and kinship are known."""

from __future__ import annotations

import numpy as np
import pytest
from zhenwei.detectors.traditional.colour_noise import features


def test_noise_that_all_colours_share_is_told_from_noise_of_their_own() -> None:
    rng = np.random.default_rng(0)
    grey, own = rng.normal(0, 5, (200, 200, 1)), rng.normal(0, 5, (200, 200, 3))
    for noise, shared in ((np.repeat(grey, 3, axis=2), 1.0), (own, 0.0)):
        found = features(np.clip(np.rint(128 + noise), 0, 255).astype(np.uint8))
        assert found[:3] == pytest.approx([np.log(2 * 5 + 1)] * 3, abs=0.05)  # four pixels add up, and one is added
        assert found[3:] == pytest.approx([shared] * 3, abs=0.2)
