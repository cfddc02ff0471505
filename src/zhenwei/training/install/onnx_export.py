"""From trained weights to ONNX, with a check that it computes what PyTorch computes. For every network of the loop."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnx
import onnx.parser
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from zhenwei.errors import DataError, ModelError
from zhenwei.trainer.checkpoints import UNREADABLE
from zhenwei.types import Floats

OPSET = 17
_IR_VERSION = 8  # of opset 17; newer ones are refused by older runtimes
_TOLERANCE = 2e-3
Net = TypeVar("Net", bound=nn.Module)


ANSWER = ("score", "regions")


class _Exported(nn.Module):
    """The network as the store holds it: plain tensors out, in a fixed order."""

    def __init__(self, net: nn.Module, outputs: Sequence[str]) -> None:
        super().__init__()
        self.net = net
        self.outputs = tuple(outputs)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        answer = self.net(x)
        return tuple(getattr(answer, name) for name in self.outputs)


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """``parity``: largest absolute difference of scores from PyTorch on random and structured input."""

    onnx: bytes
    parity: float


def load_weights(weights: Path, net: Net) -> Net:
    """``net`` with the weights of a run's ``best.pt``, or with the running average in its ``last.pt``, ready to answer.

    Raises :class:`DataError` where there are none, or those of another network.
    """
    if not weights.is_file():
        raise DataError("no trained weights", got=str(weights), fix="Train first: zhenwei train ... --output FOLDER")
    try:
        saved = torch.load(weights, map_location="cpu", weights_only=True)
        net.load_state_dict(saved.get("average", saved))
    except UNREADABLE as error:
        got, want = f"{weights}: {str(error)[:200]}", "best.pt of a run with this recipe's network"
        raise DataError("these are no weights of this network", got=got, want=want) from error
    return net.eval()


def export(
    net: nn.Module,
    shape: int | tuple[int, ...],
    *,
    input_name: str = "faces",
    outputs: Sequence[str] = ANSWER,
    tolerance: float = _TOLERANCE,
) -> ExportedModel:
    """``input_name`` ``(n, *shape)`` in, ``outputs`` (fields of what the network answers) out, checked against PyTorch.

    ``shape``: a number is the side of RGB images, ``(3, side, side)``. Opset 17, free batch axis, float32, norms folded
    into convolutions. Raises :class:`ModelError` when ONNX Runtime and PyTorch differ by more than ``tolerance``.
    """
    shape = (3, shape, shape) if isinstance(shape, int) else shape
    buffer = io.BytesIO()
    example = torch.zeros(2, *shape)
    with warnings.catch_warnings():
        # The tracer warns that paddings become constants: they are meant to, the picture's size is fixed.
        warnings.simplefilter("ignore", TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            _Exported(net, outputs).eval(),
            (example,),
            buffer,  # type: ignore[arg-type]  # a stream is accepted by this exporter
            input_names=[input_name],
            output_names=list(outputs),
            dynamic_axes={name: {0: "n"} for name in (input_name, *outputs)},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    worst = parity(net, data, shape, outputs)
    if not worst <= tolerance:  # NaN departs, too
        raise ModelError("the exported network departs from PyTorch", got=f"{worst:.2g}", want=f"at most {tolerance}")
    return ExportedModel(data, worst)


def parity(net: nn.Module, data: bytes, shape: tuple[int, ...], outputs: Sequence[str] = ANSWER) -> float:
    """Largest absolute difference over all outputs on 16 inputs (noise over ramps), one to six at a time; NaN if
    an answer is no number."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    rng = np.random.default_rng(0)
    ramp = np.linspace(-1, 1, shape[-1], dtype=np.float32)
    differences = [0.0]
    for count in (1, 2, 3, 4, 6):
        noise = rng.uniform(-1, 1, (count, *shape)).astype(np.float32)
        batch = np.clip(noise * rng.random() + ramp * rng.uniform(-1, 1), -1, 1).astype(np.float32)
        ours = session.run(None, {name: batch})
        with torch.no_grad():
            answer = net(torch.from_numpy(batch))
        for mine, output in zip(ours, outputs, strict=True):
            differences.append(float(np.abs(mine - getattr(answer, output).numpy()).max()))
    return float(np.max(differences))


def export_formula(
    formula: str,
    constants: Mapping[str, NDArray[np.number[Any]]],
    reference: Callable[[Floats], NDArray[np.floating]],
    drawn: Floats,
    *,
    tolerance: float,
) -> ExportedModel:
    """A model that is a formula and no network, checked against ``reference``, the same in NumPy, on ``drawn``.

    ``formula``: a graph in the textual form of ONNX, ``name (float[n, 3] x) => (float[n] score) {...}``; ``constants``:
    what it names besides, float32 (skl2onnx would write operators of ai.onnx.ml, whose labels no detector reads).
    Raises :class:`ModelError` when ONNX Runtime and NumPy differ by more than ``tolerance``.
    """
    model = onnx.parser.parse_model(f'<ir_version: {_IR_VERSION}, opset_import: ["" : {OPSET}]> {formula}')
    held = [onnx.numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()]
    model.graph.initializer.extend(held)
    model.producer_name = "zhenwei"
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: drawn})
    worst = float(np.abs(np.asarray(found, np.float64) - reference(drawn)).max())
    if not worst <= tolerance:
        raise ModelError("the exported model departs from NumPy", got=f"{worst:.2g}", want=f"at most {tolerance}")
    return ExportedModel(data, worst)
