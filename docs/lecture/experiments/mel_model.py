"""An autoregressive model of mel frames: what comes next, band by band, as a density."""

from __future__ import annotations

import numpy as np
import torch
from docs.lecture.page import Bench, Check, Figure, Page
from numpy.typing import NDArray

from zhenwei.forge.voice.frames import log_mel
from zhenwei.forge.voice.heard import SpeakerRecordings
from zhenwei.forge.voice.mel_model import NOISE, MelModelSettings, TrainedMelModel, learn
from zhenwei.forge.voice.speak import LOW, speak, words
from zhenwei.nets.voice import mixture_log_density
from zhenwei.stats.bootstrap import mean_interval

ORDER = 110
NEEDS_DATA = False
SENTENCES, HELD_OUT, DRAWN = 24, 12, 120
STEPS = {"cpu": 200, "gpu": 5000}
Reals = NDArray[np.float64]


def experiment(bench: Bench) -> Page:
    torch.set_num_threads(1)
    learned_from, held_out = (_spoken([bench.seed, k], n) for k, n in enumerate((SENTENCES, HELD_OUT)))
    settings, steps = MelModelSettings(seed=bench.seed % 1000), STEPS[bench.profile]
    learned = learn(SpeakerRecordings("low", tuple(learned_from), "a made voice"), settings, steps)
    seen = np.concatenate([standardised(learned, s, 100 + k) for k, s in enumerate(learned_from)])
    held = [standardised(learned, s, k) for k, s in enumerate(held_out)]
    losses = {
        "independent normals": np.array([_normal(f, seen.mean(axis=0), seen.std(axis=0)).mean() for f in held]),
        "normals about the last frame": np.array([_steps(f, seen).mean() for f in held]),
        "the model": np.array([nll(learned, f).mean() for f in held]),
    }
    backwards = np.array([nll(learned, f[::-1].copy()).mean() for f in held])
    drawn = learned.draw(DRAWN, np.random.default_rng(bench.seed))
    _draw(bench, held[0], drawn, learned)
    protocol = {
        "data": f"a made voice of vowels, {SENTENCES} sentences of 4 words to learn from and {HELD_OUT} held out, seed "
        f"{bench.seed}",
        "frames": f"40 log-mel bands every 10 ms, standardised by what was learned from, noise of deviation {NOISE:g} "
        "added to all (pauses would have a density without end)",
        "model": f"{steps} steps of {settings.batch} segments of 0.48 s; 4 normals a band",
        "intervals": "95 %, bootstrap over held-out sentences; one training run",
    }
    checks = _checks(losses, backwards, drawn, seen)
    return Page(_TITLE, _LECTURE, _EQUATION, _body(losses, backwards), checks, _FIGURES, protocol)


def standardised(model: TrainedMelModel, audio: NDArray[np.floating], seed: int) -> Reals:
    """Frames ``(n, BANDS)`` of an utterance by the model's scale, with the noise it expects."""
    frames = model.scale.standard(log_mel(audio))
    return np.asarray(frames + NOISE * np.random.default_rng(seed).standard_normal(frames.shape), np.float64)


def nll(model: TrainedMelModel, frames: Reals) -> Reals:
    """Negative log-likelihood in nats ``(n, BANDS)`` of standardised frames ``(n, BANDS)``."""
    model.net.eval()
    with torch.no_grad():
        ready = torch.from_numpy(frames.astype(np.float32))[None]
        return np.asarray(-mixture_log_density(model.net(ready), ready)[0].numpy(), np.float64)


def _spoken(seed: list[int], count: int) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return [speak(words(4, rng), LOW, rng) for _ in range(count)]


def _normal(values: Reals, mean: Reals, spread: Reals) -> Reals:
    return np.asarray(0.5 * ((values - mean) / spread) ** 2 + np.log(spread) + 0.5 * np.log(2 * np.pi), np.float64)


def _steps(frames: Reals, seen: Reals) -> Reals:
    """Each band about its last value, with the deviation of such steps in what was learned from."""
    before = np.vstack([np.zeros((1, frames.shape[1])), frames[:-1]])
    return _normal(frames, before, np.diff(seen, axis=0).std(axis=0))


def _checks(nll: dict[str, Reals], backwards: Reals, drawn: Reals, seen: Reals) -> tuple[Check, ...]:
    model, normal, steps = (float(nll[n].mean()) for n in ("the model", "independent normals", *list(nll)[1:2]))
    turned = float(backwards.mean())
    rough = float(np.abs(np.diff(drawn, axis=0)).mean() / np.abs(np.diff(seen, axis=0)).mean())
    return (
        Check("model less independent normals, held out, nats a band", model - normal, "< -0.5", model < normal - 0.5),
        Check("model less normals about the last frame, the same", model - steps, "< -0.1", model < steps - 0.1),
        Check("model, time turned round, less forwards", turned - model, "told", None),
        Check("step from frame to frame, drawn over genuine", rough, "0.5 to 2", 0.5 < rough < 2),
    )


def _body(nll: dict[str, Reals], backwards: Reals) -> str:
    lines = ["| density | held-out negative log-likelihood, nats a band |", "|---|---|"]
    lines += [f"| {name} | {mean_interval(values):.3f} |" for name, values in nll.items()]
    lines.append(f"| the model, time turned round | {mean_interval(backwards):.3f} |")
    return _BODY + "\n" + "\n".join(lines) + "\n"


def _draw(bench: Bench, genuine: Reals, drawn: Reals, learned: TrainedMelModel) -> None:
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(10, 2.8), layout="constrained")
    panels = drawing.subplots(1, 3)
    shown = {"held-out speech (made voice)": genuine[: len(drawn)], "drawn from the model": drawn}
    for panel, (title, frames) in zip(panels, shown.items(), strict=False):
        panel.imshow(frames.T, origin="lower", aspect="auto", vmin=-2.5, vmax=2, cmap="magma")
        panel.set_title(title, fontsize=9)
    panels[2].plot(learned.losses)
    panels[2].set_title("nats a band, by step", fontsize=9)
    drawing.savefig(bench.out / "mel_model.png", dpi=80)


_FIGURES = (Figure("mel_model.png", "Standardised log-mel frames (10 ms, 40 bands): genuine, drawn; and the loss"),)
_TITLE = "A model of mel frames"
_LECTURE = "The lecture's autoregressive synthesis of speech (WaveNet, MelNet), on mel frames and in small."
_EQUATION = """
p(x) = prod_t prod_f  sum_k  w_k N(x_tf; m_k, s_k),    w, m, s from all x before t, and x_t below f
"""
_BODY = """
Every band of every frame is drawn from a mixture of normals that is worked out from all frames before and the bands
below it. The product is a density, and so the model can be judged as none of the adversarial ones can: by the
likelihood of speech that it has not heard. Beside it stand one normal a band, without memory, and one about the last
frame. Speech that is played backwards has the same single frames; how much less likely it is
tells what the model knows beyond smoothness, and on glides between vowels, which look alike both ways, that is little.

What the model draws by itself at this size is a good deal of pause and short bursts with a vowel's colour: it has no
text, and a better likelihood than the simpler densities is not yet speech. One tier over 40 bands, learned for seconds,
is far from MelNet's stack.
"""
