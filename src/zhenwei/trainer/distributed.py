"""Several GPUs, one process each, started by ``torchrun``: the batch of a step is shared out, not multiplied.

Every process (*rank*) holds the same weights. Of the pairs of a step each takes every n-th, so that together they learn
from the very batch that one process would; losses are weighted so that the sum over the ranks is the loss of the whole
batch, gradients are averaged by ``DistributedDataParallel``. Rank 0 alone measures and writes. What differs from one
process: dropout is drawn by each rank for itself, and batch statistics are those of the whole batch on GPUs
(SyncBatchNorm) but of a rank's own share on CPUs, where PyTorch has none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from zhenwei.errors import UsageError
from zhenwei.trainer.batch import Batch
from zhenwei.trainer.workers import BatchSource


@dataclass(frozen=True, slots=True)
class World:
    """Which of how many processes this is."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that measures and writes."""
        return self.rank == 0


ALONE = World()


def world() -> World:
    """As ``torchrun`` says in the environment; alone without it."""
    try:
        return World(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))
    except ValueError as error:
        raise UsageError("RANK or WORLD_SIZE is no number", got=str(error), want="what torchrun sets") from error


def own_device(name: str) -> torch.device:
    """The device that ``name`` says ("auto", "cpu" or "cuda"); of several GPUs that of this process.

    Raises :class:`UsageError` for another name, and where there is no GPU.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise UsageError("unknown device", got=name, want="auto, cpu or cuda")
    has_gpu = torch.cuda.is_available()
    if name == "cuda" and not has_gpu:
        raise UsageError("no GPU is available to PyTorch here", got=name, fix="Use --device cpu.")
    if name == "cpu" or not has_gpu:
        return torch.device("cpu")
    if "LOCAL_RANK" not in os.environ:
        return torch.device("cuda")
    return torch.device("cuda", int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """Joins the other processes for the while; alone, nothing happens."""
    here = world()
    if here.size == 1:
        yield here
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield here
    finally:
        dist.destroy_process_group()


def wrapped(net: nn.Module, device: torch.device) -> nn.Module:
    """``net`` as it is to be called in training; its parameters and state dict stay those of ``net``.

    Norms of ``net`` see the whole batch from then on, where there are GPUs to do it.
    """
    if device.type != "cuda":
        return DistributedDataParallel(net)
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(net)  # type: ignore[no-untyped-call]
    return DistributedDataParallel(converted, device_ids=[device], broadcast_buffers=False)


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """The batches of ``maker``, of which a rank sees every ``size``-th pair, from ``rank`` on.

    A maker with a method ``part(step, rank, size)`` that gives this very share is asked for it and need not prepare the
    rest. Raises :class:`UsageError` where a batch has fewer pairs than there are ranks.
    """

    maker: BatchSource[Batch]
    rank: int
    size: int

    def __getitem__(self, step: int, /) -> Batch:
        part = getattr(self.maker, "part", None)
        if part is not None:
            batch: Batch = part(step, self.rank, self.size)
            return batch
        whole = self.maker[step]
        pairs = len(whole.forged) // 2
        if pairs < self.size:
            raise UsageError("a batch has fewer pairs than there are processes", got=str(pairs), want=str(self.size))
        mine = np.arange(self.rank, pairs, self.size)
        rows = np.stack([2 * mine, 2 * mine + 1], axis=1).ravel()
        return Batch(whole.pixels[rows], whole.forged[rows], whole.mask[rows], whole.masked[rows])


def weighted(whole: Tensor, regional: Tensor, batch: Batch, here: World) -> tuple[Tensor, Tensor]:
    """Both losses of a share, weighted so that their mean over the ranks is the loss of the whole batch."""
    mine = torch.tensor([float(len(batch.forged)), float(batch.masked.sum())], device=whole.device)
    every = mine.clone()
    dist.all_reduce(every)
    shares = mine * here.size / every.clamp(min=1)
    return whole * shares[0], regional * shares[1]


def mean(values: Tensor, here: World) -> Tensor:
    """The mean over the ranks, the same for each."""
    total = values.clone()
    dist.all_reduce(total)
    return total / here.size


def wait() -> None:
    """Until every rank is here."""
    dist.barrier()


def told(value: float, here: World, device: torch.device) -> float:
    """What rank 0 holds, for all of them."""
    if here.size == 1:
        return value
    held = torch.tensor([value], dtype=torch.float64, device=device)
    dist.broadcast(held, 0)
    return float(held.item())
