"""ONNX models on the CPU: loaded from bytes that were hashed, once per process, shared by threads."""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import ModelError, UsageError
from zhenwei.models.manifest import STORE, SUFFIXES, checked_bytes, entry, holder, read
from zhenwei.types import Floats

if TYPE_CHECKING:
    import onnxruntime

THREADS_VARIABLE = "ZHENWEI_THREADS"
_EXACT_SINCE = (1, 30)  # releases of ONNX Runtime from 1.20 to 1.29 end the process on such networks when asked for it
_MAX_THREADS = 256
# c = MatMulInteger(a, b) of uint8 (m, k) and int8 (k, n): what a processor makes of it decides how sessions are made.
_PRODUCT = (
    b'\x08\x08:b\n\x18\n\x01a\n\x01b\x12\x01c"\rMatMulInteger\x12\x01pZ\x15\n\x01a\x12\x10\n\x0e\x08\x02\x12\n\n\x03\x12\x01m\n\x03'
    b"\x12\x01kZ\x15\n\x01b\x12\x10\n\x0e\x08\x03\x12\n\n\x03\x12\x01k\n\x03\x12\x01nb\x15\n\x01c\x12\x10\n\x0e\x08\x06\x12\n\n\x03\x12"
    b"\x01m\n\x03\x12\x01nB\x04\n\x00\x10\x11"
)


@dataclass(slots=True)
class _Setting:
    """The number of threads asked for by :func:`set_threads`; None until then."""

    threads: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_setting = _Setting()


@dataclass(frozen=True, slots=True, eq=False)
class OnnxModel:
    """A loaded model. ``weights`` is what evidence quotes: "id @ sha256". Safe to run from several threads at once."""

    id: str
    sha256: str
    session: onnxruntime.InferenceSession = field(repr=False)

    @property
    def weights(self) -> str:
        return f"{self.id} @ {self.sha256}"

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Of the one input; None where any size goes, as for the batch."""
        return tuple(n if isinstance(n, int) else None for n in self.session.get_inputs()[0].shape)

    def run(self, batch: Floats) -> tuple[NDArray[Any], ...]:
        """Every output for ``batch``, ``(n, ...)`` float32 shaped like :attr:`input_shape`; n may be 0.

        Raises :class:`UsageError` for another shape or type.
        """
        want = self.input_shape
        fits = batch.ndim == len(want) and all(w in (None, g) for w, g in zip(want, batch.shape, strict=True))
        if batch.dtype != np.float32 or not fits:
            shape = " x ".join("any" if n is None else str(n) for n in want)
            got = f"{batch.dtype} {' x '.join(map(str, batch.shape))}"
            raise UsageError(f"{self.id} cannot take this input", got=got, want=f"float32 {shape}")
        if len(batch) == 0:  # the shapes of the outputs are only known from a run
            return tuple(out[:0] for out in self.run(np.zeros((1, *batch.shape[1:]), np.float32)))
        name = self.session.get_inputs()[0].name
        outputs: list[NDArray[Any]] = self.session.run(None, {name: np.ascontiguousarray(batch)})
        return tuple(outputs)


def set_threads(count: int) -> None:
    """How many threads one inference may use from now on; 0 = one for each core this process may run on."""
    if not 0 <= count <= _MAX_THREADS:
        raise UsageError("the number of threads is out of range", got=str(count), want=f"0 to {_MAX_THREADS}")
    _setting.threads = count


def load(model_id: str, *, threads: int | None = None, store: Path | None = None) -> OnnxModel:
    """The model ``model_id`` of the package, or of ``store``, its hash checked, ready to run.

    Loaded once per process and number of threads. ``threads``: of one inference; by default what :func:`set_threads`
    was given, else the environment's ``ZHENWEI_THREADS``, else one for each core. Raises :class:`ModelError` if the
    model is unknown, its file missing or altered, or its kind is not ONNX.
    """
    with _setting.lock:  # two threads that ask for one model at once shall not both load it
        # A session does not survive a fork: its worker threads stay behind. Hence the process is part of the key.
        store = holder(model_id, store)
        # The package's files do not change under a process; those of other stores may.
        sha256 = "" if store == STORE else entry(model_id, store).sha256
        return _loaded(model_id, _threads(threads), os.getpid(), store, sha256)


def load_file(path: str | Path, *, sha256: str | None = None, threads: int | None = None) -> OnnxModel:
    """A model of the user's own, an ``.onnx`` file with its weights inside; not cached.

    With ``sha256`` it is loaded only if that is its hash. Raises :class:`ModelError` if the file is missing, altered,
    no ONNX model, or needs other files.
    """
    path = Path(path)
    if path.suffix.lower() != SUFFIXES["onnx"]:
        fix = "Export the network to ONNX. Pickled weights are never loaded: opening them can run any code."
        raise ModelError("this kind of weights file is not accepted", got=path.name, want="an .onnx file", fix=fix)
    if sha256 is not None:
        data = checked_bytes(path, sha256, "Fetch the file again, or give the hash of the one you trust.")
    else:
        try:
            data = path.read_bytes()
        except OSError as error:
            got = f"{path}: {error.strerror}"
            raise ModelError("a weights file cannot be read", got=got, want="an .onnx file") from error
    digest = hashlib.sha256(data).hexdigest()
    return OnnxModel(path.stem, digest, _session(path.stem, data, _threads(threads)))


@lru_cache(maxsize=32)
def _loaded(model_id: str, threads: int, _process: int, store: Path, _sha256: str) -> OnnxModel:
    row = entry(model_id, store)
    if row.kind != "onnx":
        fix = "Read its bytes with zhenwei.models.read."
        raise ModelError(f"{model_id} cannot be run", got=f"a model of kind {row.kind}", want="kind onnx", fix=fix)
    return OnnxModel(row.id, row.sha256, _session(row.id, read(model_id, store), threads))


def make_exact(options: onnxruntime.SessionOptions) -> bool:
    """Have products of 8 bit summed exactly; False where this ONNX Runtime cannot.

    x86 with AVX2 or AVX-512 but without VNNI adds two of them in 16 bits, which run over: scores of the encoder moved
    by up to 0.24. So asked, answers are those of every other processor. Where sums are exact anyway nothing is asked:
    with VNNI what is asked for takes twice the time and changes no bit.
    """
    import onnxruntime

    if not _runs_over():
        return True
    if tuple(int(part) for part in onnxruntime.__version__.split(".")[:2]) < _EXACT_SINCE:
        return False
    options.add_session_config_entry("session.x64quantprecision", "1")
    return True


@lru_cache(maxsize=1)
def _runs_over() -> bool:
    """Whether two neighbours of 255 times 127, which leave 16 bits, are cut off here."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(_PRODUCT, options, providers=["CPUExecutionProvider"])
    of_each = {"a": np.full((16, 64), 255, np.uint8), "b": np.full((64, 32), 127, np.int8)}
    return bool((session.run(None, of_each)[0] != 64 * 255 * 127).any())


def _session(name: str, data: bytes, threads: int) -> onnxruntime.InferenceSession:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as refusals

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors are raised; warnings would go to the user's terminal
    # Waiting threads sleep instead of spinning: the other cores decode the next frames meanwhile.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    make_exact(options)
    refused = (
        refusals.Fail,
        refusals.InvalidArgument,
        refusals.InvalidGraph,
        refusals.InvalidProtobuf,
        refusals.NoSuchFile,
        refusals.NotImplemented,
        refusals.RuntimeException,
    )
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except refused as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        want = "an ONNX model with its weights inside, of an opset that this ONNX Runtime reads"
        raise ModelError(f"{name} cannot be loaded", got=reason, want=want) from error
    session._model_bytes = b""  # kept for starting anew with other providers: as much again as the weights
    if len(session.get_inputs()) != 1:
        raise ModelError(f"{name} cannot be run", got=f"{len(session.get_inputs())} inputs", want="one input")
    return session


def _threads(asked: int | None) -> int:
    count = _setting.threads if asked is None else asked
    if count is None:
        text = os.environ.get(THREADS_VARIABLE, "0")
        count = int(text) if text.isdecimal() else -1
        if not 0 <= count <= _MAX_THREADS:
            raise UsageError(f"{THREADS_VARIABLE} makes no sense", got=repr(text), want=f"0 to {_MAX_THREADS}")
    if count == 0:
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return count
