"""What both detectors of this family share: the sources that they know, which faces to look at, when to abstain."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from zhenwei import faces, models
from zhenwei.detectors._answers import NO_FACE, abstain, evenly, from_faces
from zhenwei.detectors._faces import MIN_SHARPNESS, FaceBatch
from zhenwei.types import Depth, DetectorInfo, Evidence, Exhibit, Floats, InputContract, Subject, Text

CONTRACT = InputContract(size_px=192, margin=0.27, min_face_px=64)
CAMERAS = ("ffhq", "pixabay")
MADE = ("transposed 1", "transposed 2", "nearest 1", "nearest 2")
"""Generators made for the purpose: two ways of enlarging, two seeds."""
GENERATORS = ("stylegan", *MADE)
SOURCES = (*CAMERAS, *GENERATORS)
"""In the order of the networks' answers."""
SHARPNESS = 16.0  # of cosines, when generators are weighed against cameras
_SHOWN = {
    "ffhq": Text("photographs of FFHQ", zh="FFHQ 照片"),
    "pixabay": Text("stock portraits", zh="图库人像"),
    "stylegan": Text("StyleGAN", zh="StyleGAN"),
}
_MADE = Text("a small generator ({})", zh="小型生成器（{}）")
_MAX_FACES = 4  # faces: a generator leaves its traces in every frame alike
_MIN_LLR = math.log(2)
NONE_OF_THESE = Text(
    "the fingerprint is like none of the sources that are known, cameras or generators",
    zh="指纹与任何已知来源（相机或生成器）都不相似",
)
_NO_TRACE = Text(
    "no generator that is known stands out, which says nothing of others",
    zh="没有已知生成器的明显指纹，这并不说明其他生成器的情况",
)


def detector_info(
    id_: str,
    question: Text,
    reference: str,
    blind_spots: tuple[Text, ...],
    model: str,
    depth: Depth = "standard",
) -> DetectorInfo:
    """The catalogue entry of a detector of this family, which runs ``model``; no other generator is seen by either."""
    unknown = Text(
        "generators that it does not know: it says none of these, or errs",
        zh="未知的生成器：它会回答均不属于，或出错",
    )
    return DetectorInfo(
        id=id_,
        question=question,
        takes=("image",),  # a video codec leaves too little: on clips of sources left out the AUC is 0.535
        level="person",
        needs=(
            Text(f"a face of at least {CONTRACT.min_face_px} px", zh=f"至少 {CONTRACT.min_face_px} 像素的人脸"),
            Text("some sharpness, and surroundings of the face", zh="一定的清晰度和人脸周围的画面"),
        ),
        reference=reference,
        blind_spots=(unknown, *blind_spots),
        models=(model,),
        contract=CONTRACT,
        finds="generated",
        depth=depth,
    )


def look(subject: Subject, model: str) -> FaceBatch | None:
    """Up to four faces of the person, evenly spread, and the network's outputs for their crops of 192 px; None where
    no face is large and sharp enough: blur wipes the fingerprint out."""
    if subject.track is None:
        return None
    sharp = [face for face in subject.track.faces if not face.tight and face.quality.sharpness >= MIN_SHARPNESS]
    seen, crops = [], []
    for face in evenly(sharp, _MAX_FACES):
        crop = faces.cut(subject.frame(face.frame), face, CONTRACT)
        if crop is not None:
            seen.append(face)
            crops.append(crop)
    if not seen:
        return None
    outputs = models.load(model).run(faces.normalise(np.stack(crops), CONTRACT))
    return FaceBatch(tuple(seen), tuple(crops), outputs)


def weighed(cosines: Floats) -> float:
    """Log odds of the generators against the cameras, all known sources alike likely before."""
    logits = SHARPNESS * cosines.astype(np.float64)
    return float(np.logaddexp.reduce(logits[len(CAMERAS) :]) - np.logaddexp.reduce(logits[: len(CAMERAS)]))


def nearest(cosines: Floats, least: Floats) -> int | None:
    """The source that the mean fingerprint is nearest to, or None where that is further than its own pictures are."""
    best = int(cosines.argmax())
    return best if cosines[best] >= least[best] else None


def answer(
    info: DetectorInfo, subject: Subject, batch: FaceBatch | None, exhibits: tuple[Exhibit, ...], *, always: bool
) -> Evidence:
    """From what the network said (its second and third outputs are cosines and the least of them) to evidence."""
    if batch is None:
        return abstain(info, _too_poor(subject), person=subject.person)
    rows, least = batch.outputs[1], batch.outputs[2][0]
    mean = rows.mean(0)
    evidence = from_faces(info, subject.person, batch.faces, [weighed(row) for row in rows])
    found, llr = nearest(mean, least), evidence.llr or 0.0
    evidence = replace(evidence, finding=_finding(found, mean), exhibits=exhibits)
    if always:
        return evidence
    if found is None:
        return replace(evidence, llr=None, reason=NONE_OF_THESE)
    return evidence if llr >= _MIN_LLR else replace(evidence, llr=None, reason=_NO_TRACE)


def named(source: int) -> Text:
    """What a source is called in sentences."""
    name = SOURCES[source]
    if name in _SHOWN:
        return _SHOWN[name]
    return Text(_MADE.format(name), zh=_MADE.zh.format(name))


def _finding(found: int | None, cosines: Floats) -> Text:
    order = np.argsort(-cosines, kind="stable")
    first, second = named(int(order[0])), named(int(order[1]))
    a, b = f"{cosines[order[0]]:.2f}", f"{cosines[order[1]]:.2f}"
    if found is None:
        return Text(
            f"None of the known sources; the nearest is {first} (similarity {a}).",
            zh=f"不属于任何已知来源；最接近的是{first.zh}（相似度 {a}）。",
        )
    return Text(
        f"Nearest to the fingerprint of {first} (similarity {a}), then {second} ({b}).",
        zh=f"最接近{first.zh}的指纹（相似度 {a}），其次是{second.zh}（{b}）。",
    )


def _too_poor(subject: Subject) -> Text:
    if subject.track is None or not subject.track.faces:
        return NO_FACE
    if all(face.tight for face in subject.track.faces):
        return Text(
            "nothing but the face can be seen; some surroundings are needed", zh="画面中只有人脸，需要一些周围画面"
        )
    return Text(
        f"the face is too small or too soft: {CONTRACT.min_face_px} px and some detail are needed",
        zh=f"人脸太小或太模糊：需要至少 {CONTRACT.min_face_px} 像素和一定的细节",
    )
