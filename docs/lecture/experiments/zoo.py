"""The zoo: what its models draw, how far that is from faces, and the fingerprint that each leaves in all it draws."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from docs.lecture import measure
from docs.lecture.experiments import _door, _web_faces
from docs.lecture.page import Bench, Check, Figure, Page
from numpy.typing import NDArray
from PIL import Image

from zhenwei.evaluation.ladder.packing import Jpeg
from zhenwei.forge.export import Origin, export_sheet
from zhenwei.forge.gan import samples, zoo
from zhenwei.signals.spectrum import log_spectrum, noise_residual
from zhenwei.stats.intervals import rate_interval
from zhenwei.types import Pixels

ORDER = 55
NEEDS_DATA = False
SIDE, TEMPLATES, ASKED, SHOWN, QUALITY = 64, 400, 200, 10, 75
Doubles = NDArray[np.float64]


def experiment(bench: Bench) -> Page:
    torch.set_num_threads(1)
    seed, entries = bench.seed % 1000, zoo.entries()
    names = [name for name, entry in entries.items() if entry.side == SIDE]
    learned = {name: residuals(drawn(name, TEMPLATES, seed)) for name in names}
    templates = {name: found.mean(0) for name, found in learned.items()}
    asked = {name: drawn(name, ASKED, seed + 1) for name in names}
    plain = {name: sources(residuals(faces), templates) for name, faces in asked.items()}
    saved = {name: sources(residuals(compressed(faces)), templates) for name, faces in asked.items()}
    _sheet(bench.out / "zoo.jpg", list(entries), seed)
    _spectra(bench.out / "zoo-fingerprints.png", learned, entries)
    checks = (
        *_checks("as drawn", plain, entries, judged=True),
        *_checks(f"after JPEG {QUALITY}", saved, entries, judged=False),
        *(Check(f"{name}: kernel distance to held-out faces", entry.kid, "told", None)
          for name, entry in entries.items()),
    )  # fmt: skip
    figures = (
        Figure("zoo.jpg", f"{SHOWN} samples each of {', '.join(entries)}"),
        Figure("zoo-fingerprints.png", "Mean spectrum of the noise residuals less that of all six, each generator's"),
    )
    protocol = {
        "fingerprint": f"mean noise residual of {TEMPLATES} samples; {ASKED} others of each of {len(names)} models go "
        "to the fingerprint they correlate most with; intervals: Wilson",
        "kernel distance": f"{measure.FEATURES}; not comparable with published KID",
        "seed": str(seed),
    }
    return Page(_TITLE, _LECTURE, _EQUATION, _body(entries), checks, figures, protocol)


def drawn(name: str, count: int, seed: int) -> Pixels:
    return samples.imagine(zoo.open_generator(name), samples.noise_for(count, zoo.entries()[name].noise, seed))


def residuals(faces: Pixels) -> Doubles:
    return np.stack([noise_residual(face) for face in faces]).astype(np.float64)


def compressed(faces: Pixels) -> Pixels:
    """Each through JPEG, on its own."""
    through = Jpeg(QUALITY)
    return np.stack([np.asarray(Image.open(io.BytesIO(through.encode(face)))) for face in faces])


def sources(found: Doubles, templates: Mapping[str, Doubles]) -> list[str]:
    """Of each residual, the name of the fingerprint that it correlates most with."""
    names = list(templates)
    one, other = (_unit(x.reshape(len(x), -1)) for x in (found, np.stack([templates[name] for name in names])))
    return [names[k] for k in (one @ other.T).argmax(1)]


def _unit(rows: Doubles) -> Doubles:
    rows = rows - rows.mean(1, keepdims=True)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float64)


def _checks(how: str, given: Mapping[str, list[str]], entries: Mapping[str, zoo.Entry], *, judged: bool) -> list[Check]:
    """Shares of samples given to the right model, to the right kind, and, within it, to the right seed."""
    pairs = [(name, guess) for name, guesses in given.items() for guess in guesses]
    alike = [(name, guess) for name, guess in pairs if entries[name].kind == entries[guess].kind]
    kinds = len({entries[name].kind for name in given})
    right = sum(name == guess for name, guess in pairs)
    told = []
    for what, hits, n, chance in (
        (f"right model of {len(given)}", right, len(pairs), 1 / len(given)),
        (f"right kind of {kinds}", len(alike), len(pairs), 1 / kinds),
        ("where the kind is right, the right seed of two", right, len(alike), 0.5),
    ):
        share = rate_interval(hits, n)
        name = f"{how}: {what} [{share.low:.3f}, {share.high:.3f}], n = {n}"
        want = f"lower end > {chance:.2f}" if judged else "told"
        told.append(Check(name, share.value, want, share.low > chance if judged else None))
    return told


def _body(entries: Mapping[str, zoo.Entry]) -> str:
    lines = [
        "| model | px | steps | kernel distance (s.d.) | of real faces | nearer to a face learned from | SHA-256 |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, e in entries.items():
        lines.append(
            f"| {name} | {e.side} | {e.steps} | {e.kid:.3f} ({e.kid_deviation:.3f}), n {e.kid_n} | {e.kid_real:.3f} "
            f"| {e.memorised:.0%} | {e.sha256[:12]} |"
        )
    data = "; ".join(sorted({e.data for e in entries.values()}))
    return f"{_BODY.strip()}\n\n" + "\n".join(lines) + f"\n\nLearned from {data}.\n" + _web_faces.section()


def _sheet(path: Path, names: list[str], seed: int) -> None:
    """The sheet, through the door."""
    found = [drawn(name, SHOWN, seed) for name in names]
    rows = [samples.enlarged(f.repeat(SIDE // f.shape[1], 1).repeat(SIDE // f.shape[1], 2)) for f in found]
    with _door.opened() as door:
        export_sheet(rows, Origin("gan/zoo", {"models": names, "seed": seed}), path, door)


def _spectra(path: Path, learned: Mapping[str, Doubles], entries: Mapping[str, zoo.Entry]) -> None:
    from matplotlib.figure import Figure as Drawing

    spectra = {name: log_spectrum(found) for name, found in learned.items()}
    middle = np.mean(list(spectra.values()), axis=0)
    drawing = Drawing(figsize=(8, 5.4), layout="constrained")
    for panel, (name, spectrum) in zip(drawing.subplots(2, 3).ravel(), spectra.items(), strict=True):
        panel.imshow(spectrum - middle, cmap="coolwarm", vmin=-2, vmax=2)
        panel.set_title(f"{name} ({entries[name].kind})", fontsize=9)
        panel.axis("off")
    drawing.savefig(path, dpi=80)


_TITLE = "The zoo, and the fingerprints of its models"
_LECTURE = (
    "The lecture's generators of faces side by side, and its fingerprints: whatever a generator draws carries a trace "
    "of it, as a camera's pictures do of the camera."
)
_EQUATION = """
F_g = mean over x of g of (x - denoised(x));   source of x = the g whose F_g correlates most with x - denoised(x)
"""
_BODY = """
Three kinds of game, two seeds of each, learned the same 64 px faces on one GPU that they shared, for minutes; two more
at 32 px learned on a CPU. They are kept as small files of half floats, for `zhenwei forge gan sample | walk` and as
known sources for detectors of fingerprints. Figures compare them within this table only.

The plainest fingerprint (F. Marra et al., "Do GANs Leave Artificial Fingerprints?", MIPR 2019): take the picture apart
into what a denoiser keeps and what it takes away, and average the latter over many samples. A new sample is given to
the model whose average it is most like. That the seed alone leaves another trace was found by N. Yu et al. (ICCV 2019).
"""
