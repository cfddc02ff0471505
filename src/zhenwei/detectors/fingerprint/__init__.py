"""Fingerprints: what a source leaves in everything that comes from it."""
