"""The lecture's LSTM from sound to mouth, on genuine clips that it has not seen, against plainer maps."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from docs.lecture.page import Bench, Check, Figure, Page
from numpy.typing import NDArray

from zhenwei.errors import UsageError
from zhenwei.forge.animate.mouth_net import MouthSettings, Spoken, foretell, learn
from zhenwei.signals.lips import GRID_HZ
from zhenwei.training.audiovisual import lip_sync

ORDER = 6
NEEDS_DATA = True
FOLDS, SHIFT_S = 5, 1.0
Reals = NDArray[np.float64]


def experiment(bench: Bench) -> Page:
    if bench.data is None:
        raise UsageError("this experiment needs the shared data")
    talks = lip_sync.read_talks(bench.data)
    clips = [_spoken(talk) for talk in talks]
    steps = 160 if bench.profile == "cpu" else 2000
    errors: dict[str, list[float]] = {"mean": [], "linear": [], "lstm": [], "shifted": []}
    alike: dict[str, list[float]] = {"linear": [], "lstm": [], "shifted": []}
    traces: list[tuple[Reals, Reals, Reals]] = []
    for fold in range(FOLDS):
        out = [k for k in range(len(clips)) if k % FOLDS == fold]
        rest = [clip for k, clip in enumerate(clips) if k not in out]
        linear = lip_sync.learn([talk for k, talk in enumerate(talks) if k not in out])
        with tempfile.TemporaryDirectory() as folder:
            net = learn(rest, Path(folder), MouthSettings(steps=steps, seed=bench.seed % 1000 + fold))
        for k in out:
            wanted, windows = clips[k].moved[:, 0], clips[k].windows
            said = {"linear": (windows @ linear)[:, 0], "lstm": foretell(net)(windows)[:, 0]}
            said["shifted"] = np.roll(said["lstm"], round(SHIFT_S * GRID_HZ))
            errors["mean"].append(float(np.abs(wanted).mean()))
            for name, found in said.items():
                errors[name].append(float(np.abs(_scaled(found) - wanted).mean()))
                alike[name].append(float(np.corrcoef(found, wanted)[0, 1]))
            traces.append((wanted, said["linear"], said["lstm"]))
    _drawn(bench.out / "mouth_from_speech.png", traces[0])
    better = float(np.mean(alike["lstm"])) - float(np.mean(alike["shifted"]))
    checks = [Check("LSTM with its own sound, above that with the sound shifted", better, "> 0.1", better > 0.1)]
    for name, each in alike.items():
        checks.append(Check(f"correlation with the opening, {_NAMES[name]}", float(np.mean(each)), "told", None))
    for name, each in errors.items():
        what = f"mean error of the opening, deviations, {_NAMES[name]}"
        checks.append(Check(what, float(np.mean(each)), "told", None))
    figures = (
        Figure("mouth_from_speech.png", "Opening of a mouth that was left out: seen, and foretold by both maps"),
    )
    spoken = (Figure("talking_head.mp4", "a drawn face that says made sentences, of the page on talking heads"),)
    seconds = sum(len(clip.moved) for clip in clips) / GRID_HZ
    protocol = {
        "data": f"{len(clips)} genuine clips with speech of clips.zip, {seconds:.0f} s, in {FOLDS} folds by clip",
        "LSTM": f"48 cells, {steps} steps of 16 windows of 2.4 s, seed {bench.seed}",
        "opening": "between 0.5 and 8 Hz, in its own deviations; each map's answer scaled by what it explains",
    }
    return Page(_TITLE, _LECTURE, _EQUATION, _BODY, tuple(checks), figures, protocol, spoken)


_NAMES = {
    "mean": "the mean mouth",
    "linear": "ridge regression",
    "lstm": "LSTM",
    "shifted": f"LSTM, sound {SHIFT_S:g} s late",
}


def _spoken(talk: lip_sync.Talk) -> Spoken:
    index = np.rint(talk.grid * GRID_HZ).astype(int)
    inside = (index >= 0) & (index < len(talk.windows))
    return Spoken(talk.windows[index[inside]], talk.moved[inside])


def _scaled(said: Reals) -> Reals:
    """To a third of a deviation: about what the maps explain, so that size is not what tells them apart."""
    return said / max(float(said.std()), 1e-9) / 3


def _drawn(path: Path, trace: tuple[Reals, Reals, Reals]) -> None:
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(9, 2.6), layout="constrained")
    panel = drawing.subplots()
    at = np.arange(min(len(trace[0]), 400)) / GRID_HZ
    for values, label in zip(trace, ("seen", "ridge regression", "LSTM"), strict=True):
        panel.plot(at, values[: len(at)] / max(float(values.std()), 1e-9), label=label, linewidth=1)
    panel.set_xlabel("s", fontsize=8)
    panel.set_title("opening of the mouth, deviations", fontsize=9)
    panel.legend(fontsize=7)
    panel.grid(alpha=0.3)
    drawing.savefig(path, dpi=80)


_TITLE = "Mouths from speech"
_LECTURE = "The lecture's 2017.07: an LSTM from audio features to mouth shapes."
_EQUATION = """
h_t = LSTM(mel_t, h_(t-1)),   (opening, width)_(t - 0.2 s) = W h_t + b,   least squares
"""
_BODY = """
An LSTM hears log mel spectra and says, a fifth of a second later, how the mouth opens and widens. It is asked of clips
that it did not learn from; the control is its own answer a second late. Beside it stand the mean mouth and a ridge
regression on windows of 0.6 s, which `zhenwei forge animate` uses: it comes with the product, and with ten clips to
learn from a network with a memory gains little on it.
"""
