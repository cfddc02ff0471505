"""Protocols as data: which files are asked about, at what levels, in what slices, after what deliveries."""

from zhenwei.evaluation.protocols.protocol import Protocol, load_protocol, names

__all__ = ["Protocol", "load_protocol", "names"]
