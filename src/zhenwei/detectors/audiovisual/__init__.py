"""Detectors that hold picture and sound against each other."""
