"""Forgeries made on the fly from genuine faces, each with its mask and its recipe: ``(pixels, landmarks, rng) ->
Forgery``. NumPy and OpenCV only."""

from zhenwei.forge.synthesis.affine_warp import affine_warp
from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.repeat import repeat
from zhenwei.forge.synthesis.self_blend import self_blend

__all__ = ["Forgery", "Value", "affine_warp", "repeat", "self_blend"]
