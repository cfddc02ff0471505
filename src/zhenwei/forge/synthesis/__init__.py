"""Forgeries made on the fly from genuine faces, each with its mask and its recipe: ``(pixels, landmarks, rng) ->
Forgery``, with the pixels and landmarks of a donor in between where there are two people. ``temporal`` forges
the course of a clip. NumPy, SciPy, OpenCV only."""

from zhenwei.forge.synthesis.affine_warp import affine_warp
from zhenwei.forge.synthesis.attribute import attribute
from zhenwei.forge.synthesis.cross_blend import boundary_map, cross_blend, nearest_donors
from zhenwei.forge.synthesis.decoded import RoundTrip, decoded
from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.mesh_swap import mesh_swap
from zhenwei.forge.synthesis.regenerate import regenerate
from zhenwei.forge.synthesis.self_blend import self_blend
from zhenwei.forge.synthesis.splice import splice
from zhenwei.forge.synthesis.temporal import VideoForgery, temporal

__all__ = [
    "Forgery",
    "RoundTrip",
    "Value",
    "VideoForgery",
    "affine_warp",
    "attribute",
    "boundary_map",
    "cross_blend",
    "decoded",
    "mesh_swap",
    "nearest_donors",
    "regenerate",
    "self_blend",
    "splice",
    "temporal",
]
