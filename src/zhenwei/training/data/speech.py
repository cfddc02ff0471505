"""Detectors of synthetic voices from a folder of speech: genuine windows, synthetic ones, and copies of the genuine.

``speech.zip`` and ``speech.csv`` hold short windows of many systems and sources. Copies by vocoders
(:mod:`zhenwei.forge.voice`) are made of every genuine window that is learned from. What a detector is worth is measured
source by source: each fold leaves out whole sources with every system and every speaker that occurs in them, so that no
speaker, source or system is shared between what is learned from and what is asked. The calibration rests on these
answers; the shipped weights are learned from all.
"""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from zhenwei.errors import DataError
from zhenwei.forge.voice import KINDS, copy_voice, draw_channel
from zhenwei.signals.voice import RATE_HZ
from zhenwei.types import Floats

SEED = 20261124
FOLDS: tuple[tuple[str, ...], ...] = (
    ("r9y9",),
    ("hifigan_demo", "pwg_demo", "melgan_demo"),
    ("univnet", "larynx_samples", "resemblyzer_audio"),
    ("cyclegan_vc2", "stargan_vc_hujinsen", "cmu_arctic_andabi"),
    ("fastspeech2_ming024", "ljspeech_philippmatthes", "picovoice_s2i", "picovoice_wakeword"),
)
"""Sources left out together, so that every fold holds genuine and synthetic windows."""


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """A window of speech ``(samples,)`` float32 at 16 kHz. ``system``: what made it, "" if a person did; ``copied``: a
    copy made here; ``speaker``: "" where unknown."""

    audio: Floats
    system: str
    speaker: str
    source: str
    path: str
    copied: bool = False

    @property
    def forged(self) -> bool:
        return bool(self.system)


def read_speech(data: Path) -> list[Utterance]:
    """Every window of ``speech.zip`` in ``data``. Raises :class:`DataError` if it is missing or damaged."""
    archive, table = data / "speech.zip", data / "speech.csv"
    if not archive.is_file() or not table.is_file():
        raise DataError("there is no speech to learn from", got=str(data), want="speech.zip and speech.csv")
    found = []
    try:
        with zipfile.ZipFile(archive) as packed, table.open(encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                audio, rate = soundfile.read(io.BytesIO(packed.read(row["path"])), dtype="float32")
                if rate != RATE_HZ or audio.ndim != 1:
                    raise DataError("speech of another form", got=f"{row['path']}: {rate} Hz", want="mono at 16 kHz")
                system = "" if row["label"] == "bonafide" else row["system"]
                found.append(Utterance(audio, system, row["speaker"], row["source"], row["path"]))
    except (KeyError, zipfile.BadZipFile, soundfile.LibsndfileError, OSError) as error:
        raise DataError("the speech cannot be read", got=f"{archive}: {error}", want="a whole archive") from error
    return found


def read_videos(data: Path, label: str = "") -> Iterator[tuple[Path, dict[str, str], float]]:
    """Each clip of ``videos.zip`` in ``data``, of that label, in a temporary file, with its row and the share that is
    then done. Raises :class:`DataError` where it is missing."""
    archive, table = data / "clips.zip", data / "clips.csv"
    if not archive.is_file() or not table.is_file():
        raise DataError("there are no clips to learn from", got=str(data), want="clips.zip and clips.csv")
    with table.open(encoding="utf-8", newline="") as text:
        rows = [row for row in csv.DictReader(text) if label in ("", row["label"])]
    with tempfile.TemporaryDirectory(prefix="zhenwei-clips-") as folder, zipfile.ZipFile(archive) as packed:
        for number, row in enumerate(rows, start=1):
            yield Path(packed.extract(row["path"], folder)), row, number / len(rows)


def with_copies(utterances: Sequence[Utterance], *, kinds: Sequence[str] = KINDS) -> Iterator[Utterance]:
    """Every utterance, and after each genuine one a copy by each of ``kinds``; seeded by its path."""
    for one in utterances:
        yield one
        if one.forged or one.copied:
            continue
        for number, kind in enumerate(kinds):
            rng = np.random.default_rng([SEED, number, *one.path.encode()])
            made = copy_voice(one.audio, rng, kind=kind)
            yield Utterance(made.audio, f"copy by {kind}", one.speaker, one.source, one.path, copied=True)


def degraded(one: Utterance) -> Floats:
    """The sound after a channel drawn by its path alone: a copy goes the way of its original."""
    rng = np.random.default_rng([SEED, 99, *one.path.encode()])
    return draw_channel(rng)(one.audio)


def split(utterances: Sequence[Utterance], sources: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What to learn from and what to ask, ``(n,)`` each, when ``sources`` are left out: windows as published of these
    sources are asked, and nothing is learned from them, from a system or a speaker of theirs."""
    source, system = np.array([u.source for u in utterances]), np.array([u.system for u in utterances])
    speaker, forged = np.array([u.speaker for u in utterances]), np.array([u.forged for u in utterances])
    copied = np.array([u.copied for u in utterances])
    out = np.isin(source, sources)
    known_system = np.isin(system, system[out & forged & ~copied])
    known_speaker = np.isin(speaker, speaker[out & (speaker != "")])
    return ~out & ~known_system & ~known_speaker, out & ~copied


def balanced(utterances: Sequence[Utterance]) -> NDArray[np.float64]:
    """``(n,)`` weights of mean 1: genuine and forged weigh the same, collected and copied forgeries too; within each,
    a source weighs as the square root of its windows."""
    source, forged = np.array([u.source for u in utterances]), np.array([u.forged for u in utterances])
    copied = np.array([u.copied for u in utterances])
    weights = np.zeros(len(utterances))
    both = len(np.unique(copied[forged])) > 1  # collected forgeries and copies
    for mine in (~forged & ~copied, ~forged & copied, forged & ~copied, forged & copied):
        if mine.any():
            _, place, count = np.unique(source[mine], return_inverse=True, return_counts=True)
            weights[mine] = [n**-0.5 for n in count[place].tolist()]
            weights[mine] *= (0.5 if both and forged[mine][0] else 1.0) / weights[mine].sum()
    return np.asarray(weights * len(utterances) / weights.sum(), np.float64)


def features_of(
    utterances: Sequence[Utterance],
    describe: Callable[[Floats], Floats | None],
    *,
    workers: int = 1,
    through_channel: bool = False,
    progress: Callable[[float], None] | None = None,
) -> list[Floats | None]:
    """``describe`` of each, in order; ``through_channel``: after a drawn channel."""
    ask = partial(_features, describe, through_channel)
    found: list[Floats | None] = []
    with ExitStack() as stack:
        if workers > 1:
            pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn")))
            rows = pool.map(ask, utterances, chunksize=16)
        else:
            rows = map(ask, utterances)
        for row in rows:
            found.append(row)
            if progress:
                progress(len(found) / len(utterances))
    return found


def _features(describe: Callable[[Floats], Floats | None], through_channel: bool, one: Utterance) -> Floats | None:
    return describe(degraded(one) if through_channel else one.audio)
