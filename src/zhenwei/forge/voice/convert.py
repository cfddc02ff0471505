"""Conversion between two voices by an autoencoder: shared encoder, a decoder for each speaker, no parallel sentences.

What the swap does to faces, done to mel frames: small, there to learn from, and robotic where it becomes sound. Made
voices of vowels (:mod:`zhenwei.forge.voice.speak`) serve where nobody has agreed. What it says stays inside the
process; a file comes of it only by :mod:`zhenwei.forge.voice.say`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn, optim

from zhenwei.errors import DataError, UsageError, ZhenweiError
from zhenwei.forge.adversarial import SCHEMA
from zhenwei.forge.checked_settings import checked
from zhenwei.forge.voice.frames import BANDS, Reals, Scale, check_frames, joined
from zhenwei.forge.voice.heard import SpeakerRecordings
from zhenwei.nets.voice import VoiceConverter, stretched
from zhenwei.trainer.checkpoints import read_checkpoint, under
from zhenwei.trainer.loop import take_step, train
from zhenwei.trainer.run import WEIGHTS, Progress, Run, Schedule, Task, Turn

KIND = "voice-converter"
SPEAKERS = ("a", "b")
_SEGMENT = 64  # frames of 10 ms


Size = Annotated[int, Field(ge=1, le=512)]


@checked
class ConverterSettings:
    """``stretch``: the encoder hears bands stretched by a factor within 1 +- this, and the decoder is to give them as
    they were, so that the length of the tract does not pass; 0 = without, the ablation."""

    batch: Size = 16
    width: Size = 64
    bottleneck: Size = 4
    rate: Annotated[float, Field(gt=0, lt=1)] = 2e-3
    stretch: Annotated[float, Field(ge=0, lt=1)] = 0.1
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Converter:
    """``net`` works on frames by ``scale``, of both speakers together. ``losses``: mean absolute error of
    reconstruction of each step. ``consent``: SHA-256 of the manifest, "" for made voices."""

    net: VoiceConverter
    scale: Scale
    losses: tuple[float, ...] = ()
    consent: str = ""
    subjects: tuple[str, str] = SPEAKERS
    step: int = 0
    data: str = ""

    def convert(self, frames: Reals, speaker: str) -> Reals:
        """Log-mel ``frames`` ``(n, BANDS)`` of an utterance as ``speaker``, "a" or "b", would say it.

        DataError where the weights are so damaged that it is no number."""
        if speaker not in SPEAKERS or frames.ndim != 2 or frames.shape[1] != BANDS or len(frames) < 2:
            got = f"{frames.shape} as {speaker!r}"
            raise UsageError("these frames cannot be converted", got=got, want=f"(2 or more, {BANDS}) as a or b")
        self.net.eval()
        with torch.no_grad():
            ready = torch.from_numpy(self.scale.standard(frames).T[None].astype(np.float32))
            made = self.net(ready, speaker)[0].T.numpy().astype(np.float64)
        return check_frames(self.scale.natural(made))


def learn(
    first: SpeakerRecordings,
    second: SpeakerRecordings,
    settings: ConverterSettings,
    steps: int = 600,
    folder: Path | None = None,
    *,
    save_every: int = 200,
    tell: Callable[[Progress, Run], None] = lambda _step, _run: None,
    stop: Callable[[], bool] = lambda: False,
) -> Converter:
    """Learn from utterances of speaker a and of speaker b, or go on in ``folder``; they may say what they like.

    Both must have been heard under the same consent. Raises DataError if one of them has less than 10 s of speech,
    UsageError where they differ in consent or are one person, and as :func:`zhenwei.trainer.loop.train`.
    """
    if first.consent != second.consent:
        raise UsageError("two voices are learned under one consent manifest", want="one manifest that covers both")
    if first.name == second.name:
        raise UsageError("two voices are of two people", got=f"{first.name} twice", want="two subjects")
    frames = [joined(heard.waveforms, heard.name) for heard in (first, second)]
    scale = Scale(np.concatenate(frames))
    ready = {n: torch.from_numpy(scale.standard(f).astype(np.float32)) for n, f in zip(SPEAKERS, frames, strict=True)}
    digest = hashlib.sha256(b"".join(f.tobytes() for f in frames)).hexdigest()
    about = {"kind": KIND, "settings": asdict(settings), "data": f"{first.words}; {second.words}", "frames": digest,
             "consent": first.consent, "subjects": [first.name, second.name]}  # fmt: skip
    schedule = Schedule(steps, settings.seed, save_every)
    run = train(_task(ready, scale, settings), schedule, folder, about=about, tell=tell, stop=stop)
    net = cast("VoiceConverter", run.task.nets["net"])
    losses = tuple(row["error"] for row in run.rows)
    return Converter(net, scale, losses, first.consent, (first.name, second.name), run.step, str(about["data"]))


def open_converter(folder: Path) -> Converter:
    """The converter of a run in ``folder``. DataError where there is none."""
    document, tensors = read_checkpoint(folder / WEIGHTS, SCHEMA)
    try:
        about = document["about"]
        if about["kind"] != KIND:
            raise ValueError(about["kind"])
        settings, scale = ConverterSettings(**about["settings"]), Scale()
        net = _fresh(settings)
        net.load_state_dict(under(tensors, "nets.net."))
        scale.load(under(tensors, "nets.scale."))
        one, other = (str(name) for name in about["subjects"])
        told = str(about["consent"]), (one, other), int(document["step"]), str(about["data"])
    except (ZhenweiError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise DataError(f"there is no readable run of a voice converter at {folder}", got=str(error)[:200]) from None
    return Converter(net, scale, (), *told)


def _fresh(settings: ConverterSettings) -> VoiceConverter:
    return VoiceConverter(BANDS, settings.width, settings.bottleneck, SPEAKERS)


def _task(ready: Mapping[str, Tensor], scale: Scale, settings: ConverterSettings) -> Task:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        net = _fresh(settings)
    optimizer = optim.Adam(net.parameters(), lr=settings.rate)

    def step(turn: Turn) -> dict[str, Tensor]:
        rng = turn.generator(63)
        errors = []
        for name, frames in ready.items():
            starts = torch.randint(len(frames) - _SEGMENT, (settings.batch,), generator=rng)
            batch = torch.stack([frames[s : s + _SEGMENT].T for s in starts.tolist()])
            factors = 1 + settings.stretch * (2 * torch.rand(settings.batch, generator=rng) - 1)
            heard = stretched(batch, factors) if settings.stretch else batch
            errors.append((net(heard, name) - batch).abs().mean())
        error = torch.stack(errors).mean()
        take_step(optimizer, error)
        return {"error": error}

    nets = nn.ModuleDict({"net": net, "scale": scale})
    return Task(nets, {"net": optimizer}, step, schema=SCHEMA)
