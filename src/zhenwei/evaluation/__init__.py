"""Protocols, figures of merit with intervals, probes for shortcuts: a number comes with how it was got."""
