"""Repeat a forgery from its recipe: that method and seed say all that was drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zhenwei.forge.synthesis.affine_warp import METHOD as AFFINE_WARP
from zhenwei.forge.synthesis.affine_warp import affine_warp_seeded
from zhenwei.forge.synthesis.attribute import METHOD as ATTRIBUTE
from zhenwei.forge.synthesis.attribute import attribute_seeded
from zhenwei.forge.synthesis.cross_blend import METHOD as CROSS_BLEND
from zhenwei.forge.synthesis.cross_blend import cross_blend_seeded
from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.mesh_swap import METHOD as MESH_SWAP
from zhenwei.forge.synthesis.mesh_swap import mesh_swap_seeded
from zhenwei.forge.synthesis.regenerate import METHOD as REGENERATE
from zhenwei.forge.synthesis.regenerate import regenerate_seeded
from zhenwei.forge.synthesis.self_blend import METHOD as SELF_BLEND
from zhenwei.forge.synthesis.self_blend import self_blend_seeded
from zhenwei.forge.synthesis.splice import METHOD as SPLICE
from zhenwei.forge.synthesis.splice import splice_seeded
from zhenwei.forge.synthesis.temporal import VideoForgery, temporal_seeded
from zhenwei.types import Floats, Pixels

_METHODS: dict[str, Callable[[Pixels, Floats, int], Forgery]] = {
    SELF_BLEND: self_blend_seeded,
    AFFINE_WARP: affine_warp_seeded,
    REGENERATE: lambda pixels, _landmarks, seed: regenerate_seeded(pixels, seed),
}

_OF_TWO: dict[str, Callable[[Pixels, Floats, Pixels, Floats, int], Forgery]] = {
    CROSS_BLEND: cross_blend_seeded,
    MESH_SWAP: mesh_swap_seeded,
    SPLICE: splice_seeded,
}


def repeat(
    recipe: Mapping[str, Value],
    pixels: Pixels,
    landmarks: Floats,
    donor: Pixels | None = None,
    donor_landmarks: Floats | None = None,
) -> Forgery:
    """The forgery that ``recipe`` describes, bit for bit, from the same picture and landmarks.

    ``donor``, ``donor_landmarks``: of the other person, where there was one.
    """
    method, seed = recipe["method"], recipe["seed"]
    assert isinstance(method, str)
    assert isinstance(seed, int)
    if method == ATTRIBUTE:
        return attribute_seeded(pixels, landmarks, seed, kind=str(recipe["kind"]))
    if method in _METHODS:
        return _METHODS[method](pixels, landmarks, seed)
    assert donor is not None
    assert donor_landmarks is not None
    return _OF_TWO[method](pixels, landmarks, donor, donor_landmarks, seed)


def repeat_video(
    recipe: Mapping[str, Value], frames: Pixels, landmarks: Floats, donor: Pixels | None = None
) -> VideoForgery:
    """The forgery that ``recipe`` describes, bit for bit, from the same clip, landmarks and donor."""
    seed, kind = recipe["seed"], recipe["kind"]
    assert isinstance(seed, int)
    return temporal_seeded(frames, landmarks, seed, donor=donor, kind=str(kind))
