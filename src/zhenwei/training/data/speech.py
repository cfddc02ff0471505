"""Detectors of synthetic voices from a folder of speech: genuine windows, synthetic ones, and copies of the genuine.

``speech2.zip`` and ``speech2.csv`` hold windows of 3 s of many systems and sources. Copies by vocoders
(:mod:`zhenwei.forge.voice`) are made of every genuine window that is learned from. What a detector is worth is measured
source by source: each fold leaves out whole sources with every system and every speaker that occurs in them, so that no
speaker, source or system is shared between what is learned from and what is asked. The calibration rests on these
answers; the shipped weights are learned from all.

What tells the sources apart must not tell genuine from synthetic: MP3 was four times as common among the synthetic, 16
kHz as origin half as common, and noise floors and the ends of the band differ. Every window is therefore also learned
from as it comes out of drawn channels - room, band, noise, level, codec -, and a copy goes the way of its original.
"""

from __future__ import annotations

import csv
import hashlib
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
from zhenwei.evaluation.ladder.audio import through_codec
from zhenwei.files import make_folder, write_whole
from zhenwei.forge.voice import KINDS, NEURAL_KINDS, copy_voice, draw_channel
from zhenwei.signals.speech import levelled
from zhenwei.signals.voice import RATE_HZ
from zhenwei.types import Floats

SEED = 20261124
STEM = "speech2"
CHANNELS = 2  # drawn for every window that is learned from
_COPIED = 0.2  # of what is forged, by weight: vocoders of this project are few and old beside those collected
_CODED, _CODED_AGAIN = 0.6, 0.15
_CHINESE = frozenset({"zh", "yue", "wuu"})
_CODECS = (
    *(through_codec("mp3", "mp3", RATE_HZ, kbits * 1000) for kbits in (24, 32, 48, 64)),
    *(through_codec("adts", "aac", RATE_HZ, kbits * 1000) for kbits in (24, 32, 48)),
    *(through_codec("ogg", "libopus", 48_000, kbits * 1000) for kbits in (12, 16, 24, 32)),
    through_codec("wav", "pcm_mulaw", 8000, None),
)
FOLDS: tuple[tuple[str, ...], ...] = (
    ("r9y9", "malaya_speech", "picovoice_s2i", "vocos_demo", "tosscodec_demo"),
    ("sherpa_pages", "urdu_emotion", "pwg_demo", "melgan_demo", "thorsten_voice"),
    ("speechbot", "resemblyzer_audio", "hifigan_demo", "univnet", "larynx_samples", "audiodec_demo"),
    ("spontts_csj", "cmu_arctic_andabi", "picovoice_wakeword", "espnet_tts_sample", "yoruba_ogunlao"),
    (
        "freecodec_demo",
        "adaspeech_demo",
        "pyannote_ami",
        "matcha_demo",
        "fastspeech2_ming024",
        "speechbrain_samples",
    ),
    (
        "mandarin_tts",
        "cyclegan_vc2",
        "stargan_vc_hujinsen",
        "deeply_korean",
        "precise_community",
        "diffgan_tts",
        "ljspeech_philippmatthes",
    ),
)
"""Sources left out together, so that every fold holds genuine and synthetic windows."""


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """A window of speech ``(samples,)`` float32 at 16 kHz. ``system``: what made it, "" if a person did; ``copied``: a
    copy made here; ``speaker``: "" where unknown; ``language``: its ISO 639 code."""

    audio: Floats
    system: str
    speaker: str
    source: str
    path: str
    copied: bool = False
    language: str = ""

    @property
    def forged(self) -> bool:
        return bool(self.system)

    @property
    def chinese(self) -> bool:
        return self.language in _CHINESE


def read_speech(data: Path) -> list[Utterance]:
    """Every window of ``speech2.zip`` in ``data``. Raises :class:`DataError` if it is missing or damaged."""
    archive, table = data / f"{STEM}.zip", data / f"{STEM}.csv"
    if not archive.is_file() or not table.is_file():
        raise DataError("there is no speech to learn from", got=str(data), want=f"{STEM}.zip and {STEM}.csv")
    found = []
    try:
        with zipfile.ZipFile(archive) as packed, table.open(encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                audio, rate = soundfile.read(io.BytesIO(packed.read(row["path"])), dtype="float32")
                if rate != RATE_HZ or audio.ndim != 1:
                    raise DataError("speech of another form", got=f"{row['path']}: {rate} Hz", want="mono at 16 kHz")
                system = "" if row["label"] == "bonafide" else row["system"]
                found.append(
                    Utterance(audio, system, row["speaker"], row["source"], row["path"], language=row["language"])
                )
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


def with_copies(utterances: Sequence[Utterance], *, kinds: Sequence[str] = KINDS, each: int = 1) -> Iterator[Utterance]:
    """Every utterance, and after each genuine one ``each`` copies by drawn ``kinds``; seeded by its path."""
    for one in utterances:
        yield one
        if one.forged or one.copied:
            continue
        drawn = np.random.default_rng([SEED, *one.path.encode()]).permutation(len(kinds))[:each]
        for number in drawn.tolist():
            rng = np.random.default_rng([SEED, number, *one.path.encode()])
            made = copy_voice(one.audio, rng, kind=kinds[number])
            yield Utterance(made.audio, f"copy by {kinds[number]}", one.speaker, one.source, one.path, copied=True)


def neural_copies(
    utterances: Sequence[Utterance], kept: Path, *, progress: Callable[[float], None] | None = None
) -> Iterator[Utterance]:
    """Copies of the genuine by :data:`NEURAL_KINDS`, in order; seeded by their paths. They are slow to make, so each is
    kept as FLAC in ``kept`` and found there again. Raises :class:`DataError` where a vocoder is not installed."""
    make_folder(kept)
    genuine = [one for one in utterances if not one.forged and not one.copied]
    for number, one in enumerate(genuine, start=1):
        for kind in NEURAL_KINDS:
            place = kept / f"{hashlib.sha256(one.path.encode()).hexdigest()[:16]}.{kind}.flac"
            if not place.is_file():
                rng = np.random.default_rng([SEED, *kind.encode(), *one.path.encode()])
                write_whole(place, _flac(copy_voice(one.audio, rng, kind=kind).audio))
            audio = soundfile.read(place, dtype="float32")[0]
            yield Utterance(audio, f"copy by {kind}", one.speaker, one.source, one.path, copied=True)
        if progress:
            progress(number / len(genuine))


def _flac(audio: Floats) -> bytes:
    packed = io.BytesIO()
    soundfile.write(packed, np.clip(audio, -1, 1), RATE_HZ, format="FLAC", subtype="PCM_16")
    return packed.getvalue()


def degraded(one: Utterance, number: int = 1) -> Floats:
    """The sound after channel ``number`` from 1, drawn by its path alone: a copy goes the way of its original."""
    rng = np.random.default_rng([SEED, 98 + number, *one.path.encode()])
    sound = levelled(draw_channel(rng)(one.audio))
    for odds in (_CODED, _CODED_AGAIN):
        coded = _CODECS[int(rng.integers(len(_CODECS)))]
        if rng.random() < odds:
            sound = coded(sound)
    return sound


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
    """``(n,)`` weights of mean 1: genuine and forged weigh the same, and copies a fifth of the forged; within each, a
    source weighs as the square root of its windows."""
    source, forged = np.array([u.source for u in utterances]), np.array([u.forged for u in utterances])
    copied = np.array([u.copied for u in utterances])
    weights = np.zeros(len(utterances))
    both = len(np.unique(copied[forged])) > 1  # collected forgeries and copies
    for mine in (~forged & ~copied, ~forged & copied, forged & ~copied, forged & copied):
        if mine.any():
            _, place, count = np.unique(source[mine], return_inverse=True, return_counts=True)
            weights[mine] = [n**-0.5 for n in count[place].tolist()]
            share = (_COPIED if copied[mine][0] else 1 - _COPIED) if both and forged[mine][0] else 1.0
            weights[mine] *= share / weights[mine].sum()
    return np.asarray(weights * len(utterances) / weights.sum(), np.float64)


def features_of(
    utterances: Sequence[Utterance],
    describe: Callable[[Floats], Floats | None],
    *,
    workers: int = 1,
    channel: int = 0,
    progress: Callable[[float], None] | None = None,
) -> list[Floats | None]:
    """``describe`` of each, in order; ``channel``: as it comes out of that one, 0 as published."""
    ask = partial(_features, describe, channel)
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


def _features(describe: Callable[[Floats], Floats | None], channel: int, one: Utterance) -> Floats | None:
    return describe(degraded(one, channel) if channel else one.audio)
