"""A model of mel frames that says what comes next: density of speech, band by band, and speech drawn from it.

One tier of MelNet (Vasquez & Lewis 2019) in small. Frames it draws stay inside the process; a sound leaves only by
:func:`zhenwei.forge.export.export_sound`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.voice.convert import BANDS, log_mel
from zhenwei.nets.voice import MelModel, mixture_log_density

Reals = NDArray[np.float64]
NOISE = 0.1  # deviation that is added to standardised frames: pauses are all the same, and their density without end
_SEGMENT = 48


@dataclass(frozen=True, slots=True)
class Settings:
    steps: int = 300
    batch: int = 8
    rate: float = 3e-3
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """``mean`` and ``spread`` ``(BANDS,)`` of what was learned from; ``losses`` in nats a band, by step."""

    net: MelModel
    mean: Reals
    spread: Reals
    losses: tuple[float, ...]

    def standardised(self, sound: NDArray[np.floating], seed: int) -> Reals:
        """Frames ``(n, BANDS)`` of an utterance less ``mean`` over ``spread``, with the noise it expects."""
        frames = (log_mel(sound) - self.mean) / self.spread
        return np.asarray(frames + NOISE * np.random.default_rng(seed).standard_normal(frames.shape), np.float64)

    def nll(self, frames: Reals) -> Reals:
        """Negative log-likelihood in nats ``(n, BANDS)`` of standardised frames ``(n, BANDS)``."""
        if frames.ndim != 2 or frames.shape[1] != BANDS or not len(frames):
            raise UsageError("these are no frames", got=str(frames.shape), want=f"(1 or more, {BANDS})")
        self.net.eval()
        with torch.no_grad():
            ready = torch.from_numpy(frames.astype(np.float32))[None]
            return np.asarray(-mixture_log_density(self.net(ready), ready)[0].numpy(), np.float64)

    def draw(self, count: int, rng: np.random.Generator, beginning: Reals | None = None) -> Reals:
        """``count`` standardised frames ``(count, BANDS)`` drawn one band after another, after a ``beginning``."""
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


def learn(sounds: Sequence[NDArray[np.floating]], settings: Settings) -> Learned:
    """Learn from utterances ``(samples,)`` at 16 kHz. DataError for less than 10 s of speech."""
    frames = [log_mel(sound) for sound in sounds]
    joined = np.concatenate(frames) if frames else np.zeros((0, BANDS))
    if len(joined) < 1000:
        raise DataError("this is too little speech to learn from", got=f"{len(joined) / 100:.1f} s", want="10 s")
    mean, spread = joined.mean(axis=0), joined.std(axis=0) + 1e-3
    ready = ((joined - mean) / spread).astype(np.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        net = MelModel(BANDS)
        return Learned(net, mean, spread, _trained(net, ready, settings))


def _trained(net: MelModel, ready: NDArray[np.float32], settings: Settings) -> tuple[float, ...]:
    rng = np.random.default_rng(settings.seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=settings.rate)
    losses = []
    for _ in range(settings.steps):
        starts = rng.integers(0, len(ready) - _SEGMENT, settings.batch)
        batch = np.stack([ready[s : s + _SEGMENT] for s in starts])
        noisy = torch.from_numpy((batch + NOISE * rng.standard_normal(batch.shape)).astype(np.float32))
        loss = -mixture_log_density(net(noisy), noisy).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
    return tuple(losses)


def _drawn(parameters: NDArray[np.float32], rng: np.random.Generator) -> float:
    logits, means, spreads = np.split(parameters.astype(np.float64), 3)
    weights = np.exp(logits - logits.max())
    part = rng.choice(len(weights), p=weights / weights.sum())
    return float(means[part] + np.exp(np.clip(spreads[part], -4, 4)) * rng.standard_normal())
