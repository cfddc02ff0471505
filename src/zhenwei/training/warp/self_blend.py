"""``warp.self_blend`` is learned together with ``attention.manipulation_map``: heads on one trunk."""

from zhenwei.training.attention.manipulation_map import lesson as lesson
