"""Networks that users add: what each must be fed, what its output means, and the stores that they lie in.

A foreign network is a row of a model store with a description beside its weights, ``weights/ID.detector.json``. Its id
is also that of its detector, ``foreign.NAME``. Stores are the folders that ``ZHENWEI_MODELS`` names, or one in the
user's folder of settings; they are read where the catalogue of detectors is made.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import ModelError, UsageError
from zhenwei.files import read_document, write_document, write_whole
from zhenwei.models.manifest import manifest
from zhenwei.models.onnx_model import OnnxModel
from zhenwei.types import Floats, Forgery

SCHEMA = "zhenwei.foreign-model/1"
STORES = "ZHENWEI_MODELS"
METADATA = "zhenwei.contract"  # of an ONNX file: the fields that its maker knows, as a JSON object
FAMILY = "foreign"
Takes = Literal["face", "image", "audio"]
Meaning = Literal["logit", "logits", "probability", "probabilities"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LEAST_PROBABILITY = 1e-6
_PICTURE_AXES, _AUDIO_AXES = 4, (2, 3)
_MAX_PX, _MAX_SAMPLES = 4096, 16_000 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignModel:
    """What is said of one network.

    ``takes``: an aligned face, the whole picture, or sound at ``rate_hz`` in windows of ``samples``. Pictures have
    ``size_px`` a side; of faces ``margin`` and ``min_face_px`` are as in ``types.InputContract``. ``mean`` and
    ``deviation`` are of channels in [0, ``white``], in the network's own order. ``output``: the place of the output
    that is read, ``meaning`` what stands there: the log-odds of forged, class logits, or their probabilities, of which
    ``forged`` is the place of the class. ``squash``: whole pictures are scaled to the square, not cut to it.
    """

    id: str
    takes: Takes
    size_px: int = 0
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)
    white: float = 1.0
    layout: Literal["nchw", "nhwc"] = "nchw"
    channels: Literal["rgb", "bgr"] = "rgb"
    margin: float = 0.3
    min_face_px: int = 40
    squash: bool = False
    rate_hz: int = 16_000
    samples: int = 0
    axes: int = 4
    output: int = 0
    meaning: Meaning = "logit"
    forged: int = 1
    finds: Forgery = "altered"
    reference: str = ""

    def __post_init__(self) -> None:
        """Raises :class:`ModelError` for what no network can be fed."""
        name = self.id.partition(".")[2]
        rules = {
            "id": self.id.startswith(f"{FAMILY}.") and bool(_NAME.fullmatch(name)),
            "takes": self.takes in get_args(Takes),
            "size_px": self.takes == "audio" or 16 <= self.size_px <= _MAX_PX,
            "samples": self.takes != "audio" or 400 <= self.samples <= _MAX_SAMPLES,
            "rate_hz": 4000 <= self.rate_hz <= 48_000,
            "mean": len(self.mean) == 3 and bool(np.isfinite(self.mean).all()),
            "deviation": len(self.deviation) == 3 and min(self.deviation) > 0,
            "white": self.white > 0,
            "layout": self.layout in ("nchw", "nhwc"),
            "channels": self.channels in ("rgb", "bgr"),
            "margin": 0 <= self.margin <= 2,
            "min_face_px": 8 <= self.min_face_px <= _MAX_PX,
            "meaning": self.meaning in get_args(Meaning),
            "forged": 0 <= self.forged < 10_000,
            "finds": self.finds in get_args(Forgery),
        }
        for field, holds in rules.items():
            if not holds:
                got = f"{field} {getattr(self, field)!r}"
                raise ModelError(f"the description of {self.id} makes no sense", got=got, want=f"a sensible {field}")

    def batch(self, pixels: NDArray[np.uint8]) -> Floats:
        """``(n, size, size, 3)`` uint8 RGB as the network wants it: float32 in its own layout and order of channels."""
        ordered = pixels if self.channels == "rgb" else pixels[..., ::-1]
        mean, deviation = np.array(self.mean, np.float32), np.array(self.deviation, np.float32)
        scaled: Floats = (ordered.astype(np.float32) * np.float32(self.white / 255) - mean) / deviation
        return np.ascontiguousarray(scaled if self.layout == "nhwc" else scaled.transpose(0, 3, 1, 2), np.float32)

    def scores(self, outputs: Sequence[NDArray[Any]]) -> Floats:
        """``(n,)`` log-odds of forged, before calibration: higher speaks for forged."""
        rows = np.asarray(outputs[self.output], np.float64).reshape(len(outputs[self.output]), -1)
        if self.meaning == "logit":
            return np.asarray(rows[:, 0] if self.forged else -rows[:, 0], np.float32)
        if self.meaning == "probability":
            share = np.clip(rows[:, 0] if self.forged else 1 - rows[:, 0], _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
            return np.asarray(np.log(share / (1 - share)), np.float32)
        logits = np.log(np.clip(rows, _LEAST_PROBABILITY, 1)) if self.meaning == "probabilities" else rows
        others = np.delete(logits, self.forged, axis=1)
        top = others.max(axis=1, keepdims=True)
        rest = top[:, 0] + np.log(np.exp(others - top).sum(axis=1))
        return np.asarray(logits[:, self.forged] - rest, np.float32)

    def save(self, store: Path) -> None:
        write_document(_described_at(store, self.id), SCHEMA, asdict(self), indent=2)

    @classmethod
    def load(cls, store: Path, id_: str) -> Self:
        """Raises :class:`ModelError` where there is none, or it is malformed."""
        fix = "Add the network again: zhenwei models add."
        return cls.from_dict(read_document(_described_at(store, id_), SCHEMA, fix=fix, error=ModelError))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        strange = sorted(set(values) - known)
        if strange:
            got = ", ".join(strange)[:200]
            raise ModelError("the description of a network has unknown fields", got=got, want=", ".join(sorted(known)))
        plain: dict[str, Any] = {}
        for name, value in values.items():
            plain[name] = tuple(value) if isinstance(value, list) else value
        try:
            return cls(**plain)
        except (TypeError, ValueError) as error:
            raise ModelError("the description of a network is malformed", got=str(error)[:200]) from error


def _described_at(store: Path, id_: str) -> Path:
    return store / "weights" / f"{id_}.detector.json"


def stores(environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """The stores of this user, in the order in which they are named: every folder of ``ZHENWEI_MODELS``, so that one
    that is no store is told of, but the one in the folder of settings only if it is there."""
    found = os.environ if environ is None else environ
    named = named_stores(found)
    return named if STORES in found else tuple(store for store in named if (store / "manifest.json").is_file())


def named_stores(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders of ``ZHENWEI_MODELS``, empty = none; where it is not set, one in the user's folder of settings. The
    first is where a network is added unless another is named."""
    given = environ.get(STORES)
    if given is not None:
        return tuple(Path(part) for part in given.split(os.pathsep) if part)
    settings = environ.get("XDG_CONFIG_HOME", "")
    return ((Path(settings) if settings else Path.home() / ".config") / "zhenwei" / "models",)


def added(store: Path) -> tuple[str, ...]:
    """Ids of the networks that were added to a store. Raises :class:`ModelError` for a malformed manifest."""
    return tuple(row.id for row in manifest(store) if _described_at(store, row.id).is_file())


def remove(id_: str, store: Path) -> None:
    """Take a network out, with its weights, card, calibration and description. :class:`UsageError` if it is not in."""
    there = added(store) if (store / "manifest.json").is_file() else ()
    if id_ not in there:
        got, want = f"{id_} in {store}", ", ".join(there) or "none"
        raise UsageError("no such network was added", got=got, want=want, fix="List them: zhenwei models list.")
    rows = manifest(store)
    kept = [asdict(row) for row in rows if row.id != id_]
    write_whole(store / "manifest.json", json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
    for row in rows:
        if row.id == id_:
            (store / "weights" / row.file).unlink(missing_ok=True)
            (store / "cards" / row.card).unlink(missing_ok=True)
    for end in ("calibration.json", "detector.json"):
        (store / "weights" / f"{id_}.{end}").unlink(missing_ok=True)


# What is said of networks that take something else.
_FACES, _SOUND = frozenset({"margin", "min_face_px"}), frozenset({"rate_hz", "samples"})
_PICTURES = frozenset({"size_px", "mean", "deviation", "white", "layout", "channels", "squash"})
_OTHERS: Mapping[str, frozenset[str]] = {"face": _SOUND, "image": _SOUND | _FACES, "audio": _PICTURES | _FACES}


def from_graph(network: OnnxModel, id_: str, given: Mapping[str, Any]) -> ForeignModel:
    """What ``network`` must be fed: as ``given``, else as its file says, else as its shapes show, else by default.

    It is run twice, to see that it answers and what its output can be. Raises :class:`ModelError` or
    :class:`UsageError` with what has to be given, or what contradicts it.
    """
    told = _told(network)
    values = {**told, **given, "id": id_}
    if "takes" not in values:
        raise UsageError("what the network looks at is not known", want="face, image or audio", fix="Say --input face.")
    takes, shape = values["takes"], network.input_shape
    strange = sorted(set(given) & _OTHERS.get(takes, frozenset()))
    if strange:
        got = ", ".join(strange)
        raise UsageError(f"this means nothing where a network takes {takes}", got=got, fix="Leave it out.")
    if takes == "audio":
        values |= _audio_of(shape, values)
    else:
        values |= _picture_of(shape, values)
        if not {"mean", "deviation"} <= set(values):
            fix = "Say how pixels are scaled: --normalise imagenet, clip, half (to -1 … 1) or unit (to 0 … 1)."
            raise UsageError("how the network wants its pixels is not known", want="mean and deviation", fix=fix)
    draft = ForeignModel.from_dict(values)
    return ForeignModel.from_dict(asdict(draft) | _output_of(network, draft, values))


def _told(network: OnnxModel) -> dict[str, Any]:
    """What the file says of itself, as converters write it."""
    text = network.session.get_modelmeta().custom_metadata_map.get(METADATA, "{}")
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise ModelError("what the network says of its input cannot be read", got=text[:100], want="a JSON object")
    return told


def _picture_of(shape: tuple[int | None, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    if len(shape) != _PICTURE_AXES or 3 not in (shape[1], shape[3]):
        want = "n x 3 x height x width, or n x height x width x 3"
        raise ModelError("the network takes no colour pictures", got=_words(shape), want=want)
    layout = "nchw" if shape[1] == 3 else "nhwc"
    sides = [side for side in (shape[2:] if layout == "nchw" else shape[1:3]) if side is not None]
    asked = values.get("size_px")
    if sides and (len(set(sides)) > 1 or (asked and asked != sides[0])):
        got = f"{_words(shape)}" + (f" and --size {asked}" if asked else "")
        raise ModelError("the size of the pictures does not fit the network", got=got, want="one side, as in the graph")
    if not (sides or asked):
        raise UsageError("the network takes any size", got=_words(shape), want="a size", fix="Say it: --size 224.")
    if values.get("layout", layout) != layout:
        raise ModelError(
            "the layout does not fit the network", got=f"{values['layout']} for {_words(shape)}", want=layout
        )
    return {"layout": layout, "size_px": asked or sides[0]}


def _audio_of(shape: tuple[int | None, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    if len(shape) not in _AUDIO_AXES or (len(shape) == 3 and shape[1] not in (1, None)):
        raise ModelError("the network takes no sound", got=_words(shape), want="n x samples, or n x 1 x samples")
    asked, samples = values.get("samples"), shape[-1]
    if samples and asked and samples != asked:
        raise ModelError("the window does not fit the network", got=f"{asked} for {_words(shape)}", want=str(samples))
    if not (samples or asked):
        fix = "Say how much it hears at a time: --samples 64000."
        raise UsageError("the network takes any length", got=_words(shape), want="a number of samples", fix=fix)
    return {"samples": samples or asked, "axes": len(shape), "finds": values.get("finds", "voice")}


def _words(shape: tuple[int | None, ...]) -> str:
    return "input " + " x ".join("any" if side is None else str(side) for side in shape)


def probe_input(model: ForeignModel, seed: int) -> Floats:
    """One input that a network of that description takes: noise."""
    rng = np.random.default_rng(seed)
    if model.takes == "audio":
        shape = (1, model.samples) if model.axes == 2 else (1, 1, model.samples)
        return np.asarray(rng.normal(0, 0.1, shape), np.float32)
    side = model.size_px
    return model.batch(rng.integers(0, 256, (1, side, side, 3), np.uint8))


def _output_of(network: OnnxModel, model: ForeignModel, values: Mapping[str, Any]) -> dict[str, Any]:
    """Which output is read and what it means, by what the network answers to noise."""
    answers = [network.run(probe_input(model, seed)) for seed in (0, 1)]
    fitting = [
        place for place, out in enumerate(answers[0]) if out.ndim <= 2 and out.size <= 1000 and out.dtype.kind == "f"
    ]
    place = values.get("output", fitting[0] if fitting else None)
    if place is None or not 0 <= place < len(answers[0]):
        shapes = ", ".join(str(list(out.shape)) for out in answers[0])
        raise ModelError("no output of the network is a score", got=shapes, want="n, n x 1 or n x classes")
    rows = np.concatenate([np.asarray(answer[place], np.float64).reshape(1, -1) for answer in answers])
    if not np.isfinite(rows).all():
        raise ModelError("the network answers noise with no number", got=str(rows.ravel()[:4]), want="finite numbers")
    shares = bool((rows >= 0).all() and (rows <= 1).all())
    classes = rows.shape[1]
    if classes == 1:
        seen: Meaning = "probability" if shares else "logit"
    else:
        seen = "probabilities" if shares and np.allclose(rows.sum(axis=1), 1, atol=1e-3) else "logits"
    meaning = values.get("meaning", seen)
    if (meaning in ("logit", "probability")) != (classes == 1) or (meaning.startswith("prob") and not shares):
        got = f"{meaning}, and {classes} numbers such as {rows[0, :3].round(3).tolist()}"
        raise ModelError("the output is not what it is said to be", got=got, want=seen, fix=f"Say --meaning {seen}.")
    forged = values.get("forged", 1)
    if classes > 1 and forged >= classes:
        raise ModelError("there is no such class", got=f"--forged {forged} of {classes}", want=f"0 to {classes - 1}")
    return {"output": place, "meaning": meaning, "forged": forged}
