"""The lecture's network for mouths: an LSTM that hears speech and says how the mouth opens and widens.

After S. Suwajanakorn et al., "Synthesizing Obama: learning lip sync from audio", SIGGRAPH 2017, in small: log mel
spectra in at 50 Hz, opening and width of the mouth out a fifth of a second later, since lips move ahead of sounds.
Learned from clips of people who speak; what it is worth is asked of clips that it has not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zhenwei.errors import DataError
from zhenwei.forge.animate.motion import Points
from zhenwei.signals.lips import BANDS, CONTEXT_S, GRID_HZ, SHAPES
from zhenwei.trainer.loop import ema_warmup, take_step, train
from zhenwei.trainer.run import Progress, Run, Runtime, Schedule, Task, Turn
from zhenwei.trainer.schedule import warmup_cosine

_DELAY = round(0.2 * GRID_HZ)
_WINDOW = round(2.4 * GRID_HZ)
_NOW = int(np.argmin(np.abs(CONTEXT_S)))


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """A clip on a grid of 50 Hz: ``windows`` ``(k, 220)`` of sound (:func:`zhenwei.signals.lips.audio_windows`) and
    what the mouth did, ``moved`` ``(k, 2)``: opening and width, in deviations."""

    windows: Points
    moved: Points


@dataclass(frozen=True, slots=True)
class MouthSettings:
    """``noise``: deviation of what is added to the spectra in training, in their units."""

    steps: int = 300
    batch: int = 16
    hidden: int = 48
    learning_rate: float = 4e-3
    noise: float = 0.2
    seed: int = 0


class MouthNet(nn.Module):
    """``(n, k, 20)`` log mel spectra in, ``(n, k, 2)`` out: the mouth a fifth of a second before each."""

    def __init__(self, hidden: int = 48) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BANDS, hidden, batch_first=True)
        self.out = nn.Linear(hidden, len(SHAPES))

    def forward(self, spectra: Tensor) -> Tensor:
        heard, _ = self.lstm(spectra)
        return cast("Tensor", self.out(heard))


def learn(
    clips: Sequence[Spoken],
    folder: Path,
    settings: MouthSettings | None = None,
    *,
    tell: Callable[[Progress, Run], None] = lambda *_: None,
    runtime: Runtime | None = None,
) -> MouthNet:
    """Trained on ``clips``, going on where ``folder`` holds a run. Raises :class:`DataError` where no clip is as long
    as a training window of 2.6 s."""
    settings = settings or MouthSettings()
    long = [clip for clip in clips if len(clip.moved) >= _WINDOW + _DELAY]
    if not long:
        raise DataError(
            "no clip is long enough to learn a mouth from", got=f"{len(clips)} clips", want="2.6 s and more"
        )
    spectra = [torch.from_numpy(_spectra(clip.windows)) for clip in long]
    moved = [torch.from_numpy(clip.moved.astype(np.float32)) for clip in long]
    torch.manual_seed(settings.seed)
    net = MouthNet(settings.hidden)
    optimizer = torch.optim.AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=0.02)

    def step(turn: Turn) -> dict[str, Tensor]:
        generator = turn.generator()
        heard, wanted = [], []
        for which in torch.randint(len(long), (settings.batch,), generator=generator).tolist():
            first = int(torch.randint(len(moved[which]) - _WINDOW - _DELAY + 1, (1,), generator=generator))
            heard.append(spectra[which][first : first + _WINDOW + _DELAY])
            wanted.append(moved[which][first : first + _WINDOW])
        x = torch.stack(heard)
        x = x + settings.noise * torch.randn(x.shape, generator=generator)
        loss = F.mse_loss(net(x)[:, _DELAY:], torch.stack(wanted))
        take_step(optimizer, loss, clip_norm=1.0)
        return {"loss": loss}

    schedule = Schedule(
        settings.steps,
        seed=settings.seed,
        save_every=100,
        learning_rate=lambda done, steps: warmup_cosine(done, steps, settings.learning_rate, 20),
        ema=lambda made: ema_warmup(0.98, made),
    )
    task = Task(nn.ModuleDict({"net": net}), {"net": optimizer}, step, averaged=("net",))
    about = {"clips": len(long), "hidden": settings.hidden}
    made = train(task, schedule, folder, about=about, tell=tell, runtime=runtime or Runtime())
    return cast("MouthNet", made.averages["net"]).eval()


def foretell(net: MouthNet) -> Callable[[Points], Points]:
    """What ``net`` hears in windows of sound ``(k, 220)``: opening and width ``(k, 2)``."""

    def said(windows: Points) -> Points:
        if not len(windows):
            return np.zeros((0, len(SHAPES)))
        heard = _spectra(windows)
        padded = np.concatenate([heard, np.repeat(heard[-1:], _DELAY, axis=0)])
        with torch.inference_mode():
            found = net(torch.from_numpy(padded)[None])[0, _DELAY:]
        return np.asarray(found.numpy(), np.float64)

    return said


def _spectra(windows: Points) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Of every moment alone, without those around it: the network has a memory of its own."""
    each = windows.reshape(len(windows), len(CONTEXT_S), BANDS)
    return np.ascontiguousarray(each[:, _NOW], np.float32)
