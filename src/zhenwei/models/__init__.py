"""The model store: what weights there are, whose they are, and loading them only after their hash was checked.

A store is a folder with ``manifest.json`` (one row a model), ``weights/`` and ``cards/``; the package is one. Only ONNX
and safetensors are accepted, since unpickling a file runs whatever its author wrote into it. Nothing is downloaded.
"""

from __future__ import annotations

from zhenwei.models.manifest import (
    STORE,
    ModelEntry,
    add_to_store,
    calibration_path,
    card,
    entry,
    manifest,
    read,
    using,
    verify,
)
from zhenwei.models.onnx_model import OnnxModel, load, load_file, set_threads

__all__ = [
    "STORE",
    "ModelEntry",
    "OnnxModel",
    "add_to_store",
    "calibration_path",
    "card",
    "entry",
    "load",
    "load_file",
    "manifest",
    "read",
    "set_threads",
    "using",
    "verify",
]
