"""Voices that were synthesised or converted."""
