"""The network of flicker: its score is the mean of the most suspicious quarter."""

from __future__ import annotations

import torch

from zhenwei.nets.flicker import FRAMES, FlickerNet


@torch.no_grad()
def test_the_score_is_the_mean_of_the_most_suspicious_quarter() -> None:
    net = FlickerNet(8).eval()
    found = net(torch.randn(3, 8, FRAMES))
    assert found.course.shape == (3, FRAMES)
    for score, course in zip(found.score, found.course, strict=True):
        torch.testing.assert_close(score, course.sort(descending=True).values[: FRAMES // 4].mean())
