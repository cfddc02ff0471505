"""Makes the model of the plug-in and its store anew: ``python examples/plugin/make_model.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from zhenwei.models import ModelEntry, add_to_store

STORE = Path(__file__).parent / "src" / "zhenwei_grain" / "models"
LAPLACIAN = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
CARD = """# grain

The mean absolute response of a 3 x 3 Laplacian to the luma of a picture. One convolution with fixed weights, nothing
was learned and nothing was measured on genuine or forged media: it is the model of an example.
"""


def main() -> None:
    kernel = numpy_helper.from_array(np.array(LAPLACIAN, np.float32)[None, None], "kernel")
    nodes = [
        helper.make_node("Conv", ["luma", "kernel"], ["response"], pads=[0, 0, 0, 0]),
        helper.make_node("Abs", ["response"], ["size"]),
        helper.make_node("GlobalAveragePool", ["size"], ["grain"]),
    ]
    luma = helper.make_tensor_value_info("luma", TensorProto.FLOAT, ["n", 1, "height", "width"])
    grain = helper.make_tensor_value_info("grain", TensorProto.FLOAT, ["n", 1, 1, 1])
    graph = helper.make_graph(nodes, "grain", [luma], [grain], [kernel])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    row = ModelEntry(
        id="grain",
        file="grain.onnx",
        sha256="",
        bytes=0,
        kind="onnx",
        licence="Apache-2.0",
        origin="examples/plugin/make_model.py",
        version="1",
        training_data="none: its weights are fixed",
        input="luma (n, 1, height, width) float32 in [0, 255], at least 3 x 3; gives (n, 1, 1, 1), grey levels",
        card="grain.md",
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "grain.onnx")
        path.write_bytes(model.SerializeToString())
        add_to_store(path, row, STORE, card_text=CARD)


if __name__ == "__main__":
    main()
