"""Voice conversion between real speakers: figures only, no sound of anybody is kept in the repository.

    .venv/bin/python docs/lecture/real_voices.py

Takes speakers of corpora that are free to use from ``speech.zip`` (CMU Arctic: J. Kominek & A. Black 2004, free
software; LJ Speech: K. Ito 2017, public domain), two by two; writes their windows and a consent manifest into a folder
that does not stay; learns as ``zhenwei forge voice learn`` does from two thirds of them and converts the other third,
three times, so that every window is converted once by what never heard it; and asks a classical recogniser of speakers
(Gaussian mixtures on cepstra: D. Reynolds & R. Rose 1995), which knows the same two thirds, whose voice it hears. A
window that holds another one's sound again is left out. Writes ``real_voices.json`` beside this file.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dct
from sklearn.mixture import GaussianMixture

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.lecture.pages import data_folder  # noqa: E402

from zhenwei.forge import consent as manifests  # noqa: E402
from zhenwei.forge.voice.convert import Converter, ConverterSettings, learn  # noqa: E402
from zhenwei.forge.voice.copies import equalised  # noqa: E402
from zhenwei.forge.voice.frames import audio_of, log_mel  # noqa: E402
from zhenwei.forge.voice.heard import SpeakerRecordings, hear, read_audio  # noqa: E402
from zhenwei.stats.bootstrap import mean_interval  # noqa: E402
from zhenwei.stats.estimate import value_as_mean  # noqa: E402

PAIRS = (("arctic_bdl", "arctic_slt"), ("arctic_bdl", "lj"))
EVIDENCE = {
    "arctic_bdl": "CMU Arctic, free for any use (Kominek & Black 2004)",
    "arctic_slt": "CMU Arctic, free for any use (Kominek & Black 2004)",
    "lj": "LJ Speech, public domain (Ito 2017)",
}
FOLDS, SEEDS, STEPS = 3, (0, 1), 2000
PARTS, CEPSTRA = 16, 20
_DOUBLE = 0.5  # correlation at the best shift; of different sentences of one speaker it stays below 0.3
Reals = NDArray[np.float64]
Waveform = NDArray[np.float32]
Figures = dict[str, dict[str, list[float]]]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """A third of a speaker's windows, ``again`` through the same analysis and the same search for a phase as what is
    converted: so these tell nobody apart."""

    heard: SpeakerRecordings
    again: tuple[Waveform, ...]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "real_voices.json")
    options = parser.parse_args()
    folder = data_folder()
    if folder is None:
        sys.exit("The shared data are not here; ZHENWEI_DATA names their folder.")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        consent, left_out = people(folder, Path(place))
        dealt = {person.name: folds(Path(place) / person.name, consent) for person in consent.subjects}
    runs = [measure({name: dealt[name] for name in pair}, seed, options.steps) for pair in PAIRS for seed in SEEDS]
    told = {
        "data": "speech.zip, windows of genuine speech",
        "settings": asdict(ConverterSettings()),
        "steps": options.steps,
        "folds": FOLDS,
        "doubles_left_out": left_out,
        "recogniser": f"{PARTS} diagonal normals a speaker on {CEPSTRA} cepstra without the first",
        "runs": runs,
    }
    text = json.dumps(told, indent=1) + "\n"
    options.output.write_text(text, "utf-8")
    return 0


def people(folder: Path, work: Path) -> tuple[manifests.Consent, dict[str, int]]:
    """Windows of each speaker in ``work``, dealt into as many folders as there are folds; the manifest that covers them
    all; how many were left out of each as another one's sound again."""
    names = sorted({name for pair in PAIRS for name in pair})
    with (folder / "speech.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] == "bonafide" and row["speaker"] in names]
    entries, left_out = [], {}
    with zipfile.ZipFile(folder / "speech.zip") as archive:
        for name in names:
            own = [row["path"] for row in rows if row["speaker"] == name]
            (work / name).mkdir()
            for path in own:
                (work / name / Path(path).name).write_bytes(archive.read(path))
            left_out[name] = deal(work / name)
            entries.append(
                manifests.describe_folder(
                    work / name, work / "consent.json", name, basis="licensed data set", evidence=EVIDENCE[name],
                    scope="voice", expires=None,
                )
            )  # fmt: skip
    consent = manifests.make_consent(entries)
    manifests.write_consent(consent, work / "consent.json")
    return consent, left_out


def deal(folder: Path) -> int:
    """Move the windows in ``folder`` into its folders 0, 1, ... in turn, and delete those that are another's sound
    again: how many."""
    files = sorted(folder.iterdir())
    double = doubles([read_audio(path) for path in files])
    for k, path in enumerate(path for path, again in zip(files, double, strict=True) if not again):
        (folder / str(k % FOLDS)).mkdir(exist_ok=True)
        path.rename(folder / str(k % FOLDS) / path.name)
    for path in folder.glob("*.*"):
        path.unlink()
    return sum(double)


def doubles(waveforms: Sequence[Waveform]) -> list[bool]:
    """Which of them hold the sound of an earlier one, wherever it begins."""
    size = 2 * max(map(len, waveforms))
    spectra = [np.fft.rfft(audio / np.linalg.norm(audio), size) for audio in waveforms]
    return [
        any(np.abs(np.fft.irfft(one * earlier.conj(), size)).max() > _DOUBLE for earlier in spectra[:k])
        for k, one in enumerate(spectra)
    ]


def folds(folder: Path, consent: manifests.Consent) -> list[Fold]:
    today = datetime.datetime.now(datetime.UTC).date()
    heard = [hear(folder / str(k), folder.name, consent, today) for k in range(FOLDS)]
    return [Fold(one, tuple(spoken(log_mel(audio), audio) for audio in one.waveforms)) for one in heard]


def measure(dealt: dict[str, list[Fold]], seed: int, steps: int) -> dict[str, Any]:
    found: dict[str, Figures] = defaultdict(lambda: {"margin": defaultdict(list), "content": defaultdict(list)})
    losses = []
    for k in range(FOLDS):
        known = {name: parts[:k] + parts[k + 1 :] for name, parts in dealt.items()}
        held = {name: parts[k] for name, parts in dealt.items()}
        losses.append(one_fold(known, held, ConverterSettings(seed=seed), steps, found))
    windows = {name: sum(len(part.again) for part in parts) for name, parts in dealt.items()}
    told: dict[str, Any] = {"pair": list(dealt), "seed": seed, "windows": windows, "losses": losses}
    for way, figures in found.items():
        told[way] = {
            kind: {
                what: asdict(mean_interval(np.array(values)), dict_factory=value_as_mean)
                for what, values in by_what.items()
            }
            for kind, by_what in figures.items()
        }
        means = (f"{kind} {what} {told[way][kind][what]['mean']:.2f}" for kind in figures for what in figures[kind])
        say(f"{way}, seed {seed}: {', '.join(means)}")
    return told


def one_fold(
    known: dict[str, list[Fold]],
    held: dict[str, Fold],
    settings: ConverterSettings,
    steps: int,
    found: dict[str, Figures],
) -> float:
    """Learn from ``known``, convert ``held`` both ways and add the figures to ``found``; the last loss."""
    heard = {name: together(parts) for name, parts in known.items()}
    mixtures = {name: mixture([audio for part in parts for audio in part.again]) for name, parts in known.items()}
    first, second = heard.values()
    trained, untrained = learn(first, second, settings, steps), learn(first, second, settings, 1)
    for source, target in (tuple(known), tuple(known)[::-1]):
        ours, theirs = (mean_frame(heard[name].waveforms) for name in (source, target))
        waveforms = held[source].heard.waveforms
        made: dict[str, Sequence[Waveform]] = {
            "source": held[source].again,
            "untrained": [converted(untrained, audio, target) for audio in waveforms],
            "mean spectrum added": [spoken(log_mel(audio) + theirs - ours, audio) for audio in waveforms],
            "mean frame": [spoken(monotone(log_mel(audio), theirs), audio) for audio in waveforms],
            "converted": [converted(trained, audio, target) for audio in waveforms],
            "target": held[target].again,
        }
        figures = found[f"{source} to {target}"]
        for what, said in made.items():
            figures["margin"][what] += [margin(audio, mixtures[target], mixtures[source]) for audio in said]
            if what not in ("source", "target"):
                figures["content"][what] += list(content(said, waveforms))
    return trained.losses[-1]


def together(parts: Sequence[Fold]) -> SpeakerRecordings:
    """One speaker's folds as one."""
    waveforms = tuple(audio for part in parts for audio in part.heard.waveforms)
    return replace(parts[0].heard, waveforms=waveforms, words=f"{len(waveforms)} recordings of {parts[0].heard.name}")


def monotone(frames: Reals, mean: Reals) -> Reals:
    """One frame throughout, as loud as each of ``frames``: what a converter says that lets nothing but loudness by."""
    return np.asarray(mean + (frames.mean(axis=1) - mean.mean())[:, None], np.float64)


def spoken(frames: Reals, as_loud_as: Waveform) -> Waveform:
    """As it leaves, but for the marks."""
    return equalised(audio_of(frames, 0), as_loud_as)


def converted(converter: Converter, audio: Waveform, target: str) -> Waveform:
    return spoken(converter.convert(log_mel(audio), "ab"[converter.subjects.index(target)]), audio)


def cepstra(audio: Waveform) -> Reals:
    """Of frames with speech (n, CEPSTRA), the first left out: it is loudness."""
    frames = log_mel(audio)
    loud = frames.mean(axis=1)
    found = dct(frames[loud > np.quantile(loud, 0.3)], axis=1, norm="ortho")[:, 1 : CEPSTRA + 1]
    return np.asarray(found, np.float64)


def mixture(waveforms: Sequence[Waveform]) -> GaussianMixture:
    frames = np.concatenate([cepstra(audio) for audio in waveforms])
    return GaussianMixture(PARTS, covariance_type="diag", random_state=0, reg_covar=1e-3).fit(frames)


def margin(audio: Waveform, target: GaussianMixture, source: GaussianMixture) -> float:
    """How much likelier the target is than the source, nats a frame."""
    frames = cepstra(audio)
    return float(target.score(frames) - source.score(frames))


def content(made: Sequence[Waveform], sources: Sequence[Waveform]) -> Reals:
    """Distance of what was made to its source, over its mean distance to other sources: below 1 as far as the words
    passed. Of frames less each band's mean and deviation, over the shorter length."""
    ours, theirs = ([standard(audio) for audio in waveforms] for waveforms in (made, sources))
    found = []
    for k, frames in enumerate(ours):
        others = [distance(frames, other) for j, other in enumerate(theirs) if j != k]
        found.append(distance(frames, theirs[k]) / float(np.mean(others)))
    return np.array(found)


def standard(audio: Waveform) -> Reals:
    frames = log_mel(audio)
    return np.asarray((frames - frames.mean(axis=0)) / (frames.std(axis=0) + 1e-3), np.float64)


def distance(one: Reals, other: Reals) -> float:
    """At the best shift of up to 50 ms: phases found anew may come a little early or late."""
    n = min(len(one), len(other)) - 10
    return min(float(np.abs(one[5 : 5 + n] - other[5 + d : 5 + d + n]).mean()) for d in range(-5, 6))


def mean_frame(waveforms: Sequence[Waveform]) -> Reals:
    return np.asarray(np.concatenate([log_mel(audio) for audio in waveforms]).mean(axis=0), np.float64)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
