"""Temporal: what a living face does from frame to frame, and what a forged one does not."""
