"""``traditional.exposure`` into the store: a linear classifier on FFHQ photographs and StyleGAN portraits.

Every picture is learned from as it is and once as it may be delivered (resized and re-encoded, drawn independently of
the label). Two in five are kept out of the fit, by name, to calibrate on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zhenwei import models
from zhenwei.detectors.traditional.exposure import Exposure, described
from zhenwei.training.cnn.synthetic_image import cautious
from zhenwei.training.data.photographs import Photograph, largest_face, read_photographs
from zhenwei.training.data.portraits import Delivery, draw_delivery, kept_out
from zhenwei.training.install.calibrate import Calibrated, Sample, Shown, calibrate
from zhenwei.training.install.linear import export_linear, fit_linear
from zhenwei.training.install.measured import Measured, measured
from zhenwei.training.install.publish import Product, publish
from zhenwei.types import Floats, Frame, Media, Pixels, Subject, Track

MODEL = "exposure"
SEED = 20261123
_SOURCES = ("ffhq", "stylegan")
_HELD_OUT = 0.4
_L2 = 100.0  # of 72 features that say much the same, on some 800 pictures
_PRODUCT = Product(
    model=MODEL,
    detector=Exposure.info.id,
    question="Are the dark and bright ends of the histogram, and the saturation of the colours, those of a photograph? "
    "Features of the face and of its picture in, a score out.",
    licence="Apache-2.0 (weights made by this project; see training data)",
    origin="trained with zhenwei.training.traditional.exposure",
    training_data="FFHQ photographs and StyleGAN portraits learned from them, 256 px. Data sets' licences: research.",
    input="features (n, 72) float32 of zhenwei.signals.exposure, of the face and the whole picture; gives score (n,)",
    facts=(f"Classifier: logistic regression, L2 penalty {_L2:.0f}, seed {SEED}",),
    held_out="None of these pictures was fitted to. The test figures are in `docs/detectors/traditional.exposure.md`.",
    remarks=(
        "Half of all generators are taken to leave none of these traces: no LLR is below log(1/2), and the highest is "
        "lowered by as much.",
    ),
    limits="A weak cue: any change of tone makes it or removes it. The one generator it knows is StyleGAN. It never "
    "speaks for a picture being photographed, and does not look for altered faces.",
    noun="pictures",
    reference="NumPy",
)


def train(
    data: Path, output: Path, *, store: Path = models.STORE, progress: Callable[[float], None] | None = None
) -> None:
    """Fits, calibrates and publishes. ``data``: folder of ``photos.zip`` and ``photos.csv``; ``output`` receives the
    classifier as ``exposure.onnx`` too. Raises :class:`zhenwei.errors.DataError` where the data is missing."""
    tell = progress or (lambda _fraction: None)
    photographs = read_photographs(data, _SOURCES)
    learn = [p for p in photographs if not kept_out(p.path, _HELD_OUT)]
    held_out = HeldOut([p for p in photographs if kept_out(p.path, _HELD_OUT)])
    features, forged = _features(learn, lambda done: tell(0.5 * done))
    exported = export_linear(fit_linear(features, forged, l2=_L2))
    output.mkdir(parents=True, exist_ok=True)
    (output / f"{MODEL}.onnx").write_bytes(exported.onnx)

    def measure() -> Calibrated:
        return cautious(
            calibrate(held_out, ask, seed=SEED, total=len(held_out), progress=lambda done: tell(0.5 + 0.5 * done))
        )

    publish(_PRODUCT, exported, measure, store=store, thresholds=None)
    tell(1.0)


def _features(photographs: Sequence[Photograph], tell: Callable[[float], None]) -> tuple[Floats, np.ndarray]:
    """Features ``(n, 72)`` and truth ``(n,)`` of each picture as it is and delivered; without a face it is left out."""
    rows: list[Floats] = []
    truth: list[bool] = []
    for number, photograph in enumerate(photographs):
        tell(number / len(photographs))
        for pixels in _as_is_and_delivered(photograph.pixels(), number, 1):
            face = largest_face(pixels)
            if face is not None:
                rows.append(described(pixels, face))
                truth.append(photograph.forged)
    return np.stack(rows), np.asarray(truth)


def _as_is_and_delivered(pixels: Pixels, number: int, purpose: int) -> tuple[Pixels, Pixels]:
    arrives = draw_delivery(np.random.default_rng((SEED, purpose, number)))
    if arrives == Delivery():
        arrives = replace(arrives, encoding=(".jpg", 75))
    return pixels, arrives.apply(pixels)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Pictures kept out of the fit, one after another, each as it is and delivered."""

    photographs: Sequence[Photograph]

    def __len__(self) -> int:
        return 2 * len(self.photographs)

    def __iter__(self) -> Iterator[Shown]:
        for number, photograph in enumerate(self.photographs):
            each = _as_is_and_delivered(photograph.pixels(), number, 2)
            for pixels, delivered in zip(each, (False, True), strict=True):
                source = "ffhq and generated from it"
                yield Shown(pixels, photograph.forged, number, photograph.path, source, delivered)


def ask(shown: Shown) -> Sample | None:
    """What the detector makes of it, through the package's own face finder; None where it sees no face or abstains."""
    face = largest_face(shown.pixels)
    if face is None:
        return None
    height, width = shown.pixels.shape[:2]
    media = Media("", "", "image", 0, "jpeg", width=width, height=height)
    subject = Subject(media, (Frame(0, 0.0, shown.pixels),), Track(1, (face,)))
    score = Exposure(always=True).examine(subject).score
    if score is None:
        return None
    seen = face.quality
    return Sample(
        score, shown.forged, seen.face_px, seen.sharpness, shown.face, shown.group, shown.source, shown.delivered
    )


def measured_on_test(data: Path) -> Measured:
    """On the test pictures in ``data``, as they are and delivered."""
    return measured(HeldOut(read_photographs(data, _SOURCES, test=True)), ask)
