"""How much fine detail a picture holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def laplacian_variance(luma: NDArray[np.uint8]) -> float:
    """Variance of the four-neighbour Laplacian of ``(height, width)`` uint8; 0 for a plain or a slanted plane.

    The usual focus measure (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR 2000). It grows
    with the square of contrast and falls with size, so pictures are brought to one size before they are compared.
    """
    import cv2

    return float(cv2.Laplacian(luma, cv2.CV_32F).var())
