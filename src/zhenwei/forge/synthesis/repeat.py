"""Repeat a forgery from its recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zhenwei.errors import DataError
from zhenwei.forge.synthesis.affine_warp import METHOD as AFFINE_WARP
from zhenwei.forge.synthesis.affine_warp import affine_warp_seeded
from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.self_blend import METHOD as SELF_BLEND
from zhenwei.forge.synthesis.self_blend import self_blend_seeded
from zhenwei.types import Floats, Pixels

_METHODS: dict[str, Callable[[Pixels, Floats, int], Forgery]] = {
    SELF_BLEND: self_blend_seeded,
    AFFINE_WARP: affine_warp_seeded,
}


def repeat(recipe: Mapping[str, Value], pixels: Pixels, landmarks: Floats) -> Forgery:
    """The forgery that ``recipe`` describes, bit for bit, from the same picture and landmarks.

    Raises DataError for a recipe without a known ``method`` or an integer ``seed``.
    """
    method, seed = recipe.get("method"), recipe.get("seed")
    if method not in _METHODS or not isinstance(method, str) or not isinstance(seed, int):
        got = f"method {method!r}, seed {seed!r}"
        raise DataError("a recipe cannot be repeated", got=got, want=f"a method of {sorted(_METHODS)} and its seed")
    return _METHODS[method](pixels, landmarks, seed)
