"""Learns the network of ``speech.spectrogram``: a copy beside its original, collected voices beside genuine ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from zhenwei.detectors.speech.spectrogram import SAMPLES, levels, pieces
from zhenwei.forge.voice import NEURAL_KINDS
from zhenwei.nets.spectrogram import BINS, FRAMES, SpectrogramNet
from zhenwei.trainer.precision import reduced_precision
from zhenwei.trainer.run import Schedule, Turn
from zhenwei.training.data.speech import SEED, Utterance
from zhenwei.training.fit import FitCheckpoint, fit
from zhenwei.training.install.onnx_export import ExportedModel, export
from zhenwei.types import Floats

PAIRS = 16


@dataclass(frozen=True, slots=True)
class Stage:
    """One fall of the learning rate from ``rate``, after ``warm`` steps of rising. ``first``: number of its first
    batch, ``frames``: shown at a time, ``copied``: how many of the pairs are an original and its copy,
    ``same_source``: how often a collected window stands beside a genuine one of its own source, where there is one.
    ``neural``: whether copies by neural vocoders are shown."""

    steps: int
    first: int
    rate: float
    warm: int
    frames: int
    copied: float
    same_source: float
    neural: bool


STAGES = (
    Stage(1200, 0, 2e-3, 100, FRAMES, 0.4, 0.0, neural=False),
    Stage(1000, 10_000, 2e-3, 40, 124, 0.5, 0.5, neural=True),
)
"""The second begins with the running average of the first, as warm restarts do (Loshchilov & Hutter, ICLR 2017)."""
STEPS = sum(stage.steps for stage in STAGES)
_DECAY = 0.02
_AVERAGE = 0.995
_KEEP_EVERY = 100
_SMOOTH = 0.02  # labels
_RANKED = 0.3  # weight of "the forged one of a pair above the genuine one"
_KNOTS, _COLOUR = 6, 1.2  # of a drawn equaliser, in nepers of power
_NOISY, _NOISE = 0.6, (6.0, 14.0)  # how often, and nepers below the loudest bin
_NARROW, _LOWEST_TOP = 0.3, 100  # how often the band ends early, and at which bin at the lowest
_MAX_HIDDEN = 24  # bins
_SILENCE = -16.0
_NEURAL_SYSTEMS = frozenset(f"copy by {kind}" for kind in NEURAL_KINDS)

Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What batches are drawn from: ``levels`` of every row, ``(224, frames)`` as 16 bit floats; places of genuine and
    collected rows with their odds; pairs of an original and its copy, with theirs; ``of_source``: places of the genuine
    rows of each source, ``sources`` ``(n,)``; ``rows``: how many of them are shown."""

    levels: list[Tensor]
    genuine: NDArray[np.int64]
    genuine_odds: NDArray[np.float64]
    collected: NDArray[np.int64]
    collected_odds: NDArray[np.float64]
    pairs: NDArray[np.int64]
    pair_odds: NDArray[np.float64]
    sources: NDArray[np.str_]
    of_source: dict[str, NDArray[np.int64]]
    rows: int


def learn(rows: Sequence[tuple[Floats, Utterance]], kept: Path, tell: Tell | None = None) -> SpectrogramNet:
    """A network of ``(speech, what it is)``; a copy follows its original in ``rows``, and pairs with it. ``kept``:
    where the state is saved, and found again by the same rows; of the second stage beside it.

    Deterministic on one machine. Raises :class:`DataError` when ``kept`` is damaged or of something else.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        net = SpectrogramNet()
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # thrice as fast
        seen, before = [_seen(audio) for audio, _ in rows], 0
        for number, stage in enumerate(STAGES, start=1):
            place = kept if number == 1 else kept.with_stem(f"{kept.stem}-{number}")
            told = partial(_told, tell or _nobody, before)
            average = _taught(net, _shown(rows, seen, neural=stage.neural), stage, place, told)
            net.load_state_dict(average.state_dict())
            before += stage.steps
    return net.eval()


def _nobody(_share: float) -> None:
    """Where nobody watches."""


def _told(tell: Tell, before: int, made: int) -> None:
    tell((before + made) / STEPS)


def _taught(net: SpectrogramNet, shown: Shown, stage: Stage, kept: Path, tell: Callable[[int], None]) -> SpectrogramNet:
    """The running average of ``net`` after a stage."""

    def loss(turn: Turn) -> Tensor:
        return _loss(net.train(), _batch(shown, turn.step, stage))

    def rate(step: int, steps: int) -> float:
        cosine = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps))
        return stage.rate * min(1.0, (step + 1) / stage.warm) * cosine

    return fit(
        net,
        torch.optim.AdamW(net.parameters(), stage.rate, weight_decay=_DECAY),
        loss,
        Schedule(
            stage.steps, save_every=_KEEP_EVERY, learning_rate=rate, ema=lambda made: min(_AVERAGE, made / (made + 9))
        ),
        state=FitCheckpoint(kept, of=shown.rows),
        clip_norm=3.0,
        tell=tell,
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


def _seen(audio: Floats) -> Tensor:
    long_enough = audio if len(audio) >= SAMPLES else np.resize(audio, SAMPLES)
    return torch.from_numpy(levels(long_enough)).half()


def _shown(rows: Sequence[tuple[Floats, Utterance]], seen: list[Tensor], *, neural: bool) -> Shown:
    """``neural``: whether copies by neural vocoders are shown."""
    genuine, collected, pairs, count = list[int](), list[int](), list[tuple[int, int]](), 0
    original = -1
    for place, (_, one) in enumerate(rows):
        if one.system in _NEURAL_SYSTEMS and not neural:
            continue
        count += 1
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
    of_source = {}
    for source in np.unique(sources[genuine]):
        of_source[str(source)] = np.asarray([k for k in genuine if sources[k] == source], np.int64)
    return Shown(
        seen,
        np.asarray(genuine, np.int64),
        _odds(sources[genuine]),
        np.asarray(collected, np.int64),
        _odds(sources[collected]),
        paired,
        _odds(sources[paired[:, 0]]),
        sources,
        of_source,
        count,
    )


def _odds(sources: NDArray[np.str_]) -> NDArray[np.float64]:
    """``(n,)``, sum 1: a source counts as the root of what it has."""
    _, place, count = np.unique(sources, return_inverse=True, return_counts=True)
    odds = count[place] ** -0.5 if len(sources) else np.zeros(0)
    return np.asarray(odds / max(odds.sum(), 1e-12), np.float64)


def _batch(shown: Shown, step: int, stage: Stage) -> Tensor:
    """``(2 PAIRS, 224, frames)``: genuine and forged in turn, both of a pair changed alike."""
    rng = np.random.default_rng((SEED, stage.first + step))
    views = []
    for _ in range(PAIRS):
        if len(shown.pairs) and (rng.random() < stage.copied or not len(shown.collected)):
            genuine, forged = shown.pairs[rng.choice(len(shown.pairs), p=shown.pair_odds)]
        else:
            genuine, forged = _strangers(shown, rng, stage.same_source)
        cut = [_cut(shown.levels[place], stage.frames, rng) for place in (genuine, forged)]
        views.append(_changed(cut[0], cut[1], rng))
    return torch.cat(views)


def _strangers(shown: Shown, rng: np.random.Generator, same_source: float) -> tuple[int, int]:
    """A genuine and a collected window: what tells their sources apart must not tell the classes apart."""
    genuine = int(rng.choice(shown.genuine, p=shown.genuine_odds))
    forged = int(rng.choice(shown.collected, p=shown.collected_odds))
    if same_source and rng.random() < same_source:
        mates = shown.of_source.get(str(shown.sources[forged]))
        if mates is not None:
            genuine = int(rng.choice(mates))
    return genuine, forged


def _cut(level: Tensor, frames: int, rng: np.random.Generator) -> Tensor:
    start = int(rng.integers(level.shape[1] - frames + 1))
    return level[:, start : start + frames].float()


def _changed(genuine: Tensor, forged: Tensor, rng: np.random.Generator) -> Tensor:
    """``(2, 224, frames)``: one drawn equaliser, noise floor, end of the band and hidden bins for both."""
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
