"""The results file of an evaluation: figures with their protocol, and what was said of every file.

Whoever has the file can recompute every figure from ``files``; ``zhenwei compare`` does, and so does the page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from zhenwei.evaluation import documents
from zhenwei.evaluation.documents import DocumentSection, Sentence, save
from zhenwei.stats import Estimate

__all__ = [
    "Ablation", "Against", "Figures", "FileResult", "Finding", "Localised", "OverSources", "Results", "SourceFigure",
    "SourceFigures", "Step", "load", "save",
]  # fmt: skip

SCHEMA: Literal["zhenwei.evaluation/1"] = "zhenwei.evaluation/1"


LARGEST = 1e6
"""No log-likelihood ratio is larger, above or below 0: figures of larger ones are numbers of hundreds of digits."""
SourceFigure = Literal["auc", "pair_accuracy", "false_alarms", "firm"]


class Figures(DocumentSection):
    """Figures of one set (or slice of one) at one level. None = the set lacks what the figure needs (a class, enough
    groups). Files without an answer are missing from all but ``coverage`` and the four rates, whose denominators they
    stay in."""

    name: str
    slice: str = ""  # "" = the whole set; else e.g. "method: stylegan", "origin: HDTF", "jpeg 50"
    level: Literal["frame", "track", "video"]
    domain: Literal["in", "out"]
    genuine: int
    forged: int
    groups: int
    coverage: Estimate
    auc: Estimate | None = None  # bootstrap over groups
    auc_delong: Estimate | None = None
    pair_accuracy: Estimate | None = None  # a forgery above its own original; None = no file has its original beside it
    eer: Estimate | None = None
    average_precision: Estimate | None = None
    tpr_at_1: Estimate | None = None  # forged found at 1 % false alarms
    tpr_at_5: Estimate | None = None
    log_loss: Estimate | None = None  # nats, of the probability at even prior odds
    brier: Estimate | None = None
    ece: Estimate | None = None
    c_llr: Estimate | None = None
    min_c_llr: Estimate | None = None
    aurc: Estimate | None = None  # mean risk over all coverages, the least sure answers left out first
    false_alarms: Estimate | None = None  # genuine called forged
    called_genuine: Estimate | None = None  # genuine called genuine
    found: Estimate | None = None  # forged called forged
    missed: Estimate | None = None  # forged called genuine
    metadata_auc: Estimate | None = None  # of a classifier that sees no pixel
    random_label_auc: Estimate | None = None  # the same scores against shuffled labels: must hold 0.5


class FileResult(DocumentSection):
    """What was said of one file, or at the finer levels of one frame or person of it (``part``)."""

    set: str
    file: str
    part: str = ""
    level: Literal["frame", "track", "video"] = "video"
    forged: bool
    method: str = ""
    origin: str = ""
    group: str
    video: str = ""  # the recording that it is, or was made from; "" = not known
    kind: Literal["image", "video", "audio"] = "image"
    delivery: str = ""  # the step of the robustness ladder; "" = as it is
    llr: float | None
    score: float | None = None
    decision: str
    reason: Sentence = ""
    by_detector: dict[str, float | None] = Field(default={})  # LLRs on the whole file; only for files as they are

    @property
    def source(self) -> str:
        return self.origin or self.set


class Step(DocumentSection):
    """One step of the robustness ladder on one set: ``auc_lost`` is paired, clean minus this."""

    set: str
    family: str  # "jpeg", "resize", "h264", ...
    step: str  # "jpeg 50"
    amount: float  # what the curve is drawn over, e.g. 50
    genuine: int
    forged: int
    coverage: float
    auc: Estimate | None = None
    auc_lost: Estimate | None = None
    false_alarms: Estimate | None = None
    flipped: Estimate | None = None  # files whose decision went from one side to the other


class Ablation(DocumentSection):
    """One detector alone on one set (``without`` False), or the fused verdict without one family (True).

    ``auc``, ``c_llr`` over the files that it answered; ``auc_lost``, ``c_llr_lost``: what the fused verdict of all has
    more of the first, and less of the second, on the very same files, in pairs. ``seconds``: median, of one file.
    """

    set: str
    subject: str
    without: bool
    genuine: int
    forged: int
    coverage: Estimate
    auc: Estimate | None = None
    pair_accuracy: Estimate | None = None
    c_llr: Estimate | None = None
    auc_lost: Estimate | None = None
    c_llr_lost: Estimate | None = None
    seconds: float | None = None


class Against(DocumentSection):
    """The forgeries of one source against the genuine media of ``source``."""

    source: str
    auc: Estimate


class SourceFigures(DocumentSection):
    """One source of media, or one method of forgery, in one kind of media.

    ``auc``: of its forgeries, the mean over ``against``, every genuine source of ten media or more; ``auc_own``:
    against genuine media of its own. ``false_alarms``: of genuine media that were answered; ``firm``: of all media.
    A figure is None where the class, the pairs or a second group are missing.
    """

    of: Literal["source", "method"]
    name: str
    kind: Literal["image", "video", "audio"]
    genuine: int
    forged: int
    genuine_answered: int
    forged_answered: int
    auc: Estimate | None = None
    against: tuple[Against, ...] = ()
    auc_own: Estimate | None = None
    pair_accuracy: Estimate | None = None  # n = pairs
    false_alarms: Estimate | None = None
    firm: Estimate  # answers that are forged or genuine

    @property
    def lowest(self) -> Against | None:
        return min(self.against, key=lambda one: one.auc.value, default=None)


class OverSources(DocumentSection):
    """Mean and worst of one figure over the ``counted`` sources (or methods) that have ten cases of it or more."""

    of: Literal["source", "method"]
    kind: Literal["image", "video", "audio"]
    figure: SourceFigure
    counted: int
    mean: Estimate  # n = sources
    worst: Estimate
    worst_name: str


class Localised(DocumentSection):
    """How well maps say where, on ``faces`` of one ``set``. ``truth``: what is known of them. ``marked``: share of the
    face that the map marks; where nothing was altered, its false localisation. The rest are None there."""

    set: str
    truth: Literal["published swap", "self-blend", "generated", "genuine"]
    faces: int
    marked: Estimate
    iinc: Estimate | None = None
    pbca: Estimate | None = None
    iou: Estimate | None = None


class Finding(DocumentSection):
    """What an honesty check found. ``ok`` False: the figures are not to be believed as they stand."""

    check: str  # "split leak: identity", "near-duplicates", "shortcut probe", "random labels", "detectors that failed"
    ok: bool
    text: str
    cases: tuple[str, ...] = ()


class Results(DocumentSection):
    """One evaluation. ``subject``: a detector's id, or "fused". ``weights``: model id -> sha256. ``data``: set -> what
    it is (path-free). ``versions``: package -> version."""

    schema_: Literal["zhenwei.evaluation/1"] = Field(default=SCHEMA, alias="schema")
    subject: str
    protocol: str
    protocol_text: Sentence
    created: str  # ISO 8601, UTC
    seed: int
    frames: int  # sampled from a clip
    data: dict[str, str]
    weights: dict[str, str]
    versions: dict[str, str]
    ranked_by: Literal["llr", "score"] = "llr"  # what AUC and all that only ranks was computed of
    over_sources: tuple[OverSources, ...] = ()  # empty where no source is known
    by_source: tuple[SourceFigures, ...] = ()
    figures: tuple[Figures, ...]
    ladder: tuple[Step, ...] = ()
    asked: tuple[Ablation, ...] = ()
    localised: tuple[Localised, ...] = ()
    findings: tuple[Finding, ...] = ()
    files: tuple[FileResult, ...]


def load(path: Path) -> Results:
    """Raises :class:`DataError` for a file that is missing or is no results file of this version."""
    return documents.load(path, Results, fix="Write it with `zhenwei evaluate`.")
