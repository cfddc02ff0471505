"""Turns a small convolutional TensorFlow Lite model into ONNX: ``python scripts/convert_tflite.py IN.tflite OUT.onnx``.

The input keeps TensorFlow's layout, ``(n, height, width, channels)`` float32, with ``n`` left free; inside, everything
is channels-first, the layout ONNX Runtime is fast in. Weights stored as float16 stay float16 in the file and are cast
when the model is loaded. Only the operators that BlazeFace and FaceMesh consist of are known; any other stops the
conversion. Needs the ``dev`` extra (``tflite``, ``flatbuffers``, ``onnx``).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8  # what ONNX Runtime 1.20 and later read
TO_CHANNELS_FIRST = (0, 3, 1, 2)
TO_CHANNELS_LAST = (0, 2, 3, 1)
Array = NDArray[Any]

_DTYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
    tflite.TensorType.INT64: np.int64,
}
_OPERATORS = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}


@dataclass
class Conversion:
    """The graph being built. ``constants``: known values, by TensorFlow Lite tensor."""

    model: Any
    graph: Any
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initialisers: list[onnx.TensorProto] = field(default_factory=list)
    constants: dict[int, Array] = field(default_factory=dict)

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(int(n) for n in self.graph.Tensors(tensor).ShapeAsNumpy())

    def name(self, tensor: int) -> str:
        return f"t{tensor}"

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"{operator}_{output}", **attributes))
        return output

    def weight(self, name: str, value: Array) -> str:
        """A constant of the graph; float16 is kept in the file and widened by a Cast that the runtime folds away."""
        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        if value.dtype == np.float16:
            return self.add("Cast", [name], f"{name}_f32", to=TensorProto.FLOAT)
        return name


@dataclass(frozen=True)
class Operation:
    inputs: tuple[int, ...]
    output: int
    raw: Any

    def options(self, kind: type) -> Any:
        options: Any = kind()
        table = self.raw.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        return options


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "SAME": as much as is missing, the odd pixel at the end."""
    missing = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return missing // 2, missing - missing // 2


def _pads(padding: int, shape: tuple[int, ...], kernel: tuple[int, int], strides: tuple[int, int]) -> list[int]:
    if padding == tflite.Padding.VALID:
        return [0, 0, 0, 0]
    (top, bottom), (left, right) = (same_padding(shape[i + 1], kernel[i], strides[i]) for i in (0, 1))
    return [top, left, bottom, right]


def _activated(c: Conversion, activation: int, name: str, output: str) -> None:
    """Moves the result ``name`` to ``output`` through the activation that TensorFlow Lite fused into the operator."""
    kind = tflite.ActivationFunctionType
    if activation == kind.RELU:
        c.add("Relu", [name], output)
    elif activation == kind.RELU6:
        bounds = [c.weight(f"{output}_{i}", np.array(v, np.float32)) for i, v in enumerate((0.0, 6.0))]
        c.add("Clip", [name, *bounds], output)
    elif activation == kind.NONE:
        c.nodes[-1].output[0] = output
    else:
        raise SystemExit(f"fused activation {activation} of {output} is not known here")


def _convolution(c: Conversion, op: Operation, weights: Array, groups: int, options: Any) -> None:
    kernel = (int(weights.shape[2]), int(weights.shape[3]))
    strides = (options.StrideH(), options.StrideW())
    out = c.name(op.output)
    inputs = [c.name(op.inputs[0]), c.weight(f"{out}_w", weights)]
    if len(op.inputs) > 2 and op.inputs[2] >= 0:
        inputs.append(c.weight(f"{out}_b", c.constants[op.inputs[2]]))
    if (options.DilationHFactor(), options.DilationWFactor()) != (1, 1):
        raise SystemExit(f"dilated convolution {out} is not known here")
    pads = _pads(options.Padding(), c.shape(op.inputs[0]), kernel, strides)
    c.add("Conv", inputs, f"{out}_raw", kernel_shape=kernel, strides=strides, pads=pads, group=groups)
    _activated(c, options.FusedActivationFunction(), f"{out}_raw", out)


def conv_2d(c: Conversion, op: Operation) -> None:
    weights = c.constants[op.inputs[1]].transpose(0, 3, 1, 2)  # (out, h, w, in) -> (out, in, h, w)
    _convolution(c, op, weights, 1, op.options(tflite.Conv2DOptions))


def depthwise_conv_2d(c: Conversion, op: Operation) -> None:
    weights = c.constants[op.inputs[1]].transpose(3, 0, 1, 2)  # (1, h, w, out) -> (out, 1, h, w)
    _convolution(c, op, weights, c.shape(op.inputs[0])[3], op.options(tflite.DepthwiseConv2DOptions))


def add(c: Conversion, op: Operation) -> None:
    out = c.name(op.output)
    c.add("Add", [c.name(i) for i in op.inputs], f"{out}_raw")
    _activated(c, op.options(tflite.AddOptions).FusedActivationFunction(), f"{out}_raw", out)


def relu(c: Conversion, op: Operation) -> None:
    c.add("Relu", [c.name(op.inputs[0])], c.name(op.output))


def prelu(c: Conversion, op: Operation) -> None:
    """As ``max(x, 0) + slope * min(x, 0)``: the same numbers in half the time of the runtime's own operator."""
    slope = c.constants[op.inputs[1]].reshape(-1, 1, 1)
    given, out = c.name(op.inputs[0]), c.name(op.output)
    above = c.add("Relu", [given], f"{out}_above")
    below = c.add("Min", [given, c.weight(f"{out}_zero", np.zeros((), np.float32))], f"{out}_below")
    bent = c.add("Mul", [below, c.weight(f"{out}_slope", slope)], f"{out}_bent")
    c.add("Add", [above, bent], out)


def max_pool_2d(c: Conversion, op: Operation) -> None:
    options = op.options(tflite.Pool2DOptions)
    kernel, strides = (options.FilterHeight(), options.FilterWidth()), (options.StrideH(), options.StrideW())
    pads = _pads(options.Padding(), c.shape(op.inputs[0]), kernel, strides)
    out = c.name(op.output)
    c.add("MaxPool", [c.name(op.inputs[0])], f"{out}_raw", kernel_shape=kernel, strides=strides, pads=pads)
    _activated(c, options.FusedActivationFunction(), f"{out}_raw", out)


def pad(c: Conversion, op: Operation) -> None:
    amounts = c.constants[op.inputs[1]].astype(np.int64)[list(TO_CHANNELS_FIRST)]
    out = c.name(op.output)
    c.add("Pad", [c.name(op.inputs[0]), c.weight(f"{out}_pads", amounts.T.reshape(-1))], out)


def resize_bilinear(c: Conversion, op: Operation) -> None:
    options = op.options(tflite.ResizeBilinearOptions)
    place = "asymmetric"
    if options.HalfPixelCenters():
        place = "half_pixel"
    elif options.AlignCorners():
        place = "align_corners"
    before, after = c.shape(op.inputs[0]), c.shape(op.output)
    factors = np.array([1, 1, after[1] / before[1], after[2] / before[2]], np.float32)
    out = c.name(op.output)
    scales = c.weight(f"{out}_scales", factors)
    c.add("Resize", [c.name(op.inputs[0]), "", scales], out, mode="linear", coordinate_transformation_mode=place)


def reshape(c: Conversion, op: Operation) -> None:
    out, source = c.name(op.output), c.name(op.inputs[0])
    if len(c.shape(op.inputs[0])) == 4:  # the order of the elements is that of channels last
        source = c.add("Transpose", [source], f"{out}_last", perm=TO_CHANNELS_LAST)
    target = np.array([0, *c.shape(op.output)[1:]], np.int64)  # 0: the batch, as it comes
    if len(target) == 4:
        raise SystemExit(f"reshape {out} to four dimensions is not known here")
    c.add("Reshape", [source, c.weight(f"{out}_shape", target)], out)


def concatenation(c: Conversion, op: Operation) -> None:
    rank = len(c.shape(op.output))
    axis = op.options(tflite.ConcatenationOptions).Axis() % rank
    if rank == 4:
        axis = TO_CHANNELS_FIRST.index(axis)
    c.add("Concat", [c.name(i) for i in op.inputs], c.name(op.output), axis=axis)


def dequantize(c: Conversion, op: Operation) -> None:
    value = c.constants[op.inputs[0]]
    if value.dtype != np.float16:
        raise SystemExit(f"quantised weights ({value.dtype}) are not known here, only float16")
    c.constants[op.output] = value


HANDLERS: dict[str, Callable[[Conversion, Operation], None]] = {
    "ADD": add,
    "CONCATENATION": concatenation,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "DEQUANTIZE": dequantize,
    "MAX_POOL_2D": max_pool_2d,
    "PAD": pad,
    "PRELU": prelu,
    "RELU": relu,
    "RESHAPE": reshape,
    "RESIZE_BILINEAR": resize_bilinear,
}


def _constants(model: Any, graph: Any) -> dict[int, Array]:
    found: dict[int, Array] = {}
    for i in range(graph.TensorsLength()):
        tensor = graph.Tensors(i)
        buffer = model.Buffers(tensor.Buffer())
        if buffer.DataLength():
            values = np.frombuffer(buffer.DataAsNumpy().tobytes(), _DTYPES[tensor.Type()])
            found[i] = values.reshape(tuple(tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ())
    return found


def _operations(model: Any, graph: Any) -> list[tuple[str, Operation]]:
    found = []
    for i in range(graph.OperatorsLength()):
        raw = graph.Operators(i)
        code = model.OperatorCodes(raw.OpcodeIndex())
        name = _OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs = tuple(int(j) for j in raw.InputsAsNumpy())
        found.append((name, Operation(inputs, int(raw.OutputsAsNumpy()[0]), raw)))
    return found


def _output(c: Conversion, tensor: int, name: str) -> onnx.ValueInfoProto:
    """Gives an output its own name, and its elements in TensorFlow's order."""
    if len(c.shape(tensor)) == 4:
        c.add("Transpose", [c.name(tensor)], name, perm=TO_CHANNELS_LAST)
    else:
        c.add("Identity", [c.name(tensor)], name)
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *c.shape(tensor)[1:]])


def convert(source: bytes) -> bytes:
    """The ONNX model, serialised, that computes what the TensorFlow Lite model ``source`` does."""
    model = tflite.Model.GetRootAsModel(source, 0)
    graph = model.Subgraphs(0)
    c = Conversion(model, graph, constants=_constants(model, graph))
    entry = int(graph.InputsAsNumpy()[0])
    image = helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", *c.shape(entry)[1:]])
    c.add("Transpose", ["picture"], c.name(entry), perm=TO_CHANNELS_FIRST)
    for name, operation in _operations(model, graph):
        if name not in HANDLERS:
            raise SystemExit(f"operator {name} is not known here; known: {', '.join(sorted(HANDLERS))}")
        HANDLERS[name](c, operation)
    outputs = [_output(c, int(i), graph.Tensors(int(i)).Name().decode()) for i in graph.OutputsAsNumpy()]
    built = helper.make_graph(c.nodes, "converted", [image], outputs, c.initialisers)
    result = helper.make_model(built, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="convert_tflite")
    result.ir_version = IR_VERSION
    onnx.checker.check_model(result, full_check=True)
    return bytes(result.SerializeToString(deterministic=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    options.target.write_bytes(convert(options.source.read_bytes()))


if __name__ == "__main__":
    main()
