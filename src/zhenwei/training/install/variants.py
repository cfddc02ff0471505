"""Smaller variants of an exported network, each with what it costs, measured on held-out faces.

- ``int8``: weights and activations in 8 bits (quantise-dequantise, a scale for each channel), ranges of activations
  from pictures of the training set. How much faster that is in ONNX Runtime depends on the processor.
- ``fp16``: weights in 16 bits, unfolded to 32 when the file is loaded: half the size, the same speed, and input, output
  and arithmetic stay float32, as CPUs have it.
"""

from __future__ import annotations

import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from zhenwei.errors import DataError, ModelError
from zhenwei.stats import Estimate
from zhenwei.stats.bootstrap import Rows, percentile_interval, resampled_rows
from zhenwei.stats.metrics import auc
from zhenwei.types import Floats

SCHEMA = "zhenwei.variants/1"
_RESAMPLES = 1000
_BATCH = 8
_ROUNDS = 7


@dataclass(frozen=True, slots=True)
class VariantCost:
    """Against the original on the same faces. ``auc_difference``: variant less original, paired, resampled by group;
    ``largest``: of the absolute differences of scores (logits); ``speed_ratio``: > 1 is faster, batches of 8."""

    name: str
    bytes: int
    size_ratio: float
    auc: float
    auc_difference: Estimate
    largest: float
    speed_ratio: float


def fp16(model: bytes) -> bytes:
    """The model with its float32 weights stored in float16. Raises :class:`ModelError` where one does not fit.

    onnxconverter-common would compute in 16 bits, too, which CPUs do slowly and less exactly.
    """
    proto = onnx.load_from_string(model)
    graph = proto.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < 2:
            continue
        if np.abs(values).max() > np.finfo(np.float16).max:
            raise ModelError("a weight does not fit into 16 bits", got=f"{np.abs(values).max():.3g} in {tensor.name}")
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT, name=f"{name}.unfold"))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def int8(model: bytes, faces: Sequence[Floats]) -> bytes:
    """The model in 8 bits; ``faces``: batches ``(n, 3, size, size)`` as the network takes them, whose ranges count."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    if not faces:
        raise DataError("there are no faces to measure ranges on", want="some batches")
    name = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).get_inputs()[0].name

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.batches: Iterator[Floats] = iter(faces)

        def get_next(self) -> dict[str, Floats] | None:
            batch = next(self.batches, None)
            return None if batch is None else {name: batch}

    with tempfile.TemporaryDirectory(prefix="zhenwei-int8-") as scratch, _quiet():
        source, ready, target = Path(scratch, "source.onnx"), Path(scratch, "ready.onnx"), Path(scratch, "target.onnx")
        source.write_bytes(model)
        quant_pre_process(source, ready, skip_symbolic_shape=True)
        quantization.quantize_static(
            ready,
            target,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
        return target.read_bytes()


class _quiet:  # noqa: N801 - used like a function
    """Advice of the library's that goes to the root logger."""

    def __enter__(self) -> None:
        logging.disable(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        logging.disable(logging.NOTSET)


def write_variants(
    model: bytes,
    folder: Path,
    *,
    faces: Sequence[Floats],
    held_out: Floats,
    forged: Sequence[bool],
    groups: Sequence[str],
    name: str = "model",
) -> tuple[VariantCost, ...]:
    """Writes ``NAME.int8.onnx``, ``NAME.fp16.onnx`` and ``variants.json`` into ``folder``; returns what they cost.

    ``faces``: for the ranges of ``int8``. ``held_out`` ``(n, 3, size, size)``, ``forged`` and ``groups`` (who is shown)
    ``(n,)``: faces to measure on.
    """
    makers: dict[str, Callable[[], bytes]] = {"int8": lambda: int8(model, faces), "fp16": lambda: fp16(model)}
    folder.mkdir(parents=True, exist_ok=True)
    costs = []
    for kind, make in makers.items():
        data = make()
        costs.append(cost(kind, model, data, held_out, forged, groups))
        (folder / f"{name}.{kind}.onnx").write_bytes(data)
    values = {"schema": SCHEMA, "faces": len(forged), "variants": [asdict(c) for c in costs]}
    (folder / "variants.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    return tuple(costs)


def cost(
    name: str, original: bytes, variant: bytes, held_out: Floats, forged: Sequence[bool], groups: Sequence[str]
) -> VariantCost:
    """What ``variant`` costs against ``original``, one thread each."""
    sessions = [_session(original), _session(variant)]
    ours, theirs = _scores(sessions[0], held_out), _scores(sessions[1], held_out)
    difference = paired_difference(forged, ours, theirs, groups)
    speed = _speed_ratio(sessions, held_out[:_BATCH])
    largest = float(np.abs(ours - theirs).max())
    size = len(variant)
    return VariantCost(name, size, size / len(original), auc(list(forged), theirs), difference, largest, speed)


def _session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _scores(session: onnxruntime.InferenceSession, faces: Floats) -> Floats:
    name = session.get_inputs()[0].name
    parts = [session.run(None, {name: faces[i : i + _BATCH]})[0] for i in range(0, len(faces), _BATCH)]
    return np.asarray(np.concatenate(parts), np.float32)


def _speed_ratio(sessions: list[onnxruntime.InferenceSession], batch: Floats) -> float:
    """Taken in turns, so that other work on the machine slows both."""
    name = sessions[0].get_inputs()[0].name
    taken: list[list[float]] = [[], []]
    for _ in range(_ROUNDS):
        for session, seconds in zip(sessions, taken, strict=True):
            began = time.perf_counter()
            session.run(None, {name: batch})
            seconds.append(time.perf_counter() - began)
    return median(taken[0]) / median(taken[1])


def paired_difference(
    forged: Sequence[bool], original: Floats, variant: Floats, groups: Sequence[str], *, seed: int = 0
) -> Estimate:
    """AUC of ``variant`` less that of ``original`` on the same faces, 95 % by resampling groups."""
    truth = np.array(forged, bool)

    def difference(rows: Rows) -> float:
        return auc(truth[rows], variant[rows]) - auc(truth[rows], original[rows])

    drawn = [difference(rows) for rows in resampled_rows(groups, forged=truth, seed=seed, resamples=_RESAMPLES)]
    return percentile_interval(difference(np.arange(len(truth))), drawn, len(truth))


def card_lines(path: Path) -> tuple[str, ...]:
    """The table of a ``variants.json`` for a model card. Raises :class:`DataError` for a file that is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        rows = [
            f"| {v['name']} | {v['bytes'] / 1e6:.1f} MB | {v['speed_ratio']:.2f} | {v['auc_difference']['value']:+.4f} "
            f"[{v['auc_difference']['low']:+.4f}, {v['auc_difference']['high']:+.4f}] | {v['largest']:.2f} |"
            for v in values["variants"]
        ]
        head = f"Smaller variants, measured on {values['faces']} held-out faces against the file above:"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError("the table of variants cannot be read", got=f"{path}: {error}", want=SCHEMA) from error
    titles = "| variant | size | speed (1 = as fast) | AUC difference [95 %] | largest difference of a score |"
    return head, "\n".join([titles, "|---|---|---|---|---|", *rows])
