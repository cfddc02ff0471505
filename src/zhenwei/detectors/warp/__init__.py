"""Warp: what putting a face into another picture leaves behind - resampling, blending, and the seam."""
