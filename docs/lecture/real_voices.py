"""Voice conversion between real speakers: figures only, no sound of anybody is kept in the repository.

    .venv/bin/python docs/lecture/real_voices.py

Takes speakers of corpora that are free to use from ``speech.zip`` (CMU Arctic: J. Kominek & A. Black 2004, free
software; LJ Speech: K. Ito 2017, public domain), two by two; writes their windows and a consent manifest into the work
folder; learns as ``zhenwei forge voice learn`` does; converts windows that nothing was learned from, and asks a
classical recogniser of speakers (Gaussian mixtures on cepstra: D. Reynolds & R. Rose 1995), which knows the same
windows as the converter, whose voice it hears. Writes ``real_voices.json`` beside this file.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
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
from zhenwei.forge.swap.score import interval  # noqa: E402
from zhenwei.forge.voice.convert import Converter, Settings, learn  # noqa: E402
from zhenwei.forge.voice.copies import equalised  # noqa: E402
from zhenwei.forge.voice.frames import log_mel, sound_of  # noqa: E402
from zhenwei.forge.voice.heard import Heard, hear, read_sound  # noqa: E402

PAIRS = (("arctic_bdl", "arctic_slt"), ("arctic_bdl", "lj"))
EVIDENCE = {
    "arctic_bdl": "CMU Arctic, free for any use (Kominek & Black 2004)",
    "arctic_slt": "CMU Arctic, free for any use (Kominek & Black 2004)",
    "lj": "LJ Speech, public domain (Ito 2017)",
}
HELD_SHARE, SEEDS, STEPS = 3, (0, 1), 3000
PARTS, CEPSTRA = 16, 20
Reals = NDArray[np.float64]
Sound = NDArray[np.float32]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "real_voices", help="windows and the manifest")
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    folder = data_folder()
    if folder is None:
        sys.exit("The shared data are not here; ZHENWEI_DATA names their folder.")
    torch.set_num_threads(1)
    consent = people(folder, options.work)
    runs = [measure(pair, seed, options.steps, options.work, consent) for pair in PAIRS for seed in SEEDS]
    told = {
        "data": "speech.zip, windows of genuine speech",
        "settings": asdict(Settings()),
        "steps": options.steps,
        "recogniser": f"{PARTS} diagonal normals a speaker on {CEPSTRA} cepstra without the first",
        "runs": runs,
    }
    text = json.dumps(told, indent=1) + "\n"
    (Path(__file__).parent / "real_voices.json").write_text(text, "utf-8")
    return 0


def people(folder: Path, work: Path) -> manifests.Consent:
    """Windows of each speaker in ``work``, every third held out, and the manifest that covers them all."""
    names = sorted({name for pair in PAIRS for name in pair})
    with (folder / "speech.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] == "bonafide" and row["speaker"] in names]
    entries = []
    with zipfile.ZipFile(folder / "speech.zip") as archive:
        for name in names:
            own = [row["path"] for row in rows if row["speaker"] == name]
            for k, path in enumerate(own):
                place = work / name / ("held" if k % HELD_SHARE == HELD_SHARE - 1 else "learn")
                place.mkdir(parents=True, exist_ok=True)
                (place / Path(path).name).write_bytes(archive.read(path))
            entries.append(
                manifests.describe_folder(
                    work / name, work / "consent.json", name, basis="licensed data set", evidence=EVIDENCE[name],
                    scope="voice", expires=None,
                )
            )  # fmt: skip
    consent = manifests.make_consent(entries)
    manifests.write_consent(consent, work / "consent.json")
    return consent


def measure(pair: tuple[str, str], seed: int, steps: int, work: Path, consent: manifests.Consent) -> dict[str, Any]:
    today = datetime.datetime.now(datetime.UTC).date()
    known = {name: hear(work / name / "learn", name, consent, today) for name in pair}
    held = {name: [read_sound(path) for path in sorted((work / name / "held").iterdir())] for name in pair}
    mixtures = {name: mixture(heard) for name, heard in known.items()}
    first, second = (known[name] for name in pair)
    trained = learn(first, second, Settings(seed=seed), steps)
    untrained = learn(first, second, Settings(seed=seed), 1)
    counts = {name: [len(known[name].sounds), len(held[name])] for name in pair}
    told: dict[str, Any] = {"pair": list(pair), "seed": seed, "windows": counts, "loss": trained.losses[-1]}
    for source, target in (pair, pair[::-1]):
        gap = mean_frame(known[target].sounds) - mean_frame(known[source].sounds)
        made = {
            "source": held[source],
            "untrained": [converted(untrained, sound, target) for sound in held[source]],
            "mean spectrum added": [equalised(sound_of(log_mel(s) + gap, 0), s) for s in held[source]],
            "converted": [converted(trained, sound, target) for sound in held[source]],
            "target": held[target],
        }
        towards = {
            what: asdict(interval(np.array([margin(s, mixtures[target], mixtures[source]) for s in sounds])))
            for what, sounds in made.items()
        }
        passed = asdict(interval(content(made["converted"], held[source])))
        told[f"{source} to {target}"] = {"margin": towards, "content": passed}
        means = ", ".join(f"{what} {found['mean']:.2f}" for what, found in towards.items())
        say(f"{source} to {target}, seed {seed}: {means}; content {passed['mean']:.2f}")
    return told


def converted(converter: Converter, sound: Sound, target: str) -> Sound:
    """As it leaves, but for the marks."""
    frames = converter.convert(log_mel(sound), "ab"[converter.subjects.index(target)])
    return equalised(sound_of(frames, 0), sound)


def cepstra(sound: Sound) -> Reals:
    """Of frames with speech (n, CEPSTRA), the first left out: it is loudness."""
    frames = log_mel(sound)
    loud = frames.mean(axis=1)
    found = dct(frames[loud > np.quantile(loud, 0.3)], axis=1, norm="ortho")[:, 1 : CEPSTRA + 1]
    return np.asarray(found, np.float64)


def mixture(heard: Heard) -> GaussianMixture:
    """Of a speaker's windows through the same analysis and phases as what is made, so that these tell nobody apart."""
    again = [equalised(sound_of(log_mel(sound), 0), sound) for sound in heard.sounds]
    frames = np.concatenate([cepstra(sound) for sound in (*heard.sounds, *again)])
    return GaussianMixture(PARTS, covariance_type="diag", random_state=0, reg_covar=1e-3).fit(frames)


def margin(sound: Sound, target: GaussianMixture, source: GaussianMixture) -> float:
    """How much likelier the target is than the source, nats a frame."""
    frames = cepstra(sound)
    return float(target.score(frames) - source.score(frames))


def content(made: Sequence[Sound], sources: Sequence[Sound]) -> Reals:
    """Distance of what was made to its source, over its mean distance to other sources: below 1 as far as the words
    passed. Of frames less each band's mean and deviation, over the shorter length."""
    ours, theirs = ([standard(sound) for sound in sounds] for sounds in (made, sources))
    found = []
    for k, frames in enumerate(ours):
        others = [distance(frames, other) for j, other in enumerate(theirs) if j != k]
        found.append(distance(frames, theirs[k]) / float(np.mean(others)))
    return np.array(found)


def standard(sound: Sound) -> Reals:
    frames = log_mel(sound)
    return np.asarray((frames - frames.mean(axis=0)) / (frames.std(axis=0) + 1e-3), np.float64)


def distance(one: Reals, other: Reals) -> float:
    """At the best shift of up to 50 ms: phases found anew may come a little early or late."""
    n = min(len(one), len(other)) - 10
    return min(float(np.abs(one[5 : 5 + n] - other[5 + d : 5 + d + n]).mean()) for d in range(-5, 6))


def mean_frame(sounds: Sequence[Sound]) -> Reals:
    return np.asarray(np.concatenate([log_mel(sound) for sound in sounds]).mean(axis=0), np.float64)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
