"""``fingerprint.residual`` is learned together with ``fingerprint.learned``."""

from zhenwei.training.fingerprint.learned import lesson as lesson
