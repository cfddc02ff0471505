"""Detectors that ask whether what a file says of itself, or shows in its parts, holds together."""
