"""Copy-synthesis: the same speech through vocoders, so that only the machine differs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from docs.lecture.page import Bench, Check, Figure, Page
from numpy.typing import NDArray

from zhenwei.forge.voice import KINDS, copy_voice
from zhenwei.forge.voice.speak import HIGH, LOW, speak, words
from zhenwei.signals.speech import stft
from zhenwei.signals.voice import RATE_HZ, pitch
from zhenwei.stats.bootstrap import mean_interval

ORDER = 100
NEEDS_DATA = False
SENTENCES = {"cpu": 6, "gpu": 60}
Reals = NDArray[np.float64]
Waveform = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Told:
    """A vocoder over all sentences. ``distance``: log-spectral, dB, one value a sentence; ``other``: the same between
    two utterances of the same words; ``longer``: samples too many or few, the worst; ``louder``: dB, the worst;
    ``pitch``: median share by which the pitch is off."""

    kind: str
    distance: Reals
    longer: int
    louder: float
    pitch: float


def experiment(bench: Bench) -> Page:
    rng = np.random.default_rng(bench.seed)
    said = [words(3, rng) for _ in range(SENTENCES[bench.profile])]
    speakers = [(LOW, HIGH)[k % 2] for k in range(len(said))]
    spoken = [
        speak(w, s, np.random.default_rng([bench.seed, k])) for k, (w, s) in enumerate(zip(said, speakers, strict=True))
    ]
    again = [
        speak(w, s, np.random.default_rng([bench.seed, 99, k]))
        for k, (w, s) in enumerate(zip(said, speakers, strict=True))
    ]
    kinds = [kind for kind in KINDS if kind != "world" or find_spec("pyworld") is not None]
    copies = {
        kind: [copy_voice(s, np.random.default_rng([bench.seed, k, 1]), kind=kind).audio for k, s in enumerate(spoken)]
        for kind in kinds
    }
    told = [_told(kind, spoken, copies[kind]) for kind in kinds]
    repeated = np.array([log_spectral_distance(a, b) for a, b in zip(spoken, again, strict=True)])
    _draw(bench, spoken[0], {kind: copies[kind][0] for kind in kinds})
    protocol = {
        "data": f"made voices, {len(said)} sentences of 3 words by two speakers in turn, seed {bench.seed}",
        "distance": "log-spectral: frames of 32 ms every 8 ms, root mean square over frequency of the difference in "
        "dB above -60 dB of the sentence's peak, mean over frames in which the original speaks",
        "vocoders": ", ".join(kinds) + ("" if "world" in kinds else " (pyworld is not installed: no world)"),
        "intervals": "95 %, bootstrap over sentences",
    }
    return Page(_TITLE, _LECTURE, _EQUATION, _body(told, repeated), _checks(told), _FIGURES, protocol)


def log_spectral_distance(first: Waveform, second: Waveform) -> float:
    """Of two sounds ``(samples,)`` of one length, in dB."""
    power = [np.abs(stft(audio, 512, 128)) ** 2 for audio in (first, second)]
    floor = power[0].max() * 1e-6
    levels = [10 * np.log10(p + floor) for p in power]
    speaks = power[0].sum(axis=1) > power[0].sum(axis=1).max() * 1e-3
    return float(np.sqrt(np.square(levels[0] - levels[1]).mean(axis=1))[speaks].mean())


def _told(kind: str, spoken: list[Waveform], copies: list[Waveform]) -> Told:
    pairs = list(zip(spoken, copies, strict=True))
    distance = np.array([log_spectral_distance(a, b) for a, b in pairs])
    louder = max(abs(10 * np.log10(float(np.square(b).mean()) / float(np.square(a).mean()))) for a, b in pairs)
    off = []
    for a, b in pairs:
        ours, theirs = pitch(a), pitch(b)
        both = np.isfinite(ours) & np.isfinite(theirs)
        off.append(np.abs(theirs[both] / ours[both] - 1))
    return Told(kind, distance, max(abs(len(a) - len(b)) for a, b in pairs), louder, float(np.median(np.hstack(off))))


def _checks(told: list[Told]) -> tuple[Check, ...]:
    found = []
    for t in told:
        mean = float(t.distance.mean())
        phase = t.kind == "blurred_phase"  # keeps magnitudes by design, so that this distance cannot judge it
        want, ok = ("told", None) if phase else ("> 0.5: not the original", mean > 0.5)
        found.append(Check(f"{t.kind}: log-spectral distance, dB", mean, want, ok))
    longer, louder = max(t.longer for t in told), max(t.louder for t in told)
    found.append(Check("lengths that differ, samples, the worst of all copies", longer, "0", longer == 0))
    found.append(Check("loudness that differs, dB, the worst of all copies", louder, "< 0.01", bool(louder < 0.01)))
    kept = max(t.pitch for t in told if t.kind != "world")
    found.append(Check("pitch off by, median share, the worst vocoder that keeps it", kept, "< 0.03", kept < 0.03))
    return tuple(found)


def _body(told: list[Told], repeated: Reals) -> str:
    lines = ["| vocoder | log-spectral distance, dB | pitch off by, median |", "|---|---|---|"]
    lines += [f"| {t.kind} | {mean_interval(t.distance):.2f} | {t.pitch:.2%} |" for t in told]
    lines.append(f"| none: the same words spoken once more | {mean_interval(repeated):.2f} | |")
    return _BODY + "\n" + "\n".join(lines) + "\n"


def _draw(bench: Bench, original: Waveform, copies: dict[str, Waveform]) -> None:
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(10, 5), layout="constrained")
    panels = drawing.subplots(2, 3, sharex=True, sharey=True).ravel()
    for panel, (name, audio) in zip(panels, {"original": original, **copies}.items(), strict=False):
        level = 20 * np.log10(np.abs(stft(audio[: 2 * RATE_HZ], 512, 128)).T + 1e-6)
        extent = (0.0, len(audio[: 2 * RATE_HZ]) / RATE_HZ, 0.0, RATE_HZ / 2000)
        panel.imshow(level, origin="lower", aspect="auto", extent=extent, vmin=level.max() - 80, cmap="magma")
        panel.set_title(name, fontsize=9)
    for panel in panels[1 + len(copies) :]:
        panel.set_axis_off()
    drawing.supxlabel("seconds", fontsize=8)
    drawing.supylabel("kHz", fontsize=8)
    drawing.savefig(bench.out / "copy_synthesis.png", dpi=80)


_CAPTION = "A made voice and its copies: the vowels stay, the fine structure between the harmonics does not"
_FIGURES = (Figure("copy_synthesis.png", _CAPTION),)
_TITLE = "Copy-synthesis"
_LECTURE = (
    "The lecture's speech synthesis ends in a vocoder. What it leaves is what detectors of synthetic speech hear, and "
    "copy-synthesis shows it by itself (Wang & Yamagishi, ICASSP 2023)."
)
_EQUATION = """
copy = vocoder(analyse(x)),   LSD(x, y) = mean_t sqrt(mean_f (10 log10 |X|^2 - 10 log10 |Y|^2)^2)
"""
_BODY = """
Genuine speech is taken apart into what a vocoder can say - a pitch and an envelope, a mel spectrogram, magnitudes
without phases - and put together again. The copy says the same words in the same voice at the same time, in the same
length and loudness; nobody is imitated. Whatever tells the two apart is the machine, and a detector that learns from
such pairs learns that. `zhenwei forge voice copy` makes them from recordings of people who agreed.

The last row is the distance between two natural renderings of the same words, which a copy of the same rendering need
not exceed: a small distance does not make a copy genuine, and a large one does not make it audible. blurred_phase keeps
all magnitudes and changes phases alone, which this distance cannot see: it is told, not judged.
"""
