"""Repeat a forgery from its recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zhenwei.errors import DataError
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

    ``donor``, ``donor_landmarks``: of the other person, where there was one. Raises DataError for a recipe without a
    known ``method`` or an integer ``seed``, where it is of two people and the donor is lacking, and where a decoder of
    one's own had a part in it.
    """
    method, seed = recipe.get("method"), recipe.get("seed")
    known = isinstance(method, str) and (method in _METHODS or method in _OF_TWO or method == ATTRIBUTE)
    if not known or not isinstance(method, str) or not isinstance(seed, int):
        got, want = (
            f"method {method!r}, seed {seed!r}",
            f"a method of {sorted([*_METHODS, *_OF_TWO, ATTRIBUTE])} and its seed",
        )
        raise DataError("a recipe cannot be repeated", got=got, want=want)
    if recipe.get("decoder"):
        raise DataError("a recipe cannot be repeated", got="a decoder had a part in it", fix="Call regenerate_seeded.")
    if method == ATTRIBUTE:
        kind = recipe.get("kind")
        return attribute_seeded(pixels, landmarks, seed, kind=kind if isinstance(kind, str) else None)
    if method in _METHODS:
        return _METHODS[method](pixels, landmarks, seed)
    if donor is None or donor_landmarks is None:
        want = "the donor's picture and landmarks too"
        raise DataError("a recipe cannot be repeated", got=f"one picture for {method}", want=want)
    return _OF_TWO[method](pixels, landmarks, donor, donor_landmarks, seed)
