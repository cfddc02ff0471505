"""What an answer depends on beside the file: the version, the models and the options."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from zhenwei.types import Engine

_SPEED_ALONE = {"threads"}  # options that change how long it takes, not what is said


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``sha256`` of the rest: two examinations of one file by the same fingerprint give the same answer. ``models``: of
    plug-ins and added networks also what else their answers follow from (``pipeline.weights_of``). The libraries are
    left out, so that an update of one does not start everything anew; every report names them."""

    version: str
    models: Mapping[str, str]
    options: Mapping[str, str | int | float | bool]
    detectors: tuple[str, ...]

    @property
    def sha256(self) -> str:
        whole = [self.version, dict(self.models), dict(self.options), list(self.detectors)]
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def fingerprint_of(engine: Engine, asked: Iterable[str]) -> Fingerprint:
    """Of what a report says of its engine and of the detectors that were asked."""
    options = {name: value for name, value in engine.options.items() if name not in _SPEED_ALONE}
    return Fingerprint(engine.version, dict(engine.models), options, tuple(sorted(set(asked))))
