"""A model of mel frames that says what comes next: density of speech, band by band, and speech drawn from it.

One tier of MelNet (Vasquez & Lewis 2019) in small. Frames it draws stay inside the process; a sound leaves only by
:mod:`zhenwei.forge.voice.say`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn, optim

from zhenwei.errors import DataError
from zhenwei.forge.adversarial import SCHEMA
from zhenwei.forge.checked_settings import checked
from zhenwei.forge.voice.frames import BANDS, Reals, Scale, check_frames, joined
from zhenwei.forge.voice.heard import SpeakerRecordings
from zhenwei.nets.voice import MelModel, mixture_log_density
from zhenwei.trainer.checkpoints import read_checkpoint, under
from zhenwei.trainer.loop import take_step, train
from zhenwei.trainer.run import WEIGHTS, Progress, Run, Schedule, Task, Turn

KIND = "mel-model"
NOISE = 0.1  # deviation that is added to standardised frames: pauses are all the same, and their density without end
_SEGMENT = 48


@checked
class MelModelSettings:
    """How a mel model is trained; UsageError for values without meaning."""

    batch: Annotated[int, Field(ge=1)] = 8
    rate: Annotated[float, Field(gt=0, lt=1)] = 3e-3
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class TrainedMelModel:
    """``net`` works on frames by ``scale``; ``losses`` in nats a band, by step. ``consent``: SHA-256 of the manifest,
    "" for made voices."""

    net: MelModel
    scale: Scale
    losses: tuple[float, ...] = ()
    consent: str = ""
    subject: str = ""
    step: int = 0
    data: str = ""

    def draw(self, count: int, rng: np.random.Generator, beginning: Reals | None = None) -> Reals:
        """``count`` standardised frames ``(count, BANDS)`` drawn one band after another, after a ``beginning``.
        DataError where the weights are so damaged that there is nothing to draw from."""
        frames = np.zeros((0, BANDS)) if beginning is None else beginning
        heard = torch.from_numpy(np.concatenate([np.zeros((1, BANDS)), frames]).astype(np.float32))[None]
        made = []
        with torch.no_grad():
            told, state = self.net.over_time(heard)
            for _ in range(count):
                frame = torch.zeros(1, 1, BANDS)
                for band in range(BANDS):
                    frame[0, 0, band] = _drawn(self.net.within(told[:, -1:], frame)[0, 0, band].numpy(), rng)
                made.append(frame[0, 0].numpy().astype(np.float64))
                told, state = self.net.over_time(frame, state)
        return np.array(made).reshape(count, BANDS)


def learn(
    heard: SpeakerRecordings,
    settings: MelModelSettings,
    steps: int = 300,
    folder: Path | None = None,
    *,
    save_every: int = 100,
    tell: Callable[[Progress, Run], None] = lambda _step, _run: None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainedMelModel:
    """Learn from utterances, or go on in ``folder``. DataError for less than 10 s of speech, and as
    :func:`zhenwei.trainer.loop.train`."""
    frames = joined(heard.waveforms, heard.name)
    scale = Scale(frames)
    ready = torch.from_numpy(scale.standard(frames).astype(np.float32))
    about = {"kind": KIND, "settings": asdict(settings), "data": heard.words, "consent": heard.consent,
             "subject": heard.name, "frames": hashlib.sha256(frames.tobytes()).hexdigest()}  # fmt: skip
    schedule = Schedule(steps, settings.seed, save_every)
    run = train(_task(ready, scale, settings), schedule, folder, about=about, tell=tell, stop=stop)
    losses = tuple(row["nats"] for row in run.rows)
    net = cast("MelModel", run.task.nets["net"])
    return TrainedMelModel(net, scale, losses, heard.consent, heard.name, run.step, heard.words)


def open_model(folder: Path) -> TrainedMelModel:
    """The model of a run in ``folder``. DataError where there is none."""
    document, tensors = read_checkpoint(folder / WEIGHTS, SCHEMA)
    try:
        about = document["about"]
        if about["kind"] != KIND:
            raise ValueError(about["kind"])
        net, scale = MelModel(BANDS), Scale()
        net.load_state_dict(under(tensors, "nets.net."))
        scale.load(under(tensors, "nets.scale."))
        told = str(about["consent"]), str(about["subject"]), int(document["step"]), str(about["data"])
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise DataError(f"there is no readable run of a mel model at {folder}", got=str(error)[:200]) from None
    return TrainedMelModel(net, scale, (), *told)


def _task(ready: Tensor, scale: Scale, settings: MelModelSettings) -> Task:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        net = MelModel(BANDS)
    optimizer = optim.Adam(net.parameters(), lr=settings.rate)

    def step(turn: Turn) -> dict[str, Tensor]:
        rng = turn.generator(63)
        starts = torch.randint(len(ready) - _SEGMENT, (settings.batch,), generator=rng)
        batch = torch.stack([ready[s : s + _SEGMENT] for s in starts.tolist()])
        noisy = batch + NOISE * torch.randn(batch.shape, generator=rng)
        nats = -mixture_log_density(net(noisy), noisy).mean()
        take_step(optimizer, nats, clip_norm=1.0)
        return {"nats": nats}

    return Task(nn.ModuleDict({"net": net, "scale": scale}), {"net": optimizer}, step, schema=SCHEMA)


def _drawn(parameters: NDArray[np.float32], rng: np.random.Generator) -> float:
    logits, means, spreads = np.split(check_frames(parameters.astype(np.float64)), 3)
    weights = np.exp(logits - logits.max())
    part = rng.choice(len(weights), p=weights / weights.sum())
    return float(means[part] + np.exp(np.clip(spreads[part], -4, 4)) * rng.standard_normal())
