"""Learned motion on real faces: figures only, no picture of anybody is kept in the repository.

    .venv/bin/python docs/lecture/real_motion.py prepare
    .venv/bin/python docs/lecture/real_motion.py learn --steps 6000     (again: goes on)
    .venv/bin/python docs/lecture/real_motion.py measure

The genuine clips of ``faceclips.csv`` (talks, corpora, streams: research use, not redistributed); one group of four,
whole, is kept back. Learns as ``zhenwei forge motion train`` does, and measures on the people kept back what the page
measures on puppets: from a clip's first frame its others are drawn, against a first frame that stands still. Beside it
the network that comes with the package, which has seen drawn puppets alone. Writes ``real_motion.json``.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.lecture.experiments.learned_motion import Scores, redrawn  # noqa: E402
from docs.lecture.measure import verification_auc  # noqa: E402
from docs.lecture.pages import data_folder  # noqa: E402

from zhenwei import media  # noqa: E402
from zhenwei.faces import detect  # noqa: E402
from zhenwei.forge.animate.clips import LEAST, MotionClips, windowed  # noqa: E402
from zhenwei.forge.animate.first_order import MotionSettings, learn, open_run  # noqa: E402
from zhenwei.forge.animate.learned import home, open_weights  # noqa: E402
from zhenwei.forge.swap import score  # noqa: E402
from zhenwei.stats.bootstrap import mean_interval  # noqa: E402
from zhenwei.stats.estimate import value_as_mean  # noqa: E402
from zhenwei.trainer.run import Progress, Run  # noqa: E402
from zhenwei.training.imagenet import imagenet_features  # noqa: E402
from zhenwei.types import Floats, Pixels  # noqa: E402

FRAMES, KEPT_BACK, EMBEDDING_STEPS, SEED = 20, 4, 600, 20261130
WORDS = "genuine clips of faceclips.csv"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("prepare", "learn", "measure"))
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "real_motion")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.part == "prepare":
        folder = data_folder()
        if folder is None:
            sys.stderr.write("The shared data are not here.\n")
            return 1
        given.work.mkdir(parents=True, exist_ok=True)
        prepare(folder, given.work)
    elif given.part == "learn":
        settings = MotionSettings(width=given.width, batch=given.batch, seed=SEED)
        learn(
            settings, clips_of(given.work, "learned"), imagenet_features(), given.steps, given.work / "run", tell=tell
        )
    else:
        given.output.write_text(json.dumps(measure(given.work), indent=1) + "\n", encoding="utf-8")
    return 0


def prepare(folder: Path, work: Path) -> None:
    """Of each clip up to 20 frames spread over it, in one window, 64 px; by part."""
    found: dict[str, list[tuple[Pixels, Floats]]] = {"learned": [], "kept_back": []}
    with (folder / "faceclips.csv").open(encoding="utf-8") as table, zipfile.ZipFile(folder / "faceclips.zip") as clips:
        for row in csv.DictReader(table):
            if row["label"] != "real":
                continue
            path = work / "clip.mp4"
            path.write_bytes(clips.read(row["path"]))
            seen = list(faces_of(path))
            part = "kept_back" if int(sha256(row["group"].encode()).hexdigest(), 16) % KEPT_BACK == 0 else "learned"
            if len(seen) > LEAST:
                found[part].append((np.stack([s[0] for s in seen]), np.stack([s[1] for s in seen])))
            path.unlink()
    for part, each in found.items():
        cut = windowed(each, WORDS, "")
        kept: dict[str, Any] = {f"frames_{k}": frames for k, frames in enumerate(cut.frames)}
        kept |= {f"landmarks_{k}": points for k, points in enumerate(cut.landmarks)}
        np.savez_compressed(work / f"{part}.npz", **kept)
        say(f"{part}: {len(each)} clips, {sum(map(len, cut.frames))} frames")


def faces_of(path: Path) -> Iterator[tuple[Pixels, Floats]]:
    """Frames in which a face is found, with the landmarks of the largest."""
    for frame in media.sample_frames(media.open_media(path), FRAMES):
        found = [face for face in detect(frame.pixels) if face.landmarks is not None]
        if found:
            largest = max(found, key=lambda face: face.box.area)
            yield frame.pixels, np.asarray(largest.landmarks, np.float32)


def clips_of(work: Path, part: str) -> MotionClips:
    with np.load(work / f"{part}.npz") as file:
        count = len(file.files) // 2
        frames, points = (tuple(file[f"{what}_{k}"] for k in range(count)) for what in ("frames", "landmarks"))
    return MotionClips(frames, points, f"{count} {WORDS}")


def measure(work: Path) -> dict[str, Any]:
    learned, kept = clips_of(work, "learned"), clips_of(work, "kept_back")
    embed = score.learned(score.train_embedding(learned.frames, EMBEDDING_STEPS, SEED, soft=0.5))
    auc, pairs = verification_auc(kept.frames, embed)
    net, told = open_run(work / "run")
    shipped, _ = open_weights(home())
    found = {name: shares(redrawn(each, kept, embed)) for name, each in (("faces", net), ("puppets", shipped.net))}
    clips = {"learned": len(learned.frames), "kept_back": len(kept.frames)}
    embedding = {"verification_auc": round(auc, 4), "pairs_of_auc": pairs}
    return {"clips": clips, "settings": told["settings"], "steps": told["step"], "embedding": embedding, "found": found}


def shares(scores: Scores) -> dict[str, Any]:
    """What was drawn over what stands still, clip by clip; of cosines the difference."""
    told = {}
    for name in ("pixels", "space", "places"):
        drawn, stood = np.array(getattr(scores, name)).T
        told[name] = {"drawn": float(drawn.mean()), "stood": float(stood.mean())}
        told[name] |= asdict(mean_interval(drawn / stood), dict_factory=value_as_mean)
    drawn, stood = np.array(scores.cosine).T
    told["cosine"] = {"drawn": float(drawn.mean()), "stood": float(stood.mean())}
    told["cosine"] |= asdict(mean_interval(drawn - stood), dict_factory=value_as_mean)
    return told


def tell(progress: Progress, _run: Run) -> None:
    if progress.step % 100 == 0:
        last = " ".join(f"{name} {value:.3g}" for name, value in progress.losses.items())
        say(f"step {progress.step}: {last}")


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
