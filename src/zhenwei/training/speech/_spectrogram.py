"""Learns the network of ``speech.spectrogram``: a copy beside its original, collected voices beside genuine ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from zhenwei.detectors.speech.spectrogram import SAMPLES, levels, pieces
from zhenwei.nets.spectrogram import BINS, FRAMES, SpectrogramNet
from zhenwei.trainer.precision import reduced_precision
from zhenwei.trainer.run import Schedule, Turn
from zhenwei.training.data.speech import SEED, Utterance
from zhenwei.training.fit import FitCheckpoint, fit
from zhenwei.training.install.onnx_export import ExportedModel, export
from zhenwei.types import Floats

STEPS, PAIRS = 1200, 16
_COPIED = 0.4  # of the pairs
_LEARNING_RATE, _DECAY, _WARM = 2e-3, 0.02, 100
_AVERAGE = 0.995
_KEEP_EVERY = 100
_SMOOTH = 0.02  # labels
_RANKED = 0.3  # weight of "the forged one of a pair above the genuine one"
_KNOTS, _COLOUR = 6, 1.2  # of a drawn equaliser, in nepers of power
_NOISY, _NOISE = 0.6, (6.0, 14.0)  # how often, and nepers below the loudest bin
_NARROW, _LOWEST_TOP = 0.3, 100  # how often the band ends early, and at which bin at the lowest
_MAX_HIDDEN = 24  # bins
_SILENCE = -16.0

Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What batches are drawn from: ``levels`` of every row, ``(224, frames)`` as 16 bit floats; places of genuine and
    collected rows with their odds; pairs of an original and its copy, with theirs."""

    levels: list[Tensor]
    genuine: NDArray[np.int64]
    genuine_odds: NDArray[np.float64]
    collected: NDArray[np.int64]
    collected_odds: NDArray[np.float64]
    pairs: NDArray[np.int64]
    pair_odds: NDArray[np.float64]


def learn(rows: Sequence[tuple[Floats, Utterance]], kept: Path, tell: Tell | None = None) -> SpectrogramNet:
    """A network of ``(speech, what it is)``; a copy follows its original in ``rows``, and pairs with it. ``kept``:
    where the state is saved, and found again by the same rows.

    Deterministic on one machine. Raises :class:`DataError` when ``kept`` is damaged or of something else.
    """
    shown = _shown(rows)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        net = SpectrogramNet()
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # thrice as fast

        def loss(turn: Turn) -> Tensor:
            torch.manual_seed(SEED + turn.step)
            return _loss(net.train(), _batch(shown, turn.step))

        def rate(step: int, steps: int) -> float:
            cosine = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps))
            return _LEARNING_RATE * min(1.0, (step + 1) / _WARM) * cosine

        return fit(
            net,
            torch.optim.AdamW(net.parameters(), _LEARNING_RATE, weight_decay=_DECAY),
            loss,
            Schedule(
                STEPS, save_every=_KEEP_EVERY, learning_rate=rate, ema=lambda made: min(_AVERAGE, made / (made + 9))
            ),
            state=FitCheckpoint(kept, of=len(rows)),
            clip_norm=3.0,
            tell=lambda made: tell(made / STEPS) if tell else None,
        )


def score(net: SpectrogramNet, audio: Floats) -> float:
    """Mean log odds of the pieces of ``audio``; NaN where it is too short."""
    found = pieces(audio)
    if found is None:
        return math.nan
    with torch.no_grad():
        return float(net(torch.from_numpy(found)).score.mean())


def exported(net: SpectrogramNet) -> ExportedModel:
    net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return export(net, (BINS, FRAMES), input_name="levels", outputs=("score",))


def _shown(rows: Sequence[tuple[Floats, Utterance]]) -> Shown:
    seen, genuine, collected, pairs = list[Tensor](), list[int](), list[int](), list[tuple[int, int]]()
    original = -1
    for place, (audio, one) in enumerate(rows):
        long_enough = audio if len(audio) >= SAMPLES else np.resize(audio, SAMPLES)
        seen.append(torch.from_numpy(levels(long_enough)).half())
        if one.copied:
            if original >= 0 and rows[original][1].path == one.path:
                pairs.append((original, place))
        elif one.forged:
            collected.append(place)
        else:
            genuine.append(place)
            original = place
    sources = np.array([one.source for _, one in rows])
    paired = np.asarray(pairs, np.int64).reshape(-1, 2)
    return Shown(
        seen,
        np.asarray(genuine, np.int64),
        _odds(sources[genuine]),
        np.asarray(collected, np.int64),
        _odds(sources[collected]),
        paired,
        _odds(sources[paired[:, 0]]),
    )


def _odds(sources: NDArray[np.str_]) -> NDArray[np.float64]:
    """``(n,)``, sum 1: a source counts as the root of what it has."""
    _, place, count = np.unique(sources, return_inverse=True, return_counts=True)
    odds = count[place] ** -0.5 if len(sources) else np.zeros(0)
    return np.asarray(odds / max(odds.sum(), 1e-12), np.float64)


def _batch(shown: Shown, step: int) -> Tensor:
    """``(2 PAIRS, 224, 247)``: genuine and forged in turn, both of a pair changed alike."""
    rng = np.random.default_rng((SEED, step))
    views = []
    for _ in range(PAIRS):
        if len(shown.pairs) and (rng.random() < _COPIED or not len(shown.collected)):
            genuine, forged = shown.pairs[rng.choice(len(shown.pairs), p=shown.pair_odds)]
        else:
            genuine = rng.choice(shown.genuine, p=shown.genuine_odds)
            forged = rng.choice(shown.collected, p=shown.collected_odds)
        views.append(_changed(_cut(shown.levels[genuine], rng), _cut(shown.levels[forged], rng), rng))
    return torch.cat(views)


def _cut(level: Tensor, rng: np.random.Generator) -> Tensor:
    start = int(rng.integers(level.shape[1] - FRAMES + 1))
    return level[:, start : start + FRAMES].float()


def _changed(genuine: Tensor, forged: Tensor, rng: np.random.Generator) -> Tensor:
    """``(2, 224, 247)``: one drawn equaliser, noise floor, end of the band and hidden bins for both."""
    both = torch.stack([genuine, forged])
    knots = torch.from_numpy(rng.normal(0, _COLOUR, (1, 1, _KNOTS)).astype(np.float32))
    both = both + functional.interpolate(knots, BINS, mode="linear")[0, 0][:, None]
    if rng.random() < _NOISY:
        floor = both.amax((1, 2), keepdim=True) - float(rng.uniform(*_NOISE))
        drawn = torch.from_numpy(rng.normal(0, 0.6, both.shape).astype(np.float32))
        both = torch.logaddexp(both, floor + drawn)
    if rng.random() < _NARROW:
        both[:, int(rng.integers(_LOWEST_TOP, BINS)) :] = _SILENCE
    low, count = int(rng.integers(BINS - _MAX_HIDDEN)), int(rng.integers(_MAX_HIDDEN))
    both[:, low : low + count] = both.mean((1, 2), keepdim=True)
    return both


def _loss(net: SpectrogramNet, views: Tensor) -> Tensor:
    with reduced_precision(views.device):
        answer = net(views).score
    odds = answer.float()
    forged = torch.tensor([0.0, 1.0]).repeat(len(odds) // 2)
    loss = functional.binary_cross_entropy_with_logits(odds, forged * (1 - 2 * _SMOOTH) + _SMOOTH)
    return loss + _RANKED * functional.softplus(odds[::2] - odds[1::2]).mean()
