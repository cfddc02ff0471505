"""From trained weights to the model store: ONNX, parity with PyTorch, manifest row."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from zhenwei.errors import DataError, ModelError
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.training.loop import UNREADABLE
from zhenwei.training.recipe import Recipe

OPSET = 17
_TOLERANCE = 2e-3


class _Exported(nn.Module):
    """The network as the store holds it: plain tensors out, in a fixed order."""

    def __init__(self, net: FaceForgeryNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        answer = self.net(x)
        return answer.score, answer.regions


@dataclass(frozen=True, slots=True)
class Exported:
    """``parity``: largest absolute difference of scores from PyTorch on random and structured input."""

    onnx: bytes
    parity: float


def load_weights(weights: Path, recipe: Recipe) -> FaceForgeryNet:
    """The network with ``best.pt`` of a run. Raises :class:`DataError` where there is none, or one of another net."""
    if not weights.is_file():
        raise DataError("no trained weights", got=str(weights), fix="Train first: zhenwei train ... --output FOLDER")
    net = FaceForgeryNet(recipe.backbone)
    try:
        net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except UNREADABLE as error:
        got, want = f"{weights}: {str(error)[:200]}", f"best.pt of a run with backbone {recipe.backbone}"
        raise DataError("these are no weights of this network", got=got, want=want) from error
    return net.eval()


def export(net: FaceForgeryNet, size_px: int) -> Exported:
    """ONNX (opset 17, batch axis free, float32) with norms folded into convolutions, checked against PyTorch.

    Raises :class:`ModelError` when ONNX Runtime and PyTorch differ by more than 2e-3 in any output.
    """
    buffer = io.BytesIO()
    example = torch.zeros(2, 3, size_px, size_px)
    with warnings.catch_warnings():
        # The tracer warns that paddings become constants: they are meant to, the picture's size is fixed.
        warnings.simplefilter("ignore", TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            _Exported(net).eval(),
            (example,),
            buffer,  # type: ignore[arg-type]  # a stream is accepted by this exporter
            input_names=["faces"],
            output_names=["score", "regions"],
            dynamic_axes={"faces": {0: "n"}, "score": {0: "n"}, "regions": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    worst = parity(net, data, size_px)
    if not worst <= _TOLERANCE:  # NaN departs, too
        raise ModelError("the exported network departs from PyTorch", got=f"{worst:.2g}", want=f"at most {_TOLERANCE}")
    return Exported(data, worst)


def parity(net: FaceForgeryNet, data: bytes, size_px: int) -> float:
    """Largest absolute difference over both outputs on 16 inputs (noise over ramps), one to six at a time; NaN if
    an answer is no number."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    ramp = np.linspace(-1, 1, size_px, dtype=np.float32)
    differences = [0.0]
    for count in (1, 2, 3, 4, 6):
        noise = rng.uniform(-1, 1, (count, 3, size_px, size_px)).astype(np.float32)
        batch = np.clip(noise * rng.random() + ramp * rng.uniform(-1, 1), -1, 1).astype(np.float32)
        ours = session.run(None, {"faces": batch})
        with torch.no_grad():
            theirs = net(torch.from_numpy(batch))
        differences += [float(np.abs(a - b.numpy()).max()) for a, b in zip(ours, theirs, strict=True)]
    return float(np.max(differences))
