"""The results file of an evaluation: figures with their protocol, and what was said of every file.

Whoever has the file can recompute every figure from ``files``; ``zhenwei compare`` does, and so does the page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zhenwei.errors import DataError

SCHEMA: Literal["zhenwei.evaluation/1"] = "zhenwei.evaluation/1"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Interval95(_Section):
    """A figure with its 95 % interval, from ``n`` cases."""

    value: float
    low: float
    high: float
    n: int


class Figures(_Section):
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
    coverage: Interval95
    auc: Interval95 | None = None  # bootstrap over groups
    auc_delong: Interval95 | None = None
    eer: Interval95 | None = None
    average_precision: Interval95 | None = None
    tpr_at_1: Interval95 | None = None  # forged found at 1 % false alarms
    tpr_at_5: Interval95 | None = None
    log_loss: Interval95 | None = None  # nats, of the probability at even prior odds
    brier: Interval95 | None = None
    ece: Interval95 | None = None
    c_llr: Interval95 | None = None
    min_c_llr: Interval95 | None = None
    aurc: Interval95 | None = None  # mean risk over all coverages, the least sure answers left out first
    false_alarms: Interval95 | None = None  # genuine called forged
    called_genuine: Interval95 | None = None  # genuine called genuine
    found: Interval95 | None = None  # forged called forged
    missed: Interval95 | None = None  # forged called genuine
    metadata_auc: Interval95 | None = None  # of a classifier that sees no pixel
    random_label_auc: Interval95 | None = None  # the same scores against shuffled labels: must hold 0.5


class FileResult(_Section):
    """What was said of one file, or at the finer levels of one frame or person of it (``part``)."""

    set: str
    file: str
    part: str = ""
    level: Literal["frame", "track", "video"] = "video"
    forged: bool
    method: str = ""
    origin: str = ""
    group: str
    delivery: str = ""  # the step of the robustness ladder; "" = as it is
    llr: float | None
    score: float | None = None
    decision: str
    reason: str = ""
    by_detector: dict[str, float | None] = {}  # LLR of each detector on the whole file; only for files as they are


class Step(_Section):
    """One step of the robustness ladder on one set: ``auc_lost`` is paired, clean minus this."""

    set: str
    family: str  # "jpeg", "resize", "h264", ...
    step: str  # "jpeg 50"
    amount: float  # what the curve is drawn over, e.g. 50
    genuine: int
    forged: int
    coverage: float
    auc: Interval95 | None = None
    auc_lost: Interval95 | None = None
    false_alarms: Interval95 | None = None
    flipped: Interval95 | None = None  # files whose decision went from one side to the other


class Asked(_Section):
    """One detector alone on one set (``without`` False), or the fused verdict without one family (True).

    ``auc``, ``c_llr`` over the files that it answered; ``auc_lost``, ``c_llr_lost``: what the fused verdict of all has
    more of the first, and less of the second, on the very same files, in pairs. ``seconds``: median, of one file.
    """

    set: str
    subject: str
    without: bool
    genuine: int
    forged: int
    coverage: Interval95
    auc: Interval95 | None = None
    c_llr: Interval95 | None = None
    auc_lost: Interval95 | None = None
    c_llr_lost: Interval95 | None = None
    seconds: float | None = None


class Localised(_Section):
    """How well maps say where, on ``faces`` of one ``set``. ``truth``: what is known of them. ``marked``: share of the
    face that the map marks; where nothing was altered, its false localisation. The rest are None there."""

    set: str
    truth: Literal["published swap", "self-blend", "generated", "genuine"]
    faces: int
    marked: Interval95
    iinc: Interval95 | None = None
    pbca: Interval95 | None = None
    iou: Interval95 | None = None


class Finding(_Section):
    """What an honesty check found. ``ok`` False: the figures are not to be believed as they stand."""

    check: str  # "split leak: identity", "near-duplicates", "shortcut probe", "random labels"
    ok: bool
    text: str
    cases: tuple[str, ...] = ()


class Results(_Section):
    """One evaluation. ``subject``: a detector's id, or "fused". ``weights``: model id -> sha256. ``data``: set -> what
    it is (path-free). ``versions``: package -> version."""

    schema_: Literal["zhenwei.evaluation/1"] = Field(default=SCHEMA, alias="schema")
    subject: str
    protocol: str
    protocol_text: str
    created: str  # ISO 8601, UTC
    seed: int
    frames: int  # sampled from a clip
    data: dict[str, str]
    weights: dict[str, str]
    versions: dict[str, str]
    figures: tuple[Figures, ...]
    ladder: tuple[Step, ...] = ()
    asked: tuple[Asked, ...] = ()
    localised: tuple[Localised, ...] = ()
    findings: tuple[Finding, ...] = ()
    files: tuple[FileResult, ...]

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


def save(results: Results, path: Path) -> None:
    """UTF-8 JSON, one key order, ending in a newline; whole or not at all."""
    partial = path.with_suffix(path.suffix + ".partial")
    partial.write_text(results.model_dump_json(indent=1, by_alias=True, exclude_none=False) + "\n", encoding="utf-8")
    partial.replace(path)


def load(path: Path) -> Results:
    """Raises :class:`DataError` for a file that is missing or is no results file of this version."""
    try:
        return Results.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError("the results cannot be read", got=f"{path}: {error.strerror}") from error
    except ValidationError as error:
        got, want = f"{path}: {error.errors()[0]['msg']}", f"JSON of schema {SCHEMA}, as `zhenwei evaluate` writes it"
        raise DataError("this is no results file", got=got, want=want) from error


def json_schema() -> str:
    """The JSON schema of the results file."""
    return json.dumps(Results.model_json_schema(by_alias=True), indent=1, ensure_ascii=False) + "\n"
