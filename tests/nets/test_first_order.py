"""Geometry of the first-order motion model: what is affine comes out exactly."""

from __future__ import annotations

import torch

from zhenwei.nets.first_order import (
    FirstOrderMotion,
    Flow,
    Keypoints,
    around,
    enlarged,
    inverse,
    places_of,
    warp,
)


def test_places_look_up_the_picture_itself() -> None:
    x = torch.rand(2, 3, 12, 20)
    grid = places_of(12, 20).expand(2, -1, -1, 2)
    assert torch.allclose(warp(x, grid), x, atol=1e-5)
    small = Flow(places_of(6, 10).expand(2, -1, -1, 2), torch.ones(2, 1, 6, 10))
    inner = (enlarged(small).grid - grid)[:, 1:-1, 1:-1]  # at the edges it goes on as it was
    assert inner.abs().max() < 1e-5


def test_an_affine_motion_is_found_from_every_keypoint() -> None:
    """Keypoints of a frame and of the same frame moved by one affine map tell that map everywhere."""
    torch.manual_seed(0)
    turn, shift = torch.eye(2) + 0.2 * torch.randn(2, 2), 0.1 * torch.randn(2)
    at, axes = torch.rand(1, 5, 2) - 0.5, torch.eye(2) + 0.2 * torch.randn(1, 5, 2, 2)
    theirs = Keypoints(at, axes)
    ours = Keypoints(at @ turn.T + shift, turn @ axes)
    places = places_of(8, 8)
    found = around(places, ours, theirs)
    assert found.shape == (1, 5, 8, 8, 2)
    assert torch.allclose(found, (places @ turn.T + shift).expand_as(found), atol=1e-5)


def test_inverses_are_inverses_and_bounded_where_there_is_none() -> None:
    torch.manual_seed(1)
    axes = torch.eye(2) + 0.3 * torch.randn(4, 3, 2, 2)
    assert torch.allclose(inverse(axes) @ axes, torch.eye(2).expand(4, 3, 2, 2), atol=1e-4)
    assert torch.isfinite(inverse(torch.zeros(1, 1, 2, 2))).all()
    assert inverse(torch.tensor([[1.0, 1.0], [1.0, 1.0]])).abs().max() <= 100


def test_shapes_and_ranges_of_what_is_drawn() -> None:
    torch.manual_seed(0)
    net = FirstOrderMotion(points=4, width=8).eval()
    source, driving = torch.rand(2, 2, 3, 64, 64)
    with torch.no_grad():
        ours, theirs = net.detector(source), net.detector(driving)
        drawn = net(source, ours, theirs)
    assert ours.at.shape == (2, 4, 2)
    assert ours.at.abs().max() <= 1
    assert torch.allclose(ours.axes, torch.eye(2).expand(2, 4, 2, 2), atol=1e-5)  # no turn before it learned any
    assert drawn.pixels.shape == (2, 3, 64, 64)
    assert 0 <= drawn.pixels.min() <= drawn.pixels.max() <= 1
    assert drawn.flow.grid.shape == (2, 32, 32, 2)
    assert drawn.flow.shown.shape == (2, 1, 32, 32)


def test_keypoints_where_they_were_leave_everything_where_it_was() -> None:
    torch.manual_seed(0)
    net = FirstOrderMotion(points=4, width=8).eval()
    source = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        ours = net.detector(source)
        flow = net(source, ours, ours).flow
    assert torch.allclose(flow.grid, places_of(32, 32)[None], atol=1e-5)
