"""``encoder.animated`` is learned together with ``encoder.blended``: heads on one tower."""

from zhenwei.training.encoder.blended import lesson as lesson
