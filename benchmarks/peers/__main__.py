"""The field's usual path beside a scan, in one run: ``python -m benchmarks.peers CLIP [--rounds N]``.

32 frames evenly spread over the clip, a face detector on each at full size, the crop at 256 px, Xception on every crop,
the mean of its answers. Xception has random weights and runs in the same ONNX Runtime as ours, on one core: what is
measured is work, not skill. The detector is dlib's (``pip install dlib-bin``) at twice the frame's size, as in the
code of FaceForensics++ and DeepfakeBench; and MTCNN's three networks, with random weights, on the usual pyramid down to
faces of 40 px, with as many candidates as it lets through on such a frame.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

FRAMES, SIDE = 32, 256
_MIN_FACE_PX, _FACTOR = 40, 0.709
_CANDIDATES = (80, 12)  # that R-Net and O-Net are given a frame
NETWORKS = ("proposals", "refinement", "output", "xception")
_INPUTS = {"proposals": (1, 3, 64, 64), "refinement": (1, 3, 24, 24), "output": (1, 3, 48, 48)}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    given = parser.parse_args(arguments)
    for line in compared(given.clip, given.rounds):
        sys.stdout.write(line + "\n")
    return 0


def compared(clip: Path, rounds: int) -> list[str]:
    """Processor seconds of both, warm and as whole commands, and their ratios formed within rounds."""
    from benchmarks import commands, speed

    speed.one_core()
    detectors = ["MTCNN"] + ["dlib"] * (importlib.util.find_spec("dlib") is not None)
    measured: dict[str, dict[str, list[tuple[float, float]]]] = {name: {"warm": [], "cold": []} for name in detectors}
    with tempfile.TemporaryDirectory(prefix="zhenwei-bench-") as folder:
        commands.child(_EXPORT, folder)
        for _ in range(rounds):
            cold, warm = commands.launched("-m", "zhenwei", "scan", str(clip))["cpu_s"], commands.warm_s(clip)
            for name, found in measured.items():
                theirs = commands.child(_PATH, folder, str(clip), name).split()
                found["cold"].append((float(theirs[0]), cold))
                found["warm"].append((float(theirs[1]), warm))
    lines = []
    for detector, pairs_of in measured.items():
        for name, pairs in pairs_of.items():
            times = statistics.median([theirs / ours for theirs, ours in pairs])
            seconds = [statistics.median(column) for column in zip(*pairs, strict=True)]
            lines.append(f"{detector}, {name}: {seconds[0]:.2f} s, a scan {seconds[1]:.2f} s, {times:.1f} times")
    return lines


_EXPORT = """
import sys
from pathlib import Path
from benchmarks.peers.__main__ import export
export(Path(sys.argv[1]))
"""
_PATH = """
import sys, time
from pathlib import Path
from benchmarks.peers.__main__ import Peer
peer = Peer(Path(sys.argv[1]), sys.argv[3])
peer.examine(Path(sys.argv[2]))
cold = time.process_time()
peer.examine(Path(sys.argv[2]))
print(cold, time.process_time() - cold)
"""


def export(folder: Path) -> None:
    """The four networks as ONNX."""
    import torch
    from benchmarks.peers import networks

    torch.manual_seed(0)
    for name in NETWORKS:
        shape = _INPUTS.get(name, (1, 3, SIDE, SIDE))
        axes = {"x": {0: "n", 2: "h", 3: "w"} if name == "proposals" else {0: "n"}}
        network = getattr(networks, name)().eval()
        path = str(folder / f"{name}.onnx")
        torch.onnx.export(network, (torch.zeros(shape),), path, input_names=["x"], dynamic_axes=axes, dynamo=False)


class Peer:
    """The usual path, its networks loaded once."""

    def __init__(self, folder: Path, detector: str) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._run = {}
        for name in NETWORKS:
            session = onnxruntime.InferenceSession(folder / f"{name}.onnx", options, providers=["CPUExecutionProvider"])
            self._run[name] = session
        self._dlib: Any = None
        if detector == "dlib":
            self._dlib = importlib.import_module("dlib").get_frontal_face_detector()

    def examine(self, clip: Path) -> float:
        scores = []
        for frame in frames(clip):
            left, top, side = self._face(frame) if self._dlib is None else self._face_by_dlib(frame)
            crop = _sized(frame[top : top + side, left : left + side], SIDE)
            scores.append(self._answer("xception", crop[None])[0, 1])
        return float(np.mean(scores))

    def _face(self, frame: np.ndarray) -> tuple[int, int, int]:
        """Where MTCNN would look and as often; of random weights the answer is no face, so the middle is taken."""
        height, width = frame.shape[:2]
        scale = 12 / _MIN_FACE_PX
        while min(height, width) * scale >= 12:
            size = (round(width * scale), round(height * scale))
            self._answer("proposals", _sized(frame, *size)[None])
            scale *= _FACTOR
        for name, side, count in zip(("refinement", "output"), (24, 48), _CANDIDATES, strict=True):
            step = (height - 200) // count
            parts = [_sized(frame[step * n : step * n + 200, 300:500], side) for n in range(count)]
            self._answer(name, np.stack(parts))
        side = height // 2
        return (width - side) // 2, (height - side) // 2, side

    def _face_by_dlib(self, frame: np.ndarray) -> tuple[int, int, int]:
        """The largest face of the frame at twice its size, with the usual margin."""
        found = max(self._dlib(frame, 1), key=lambda box: box.area(), default=None)
        if found is None:
            side = frame.shape[0] // 2
            return (frame.shape[1] - side) // 2, (frame.shape[0] - side) // 2, side
        side = min(round(1.3 * max(found.width(), found.height())), *frame.shape[:2])
        left, top = found.center().x - side // 2, found.center().y - side // 2
        return max(0, min(left, frame.shape[1] - side)), max(0, min(top, frame.shape[0] - side)), side

    def _answer(self, name: str, batch: np.ndarray) -> np.ndarray:
        found: np.ndarray = self._run[name].run(None, {"x": batch})[0]
        return found


def frames(clip: Path) -> list[np.ndarray]:
    """As the usual code reads them: every frame decoded, 32 of them kept."""
    import av

    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        count = stream.frames
        wanted = set(np.linspace(0, count - 1, FRAMES).round().astype(int).tolist())
        kept = []
        for number, frame in enumerate(container.decode(stream)):
            if number in wanted:
                kept.append(frame.to_ndarray(format="rgb24"))
    return kept


def _sized(pixels: np.ndarray, width: int, height: int = 0) -> np.ndarray:
    import cv2

    small = cv2.resize(pixels, (width, height or width), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small.astype(np.float32).transpose(2, 0, 1) / 127.5 - 1)


if __name__ == "__main__":
    sys.exit(main())
