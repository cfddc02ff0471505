"""A plug-in whose detector does to its process what the picture says: its first pixel names the act."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from zhenwei.pipeline import Options

ACTS = ("calm", "crash", "exit", "killed", "killed_once", "endless", "deaf", "memory", "slow", "fault", "disk", "loud")
DETECTOR = "hazard.act"
OPTIONS = Options(detectors=(DETECTOR, "provenance.labels"))

_MODULE = """
import ctypes, os, signal, time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from zhenwei.types import DetectorInfo, Evidence

ACTS = {acts!r}
_kept = []


def crash(_): os.kill(os.getpid(), signal.SIGSEGV)
def exit(_): os._exit(3)
def killed(_): os.kill(os.getpid(), signal.SIGKILL)
def fault(_): raise KeyError("a column")
def slow(_): time.sleep(0.6)
def calm(_): pass


def loud(_):
    print("printed by a plug-in")
    os.write(1, b"and past Python\\n")


def killed_once(path):
    mark = Path(path + ".mark")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def endless(_):
    while True:
        pass


def deaf(_):
    ctypes.PyDLL(None).sleep(600)  # a library that never lets go of the interpreter


def memory(_):
    for _ in range(64):
        _kept.append(np.ones(1 << 27, np.uint8))


def disk(_):
    import tempfile
    with tempfile.TemporaryFile() as file:
        file.write(bytes(1 << 21))
        file.flush()


@dataclass(frozen=True, slots=True)
class Act:
    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="hazard.act", question="What does it do?", takes=("image",), level="file", needs=(), reference="none",
        blind_spots=("all",), models=(),
    )

    def examine(self, subject):
        globals()[ACTS[subject.frames[0].pixels[0, 0, 0]]](subject.media.path)
        _kept.clear()
        return Evidence(self.info.id, llr=None, finding="Nothing.", reason=f"by {{os.getpid()}}")


detector = Act
"""


def install(site: Path) -> Path:
    """The plug-in as a package in the folder ``site``, which has to be on the path of who examines."""
    (site / "zhenwei_hazard-1.0.dist-info").mkdir(parents=True)
    (site / "zhenwei_hazard-1.0.dist-info" / "METADATA").write_text("Name: zhenwei-hazard\nVersion: 1.0\n")
    points = f"[zhenwei.detectors]\n{DETECTOR} = zhenwei_hazard:detector\n"
    (site / "zhenwei_hazard-1.0.dist-info" / "entry_points.txt").write_text(points)
    (site / "zhenwei_hazard.py").write_text(_MODULE.format(acts=ACTS))
    return site


def draw(folder: Path, act: str, number: int = 0) -> str:
    """A picture that does ``act``; another one for each ``number``."""
    pixels = np.random.default_rng(number).integers(0, 256, (48, 64, 3), np.uint8)
    pixels[0, 0] = ACTS.index(act)
    path = folder / f"{act}_{number}.png"
    Image.fromarray(pixels).save(path)
    return str(path)
