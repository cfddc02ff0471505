"""``zhenwei models convert``: weights of the field into ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zhenwei.errors import MissingExtraError, UsageError, install_extra
from zhenwei.files import make_folder, write_whole


def converted(architecture: Any, weights: Path, output: Path, *, unit_features: bool, force: bool) -> str:
    """Writes ``output``; a sentence on what came of it."""
    if output.suffix != ".onnx":
        raise UsageError("the network is written as ONNX", got=output.name, want="a name ending in .onnx")
    if output.exists() and not force:
        raise UsageError("a file is in the way", got=str(output), fix="Name another, or replace it with --force.")
    try:
        from zhenwei.training.convert import convert, read_state, to_onnx
    except ImportError as error:
        fix = f"Run: {install_extra('train')}"
        raise MissingExtraError("converting weights needs PyTorch and onnx", got=str(error.name), fix=fix) from error
    found = convert(architecture, read_state(weights), unit_features=unit_features)
    exported = to_onnx(found)
    make_folder(output.parent)
    write_whole(output, exported.onnx)
    size_mb = len(exported.onnx) / 1e6
    lost = f" {len(found.unused)} tensors of the file were not needed." if found.unused else ""
    return (
        f"Wrote {output}, {size_mb:.0f} MB; it differs from PyTorch by at most {exported.parity:.1e}.{lost}\n"
        f"Next: zhenwei models add {output} --calibrate labels.csv"
    )
