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
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
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

    sound: Floats
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
                sound, rate = soundfile.read(io.BytesIO(packed.read(row["path"])), dtype="float32")
                if rate != RATE_HZ or sound.ndim != 1:
                    raise DataError("speech of another form", got=f"{row['path']}: {rate} Hz", want="mono at 16 kHz")
                system = "" if row["label"] == "bonafide" else row["system"]
                found.append(Utterance(sound, system, row["speaker"], row["source"], row["path"]))
    except (KeyError, zipfile.BadZipFile, soundfile.LibsndfileError, OSError) as error:
        raise DataError("the speech cannot be read", got=f"{archive}: {error}", want="a whole archive") from error
    return found


def with_copies(utterances: Sequence[Utterance], *, kinds: Sequence[str] = KINDS) -> Iterator[Utterance]:
    """Every utterance, and after each genuine one a copy by each of ``kinds``; seeded by its path."""
    for one in utterances:
        yield one
        if one.forged or one.copied:
            continue
        for number, kind in enumerate(kinds):
            rng = np.random.default_rng([SEED, number, *one.path.encode()])
            made = copy_voice(one.sound, rng, kind=kind)
            yield Utterance(made.sound, f"copy by {kind}", one.speaker, one.source, one.path, copied=True)


def delivered(one: Utterance) -> Floats:
    """The sound after a channel drawn by its path alone: a copy goes the way of its original."""
    rng = np.random.default_rng([SEED, 99, *one.path.encode()])
    return draw_channel(rng)(one.sound)


def split(utterances: Sequence[Utterance], sources: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """What to learn from and what to ask, ``(n,)`` each, when ``sources`` are left out: windows as published of these
    sources are asked, and nothing is learned from them, from a system or a speaker of theirs."""
    asked = np.array([u.source in sources for u in utterances], np.bool_)
    systems = {u.system for u, out in zip(utterances, asked, strict=True) if out and u.forged and not u.copied}
    speakers = {u.speaker for u, out in zip(utterances, asked, strict=True) if out and u.speaker}
    learned = [
        not out and u.system not in systems and u.speaker not in speakers
        for u, out in zip(utterances, asked, strict=True)
    ]
    published = np.array([not u.copied for u in utterances], np.bool_)
    return np.asarray(learned, np.bool_), asked & published


def balanced(utterances: Sequence[Utterance]) -> NDArray[np.float64]:
    """``(n,)`` weights of mean 1: genuine and forged weigh the same, collected and copied forgeries too; within each,
    a source weighs as the square root of its windows."""
    keys = [(u.forged, u.copied) for u in utterances]
    weights = np.zeros(len(utterances))
    for key in sorted(set(keys)):
        mine = [i for i, k in enumerate(keys) if k == key]
        count: dict[str, int] = {}
        for i in mine:
            count[utterances[i].source] = count.get(utterances[i].source, 0) + 1
        weights[mine] = [count[utterances[i].source] ** -0.5 for i in mine]
        weights[mine] *= (0.5 if key[0] and len({c for f, c in keys if f}) > 1 else 1.0) / weights[mine].sum()
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
    if workers <= 1:
        for one in utterances:
            found.append(ask(one))
            _tell(progress, found, utterances)
        return found
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for row in pool.map(ask, utterances, chunksize=16):
            found.append(row)
            _tell(progress, found, utterances)
    return found


def _features(describe: Callable[[Floats], Floats | None], through_channel: bool, one: Utterance) -> Floats | None:
    return describe(delivered(one) if through_channel else one.sound)


def _tell(progress: Callable[[float], None] | None, found: Sequence[object], whole: Sequence[object]) -> None:
    if progress:
        progress(len(found) / len(whole))
