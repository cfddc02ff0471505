"""The papers that the detectors follow: what each reports, what is measured here, and why the two differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zhenwei.evaluation.results import Ablation


@dataclass(frozen=True, slots=True)
class Paper:
    """``headline``: as reported. ``here``: the detector and the set whose AUC stands beside it."""

    name: str
    headline: str
    detector: str
    set: str
    differs: str


_STYLEGAN, _SWAPS = "FFHQ and StyleGAN", "DFDC faces"
PAPERS = (
    Paper(
        "McCloskey & Albright 2018, saturation cues",
        "AUC 0.70, fully generated pictures of NIST MFC18",
        "traditional.exposure",
        _STYLEGAN,
        "another generator, and pictures that were shrunk to 256 px and re-encoded, which fills the tails again",
    ),
    Paper(
        "Wang et al. 2020, FakeSpotter",
        "accuracy 84.7 % on InterFaceGAN and StyleGAN (first version); 68 % on DFDC (final)",
        "cnn.neuron_coverage",
        _STYLEGAN,
        "the paper watches a face-recognition network; none may be redistributed, so a general backbone stands in",
    ),
    Paper(
        "Huh et al. 2018, EXIF self-consistency",
        "average precision 0.98 on Columbia, 0.55 on Realistic Tampering",
        "consistency.exif",
        _SWAPS,
        "small re-encoded crops are the opposite of what it is for; a small network learned from simulated cameras, "
        "not from 400,000 photographs with their EXIF",
    ),
    Paper(
        "Dang et al. 2020, manipulation maps",
        "AUC 99.7 % on DFFD, in-domain",
        "attention.manipulation_map",
        _SWAPS,
        "other people than were trained on, all methods of DFDC, a network twenty times smaller",
    ),
    Paper(
        "Yu et al. 2019, fingerprints",
        "accuracy 99.4 % telling five sources of CelebA-like pictures apart",
        "fingerprint.learned",
        _STYLEGAN,
        "a few hundred pictures instead of 100,000 a source, delivered at drawn sizes and qualities",
    ),
    Paper(
        "Li, Chang & Lyu 2018, eye blinking",
        "AUC 0.99 on the state of eyes, in 49 clips",
        "temporal.blink",
        "clips",
        "that figure is about open and closed eyes, not about forgery; forgeries of today blink",
    ),
    Paper(
        "Li & Lyu 2019, affine warping",
        "AUC 97.4 % on UADFV, 53.8 % on Celeb-DF",
        "warp.affine",
        _SWAPS,
        "swaps of DFDC are blended at full resolution more often than those of UADFV",
    ),
)


def lines(asked: Sequence[Ablation]) -> list[list[str]]:
    """Rows of the table: paper, its figure, detector, ours with n and interval, why."""
    found = {(row.subject, row.set): row for row in asked if not row.without}
    rows = []
    for paper in PAPERS:
        row = found.get((paper.detector, paper.set))
        ours = f"not asked about {paper.set} at the standard depth"
        if row is not None:
            ours = f"no answer on {paper.set}"
        if row is not None and row.auc is not None:
            ours = f"AUC {row.auc:.2f}, n = {row.auc.n}, on {paper.set}"
        rows.append([paper.name, paper.headline, f"`{paper.detector}`", ours, paper.differs])
    return rows
