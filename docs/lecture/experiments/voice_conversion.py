"""Voice conversion: one encoder for two speakers, a decoder for each, learned without parallel sentences."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from docs.lecture.experiments import _real_voices
from docs.lecture.page import Bench, Check, Figure, Page
from numpy.typing import NDArray

from zhenwei.forge.voice.convert import Converter, ConverterSettings, learn
from zhenwei.forge.voice.frames import log_mel
from zhenwei.forge.voice.heard import WORDS, SpeakerRecordings, make_voice
from zhenwei.forge.voice.speak import HIGH, LOW, Speaker, speak, words
from zhenwei.stats.bootstrap import mean_interval

ORDER = 120
NEEDS_DATA = False
SENTENCES, HELD_OUT = 24, 16
STEPS = {"cpu": 500, "gpu": 5000}
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Utterance:
    """Held-out words, log-mel ``(frames, bands)``: by the source, by the target, converted; ``speaks`` ``(frames,)``
    where there is no pause."""

    source: Reals
    target: Reals
    made: Reals
    speaks: NDArray[np.bool_]


def experiment(bench: Bench) -> Page:
    torch.set_num_threads(1)
    seed = bench.seed
    first, second = heard(seed)
    settings, steps = ConverterSettings(seed=seed % 1000), STEPS[bench.profile]
    converter = learn(first, second, settings, steps)
    plain = learn(first, second, replace(settings, stretch=0.0), steps)
    ways = {
        "low to high": _held_out(converter, LOW, HIGH, "b", seed),
        "high to low": _held_out(converter, HIGH, LOW, "a", seed),
    }
    without = _held_out(plain, LOW, HIGH, "b", seed)
    _draw(bench, ways["low to high"][0], converter)
    checks = [check for way, held in ways.items() for check in _checks(way, held)]
    apart = _frames(without, "made", "target").mean()
    checks.append(Check("low to high, learned without the stretch: distance to the target", float(apart), "told", None))
    protocol = {
        "data": f"made voices of vowels, {SENTENCES} sentences of 4 words a speaker to learn from, different ones; "
        f"{HELD_OUT} held-out sentences that both say at the same time; seed {seed}",
        "speakers": f"{LOW.hertz:g} and {HIGH.hertz:g} Hz, vocal tracts 1 : {HIGH.tract:g}",
        "network": f"{steps} steps of {settings.batch} segments a speaker, width {settings.width}, "
        f"{settings.bottleneck} channels between, bands stretched by up to {settings.stretch:g}",
        "distance": "mean absolute difference of log-mel frames (nepers of power), frames with speech",
        "intervals": "95 %, bootstrap over held-out sentences; one training run",
    }
    body = _body(ways) + _real_voices.section()
    return Page(_TITLE, _LECTURE, _EQUATION, body, tuple(checks), _FIGURES, protocol)


def heard(seed: int) -> tuple[SpeakerRecordings, SpeakerRecordings]:
    """Both voices, each with words of its own."""
    return make_voice("low", LOW, SENTENCES, seed), make_voice("high", HIGH, SENTENCES, seed)


def _held_out(converter: Converter, source: Speaker, target: Speaker, to: str, seed: int) -> list[Utterance]:
    found = []
    for k in range(HELD_OUT):
        said = words(WORDS, np.random.default_rng([seed, 7, k]))
        ours, theirs = (speak(said, s, np.random.default_rng([seed, 8, k, j])) for j, s in enumerate((source, target)))
        frames = log_mel(ours)
        beyond = log_mel(theirs)
        found.append(Utterance(frames, beyond, converter.convert(frames, to), beyond.max(axis=1) > beyond.max() - 7))
    return found


def _frames(held: list[Utterance], one: str, other: str) -> Reals:
    """Distance of each sentence ``(sentences,)``."""
    return np.array([np.abs(getattr(u, one) - getattr(u, other))[u.speaks].mean() for u in held])


def _means(held: list[Utterance], name: str) -> Reals:
    return np.asarray(np.concatenate([getattr(u, name)[u.speaks] for u in held]).mean(axis=0), np.float64)


def _shifted(held: list[Utterance]) -> Reals:
    """The plainest conversion: the source's frames with the difference of the two mean spectra added."""
    gap = _means(held, "target") - _means(held, "source")
    return np.array([np.abs(u.source + gap - u.target)[u.speaks].mean() for u in held])


def _others(held: list[Utterance]) -> Reals:
    """Converted frames beside what the target says in another sentence: large if content passed."""
    found = []
    for u, v in zip(held, held[1:] + held[:1], strict=True):
        n = min(len(u.made), len(v.target))
        both = u.speaks[:n] & v.speaks[:n]
        found.append(np.abs(u.made[:n] - v.target[:n])[both].mean())
    return np.array(found)


def _checks(way: str, held: list[Utterance]) -> list[Check]:
    there, here = (float(np.abs(_means(held, "made") - _means(held, n)).mean()) for n in ("target", "source"))
    share = float(_frames(held, "made", "target").mean() / _frames(held, "source", "target").mean())
    said = float(_frames(held, "made", "target").mean() / _others(held).mean())
    return [
        Check(
            f"{way}: mean spectrum's distance to the target, of that to the source",
            there / here,
            "< 0.7",
            there < 0.7 * here,
        ),
        Check(f"{way}: distance to the target's own saying, of the unconverted's", share, "< 0.8", share < 0.8),
        Check(f"{way}: the same, of that to another sentence (content passed)", said, "< 0.8", said < 0.8),
    ]


def _body(ways: dict[str, list[Utterance]]) -> str:
    lines = [
        "| from, to | unconverted | mean spectrum added | converted | converted, another sentence |",
        "|---|---|---|---|---|",
    ]
    for way, held in ways.items():
        row = (_frames(held, "source", "target"), _shifted(held), _frames(held, "made", "target"), _others(held))
        lines.append(f"| {way} | " + " | ".join(f"{mean_interval(values):.3f}" for values in row) + " |")
    return _BODY + "\n" + "\n".join(lines) + "\n"


def _draw(bench: Bench, shown: Utterance, converter: Converter) -> None:
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(10, 5), layout="constrained")
    panels = drawing.subplots(2, 2).ravel()
    for panel, name, title in zip(
        panels,
        ("source", "target", "made"),
        ("low voice", "high voice, the same words", "low, converted to high"),
        strict=False,
    ):
        panel.imshow(getattr(shown, name).T, origin="lower", aspect="auto", vmin=-14, vmax=4, cmap="magma")
        panel.set_title(title, fontsize=9)
    panels[3].plot(converter.losses)
    panels[3].set_title("error of reconstruction, by step", fontsize=9)
    drawing.savefig(bench.out / "voice_conversion.png", dpi=80)


_FIGURES = (
    Figure("voice_conversion.png", "Log-mel frames of held-out words (frames of 10 ms, 40 bands), and the loss"),
)
_TITLE = "Voice conversion"
_LECTURE = "The lecture's voice conversion: the words of one speaker in the voice of another."
_EQUATION = """
learn     min  |D_a(E(s x_a)) - x_a| + |D_b(E(s x_b)) - x_b|,   s stretches the bands at random
convert   D_b(E(x_a))
"""
_BODY = """
The autoencoder swap of faces, on speech: one narrow encoder that both share, a decoder for each. The two never say the
same in training. What is constant through an utterance is normalised away between the two, and the bands that the
encoder hears are stretched at random, so that neither pitch nor tract should pass; the decoder puts back its own
speaker's. The speakers here are made, and so it can be measured on held-out words what the target would have said at
the very same time. The plainest conversion, to add the difference of the two mean spectra (taken from the held-out
words themselves, which favours it), stands beside it. The last figure is what comes of it without the stretch: on these
voices little is lost.
"""
