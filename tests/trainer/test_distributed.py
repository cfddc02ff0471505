"""Two processes over gloo end where one process ends: the batch is shared out, the losses are those of the whole."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from zhenwei.errors import UsageError
from zhenwei.trainer.batch import Batch
from zhenwei.trainer.distributed import Share

STEPS = """
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

from zhenwei.nets.face_forgery import FaceForgeryOutput
from zhenwei.trainer import distributed
from zhenwei.trainer.batch import Batch
from zhenwei.trainer.supervised import begin, train
from zhenwei.trainer.schedule import OptimizerSettings

torch.set_num_threads(1)
torch.cpu._is_avx512_bf16_supported = lambda: False  # in bfloat16 the order of sums would show


class Net(nn.Module):
    "No batch statistics, no dropout: what is left must be the same."

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 32, 32), nn.GroupNorm(2, 8), nn.ReLU())
        self.whole, self.region = nn.Linear(8, 1), nn.Conv2d(8, 1, 1)

    def forward(self, x: torch.Tensor) -> FaceForgeryOutput:
        features = self.features(x)
        return FaceForgeryOutput(self.whole(features.mean((2, 3))).squeeze(1), self.region(features).squeeze(1))


class Noise:
    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng(step)
        pixels = rng.integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
        forged = np.tile(np.array([0, 1], np.float32), 3)
        mask = rng.random((6, 2, 2), dtype=np.float32)
        return Batch(pixels, forged, mask, np.array([1, 1, 1, 0, 1, 0], np.float32))  # three pairs for two processes


out = Path(sys.argv[1])
options = OptimizerSettings(
    steps=4, warmup_steps=1, learning_rate=1e-2, weight_decay=0.02, map_weight=0.5, check_every=2
)
device = torch.device("cpu")
torch.manual_seed(0)
state = begin(Net(), options, device)
with distributed.joined(device) as here:
    folder = out / str(here.rank)
    folder.mkdir(parents=True)
    train(state, Noise(), folder, check=lambda net: {"choose": 0.5}, tell=lambda *_: None, device=device, here=here)
torch.save(state.net.state_dict(), out / f"net{here.rank}.pt")
"""


def alone(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same steps in this process, which is no part of a group."""
    monkeypatch.setattr(sys, "argv", ["steps", str(out)])
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    exec(compile(STEPS, "steps", "exec"), {"__name__": "__main__"})  # noqa: S102 - what the two processes run


def steps(out: Path, ranks: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(ranks), "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", STEPS, str(out)],
            env=os.environ | settings | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(ranks)
    ]
    try:
        for process in started:
            _, said = process.communicate(timeout=120)
            assert process.returncode == 0, said
    finally:
        for process in started:
            process.kill()


@pytest.mark.heavy
def test_two_processes_learn_what_one_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone(tmp_path / "one", monkeypatch)
    steps(tmp_path / "two", 2)
    one = torch.load(tmp_path / "one" / "net0.pt", weights_only=True)
    ranks = [torch.load(tmp_path / "two" / f"net{rank}.pt", weights_only=True) for rank in range(2)]
    for name, value in one.items():
        assert torch.equal(ranks[0][name], ranks[1][name])
        apart = (ranks[0][name] - value).abs().flatten()
        # A step is 1e-2. Where a gradient is nearly zero, the optimiser blows up the order of its sums.
        assert float(torch.quantile(apart, 0.99)) < 2e-5, name
    logs = [(tmp_path / run / "0" / "log.csv").read_text().splitlines() for run in ("one", "two")]
    for mine, theirs in zip(*logs, strict=True):
        figures = [[float(v) for v in line.split(",")[:-1]] for line in (mine, theirs) if line[0].isdigit()]
        assert not figures or figures[0] == pytest.approx(figures[1], rel=1e-4)
    assert not list((tmp_path / "two" / "1").iterdir())  # the second writes nothing


class Numbered:
    """Pair k has pixels of value k."""

    def __getitem__(self, step: int) -> Batch:
        pairs = np.repeat(np.arange(5, dtype=np.uint8), 2)
        pixels = np.broadcast_to(pairs[:, None, None, None], (10, 2, 2, 3)).copy()
        forged = np.tile(np.array([0, 1], np.float32), 5)
        return Batch(pixels, forged, np.zeros((10, 1, 1), np.float32), np.ones(10, np.float32))


def test_shares_are_whole_pairs_and_together_the_batch() -> None:
    shares = [Share(Numbered(), rank, 2)[0] for rank in range(2)]
    assert [share.pixels[:, 0, 0, 0].tolist() for share in shares] == [[0, 0, 2, 2, 4, 4], [1, 1, 3, 3]]
    assert all(share.forged.tolist() == [0, 1] * (len(share.forged) // 2) for share in shares)
    with pytest.raises(UsageError, match="fewer pairs"):
        Share(Numbered(), 0, 6)[0]
