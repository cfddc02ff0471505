"""``temporal.pulse``: does one heart beat under all of this skin?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zhenwei.detectors._answers import NO_FACE, abstain, axis
from zhenwei.detectors._strips import unfit
from zhenwei.signals.pulse import Pulse, chrom, common_pulse, patch_colours, pos, spectrum
from zhenwei.types import Curve, Detector, DetectorInfo, Evidence, Strip, Subject, Text

_MIN_S, _MIN_HZ = 8.0, 14.5
_MIN_PATCHES, _MIN_SEEN = 5, 0.85
_MIN_SHARE, _MIN_AGREEMENT = (
    0.62,
    0.52,
)  # white noise in eight patches stays below in 99 of 100 clips of 10 s
_SAME_BPM = 4.0  # POS and CHROM
_CARRIED = 0.8
"""How much rarer a common pulse is in forgeries than in genuine clips in which one can be seen. An assumption: swaps of
today carry the driving person's pulse, and in step (C. Seibold et al., Frontiers in Imaging 2025); there is no
collection here to measure it on. Hence LLR log(0.8), and no answer at all where no pulse stands out: most published
video was compressed until none is left, and that says nothing."""

_NO_PULSE = Text(
    "no pulse stands out of the noise, as in most compressed video; that speaks for neither side",
    zh="没有脉搏信号高于噪声（压缩视频大多如此），无明显倾向",
)


@dataclass(frozen=True, slots=True)
class PulseCoherence:
    """Looks for one rhythm, in step, in eight patches of skin over a passage of at least 8 s.

    The strongest common rhythm between 42 and 180 a minute must stand out of noise, be in step in all patches, and be
    found by two independent combinations of the colours.
    """

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="temporal.pulse",
        question=Text("Does one pulse beat in step under all of this skin?", zh="整张脸的皮肤下是否有同步的脉搏？"),
        takes=("video",),
        level="person",
        needs=(
            Text("8 s in which the face is seen without a break", zh="连续 8 秒以上的人脸"),
            Text("15 frames a second", zh="每秒至少 15 帧"),
            Text("light compression, steady light, a head that keeps still", zh="轻度压缩、稳定光线、头部基本不动"),
        ),
        reference="U. Ciftci, I. Demir, L. Yin, FakeCatcher, TPAMI 2020; pulse by POS (Wang et al. 2017) and "
        "CHROM (de Haan & "
        "Jeanne 2013); limits after C. Seibold et al. 2025",
        blind_spots=(
            Text("swaps that carry the pulse of whoever drove them", zh="带有驱动者脉搏的换脸"),
            Text("compressed video, in which no pulse is left: it abstains", zh="压缩后脉搏信号消失的视频：不作判断"),
            Text("make-up, dim light, motion", zh="化妆、昏暗光线和运动"),
        ),
        needs_strip=True,
        depth="full",
    )

    def examine(self, subject: Subject) -> Evidence:
        person, strip = subject.person, subject.strip
        why = unfit(strip, min_s=_MIN_S, min_hz=_MIN_HZ)
        if strip is None or why is not None:
            return abstain(self.info, why or NO_FACE, person=person)
        colours = usable_patches(strip)
        if colours.shape[1] < _MIN_PATCHES:
            return abstain(
                self.info, Text("too little skin is seen throughout", zh="持续可见的皮肤区域太少"), person=person
            )
        return self._answer(strip, person, colours, strip.rate_hz)

    def _answer(self, strip: Strip, person: int | None, colours: NDArray[np.float64], rate: float) -> Evidence:
        beats = np.stack([pos(colours[:, i], rate) for i in range(colours.shape[1])])
        found = common_pulse(beats, rate)
        check = common_pulse(np.stack([chrom(colours[:, i], rate) for i in range(colours.shape[1])]), rate)
        sure = stands_out(found) and abs(found.rate_hz - check.rate_hz) * 60 <= _SAME_BPM
        bpm = 60 * found.rate_hz
        frequencies, power = spectrum(beats, rate)
        curve = Curve(
            Text("Spectrum of the skin's colour, all patches together", zh="皮肤颜色变化的频谱（各区域合并）"),
            Text("beats a minute", zh="次/分"),
            Text("power", zh="功率"),
            axis(60 * frequencies, 3),
            axis(power, 5),
        )
        if not sure:
            return abstain(self.info, _NO_PULSE, person=person, score=_score(found), exhibits=(curve,))
        return Evidence(
            detector=self.info.id,
            llr=math.log(_CARRIED),
            finding=Text(
                f"One pulse of {bpm:.0f} a minute beats in step in {len(beats)} patches of skin, as under "
                "genuine skin.",
                zh=f"{len(beats)} 处皮肤有同步脉搏，每分钟 {bpm:.0f} 次，与真实皮肤相符。",
            ),
            score=_score(found),
            person=person,
            interval=strip.interval,
            exhibits=(curve,),
        )


def stands_out(found: Pulse) -> bool:
    """Whether it is more than noise does in all but about one of a hundred clips."""
    return found.share >= _MIN_SHARE and found.agreement >= _MIN_AGREEMENT


def usable_patches(strip: Strip) -> NDArray[np.float64]:
    """Mean colours ``(n, patches, 3)`` of the patches seen in most frames, gaps bridged; black ones left out."""
    every = patch_colours(strip.pixels, strip.landmarks)
    seen = np.isfinite(every[:, :, 0])
    kept = []
    for number in np.flatnonzero(seen.mean(axis=0) >= _MIN_SEEN):
        at = np.flatnonzero(seen[:, number])
        columns = [np.interp(np.arange(len(every)), at, every[at, number, channel]) for channel in range(3)]
        patch = np.stack(columns, axis=1)
        if patch.min() > 1 and patch.std(axis=0).min() > 0:
            kept.append(patch)
    return np.stack(kept, axis=1) if kept else np.zeros((len(every), 0, 3))


def _score(found: Pulse) -> float:
    """Less where a common pulse is: a score rises towards forged."""
    return -found.share * found.agreement


detector: type[Detector] = PulseCoherence
