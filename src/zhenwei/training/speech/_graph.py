"""Learns the network of ``speech.graph_attention``: small batches, hidden bands and moments, a running average."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from zhenwei.detectors.speech.graph_attention import pieces
from zhenwei.nets.graph_attention import BANDS, FRAMES, SAMPLES, STATISTICS, GraphAttentionNet
from zhenwei.signals.speech import levelled, without_rumble
from zhenwei.signals.voice import RATE_HZ, Reals, variability
from zhenwei.trainer.run import Schedule, Turn
from zhenwei.training.data.speech import SEED, Utterance
from zhenwei.training.fit import FitCheckpoint, fit
from zhenwei.training.install.onnx_export import ExportedModel, export
from zhenwei.types import Floats

STEPS, BATCH = 900, 32
_LEARNING_RATE, _DECAY, _WARM = 1.5e-3, 0.02, 50
_AVERAGE = 0.99
_KEEP_EVERY = 100
_SMOOTH = 0.05  # labels
_SECOND = 1.0  # weight of the second task
_MAX_BANDS, _MAX_FRAMES = 10, 40  # hidden

Tell = Callable[[float], None]


def learn(rows: Sequence[tuple[Floats, Utterance]], kept: Path, tell: Tell | None = None) -> GraphAttentionNet:
    """A network of ``(speech, what it is)``; ``kept``: where the state is saved, and found again by the same rows.

    Deterministic on one machine. Raises :class:`DataError` when ``kept`` is damaged or of something else.
    """
    waveforms, utterances = zip(*rows, strict=True)
    levels, statistics = _levels(waveforms), _statistics(waveforms)
    forged, odds = np.array([u.forged for u in utterances]), within_sources(utterances)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        net = GraphAttentionNet()

        def loss(turn: Turn) -> Tensor:
            torch.manual_seed(SEED + turn.step)
            return _loss(net.train(), *_batch(levels, statistics, forged, odds, turn.step))

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
            clip_norm=5.0,
            tell=lambda made: tell(made / STEPS) if tell else None,
        )


def score(net: GraphAttentionNet, audio: Floats) -> float:
    """Mean log odds of the pieces of ``audio``; NaN where it is too short."""
    found = pieces(audio)
    if found is None:
        return math.nan
    with torch.no_grad():
        return float(net(torch.from_numpy(found)).score.mean())


def exported(net: GraphAttentionNet) -> ExportedModel:
    return export(net, (SAMPLES,), input_name="wave", outputs=("score",))


def within_sources(utterances: Sequence[Utterance]) -> NDArray[np.float64]:
    """``(n,)``: odds that each is drawn. Of every source genuine and forged windows are drawn equally often, of the
    forged ones collected and copied; a source counts as the root of its windows."""
    odds = np.zeros(len(utterances))
    sources = np.array([u.source for u in utterances])
    forged, copied = np.array([u.forged for u in utterances]), np.array([u.copied for u in utterances])
    for source in np.unique(sources):
        mine = sources == source
        genuine, collected, copies = mine & ~forged, mine & forged & ~copied, mine & forged & copied
        kinds = int(collected.any()) + int(copies.any())
        if not genuine.any() or not kinds:
            continue
        share = float(mine.sum()) ** 0.5
        odds[genuine] = share / genuine.sum()
        for part in (collected, copies):
            odds[part] = share / kinds / max(1, part.sum())
    return odds


def _levels(waveforms: Sequence[Floats]) -> list[Tensor]:
    """What the bank gives of each, as 16 bit floats: the whole is kept in memory."""
    bank = GraphAttentionNet().bank
    found = []
    for audio in waveforms:
        even = np.asarray(levelled(without_rumble(audio, RATE_HZ)), np.float32)
        if len(even) < SAMPLES:
            even = np.resize(even, SAMPLES)
        with torch.no_grad():
            found.append(bank(torch.from_numpy(np.ascontiguousarray(even))[None])[0].half())
    return found


_MEASURED: dict[bytes, Reals | None] = {}  # the folds of a training hold the same sounds


def _statistics(waveforms: Sequence[Floats]) -> Tensor:
    """``(n, 150)``, standardised and clipped to four deviations; 0 where too little is heard."""
    keys, fresh = [], {}
    for audio in waveforms:
        key = blake2b(audio.tobytes()).digest()
        keys.append(key)
        if key not in _MEASURED:
            fresh[key] = audio
    if fresh:
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            _MEASURED.update(zip(fresh, pool.map(variability, fresh.values(), chunksize=32), strict=True))
    found = [_MEASURED[key] for key in keys]
    known = np.stack([row for row in found if row is not None])
    centre, scale = known.mean(axis=0), known.std(axis=0) + 1e-9
    rows = [np.zeros(STATISTICS) if row is None else np.clip((row - centre) / scale, -4, 4) for row in found]
    return torch.from_numpy(np.stack(rows).astype(np.float32))


def _batch(
    levels: Sequence[Tensor], statistics: Tensor, forged: NDArray[np.bool_], odds: NDArray[np.float64], step: int
) -> tuple[Tensor, Tensor, Tensor]:
    rng = np.random.default_rng((SEED, step))
    picked = rng.choice(len(levels), BATCH, p=odds / odds.sum())
    views = torch.stack([_view(levels[int(k)], rng) for k in picked])
    return views, statistics[torch.from_numpy(picked)], torch.from_numpy(forged[picked].astype(np.float32))


def _view(level: Tensor, rng: np.random.Generator) -> Tensor:
    """240 frames from anywhere, at times with noise below, without the high bands, with bands and moments hidden."""
    start = int(rng.integers(level.shape[1] - FRAMES + 1))
    out = level[:, start : start + FRAMES].float()
    if rng.random() < 0.5:
        floor = out.amax() - float(rng.uniform(6, 12)) + torch.from_numpy(rng.normal(0, 1, (BANDS, 1))).float()
        out = torch.logaddexp(out, floor.expand_as(out))
    if rng.random() < 0.3:
        out[int(rng.integers(BANDS // 2, BANDS)) :] = out.mean()
    band, moment = int(rng.integers(_MAX_BANDS)), int(rng.integers(_MAX_FRAMES))
    low, early = int(rng.integers(BANDS - band)), int(rng.integers(FRAMES - moment))
    out[low : low + band] = out[low : low + band].mean(1, keepdim=True)
    out[:, early : early + moment] = out.mean(1, keepdim=True)
    return out


def _loss(net: GraphAttentionNet, views: Tensor, statistics: Tensor, forged: Tensor) -> Tensor:
    target = forged * (1 - 2 * _SMOOTH) + _SMOOTH
    heard = net.of_levels(views)
    loss = functional.binary_cross_entropy_with_logits(heard.score, target)
    return loss + _SECOND * functional.mse_loss(heard.statistics, statistics)
