"""``speech.variability`` and ``speech.lfcc_gmm``: measured source by source, learned from all, put into the store."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import soundfile
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from zhenwei import models
from zhenwei.detectors.speech import graph_attention, lfcc_gmm
from zhenwei.detectors.speech import variability as spread
from zhenwei.detectors.speech._hearing import ANY_SIZE_PX, listen
from zhenwei.errors import ModelError
from zhenwei.evaluation import held_out
from zhenwei.evaluation.held_out import HeldOutTable
from zhenwei.evaluation.ladder.sounds import RUNGS
from zhenwei.evaluation.shortcuts import metadata_probe
from zhenwei.fusion.operating import OperatingPoints
from zhenwei.models import ModelEntry
from zhenwei.models.calibration_fit import fit
from zhenwei.signals.voice import NAMES, RATE_HZ, variability
from zhenwei.stats.logistic import fit_logistic
from zhenwei.training import speech_graph
from zhenwei.training.calibrate import Calibrated, Sample
from zhenwei.training.export import OPSET, Exported
from zhenwei.training.linear import Linear, export_linear
from zhenwei.training.publish import Product, publish
from zhenwei.training.speech import (
    FOLDS,
    SEED,
    Utterance,
    balanced,
    described,
    read_speech,
    split,
    with_copies,
)
from zhenwei.types import Audio, Floats, Text

_L2 = 300.0
_COMPONENTS, _ROUNDS, _LEAST_VARIANCE = 64, 25, 1e-3
_TOLERANCE = 1e-3
ANSWERS = "held_out.csv"
ARRIVED = ("", "channel", *(name for name in RUNGS if not name.startswith(("noise", "room"))))
"""How files arrive, for the calibration: the channel draws noise and rooms of its own."""
_IR_VERSION = 8
Scorer = Callable[[Floats], float]
Tell = Callable[[float], None]
Bools = NDArray[np.bool_]


def speech_of(sound: Floats) -> Floats | None:
    """What the detectors hear of a window: its speech, pauses cut out; None where they would abstain."""
    heard = listen(Audio(sound[None], RATE_HZ))
    if isinstance(heard, Text):
        return None
    places = [np.arange(round(r.start_s * RATE_HZ), min(len(sound), round(r.end_s * RATE_HZ))) for r in heard.runs]
    return heard.mono[np.concatenate(places)]


def spreads(sound: Floats) -> Floats | None:
    speech = speech_of(sound)
    found = None if speech is None else variability(speech)
    return None if found is None else np.asarray(found, np.float32)


def movements(sound: Floats) -> Floats | None:
    speech = speech_of(sound)
    return None if speech is None else lfcc_gmm.frames(speech)


@dataclass(frozen=True, slots=True, eq=False)
class Mixtures:
    """Diagonal Gaussian mixtures of two classes, genuine first: ``logs`` ``(2, k)`` log weights, ``means`` and
    ``variances`` ``(2, k, d)``."""

    logs: NDArray[np.float64]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]

    def __call__(self, frames: Floats) -> NDArray[np.float64]:
        """``(n, d)`` -> ``(n,)`` log-likelihood ratios of synthetic against genuine."""
        each = []
        for logs, means, variances in zip(self.logs, self.means, self.variances, strict=True):
            off = frames[:, None].astype(np.float64) - means
            density = logs - 0.5 * (np.log(2 * np.pi * variances) + off**2 / variances).sum(-1)
            most = density.max(axis=1, keepdims=True)
            each.append(most[:, 0] + np.log(np.exp(density - most).sum(axis=1)))
        return np.asarray(each[1] - each[0])


def fit_mixtures(genuine: NDArray[np.floating], forged: NDArray[np.floating]) -> Mixtures:
    """By expectation maximisation (scikit-learn), seeded."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    found = []
    for frames in (genuine, forged):
        mixture = GaussianMixture(
            _COMPONENTS, covariance_type="diag", max_iter=_ROUNDS, reg_covar=_LEAST_VARIANCE, random_state=0, tol=1e-4
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the rounds are few on purpose
            found.append(mixture.fit(frames))
    return Mixtures(
        np.log([m.weights_ for m in found]),
        np.stack([m.means_ for m in found]),
        np.stack([m.covariances_ for m in found]),
    )


def export_mixtures(mixtures: Mixtures) -> Exported:
    """``frames`` ``(n, d)`` float32 in, ``llr`` ``(n,)`` out. The squares are completed: x^2 A + x B + c, then the
    log of summed exponentials. Raises :class:`ModelError` when ONNX Runtime departs from NumPy by more than 0.001."""
    constants: dict[str, NDArray[np.generic]] = {"axis": np.array([1], np.int64)}
    nodes = [helper.make_node("Mul", ["frames", "frames"], ["squares"])]
    for name, logs, means, variances in zip(
        ("genuine", "forged"), mixtures.logs, mixtures.means, mixtures.variances, strict=True
    ):
        rest = logs - 0.5 * (np.log(2 * np.pi * variances) + means**2 / variances).sum(-1)
        constants[f"{name}_squared"] = (-0.5 / variances).T.astype(np.float32)
        constants[f"{name}_linear"] = (means / variances).T.astype(np.float32)
        constants[f"{name}_rest"] = rest.astype(np.float32)
        nodes += [
            helper.make_node("MatMul", ["squares", f"{name}_squared"], [f"{name}_a"]),
            helper.make_node("MatMul", ["frames", f"{name}_linear"], [f"{name}_b"]),
            helper.make_node("Add", [f"{name}_a", f"{name}_b"], [f"{name}_ab"]),
            helper.make_node("Add", [f"{name}_ab", f"{name}_rest"], [f"{name}_each"]),
            helper.make_node("ReduceLogSumExp", [f"{name}_each"], [f"{name}_log"], axes=[1], keepdims=0),
        ]
    nodes.append(helper.make_node("Sub", ["forged_log", "genuine_log"], ["llr"]))
    del constants["axis"]
    width = mixtures.means.shape[-1]
    graph = helper.make_graph(
        nodes,
        "mixtures",
        [helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info("llr", TensorProto.FLOAT, ["n"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    drawn = np.random.default_rng(0).standard_normal((64, width)).astype(np.float32)
    drawn = drawn * np.sqrt(mixtures.variances.mean(axis=(0, 1))).astype(np.float32)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    worst = float(np.abs(session.run(None, {"frames": drawn})[0] - mixtures(drawn)).max())
    if not worst <= _TOLERANCE:
        raise ModelError("the exported mixtures depart from NumPy", got=f"{worst:.2g}", want=f"<= {_TOLERANCE}")
    return Exported(data, worst)


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    score: Scorer
    export: Callable[[], Exported]


Row = tuple[Floats, Utterance]


def learn_linear(rows: Sequence[Row], _kept: Path, _tell: Tell) -> Learned:
    """Logistic regression; penalised strongly, since there are few sources."""
    x = np.stack([row for row, _ in rows]).astype(np.float64)
    forged = np.array([u.forged for _, u in rows], np.bool_)
    centre, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    slopes = fit_logistic((x - centre) / scale, forged, balanced([u for _, u in rows]), l2=_L2)
    weights = slopes[:-1] / scale
    linear = Linear(weights, float(slopes[-1] - weights @ centre))
    return Learned(lambda row: float(linear(row[None])[0]), lambda: export_linear(linear))


def learn_mixtures(rows: Sequence[Row], _kept: Path, _tell: Tell) -> Learned:
    genuine = np.concatenate([row[::2] for row, u in rows if not u.forged])
    forged = np.concatenate([row[::4] for row, u in rows if u.forged])
    mixtures = fit_mixtures(genuine, forged)
    return Learned(lambda row: float(mixtures(row).mean()), lambda: export_mixtures(mixtures))


def learn_graph(rows: Sequence[Row], kept: Path, tell: Tell) -> Learned:
    net = speech_graph.learn(rows, kept, tell)
    return Learned(lambda sound: speech_graph.score(net, sound), lambda: speech_graph.exported(net))


@dataclass(frozen=True, slots=True)
class Way:
    """How one of the detectors is learned. ``describe``: a window -> what is learned from, None where it abstains.
    ``learn``: from rows, with a file for its state if it takes long."""

    product: Product
    describe: Callable[[Floats], Floats | None]
    learn: Callable[[Sequence[Row], Path, Tell], Learned]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What the weights of a fold, learned without its sources, said of a window of these; ``rung``: "" as published."""

    utterance: Utterance
    fold: int
    rung: str
    score: float | None


def train(
    detector: str,
    data: Path,
    output: Path,
    *,
    workers: int = 1,
    resume: bool = False,
    store: Path = models.STORE,
    progress: Callable[[str, float], None] | None = None,
) -> ModelEntry:
    """Measures, learns and installs; ``output`` gets ``held_out.csv`` and ``held_out.json``, and the states of what
    takes long, which ``resume`` goes on from. Raises :class:`zhenwei.errors.DataError` where the data are missing
    or WORLD is not installed."""
    way = WAYS[detector]
    tell = progress or (lambda _stage, _share: None)
    tell("copying voices", 0.0)
    everything = list(with_copies(read_speech(data)))
    clean = described(everything, way.describe, workers=workers, progress=lambda s: tell("hearing", s))
    travelled = described(
        everything,
        way.describe,
        workers=workers,
        through_channel=True,
        progress=lambda s: tell("the same after a channel", s),
    )
    output.mkdir(parents=True, exist_ok=True)
    if not resume:
        for name in ("all", *(f"fold{number + 1}" for number in range(len(FOLDS)))):
            (output / f"{name}.pt").unlink(missing_ok=True)
    asked = _leave_out(way, everything, clean, travelled, output, workers, tell)
    _write(output, detector, asked)
    rows = _rows(everything, clean, travelled, np.ones(len(everything), np.bool_))
    exported = way.learn(rows, output / "all.pt", lambda share: tell("learning from all", share)).export()
    row = publish(way.product, exported, lambda: _calibrated(asked), store=store, thresholds=None)
    held_out.save(table(detector, asked, row.weights), output / "held_out.json")
    return row


def _rows(
    everything: Sequence[Utterance], clean: Sequence[Floats | None], travelled: Sequence[Floats | None], which: Bools
) -> list[Row]:
    return [
        (row, one)
        for rows in (clean, travelled)
        for row, one, mine in zip(rows, everything, which, strict=True)
        if mine and row is not None
    ]


def _leave_out(
    way: Way,
    everything: Sequence[Utterance],
    clean: Sequence[Floats | None],
    travelled: Sequence[Floats | None],
    output: Path,
    workers: int,
    tell: Callable[[str, float], None],
) -> list[Asked]:
    asked: list[Asked] = []
    published = [u for u in everything if not u.copied]
    changed: dict[str, list[Floats | None]] = {}
    for number, (name, change) in enumerate(RUNGS.items()):
        tell("changing sounds", number / len(RUNGS))
        changed[name] = described([_after(u, change) for u in published], way.describe, workers=workers)
    tell("changing sounds", 1.0)
    place = {id(u): k for k, u in enumerate(published)}
    for fold, sources in enumerate(FOLDS):
        learn, ask = split(everything, sources)
        rows = _rows(everything, clean, travelled, learn)
        learned = way.learn(rows, output / f"fold{fold + 1}.pt", partial(_told, tell, fold))
        for k in np.flatnonzero(ask).tolist():
            one = everything[k]
            each = {"": clean[k], "channel": travelled[k]} | {n: r[place[id(one)]] for n, r in changed.items()}
            asked += [Asked(one, fold, n, None if row is None else learned.score(row)) for n, row in each.items()]
        tell("leaving out sources", (fold + 1) / len(FOLDS))
    return asked


def _told(tell: Callable[[str, float], None], fold: int, share: float) -> None:
    tell("leaving out sources", (fold + share) / len(FOLDS))


def _after(one: Utterance, change: Callable[[Floats], Floats]) -> Utterance:
    return Utterance(change(one.sound), one.system, one.speaker, one.source, one.path, one.copied)


def _calibrated(asked: Sequence[Asked]) -> Calibrated:
    """On what was answered as published, after a drawn channel and after the codecs: files arrive as MP3 or by
    telephone, and what weighed as much as if they did not would weigh too much. Sources are the independent cases."""
    unknown = float("nan")
    samples = tuple(
        Sample(a.score, a.utterance.forged, ANY_SIZE_PX, unknown, number, a.utterance.source, f"fold {a.fold + 1}",
               delivered=a.rung != "")
        for number, a in enumerate(asked)
        if a.score is not None and a.rung in ARRIVED
    )  # fmt: skip
    fitted = fit(
        [s.score for s in samples],
        [s.forged for s in samples],
        [s.face_px for s in samples],
        [s.group for s in samples],
        seed=SEED,
    )
    silent = sum(a.score is None for a in asked if a.rung == "")
    return Calibrated(fitted, OperatingPoints(), samples, silent)


def _write(output: Path, detector: str, asked: Sequence[Asked]) -> None:
    with (output / ANSWERS).open("w", encoding="utf-8", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(["detector", "path", "source", "speaker", "system", "fold", "rung", "score"])
        for a in asked:
            u = a.utterance
            score = "" if a.score is None else f"{a.score:.6f}"
            rows.writerow([detector, u.path, u.source, u.speaker, u.system, a.fold + 1, a.rung, score])


def table(detector: str, asked: Sequence[Asked], weights: str = "") -> HeldOutTable:
    """AUC and equal error rate with intervals over sources and systems: whole, by fold, and after each change; and what
    a file tells without being heard."""
    published = [a for a in asked if a.rung == ""]
    rows = [_row("all, as published", published)]
    for fold, sources in enumerate(FOLDS):
        rows.append(_row(", ".join(sources), [a for a in published if a.fold == fold]))
    rows += [
        _row(r or "as published", [a for a in asked if a.rung == r]) for r in dict.fromkeys(a.rung for a in asked) if r
    ]
    return HeldOutTable(
        detector=detector,
        noun="sources left out, or what was done to all",
        text=TEXT,
        seed=SEED,
        weights=weights,
        rows=(*rows, _metadata([a.utterance for a in published])),
    )


TEXT = (
    "Windows of 3 to 4 s. Five folds: whole sources are left out of learning together with every system and speaker "
    "that "
    "occurs in them. Intervals by bootstrap over sources and systems. Metadata only: length, bytes a second, peak "
    "and silence at "
    "the start."
)


def _row(name: str, asked: Sequence[Asked]) -> held_out.Row:
    groups = [f"{a.utterance.source} {a.utterance.system}" for a in asked]
    return held_out.row(name, [a.utterance.forged for a in asked], [a.score for a in asked], groups)


def _metadata(utterances: Sequence[Utterance]) -> held_out.Row:
    """The probe that hears nothing: at chance, or the data would tell by themselves."""
    features = np.array([_facts(u.sound) for u in utterances])
    truth = [u.forged for u in utterances]
    area = metadata_probe(features, truth, [u.source for u in utterances], seed=SEED)
    forged, count = sum(truth), len(truth)
    return held_out.Row(what="metadata only", genuine=count - forged, forged=forged, asked=count, auc=area, eer=None)


def _facts(sound: Floats) -> tuple[float, float, float, float]:
    packed = io.BytesIO()
    soundfile.write(packed, sound, RATE_HZ, format="FLAC")
    peak = float(np.abs(sound).max())
    loud = np.flatnonzero(np.abs(sound) > 0.02 * peak)
    return len(sound) / RATE_HZ, packed.getbuffer().nbytes * RATE_HZ / len(sound), peak, float(loud[0]) / RATE_HZ


_SHARED: dict[str, Any] = {
    "licence": "Apache-2.0 (weights made by this project; see training data)",
    "training_data": "genuine and synthetic speech of public demonstration pages and corpora (speech.zip), and "
    "copies of "
    "the genuine by vocoders made by this project. Data sets' licences: research.",
    "held_out": "Windows of sources that were left out of learning together with their systems and speakers, fold by "
    "fold; small and re-encoded too means: after a drawn room, band, noise and companding, and after each codec. The "
    "shipped weights were "
    "learned from all sources. EER and the ladder of codecs: docs/accuracy.md.",
    "limits": "Few sources and systems: on others it may do better or worse. Voices of the best neural vocoders pass "
    "unnoticed.",
    "noun": "windows",
    "reference": "NumPy",
}
WAYS: dict[str, Way] = {
    "speech.variability": Way(
        Product(
            model=spread.MODEL,
            detector="speech.variability",
            question="Does a voice vary from moment to moment as those of people do? 150 statistics in, a score out.",
            origin="trained with `zhenwei train speech.variability`",
            input=f"statistics (n, {len(NAMES)}) float32 of zhenwei.signals.voice.variability; gives score (n,)",
            facts=(f"Classifier: logistic regression, L2 penalty {_L2:.0f}, seed {SEED}",),
            **_SHARED,
        ),
        spreads,
        learn_linear,
    ),
    "speech.lfcc_gmm": Way(
        Product(
            model=lfcc_gmm.MODEL,
            detector="speech.lfcc_gmm",
            question="Are the movements of the spectrum likelier of people or of machines? Frames in, log-likelihood "
            "ratios out.",
            origin="trained with `zhenwei train speech.lfcc_gmm`",
            input=f"curvatures of {lfcc_gmm.COEFFICIENTS} LFCC (n, {lfcc_gmm.COEFFICIENTS}) float32 of "
            "zhenwei.detectors.speech.lfcc_gmm; gives llr (n,)",
            facts=(f"Mixtures: {_COMPONENTS} Gaussians with diagonal covariance for each class, {_ROUNDS} rounds",),
            **_SHARED,
        ),
        movements,
        learn_mixtures,
    ),
    "speech.graph_attention": Way(
        Product(
            model=graph_attention.MODEL,
            detector="speech.graph_attention",
            question="Does a voice sound synthetic? The wave in, log odds out.",
            origin="trained with `zhenwei train speech.graph_attention`",
            input=f"speech (n, {graph_attention.SAMPLES}) float32, mono at 16 kHz, root mean square 0.05; gives "
            f"score (n,)",
            facts=(
                "Network: AASIST-like, sinc filters, residual blocks, graph attention over bands and moments",
                f"Training: {speech_graph.STEPS} steps of {speech_graph.BATCH} windows, running average, seed {SEED}",
            ),
            **{**_SHARED, "reference": "PyTorch"},
        ),
        speech_of,
        learn_graph,
    ),
}
"""By detector."""
