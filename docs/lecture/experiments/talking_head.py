"""A talking head from one portrait and a recording: the mouth foretold from sound, the head moved by chance."""

from __future__ import annotations

import numpy as np
from docs.lecture.experiments.autoencoder_swap import film, save
from docs.lecture.page import Bench, Check, Figure, Page
from numpy.typing import NDArray

from zhenwei.forge.animate import animate
from zhenwei.forge.animate.motion import drive, opening
from zhenwei.forge.animate.speech import mouth_of, speaking
from zhenwei.forge.export import Origin
from zhenwei.forge.puppet import Look, any_puppet, draw
from zhenwei.forge.voice.heard import make_voice
from zhenwei.forge.voice.speak import Speaker
from zhenwei.signals.lips import fit, motion, mouth_shape
from zhenwei.types import Floats, Pixels

ORDER = 5
NEEDS_DATA = False
SIZE, RATE_HZ, AUDIO_HZ = 160, 25.0, 16_000


def experiment(bench: Bench) -> Page:
    rng = np.random.default_rng(bench.seed)
    count = 4 if bench.profile == "cpu" else 40
    silent, said, standing, best = [], [], list[float](), list[float]()
    rows: list[list[Pixels]] = []
    for number in range(count):
        portrait = draw(any_puppet(rng), Look(blink=0.1, scene=number), SIZE)
        voice = np.concatenate(make_voice("made", Speaker(float(rng.uniform(110, 230))), 2, number).waveforms)
        audio = np.concatenate([np.zeros(AUDIO_HZ, np.float32), voice, np.zeros(AUDIO_HZ, np.float32)])
        mouth = mouth_of(audio, RATE_HZ)
        moving = speaking(portrait.landmarks, mouth, RATE_HZ, rng)
        opened = np.array([opening(points) for points in drive(portrait.landmarks, moving)])
        heard = slice(25, len(mouth) - 25)
        silent.append(float(np.ptp(opened[:20])))
        said.append(float(np.ptp(opened[heard])))
        shift, stands = _in_step(moving.rate_hz, drive(portrait.landmarks, moving), audio)
        standing.append(stands)
        best.append(abs(shift))
        if number < 3:
            made = animate(portrait.pixels, portrait.landmarks, moving)
            shown = np.linspace(5, len(mouth) - 6, 6).astype(int)
            rows.append([portrait.pixels, *made.frames[shown]])
        if number == 0:
            origin = Origin("animate/lecture", {"people": "drawn puppets", "seed": bench.seed})
            film(
                bench.out / "talking_head.mp4", made.frames, round(RATE_HZ), origin, audio=audio[None], rate_hz=AUDIO_HZ
            )
    titles = ("portrait", "1", "2", "3", "4", "5", "6")
    save(bench.out / "talking_head.jpg", rows, titles, "animate/lecture", bench.seed)
    still = max(silent)
    checks = (
        Check("opening of the mouth in silence, of the distance of the eyes", still, "< 0.02", still < 0.02),
        Check("the same in speech", min(said), "> 0.08", min(said) > 0.08),
        Check("lag at which mouth and sound fit best, s", float(np.max(best)), "< 0.1", float(np.max(best)) < 0.1),
        Check("how far that stands above other lags, deviations (genuine clips: 2.3 and more)", float(np.min(standing)),
              "told", None),
    )  # fmt: skip
    figures = (Figure("talking_head.jpg", "Drawn faces that say made sentences"),)
    protocol = {"data": f"{count} drawn puppets, two made sentences each, {RATE_HZ:g} Hz, seed {bench.seed}"}
    clips = (Figure("talking_head.mp4", "the first of them, with its sound"),)
    return Page(_TITLE, _LECTURE, _EQUATION, _BODY, checks, figures, protocol, clips)


def _in_step(rate_hz: float, moved: NDArray[np.float64], audio: Floats) -> tuple[float, float]:
    """Lag and standing as the detector of lip synchrony measures them: it is taken in, and says so in its limits."""
    from zhenwei.detectors.audiovisual.lip_sync import foretell

    times = np.arange(len(moved)) / rate_hz
    found = fit(*motion(times, mouth_shape(moved)), foretell(audio))
    return (np.nan, np.nan) if found is None else (found.best_s, found.standing)


_TITLE = "Talking head"
_LECTURE = "The lecture's 2017.07 (mouths from audio) and 2019.05 (a talking head from one portrait)."
_EQUATION = """
(opening, width)_t = f(log mel spectra around t)      f: ridge regression, or an LSTM with a delay of 0.2 s
E_t = opening_t J + width_t C + blink_t B             jaw, corners of the mouth, lids
"""
_BODY = """
The shape of the mouth is foretold from the sound, and closed where nothing is said. The jaw drops with the lower lip,
the corners of the mouth move apart; head and lids move by chance, as slowly and as often as people's do, or as in a
driving clip. The portrait is then warped as in [motion transfer](motion_transfer.md).

The map from sound to mouth is the one by which `audiovisual.lip_sync` tells whether a mouth follows a voice: a forgery
that is driven by the sound is in step, which is what that detector says of itself among its blind spots. Whoever wants
the lecture's LSTM instead finds it in `zhenwei.forge.animate.mouth_net`; what it is worth against that map is measured
in [mouths from speech](mouth_from_speech.md).

`zhenwei forge animate portrait.jpg --audio voice.wav --consent consent.json --output said.mp4`
"""
