"""Provenance: what a file says of itself, in credentials, labels, watermarks and the traces of tools."""
