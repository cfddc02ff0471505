"""Attention: maps of where a face was manipulated, learned with known masks."""
