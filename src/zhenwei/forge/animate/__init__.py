"""One portrait animated by somebody's motion, or by speech: classical and exact, nothing learned of the person."""

from zhenwei.forge.animate.animation import Animation, animate
from zhenwei.forge.animate.motion import Motion, drive, limited, motion_of, smoothed
from zhenwei.forge.animate.still import animated, animated_clip, animated_seeded

__all__ = [
    "Animation",
    "Motion",
    "animate",
    "animated",
    "animated_clip",
    "animated_seeded",
    "drive",
    "limited",
    "motion_of",
    "smoothed",
]
