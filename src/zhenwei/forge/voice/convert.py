"""Conversion between two voices by an autoencoder: shared encoder, a decoder for each speaker, no parallel sentences.

What the swap does to faces, done to mel frames. It is small and there to learn from: made voices of vowels
(:mod:`zhenwei.forge.voice.speak`) are told apart and converted well, people are not. What it says stays inside the
process; a file comes of it only by :func:`zhenwei.forge.export.export_sound`.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from zhenwei import media
from zhenwei.errors import DataError, UsageError
from zhenwei.forge.consent import Consent, check_files
from zhenwei.forge.voice.copy_set import recordings
from zhenwei.nets.voice import VoiceConverter, stretched
from zhenwei.signals.speech import FLOOR, mel_filters, stft
from zhenwei.signals.voice import RATE_HZ

Reals = NDArray[np.float64]
BANDS, SIZE, HOP = 40, 512, 160
SPEAKERS = ("a", "b")
_SEGMENT = 64  # frames of 10 ms


@dataclass(frozen=True, slots=True)
class Settings:
    """``stretch``: the encoder hears bands stretched by a factor within 1 +- this, and the decoder is to give them as
    they were, so that the length of the tract does not pass; 0 = without, the ablation."""

    steps: int = 600
    batch: int = 16
    width: int = 64
    bottleneck: int = 4
    rate: float = 2e-3
    stretch: float = 0.1
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Converter:
    """``net`` works on frames less ``mean`` over ``spread`` ``(BANDS,)``, of both speakers together. ``losses``: mean
    absolute error of reconstruction of each step. ``consent``: SHA-256 of the manifest, "" for made voices."""

    net: VoiceConverter
    mean: Reals
    spread: Reals
    losses: tuple[float, ...]
    consent: str = ""

    def convert(self, frames: Reals, speaker: str) -> Reals:
        """Log-mel ``frames`` ``(n, BANDS)`` of an utterance as ``speaker``, "a" or "b", would say it."""
        if speaker not in SPEAKERS or frames.ndim != 2 or frames.shape[1] != BANDS or len(frames) < 2:
            got = f"{frames.shape} as {speaker!r}"
            raise UsageError("these frames cannot be converted", got=got, want=f"(2 or more, {BANDS}) as a or b")
        self.net.eval()
        with torch.no_grad():
            ready = torch.from_numpy(((frames - self.mean) / self.spread).T[None].astype(np.float32))
            made = self.net(ready, speaker)[0].T.numpy().astype(np.float64)
        return np.asarray(made * self.spread + self.mean, np.float64)


def log_mel(sound: NDArray[np.floating]) -> Reals:
    """``(frames, BANDS)`` natural logarithms of mel energies of sound ``(samples,)`` at 16 kHz, every 10 ms."""
    power = np.abs(stft(sound, SIZE, HOP)) ** 2
    return np.asarray(np.log(power @ mel_filters(BANDS, SIZE, RATE_HZ).T + 1e4 * FLOOR), np.float64)


def learn(
    first: Sequence[NDArray[np.floating]], second: Sequence[NDArray[np.floating]], settings: Settings, consent: str = ""
) -> Converter:
    """Learn from utterances of speaker a and of speaker b, each ``(samples,)`` at 16 kHz; they may say what they like.

    Deterministic in ``settings.seed`` on one machine. Raises DataError if one of them has less than 10 s of speech.
    """
    frames = [_joined(sounds, name) for sounds, name in zip((first, second), SPEAKERS, strict=True)]
    both = np.concatenate(frames)
    mean, spread = both.mean(axis=0), both.std(axis=0) + 1e-3
    ready = {
        n: torch.from_numpy(((f - mean) / spread).astype(np.float32)) for n, f in zip(SPEAKERS, frames, strict=True)
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        net = VoiceConverter(BANDS, settings.width, settings.bottleneck, SPEAKERS)
        losses = _trained(net, ready, settings)
    return Converter(net, mean, spread, losses, consent)


def learn_from_folders(
    folders: tuple[Path, Path], subjects: tuple[str, str], consent: Consent, today: datetime.date, settings: Settings
) -> Converter:
    """As :func:`learn`, from recordings of two people; every file of both must stand in ``consent`` for a voice on
    ``today``. DataError otherwise, before anything is read."""
    files = [recordings(folder) for folder in folders]
    for subject, mine in zip(subjects, files, strict=True):
        check_files(consent, subject, mine, today, "voice")
    first, second = ([_read(path) for path in mine] for mine in files)
    return learn(first, second, settings, consent.sha256)


def _read(path: Path) -> NDArray[np.float32]:
    return np.asarray(media.read_audio(media.open_media(path), RATE_HZ).samples.mean(axis=0), np.float32)


def _joined(sounds: Sequence[NDArray[np.floating]], name: str) -> Reals:
    frames = [log_mel(sound) for sound in sounds]
    count = sum(map(len, frames))
    if count < 1000:
        raise DataError(f"speaker {name} says too little to learn from", got=f"{count / 100:.1f} s", want="10 s")
    return np.concatenate(frames)


def _trained(net: VoiceConverter, ready: dict[str, torch.Tensor], settings: Settings) -> tuple[float, ...]:
    rng = np.random.default_rng(settings.seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=settings.rate)
    losses = []
    for _ in range(settings.steps):
        loss = torch.zeros(())
        for name, frames in ready.items():
            starts = rng.integers(0, len(frames) - _SEGMENT, settings.batch)
            batch = torch.stack([frames[s : s + _SEGMENT].T for s in starts])
            factors = torch.from_numpy(1 + settings.stretch * rng.uniform(-1, 1, settings.batch)).float()
            heard = stretched(batch, factors) if settings.stretch else batch
            loss = loss + (net(heard, name) - batch).abs().mean() / len(ready)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    return tuple(losses)
