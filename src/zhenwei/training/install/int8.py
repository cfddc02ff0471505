"""Transformers in 8 bit: weights with a scale for each output, activations with one for each token.

Plain ONNX operators (MatMulInteger), so that any runtime of the opset runs it. Scales for tokens follow the input:
nothing is calibrated but how the spread of channels is shared between norms and the weights that read them (G. Xiao et
al., "SmoothQuant", ICML 2023), which changes nothing in real numbers.
(4 bit for the widest weights were tried: 59 MB instead of 88, but scores agreed to 0.96 only, and loading was slow.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from zhenwei.nets.face_encoder import Block, ClipTower

_MIN_ROWS = 256  # smaller matrices stay as they are: they cost nothing
_LEAST = 1e-4
_SHARE = 0.5


@torch.no_grad()
def smooth(tower: ClipTower, faces: Tensor) -> ClipTower:
    """In place: what channels of the norms' outputs spread by goes half into the weights. ``faces`` ``(n, 3, 224,
    224)`` in [-1, 1] show the spread. The tower answers as before, but for rounding."""
    spread: dict[nn.Module, Tensor] = {}

    def watch(norm: nn.Module, _: tuple[Tensor, ...], found: Tensor) -> None:
        most = found.abs().amax((0, 1))
        spread[norm] = torch.maximum(spread.get(norm, torch.zeros_like(most)), most)

    blocks = [block for block in tower.blocks if isinstance(block, Block)]
    hooks = [norm.register_forward_hook(watch) for block in blocks for norm in (block.norm1, block.norm2)]
    for first in range(0, len(faces), 8):
        tower(faces[first : first + 8])
    for hook in hooks:
        hook.remove()
    for block in blocks:
        for norm, linear in ((block.norm1, block.qkv), (block.norm2, block.fc1)):
            reads = linear.weight.abs().amax(0).clamp(min=_LEAST)
            factor = spread[norm].clamp(min=_LEAST) ** _SHARE / reads ** (1 - _SHARE)
            factor = factor / factor.mean()
            norm.weight.div_(factor)
            norm.bias.div_(factor)
            linear.weight.mul_(factor)
    return tower


def quantised(data: bytes) -> bytes:
    """The ONNX model ``data`` with its matrix products in 8 bit and its other large weights in 16."""
    model = onnx.load_from_string(data)
    nodes = list(model.graph.node)
    del model.graph.node[:]
    writer = _Writer(model)
    for node in nodes:
        weight = writer.weight_of(node)
        if weight is None:
            model.graph.node.append(node)
        else:
            writer.product(node, weight)
    writer.drop_replaced()
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


class _Writer:
    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        self.held = {tensor.name: tensor for tensor in model.graph.initializer}
        self.replaced: set[str] = set()
        self.inputs: dict[str, str] = {}
        for name, value in (("zero", np.uint8(128)), ("step", np.float32(1 / 127)), ("unit", np.float32(1))):
            self.hold(f"int8_{name}", np.array(value))
        self.hold("int8_least", np.array(1e-8, np.float32))
        self.drop_to_16_bits()

    def hold(self, name: str, values: NDArray[np.generic]) -> None:
        self.graph.initializer.append(numpy_helper.from_array(values, name))

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.graph.node.append(helper.make_node(kind, inputs, [output], name=f"{output}_{kind}", **attributes))
        return output

    def drop_to_16_bits(self) -> None:
        """Large weights that are no matrices of products: patches, positions. They were published in no more."""
        for name, tensor in self.held.items():
            if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) > 1 << 16 and len(tensor.dims) != 2:
                half = numpy_helper.to_array(tensor).astype(np.float16)
                self.hold(f"{name}_16", half)
                self.replaced.add(name)
                self.node("Cast", [f"{name}_16"], name, to=TensorProto.FLOAT)

    def weight_of(self, node: onnx.NodeProto) -> NDArray[np.float32] | None:
        if node.op_type != "MatMul" or node.input[1] not in self.held:
            return None
        weight = numpy_helper.to_array(self.held[node.input[1]])
        return weight.astype(np.float32) if weight.ndim == 2 and min(weight.shape) >= _MIN_ROWS else None

    def product(self, node: onnx.NodeProto, weight: NDArray[np.float32]) -> None:
        """``x @ weight``: 8 bit times 8 bit, then the scales of tokens and outputs."""
        name, output = node.input[1], node.output[0]
        if name not in self.replaced:
            scale = np.maximum(np.abs(weight).max(0), 1e-12) / 127
            self.hold(f"{name}_8", np.clip(np.rint(weight / scale), -127, 127).astype(np.int8))
            self.hold(f"{name}_scale", scale.astype(np.float32))
            self.replaced.add(name)
        tokens, scale_of_tokens = self.in_8_bits(node.input[0])
        counts = self.node("MatMulInteger", [tokens, f"{name}_8", "int8_zero"], f"{output}_counts")
        real = self.node("Cast", [counts], f"{output}_real", to=TensorProto.FLOAT)
        scaled = self.node("Mul", [real, f"{name}_scale"], f"{output}_scaled")
        self.node("Mul", [scaled, scale_of_tokens], output)

    def in_8_bits(self, x: str) -> tuple[str, str]:
        """``x`` ``(..., width)`` as uint8 around 128 and its scale ``(..., 1)``; once for all who read it."""
        if x not in self.inputs:
            self.inputs[x] = f"{x}_tokens"
            put = self.node
            most = put("ReduceMax", [put("Abs", [x], f"{x}_size")], f"{x}_most", axes=[-1], keepdims=1)
            scale = put("Max", [put("Mul", [most, "int8_step"], f"{x}_step"), "int8_least"], f"{x}_scale8")
            steps = put("Div", [x, scale], f"{x}_steps")
            # Rounds, moves and narrows at once: bit for bit what three operators did, in 3 % less time of the encoder.
            put("QuantizeLinear", [steps, "int8_unit", "int8_zero"], f"{x}_tokens")
        return self.inputs[x], f"{x}_scale8"

    def drop_replaced(self) -> None:
        kept = [tensor for tensor in self.graph.initializer if tensor.name not in self.replaced]
        del self.graph.initializer[:]
        self.graph.initializer.extend(kept)
