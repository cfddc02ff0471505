"""Every training of the measurement, several beside each other on one GPU: NumPy, OpenCV, PyTorch, safetensors.

A step of one network of this size is over before the next is asked for, so processes share the GPU. What the steps cost
when all of them work is measured first, and all trainings get as many as the slowest can do in time: a difference
between two of them is one of what they were shown.
"""

from __future__ import annotations

import csv
import json
import math
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.lab_leave_one_out.pack import BACKBONE, FACES, SIDE, Pack, load
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from zhenwei.nets.face_forgery import FaceForgeryNet

ALL = "all"
COLUMNS = ("condition", "seed", "picture", "person", "source", "method", "forged", "quality", "bytes", "score")
BATCH, LEARNING_RATE, WEIGHT_DECAY, SMOOTHING, VIDEO, WARMUP = 64, 5e-4, 0.02, 0.02, 5.0, 50
_TIMED, _SPARE, _ASKED = 40, 0.82, 128
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    folder: Path
    output: Path
    steps: int
    seconds: float
    conditions: list[str]
    seeds: list[int]
    workers: int | None  # processes beside each other; None = eight on a GPU, otherwise one
    batch: int = BATCH


@dataclass(frozen=True, slots=True, eq=False)
class Here:
    """What a process needs for any of the trainings; ``pixels`` ``(n, 3, 128, 128)`` uint8 where the network is."""

    pack: Pack
    pixels: Tensor
    backbone: dict[str, Tensor]
    device: torch.device
    batch: int


_here: list[Here] = []  # of this process
_barrier: list[Any] = []


def run(plan: Plan) -> None:
    """Scores and ``run.json`` in ``plan.output``; what is done stays there if the rest is cut off."""
    began = time.monotonic()
    plan.output.mkdir(parents=True, exist_ok=True)
    pack = load(plan.folder / FACES)
    conditions = plan.conditions or [ALL, *pack.methods]
    if unknown := set(conditions) - {ALL, *pack.methods}:
        raise SystemExit(f"no such methods: {', '.join(sorted(unknown))}; there are {', '.join(pack.methods)}")
    jobs = [(condition, seed) for seed in plan.seeds for condition in conditions]
    workers = min(plan.workers or (8 if torch.cuda.is_available() else 1), len(jobs))
    context = get_context("spawn")
    barrier = context.Barrier(workers)
    with ProcessPoolExecutor(workers, context, initializer=_start, initargs=(plan.folder, barrier, plan.batch)) as crew:
        paces = [f.result() for f in [crew.submit(_pace) for _ in range(workers)]]
        last, channels_last = min((max(pace[way] for pace in paces), way == 1) for way in (0, 1))
        left = _SPARE * (plan.seconds - (time.monotonic() - began)) / math.ceil(len(jobs) / workers)
        steps = max(1, min(plan.steps, int(left / last)))
        _say(f"{time.monotonic() - began:.0f} s: {last * 1000:.0f} ms a step, channels last {channels_last}: {steps}")
        waiting = [crew.submit(_train, *job, steps, channels_last, plan.output) for job in jobs]
        for done in as_completed(waiting):
            _say(f"{time.monotonic() - began:.0f} s: {done.result()} is done")
    _describe(plan, pack, conditions, steps, time.monotonic() - began)


def _start(folder: Path, barrier: Any, batch: int) -> None:
    torch.set_num_threads(1)
    torch.backends.cudnn.benchmark = True
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pack = load(folder / FACES)
    pixels = torch.from_numpy(np.stack([pack.image(i) for i in range(len(pack))])).permute(0, 3, 1, 2)
    backbone = {k: v.float() if v.is_floating_point() else v for k, v in load_file(folder / BACKBONE).items()}
    _here.append(Here(pack, pixels.contiguous().to(device), backbone, device, batch))
    _barrier.append(barrier)


def _pace() -> tuple[float, float]:
    """Seconds of a step while all processes work, as tensors usually lie and with channels last."""
    here, (barrier,), timed = _here[0], _barrier, _TIMED if _here[0].device.type == "cuda" else 1
    found = []
    for channels_last in (False, True):
        training = Training(here, ALL, 0, 1000, channels_last)
        for step in range(max(1, timed // 4)):
            training.step(step)
        _finished(here.device)
        barrier.wait(_PATIENCE_S)
        began = time.monotonic()
        for step in range(timed):
            training.step(step)
        _finished(here.device)
        found.append((time.monotonic() - began) / timed)
    return found[0], found[1]


def _train(condition: str, seed: int, steps: int, channels_last: bool, output: Path) -> str:
    here = _here[0]
    training = Training(here, condition, seed, steps, channels_last)
    for step in range(steps):
        loss = training.step(step)
        if (step + 1) % 100 == 0 or step + 1 == steps:
            _say(f"{condition}, seed {seed}: step {step + 1} of {steps}, loss {float(loss):.3f}")
    _write(output / f"scores-{condition}-{seed}.csv", _asked(here, training.net, condition, seed))
    return f"{condition}, seed {seed},"


def _asked(here: Here, net: nn.Module, condition: str, seed: int) -> list[tuple[object, ...]]:
    """A line of ``COLUMNS`` for every test picture."""
    pack, size = here.pack, np.diff(here.pack.offsets)
    lines: list[tuple[object, ...]] = []
    rows = np.flatnonzero(pack.split == "val")
    for i, score in zip(rows, scores(net, here.pixels, rows), strict=True):
        method = str(pack.method[i])
        what = (int(pack.original[i]), pack.person[i], pack.source[i], method, int(method != ""))
        lines.append((condition, seed, *what, int(pack.quality[i]), int(size[i]), f"{score:.7g}"))
    return lines


class Training:
    """One network from the backbone of ImageNet. With equal seeds, faces, changes and the head's start are equal too,
    whatever the condition; only the methods differ."""

    def __init__(self, here: Here, condition: str, seed: int, steps: int, channels_last: bool) -> None:
        torch.manual_seed(seed)
        self.device, self.pixels, self.steps = here.device, here.pixels, steps
        self.net = FaceForgeryNet("lite0")
        self.net.backbone.load_state_dict(here.backbone)
        way = torch.channels_last if channels_last else torch.contiguous_format
        self.net = self.net.to(device=self.device, memory_format=way).train()  # type: ignore[call-overload]
        self.way = way
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=self.device.type == "cuda"
        )
        methods = [m for m in here.pack.methods if m != condition]
        self.rows, self.kept = batches(here.pack, methods, seed, steps, here.batch), here.batch // 2
        self.rows_there = torch.from_numpy(self.rows).to(self.device)
        self.rng = torch.Generator(self.device).manual_seed(seed)
        half = torch.full((self.kept,), 1 - SMOOTHING / 2, device=self.device)
        self.truth = torch.cat([half, 1 - half])

    def step(self, number: int) -> Tensor:
        for group in self.optimiser.param_groups:
            group["lr"] = LEARNING_RATE * rate_at(number, self.steps)
        rows = self.rows_there[number % len(self.rows_there)]
        x = changed(self.pixels[rows], self.rng).contiguous(memory_format=self.way)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            said = self.net(x).score
        loss = F.binary_cross_entropy_with_logits(said.float(), self.truth)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([p for p in self.net.parameters() if p.grad is not None], VIDEO)
        self.optimiser.step()
        return loss.detach()


def rate_at(step: int, steps: int) -> float:
    """Share of the learning rate: up in a line, down in half a cosine."""
    warm = min(WARMUP, max(1, steps // 10))
    return (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def batches(pack: Pack, methods: list[str], seed: int, steps: int, batch: int = BATCH) -> NDArray[np.int64]:
    """``(steps, batch)`` rows: as many forged as genuine, forged first; half of the genuine are those that the forged
    were made of, half any. Every face as likely, and every one of ``methods``; the faces do not depend on them."""
    table, half = pack.of_faces(methods), batch // 2
    rng = np.random.default_rng((seed, 5))
    face = rng.integers(0, len(table), (steps, half))
    method = 1 + (rng.random((steps, half)) * len(methods)).astype(np.int64)
    genuine = pack.rows("train", "")
    other = genuine[rng.integers(0, len(genuine), (steps, half - half // 2))]
    return np.concatenate([table[face, method], table[face[:, : half // 2], 0], other], axis=1)


def changed(pixels: Tensor, rng: torch.Generator) -> Tensor:
    """uint8 to [-1, 1], turned over, taken closer, brighter or darker, blurred, noisy: drawn without a look at what it
    is."""
    x = pixels.float() / 127.5 - 1
    n, device = len(x), x.device

    def drawn(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, device=device, generator=rng)

    flip = torch.where(drawn(0, 1) < 0.5, -1.0, 1.0)
    zoom = torch.where(drawn(0, 1) < 0.5, drawn(0.85, 1.0), torch.ones(n, device=device))
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0], theta[:, 1, 1] = flip * zoom, zoom
    theta[:, 0, 2], theta[:, 1, 2] = drawn(-1, 1) * (1 - zoom), drawn(-1, 1) * (1 - zoom)
    grid = F.affine_grid(theta, [n, 3, SIDE, SIDE], align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    x = _blurred(x, torch.where(drawn(0, 1) < 0.2, drawn(0.3, 1.2), torch.full((n,), 0.05, device=device)))
    x = x * drawn(0.85, 1.15)[:, None, None, None] + drawn(-0.1, 0.1)[:, None, None, None]
    noise = torch.where(drawn(0, 1) < 0.2, drawn(0, 0.05), torch.zeros(n, device=device))
    x = x + noise[:, None, None, None] * torch.randn(x.shape, device=device, generator=rng)
    return x.clamp(-1, 1)


def _blurred(x: Tensor, sigma: Tensor) -> Tensor:
    n, channels, height, width = x.shape
    taps = torch.arange(-3, 4, device=x.device, dtype=torch.float32)
    kernel = torch.exp(-(taps**2) / (2 * sigma[:, None] ** 2))
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    flat = F.pad(x, (3, 3, 3, 3), mode="reflect").reshape(1, n * channels, height + 6, width + 6)
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=n * channels)
    return F.conv2d(flat, kernel[:, None, None, :], groups=n * channels).reshape(x.shape)


def scores(net: nn.Module, pixels: Tensor, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean logit of each picture and its mirror image, in full precision."""
    net.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(rows), _ASKED):
            x = pixels[torch.from_numpy(rows[start : start + _ASKED]).to(pixels.device)].float() / 127.5 - 1
            found.append((net(x).score + net(x.flip(3)).score) / 2)
    return torch.cat(found).double().cpu().numpy()


def _write(path: Path, rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def _describe(plan: Plan, pack: Pack, conditions: list[str], steps: int, seconds: float) -> None:
    table = pack.of_faces(pack.methods)
    said = {
        "backbone": "lite0",
        "size_px": SIDE,
        "steps": steps,
        "batch": plan.batch,
        "methods": pack.methods,
        "conditions": conditions,
        "seeds": plan.seeds,
        "forged_faces": len(table),
        "genuine_faces": len(pack.rows("train", "")),
        "sources": sorted({str(s) for s in pack.source[pack.split == "train"]}),
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "seconds": round(seconds, 1),
    }
    (plan.output / "run.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def _finished(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
