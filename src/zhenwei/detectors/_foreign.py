"""Detectors made of networks that a user added to a store of their own (:mod:`zhenwei.models.foreign`).

Each is a class of its own, as every detector is, so that the catalogue, the contract, the pipeline and the evaluation
treat it as any other. Classes are made once for each store, id and weights; what pickles is how to make them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import soxr

from zhenwei import faces, models
from zhenwei.detectors._answers import NO_AUDIO, NO_FACE, abstain, evenly, face_too_small
from zhenwei.detectors._audio import mixed, speech_runs, total_s
from zhenwei.errors import UsageError, ZhenweiError
from zhenwei.models import foreign
from zhenwei.models.calibration import Calibration
from zhenwei.models.foreign import FAMILY, ForeignModel
from zhenwei.signals.voice import RATE_HZ
from zhenwei.types import (
    Curve,
    Detector,
    DetectorInfo,
    Evidence,
    Exhibit,
    Face,
    Floats,
    InputContract,
    Interval,
    Kind,
    Pixels,
    Subject,
    Text,
)

MIN_SPEECH_S = 1.0
_BATCH = 8
_NO_PICTURE = Text("there is no picture", zh="没有画面")
_NO_SPEECH = Text(f"less than {MIN_SPEECH_S:g} s of speech are heard", zh=f"听到的语音不足 {MIN_SPEECH_S:g} 秒")
_CAPTION = Text("What each moment would weigh alone, over time", zh="每一时刻单独的证据强度随时间的变化")
_TIME, _LLR = Text("time (s)", zh="时间（秒）"), Text("LLR", zh="对数似然比")
_TAKES: dict[str, tuple[Kind, ...]] = {
    "face": ("image", "video"),
    "image": ("image", "video"),
    "audio": ("audio", "video"),
}
_WHAT = {"face": ("this face", "这张脸"), "image": ("the picture", "这幅画面"), "audio": ("the voice", "这段声音")}


@dataclass(frozen=True, slots=True)
class ForeignDetector:
    """Asks a network that its user added. ``most``: faces, frames or windows that are looked at, evenly spread."""

    most: int = 8

    info: ClassVar[DetectorInfo]
    store: ClassVar[Path]
    network: ClassVar[ForeignModel]

    def __reduce__(self) -> tuple[object, ...]:
        return _revived, (self.store, self.info.id, self.most)

    def examine(self, subject: Subject) -> Evidence:
        if self.network.takes == "face":
            return self._of_face(subject)
        return self._of_audio(subject) if self.network.takes == "audio" else self._of_picture(subject)

    def _of_face(self, subject: Subject) -> Evidence:
        track, contract = subject.track, self.info.contract
        if track is None or not track.faces or contract is None:
            return abstain(self.info, NO_FACE)
        seen, crops = list[Face](), list[Pixels]()
        for face in evenly(track.faces, self.most):
            crop = faces.cut(subject.frame(face.frame), face, contract)
            if crop is not None:
                seen.append(face)
                crops.append(crop)
        if not seen:
            return abstain(self.info, face_too_small(contract.min_face_px), person=track.person)
        px = float(np.median([face.quality.face_px for face in seen]))
        sharpness = float(np.median([face.quality.sharpness for face in seen]))
        scores = self._scores(self.network.batch(np.stack(crops)))
        times = [face.time_s for face in seen]
        return self._evidence(scores, times, person=track.person, face_px=px, sharpness=sharpness)

    def _of_picture(self, subject: Subject) -> Evidence:
        if not subject.frames:
            return abstain(self.info, _NO_PICTURE)
        chosen = evenly(subject.frames, self.most)
        pixels = np.stack([square(frame.pixels, self.network) for frame in chosen])
        return self._evidence(self._scores(self.network.batch(pixels)), [frame.time_s for frame in chosen])

    def _of_audio(self, subject: Subject) -> Evidence:
        if subject.audio is None or subject.audio.samples.size == 0:
            return abstain(self.info, NO_AUDIO)
        mono = mixed(subject.audio)
        runs = speech_runs(mono)
        if total_s(runs) < MIN_SPEECH_S:
            return abstain(self.info, _NO_SPEECH)
        spoken = np.concatenate([mono[int(run.start_s * RATE_HZ) : int(run.end_s * RATE_HZ)] for run in runs])
        windows = evenly(windows_of(spoken, self.network), self.most)
        batch = np.stack(windows) if self.network.axes == 2 else np.stack(windows)[:, None]
        times = [runs[0].start_s + number for number in range(len(windows))]  # in order; windows have no one time
        return self._evidence(self._scores(batch), times, timed=False)

    def _scores(self, batch: Floats) -> Floats:
        """``(n,)``: each by itself where the graph takes one at a time."""
        model = models.load(self.info.id, store=self.store)
        step = 1 if model.input_shape[0] == 1 else _BATCH
        parts = [self.network.scores(model.run(batch[i : i + step])) for i in range(0, len(batch), step)]
        return np.concatenate(parts)

    def _evidence(
        self,
        scores: Floats,
        times: Sequence[float],
        *,
        person: int | None = None,
        face_px: float | None = None,
        sharpness: float | None = None,
        timed: bool = True,
    ) -> Evidence:
        calibration = Calibration.load(models.calibration_path(self.info.id, self.store))
        score = calibration.combine_frames([float(one) for one in scores], times)
        llr = calibration.llr(score, face_px=face_px, sharpness=sharpness, frames=len(scores))
        exhibits: tuple[Exhibit, ...] = ()
        if timed and len(scores) > 1:
            alone = [round(calibration.llr(float(s), face_px=face_px, sharpness=sharpness), 4) for s in scores]
            exhibits = (Curve(_CAPTION, _TIME, _LLR, tuple(times), tuple(alone), 0.0),)
        interval = Interval(times[0], times[-1]) if timed and len(times) > 1 else None
        return Evidence(
            self.info.id,
            llr,
            self._finding(llr),
            score=score,
            person=person,
            interval=interval,
            exhibits=exhibits,
            weights=models.load(self.info.id, store=self.store).weights,
        )

    def _finding(self, llr: float) -> Text:
        what, zh = _WHAT[self.network.takes]
        name = self.info.id.partition(".")[2]
        if abs(llr) < 0.35:
            return Text(f"{name} does not lean either way on {what}.", zh=f"{name} 对{zh}没有明显倾向。")
        side, side_zh = ("forged", "伪造") if llr > 0 else ("genuine", "真实")
        return Text(f"{name} takes {what} for {side}.", zh=f"{name} 认为{zh}属于{side_zh}。")


def square(pixels: Pixels, network: ForeignModel) -> Pixels:
    """A whole picture as ``(size, size, 3)``: scaled to it, or its middle after the shorter side was scaled to it."""
    side = network.size_px
    if not network.squash:
        least = min(pixels.shape[:2])
        top, left = (pixels.shape[0] - least) // 2, (pixels.shape[1] - least) // 2
        pixels = pixels[top : top + least, left : left + least]
    if pixels.shape[:2] == (side, side):
        return pixels
    way = cv2.INTER_AREA if min(pixels.shape[:2]) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(pixels), (side, side), interpolation=way), np.uint8)


def windows_of(spoken: Floats, network: ForeignModel) -> list[Floats]:
    """Windows ``(samples,)`` at the network's rate, side by side; what is shorter than one is repeated."""
    if network.rate_hz != RATE_HZ:
        spoken = np.asarray(soxr.resample(spoken, RATE_HZ, network.rate_hz), np.float32)
    if len(spoken) < network.samples:
        spoken = np.tile(spoken, -(-network.samples // len(spoken)))
    count = len(spoken) // network.samples
    return [spoken[i * network.samples : (i + 1) * network.samples] for i in range(count)]


@cache
def kind_of(store: Path, id_: str, sha256: str) -> type[Detector]:
    """The class of one network of a store. Raises :class:`ModelError` for one whose description is missing."""
    del sha256  # part of the key: other weights are another detector
    network = ForeignModel.load(store, id_)
    body = {
        "__doc__": f"The network {id_}, added by its user. ``most``: faces, frames or windows that are looked at.",
        # Not this file's module: the contract takes a file below zhenwei.detectors for the id of what is in it.
        "__module__": "zhenwei.detectors",
        "__slots__": (),
        "info": _info(network),
        "store": store,
        "network": network,
    }
    made = type("Foreign" + id_.partition(".")[2].title().replace("_", ""), (ForeignDetector,), body)
    kind: type[Detector] = dataclass(frozen=True)(made)
    return kind


def kinds(stores: Sequence[Path]) -> tuple[dict[str, list[tuple[Path, type[Detector]]]], dict[str, UsageError]]:
    """The detectors of those stores by id, each with the store that it is of; and what cannot be asked, with why."""
    found: dict[str, list[tuple[Path, type[Detector]]]] = {}
    broken: dict[str, UsageError] = {}
    for store in stores:
        try:
            rows = {row.id: row for row in models.manifest(store)}
            for id_ in foreign.added(store):
                found.setdefault(id_, []).append((store, kind_of(store, id_, rows[id_].sha256)))
        except ZhenweiError as error:
            fix = f"Add it again, take {store} out of {foreign.STORES}, or delete the folder."
            got = f"{error.what}: {error.got}" if error.got else error.what  # its cure is one for the package's own
            broken[f"{FAMILY}.{store}"] = UsageError("a store of networks cannot be read", got=got, fix=fix)
    return found, broken


def _revived(store: Path, id_: str, most: int) -> Detector:
    kind = kind_of(store, id_, models.entry(id_, store).sha256)
    return kind(most=most)  # type: ignore[call-arg]  # a Protocol hides the option


def _info(network: ForeignModel) -> DetectorInfo:
    name, (what, zh) = network.id.partition(".")[2], _WHAT[network.takes]
    contract = needs = None
    if network.takes == "face":
        contract = InputContract(network.size_px, network.margin, network.min_face_px)
        needs = Text(f"a face of at least {network.min_face_px} px", zh=f"至少 {network.min_face_px} 像素的人脸")
    elif network.takes == "audio":
        needs = Text(f"{MIN_SPEECH_S:g} s of speech", zh=f"至少 {MIN_SPEECH_S:g} 秒语音")
    return DetectorInfo(
        id=network.id,
        question=Text(
            f"Does {name}, a network added here, take {what} for forged?",
            zh=f"用户添加的网络 {name} 是否认为{zh}属于伪造？",
        ),
        takes=_TAKES[network.takes],
        level="person" if network.takes == "face" else "file",
        needs=(needs,) if needs else (),
        reference=network.reference or f"a network added by its user as {name}",
        blind_spots=(
            Text(
                "whatever it did not learn from; its likelihood ratios hold for media like those it was calibrated on",
                zh="训练中没有见过的一切；其似然比只适用于与校准数据相似的媒体",
            ),
        ),
        models=(network.id,),
        contract=contract,
        finds=network.finds,
    )
