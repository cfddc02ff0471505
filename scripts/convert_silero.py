"""Makes silero VAD a network of one input: ``python scripts/convert_silero.py silero_vad_16k_op15.onnx OUT.onnx``.

The original hears one chunk a call and hands its memory back to the caller. Here the same graph is the body of a Scan
over the chunks of a recording, which begins with an empty memory: ``chunks (n, 576)`` in, each 64 samples of what came
before and 512 new ones at 16 kHz; ``speech (n,)`` out, probabilities. Weights are unchanged. Needs the ``dev`` extra.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHUNK = 576
OPSET = 17
IR_VERSION = 8


def converted(original: onnx.ModelProto) -> onnx.ModelProto:
    floats = TensorProto.FLOAT
    body = original.graph
    given = {i.name: i for i in body.input}
    out, state = (o.name for o in body.output)
    before = [
        numpy_helper.from_array(np.array(16_000, np.int64), "sr"),
        numpy_helper.from_array(np.array([0], np.int64), "first_axis"),
        numpy_helper.from_array(np.array([-1], np.int64), "flat"),
    ]
    nodes = [
        helper.make_node("Unsqueeze", ["chunk", "first_axis"], ["input"]),
        *body.node,
        helper.make_node("Reshape", [out, "flat"], ["probability_flat"]),
        helper.make_node("Squeeze", ["probability_flat", "first_axis"], ["probability"]),
    ]
    inside = helper.make_graph(
        nodes,
        "hear",
        [given["state"], helper.make_tensor_value_info("chunk", floats, [CHUNK])],
        [
            helper.make_tensor_value_info(state, floats, [2, None, 128]),
            helper.make_tensor_value_info("probability", floats, []),
        ],
        [*body.initializer, *before],
    )
    scan = helper.make_node(
        "Scan", ["empty", "chunks"], ["memory", "speech"], body=inside, num_scan_inputs=1, name="chunks_in_turn"
    )
    empty = numpy_helper.from_array(np.zeros((2, 1, 128), np.float32), "empty")
    graph = helper.make_graph(
        [scan],
        "voice_activity",
        [helper.make_tensor_value_info("chunks", floats, ["n", CHUNK])],
        [helper.make_tensor_value_info("speech", floats, ["n"])],
        [empty],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("original", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    onnx.save(converted(onnx.load(given.original)), given.out)


if __name__ == "__main__":
    main()
