"""Detectors that rest on how pictures are taken and saved: exposure, noise, JPEG. No network, little to learn."""
