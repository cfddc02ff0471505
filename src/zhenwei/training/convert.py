"""Weights that users of the field hold, into ONNX networks that say themselves what they must be fed.

Three architectures, each built here from its paper: Xception, EfficientNet-B4 and CLIP ViT-L/14 with a linear head. The
names of parameters in a file of weights are those of the projects that pass them round; prefixes do not matter. What a
file does not hold, or holds in another shape, is an error that names it. Pickled code is never run.
"""

from __future__ import annotations

import json
import pickle
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import onnx
import torch
from torch import Tensor, nn

from zhenwei.errors import DataError
from zhenwei.models.foreign import METADATA
from zhenwei.nets.clip_classifier import ClipClassifier
from zhenwei.nets.efficientnet import SIZE_B4_PX, EfficientNet
from zhenwei.nets.xception import SIZE_PX, Xception
from zhenwei.trainer.checkpoints import UNREADABLE
from zhenwei.training.install.onnx_export import ExportedModel, export

Architecture = Literal["xception", "efficientnet-b4", "clip-l14"]
State = dict[str, Tensor]
_WRAPPED = ("state_dict", "model_state_dict", "model", "net", "module", "ema")
_IGNORED = ("num_batches_tracked", "position_ids")
_HALF = {"mean": (0.5, 0.5, 0.5), "deviation": (0.5, 0.5, 0.5)}
_UNIT = {"mean": (0.0, 0.0, 0.0), "deviation": (1.0, 1.0, 1.0)}
_CLIP = {"mean": (0.48145466, 0.4578275, 0.40821073), "deviation": (0.26862954, 0.26130258, 0.27577711)}
_HEAD_PX = 64  # width of one head of every CLIP


@dataclass(frozen=True, slots=True)
class Converted:
    """``contract``: what the network is fed, for ``zhenwei models add``. ``unused``: names in the file that it did not
    need."""

    net: nn.Module
    contract: Mapping[str, Any]
    size_px: int
    unused: tuple[str, ...]


def _in_short(error: Exception) -> str:
    """PyTorch's own words advise to load whatever is in a pickle, which nobody should."""
    if isinstance(error, pickle.UnpicklingError):
        return "no weights, or a pickle with more in it than tensors"
    return str(error).splitlines()[0][:200]


def read_state(path: Path) -> State:
    """The tensors in a file of weights, out of whatever they are wrapped in. Raises :class:`DataError`."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of pickles of another protocol: they are read, or refused
            held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DataError("the weights cannot be read", got=f"{path}: {error.strerror or error}") from error
    except UNREADABLE as error:
        fix = "Save them anew where they were made: the state dict alone, or as safetensors."
        got = f"{path}: {_in_short(error)}"
        raise DataError("the file is no plain table of weights", got=got, want="tensors alone", fix=fix) from error
    for name in (*_WRAPPED, *_WRAPPED):  # one may lie in another
        if isinstance(held, dict) and isinstance(held.get(name), dict):
            held = held[name]
    tensors = (
        {str(key): value for key, value in held.items() if isinstance(value, Tensor)} if isinstance(held, dict) else {}
    )
    if not tensors:
        raise DataError("the file holds no weights", got=type(held).__name__, want="tensors by name")
    return tensors


def convert(architecture: Architecture, state: State, *, unit_features: bool = False) -> Converted:
    """The network with those weights, ready to answer. ``unit_features``: of CLIP, whether the head reads features of
    length 1, which weights do not tell. Raises :class:`DataError` for weights of another network."""
    if architecture == "clip-l14":
        return _clip(state, unit_features)
    return _BUILT[architecture](state)


def to_onnx(converted: Converted) -> ExportedModel:
    """Exported with the parity check of every network, its contract written into the file."""
    exported = export(converted.net, converted.size_px, input_name="pictures", outputs=("logits",))
    model = onnx.load_from_string(exported.onnx)
    onnx.helper.set_model_props(model, {METADATA: json.dumps(converted.contract)})
    return ExportedModel(model.SerializeToString(), exported.parity)


def _xception(state: State) -> Converted:
    prefix = _prefix(state, "block12.skip.weight")
    head = _head_of(state, 2048, ("last_linear.weight", "last_linear.1.weight", "fc.weight"))
    names: dict[str, str] = {}
    net = Xception(classes=len(state[f"{head}.weight"]))
    for name in net.state_dict():
        kind, _, part = name.rpartition(".")
        names[name] = f"{head}.{part}" if kind == "last_linear" else prefix + name
    reference = "Xception (Chollet 2017) trained elsewhere on faces, after FaceForensics++ (Rössler et al. 2019)"
    contract = {"takes": "face", **_HALF, "margin": 0.15, "meaning": "logits", "forged": 1, "reference": reference}
    return _filled(net, state, names, contract, SIZE_PX)


_EFFICIENT = {
    "expand": "_expand_conv",
    "norm0": "_bn0",
    "depthwise": "_depthwise_conv",
    "norm1": "_bn1",
    "squeeze": "_se_reduce",
    "excite": "_se_expand",
    "project": "_project_conv",
    "norm2": "_bn2",
    "stem": "_conv_stem",
    "stem_norm": "_bn0",
    "head": "_conv_head",
    "head_norm": "_bn1",
    "linear": "_fc",
}


def _efficientnet(state: State) -> Converted:
    prefix = _prefix(state, "_conv_stem.weight")
    net = EfficientNet(classes=len(state[f"{prefix}_fc.weight"]) if f"{prefix}_fc.weight" in state else 2)
    names = {}
    for name in net.state_dict():
        *above, layer, part = name.split(".")
        block = f"_blocks.{above[1]}." if above else ""
        names[name] = f"{prefix}{block}{_EFFICIENT[layer]}.{part}"
    reference = "EfficientNet-B4 (Tan & Le 2019) trained elsewhere on self-blended images (Shiohara & Yamasaki 2022)"
    contract = {"takes": "face", **_UNIT, "margin": 0.25, "meaning": "logits", "forged": 1, "reference": reference}
    return _filled(net, state, names, contract, SIZE_B4_PX)


_BUILT: dict[str, Callable[[State], Converted]] = {"xception": _xception, "efficientnet-b4": _efficientnet}
_BLOCK = {
    "norm1": "layer_norm1",
    "norm2": "layer_norm2",
    "out": "self_attn.out_proj",
    "fc1": "mlp.fc1",
    "fc2": "mlp.fc2",
    "qkv": "self_attn.qkv_proj",
}
_TOP = {
    "token": "embeddings.class_embedding",
    "position": "embeddings.position_embedding.weight",
    "patch.weight": "embeddings.patch_embedding.weight",
    "norm": "pre_layrnorm",
    "last_norm": "post_layernorm",
}


def _clip(state: State, unit_features: bool) -> Converted:
    low_rank = any(name.endswith("S_residual") for name in state)
    if low_rank:
        state = _low_rank_folded(state)
    anchor = "embeddings.patch_embedding.weight"
    prefix = _prefix(state, anchor)
    width, _, patch_px, _ = state[prefix + anchor].shape
    state = _joined(state, prefix)
    head = _head_of(state, width, ())
    cells = len(_wanted(state, f"{prefix}{_TOP['position']}")) - 1
    size_px = patch_px * round(cells**0.5)
    blocks = len({name for name in state if re.search(r"layers\.\d+\.layer_norm1\.weight$", name)})
    net = ClipClassifier(
        len(state[f"{head}.weight"]),
        width=width,
        blocks=blocks,
        heads=max(1, width // _HEAD_PX),
        patch_px=patch_px,
        size_px=size_px,
        unit_features=unit_features,
    )
    names = {name: _clip_name(name, prefix, head) for name in net.state_dict()}
    how = (
        "low-rank parts added to its attention (Yan et al. 2025)" if low_rank else "tuned norms (Yermakov et al. 2025)"
    )
    reference = f"CLIP ViT-L/14 (Radford et al. 2021) with {how}, trained elsewhere"
    contract: dict[str, Any] = {"takes": "face", **_CLIP, "margin": 0.15, "reference": reference, "forged": 1}
    contract["meaning"] = "logits" if len(state[f"{head}.weight"]) > 1 else "logit"
    return _filled(net, state, names, contract, size_px)


def _clip_name(name: str, prefix: str, head: str) -> str:
    if name in _TOP:
        return prefix + _TOP[name]
    layer, _, part = name.rpartition(".")
    if layer == "head":
        return f"{head}.{part}"
    if layer in _TOP:
        return f"{prefix}{_TOP[layer]}.{part}"
    _, number, inner = layer.split(".")
    return f"{prefix}encoder.layers.{number}.{_BLOCK[inner]}.{part}"


def _low_rank_folded(state: State) -> State:
    """Every ``X.weight_main`` with what was added to it, U diag(S) V, as ``X.weight``."""
    found = dict(state)
    for name in state:
        if name.endswith(".weight_main"):
            layer = name.removesuffix(".weight_main")
            parts = [found.pop(f"{layer}.{part}_residual") for part in "USV" if f"{layer}.{part}_residual" in found]
            weight = found.pop(name)
            if len(parts) == 3:
                left, values, right = parts
                weight = weight + (left * values) @ right
            found[f"{layer}.weight"] = weight
    return found


def _joined(state: State, prefix: str) -> State:
    """Queries, keys and values of every block in one matrix, as this network has them."""
    found = dict(state)
    for name in state:
        if name.startswith(prefix) and ".self_attn.q_proj." in name:
            kinds = [found.pop(name.replace("q_proj", f"{kind}_proj"), None) for kind in "qkv"]
            parts = [part for part in kinds if part is not None]
            found[name.replace("q_proj", "qkv_proj")] = torch.cat(parts)
    return found


def _prefix(state: State, anchor: str) -> str:
    """What stands before ``anchor``, which every file of this architecture has."""
    found = [name.removesuffix(anchor) for name in state if name.endswith(anchor)]
    if not found:
        raise _other(f"no {anchor} among {len(state)} tensors, the first {next(iter(state))}")
    return min(found, key=len)


def _head_of(state: State, width: int, names: tuple[str, ...]) -> str:
    """The linear layer of one or a few classes that reads ``width`` features."""
    fitting = [
        name for name, value in state.items() if value.ndim == 2 and value.shape[1] == width and len(value) <= 16
    ]
    if names:
        fitting = [name for name in fitting if name.endswith(names)]
    if len(fitting) != 1:
        raise _other(f"{len(fitting)} linear layers that could be the head: {', '.join(fitting)[:200]}")
    return fitting[0].removesuffix(".weight")


def _wanted(state: State, name: str) -> Tensor:
    if name not in state:
        raise _other(f"no {name}")
    return state[name]


def _filled(
    net: nn.Module, state: State, names: Mapping[str, str], contract: Mapping[str, Any], size_px: int
) -> Converted:
    values, missing = {}, []
    for name, parameter in net.state_dict().items():
        theirs = state.get(names[name])
        if name.endswith(_IGNORED):
            values[name] = parameter
        elif theirs is None or theirs.numel() != parameter.numel():
            missing.append(names[name] if theirs is None else f"{names[name]} of shape {list(theirs.shape)}")
        else:
            values[name] = theirs.reshape(parameter.shape).float()
    if missing:
        raise _other(f"{len(missing)} tensors missing or of another shape, the first {missing[0]}")
    net.load_state_dict(values)
    used = set(names.values())
    unused = tuple(name for name in state if name not in used and not name.endswith(_IGNORED))
    return Converted(net.eval(), contract, size_px, unused)


def _other(got: str) -> DataError:
    fix = "Check that the file is of this architecture."
    return DataError("these are no weights of this network", got=got, want="every tensor that it has", fix=fix)
