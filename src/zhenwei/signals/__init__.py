"""Shared maths on arrays: plain functions, no files, no models."""
