"""Reports made by hand: every kind of answer that the pipeline can give, with small pictures drawn on the spot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from zhenwei.types import (
    Curve,
    Declaration,
    DetectorInfo,
    Engine,
    Evidence,
    ImageExhibit,
    Interval,
    Media,
    Person,
    PersonVerdict,
    Pixels,
    Quality,
    Report,
    Text,
    Verdict,
)

MODEL = "b" * 64
NETWORK = "cnn.face_forgery"


def drawn(seed: int, size: int = 96) -> Pixels:
    """A soft coloured blob: something that compresses like a picture."""
    y, x = np.mgrid[0:size, 0:size] / size
    waves = [np.sin(3 * x + 2 * y * (c + 1) + seed) for c in range(3)]
    return (np.stack(waves, axis=-1) * 100 + 128).astype(np.uint8)


def quality(face_px: float = 180.0) -> Quality:
    return Quality(face_px, sharpness=143.2, brightness=0.46, clipped=0.01, yaw_deg=-12.0, pitch_deg=3.0, roll_deg=1.0)


def person(number: int, start_s: float, end_s: float, faces: int) -> Person:
    return Person(number, drawn(number), faces, Interval(start_s, end_s), quality())


def curve(number: int, level: float) -> Curve:
    times = tuple(0.31 * n for n in range(32))
    values = [level + 0.12 * math.sin(n / 2 + number) for n in range(32)]
    y = tuple(None if n in (9, 10) else value for n, value in enumerate(values))
    return Curve(
        Text(f"Score over time, person {number}", zh=f"人物 {number} 的得分随时间的变化"),
        Text("time (s)", zh="时间（秒）"),
        Text("score", zh="得分"),
        times,
        y,
        threshold=0.62,
    )


def heat_map(seed: int, time_s: float | None = None) -> ImageExhibit:
    return ImageExhibit(
        Text("Where the network looked", zh="网络关注的位置"), drawn(seed + 20), time_s, drawn(seed + 50)
    )


def engine(**options: str | int | float | bool) -> Engine:
    return Engine(
        "0.1.0",
        models={NETWORK: MODEL, "blazeface-short": "c" * 64},
        libraries={"numpy": "2.4.0", "onnxruntime": "1.32.0", "opencv-python-headless": "5.0.0.93"},
        options={"frames": 32, "detectors": "", "false_alarm": 0.05, "threads": 0, **options},
        seconds=2.31,
    )


PHOTO = Media(
    path="photos/portrait of a stranger.jpg",
    sha256="a" * 64,
    kind="image",
    size_bytes=184_233,
    container="jpeg",
    width=1024,
    height=768,
    facts=(("Make", "Canon"), ("Model", "EOS 5D"), ("Software", "Adobe Photoshop 24.1"), ("DateTime", "2021:05:04")),
)
VIDEO = Media(
    path="clips/interview.mp4",
    sha256="d" * 64,
    kind="video",
    size_bytes=4_810_233,
    container="mov,mp4,m4a,3gp,3g2,mj2",
    codec="h264",
    width=1280,
    height=720,
    duration_s=10.0,
    fps=29.97,
    frame_count=300,
    rotation_deg=90,
    audio_codec="aac",
    audio_rate_hz=48_000,
    audio_channels=2,
    facts=(("encoder", "Lavf61.1.100"),),
    notes=(Text("rotated by 90 degrees as its metadata asks", zh="按元数据旋转了 90 度"),),
)


@pytest.fixture
def forged_photo() -> Report:
    finding = Text(
        "The face carries traces that the network has learned to find in swapped faces.",
        zh="人脸带有网络学会识别的换脸痕迹。",
    )
    spoken = Evidence(
        NETWORK,
        4.7,
        finding,
        score=0.93,
        person=1,
        exhibits=(heat_map(1),),
        weights=f"{NETWORK} @ {MODEL}",
        seconds=0.21,
    )
    silent = Evidence(
        "temporal.blink",
        None,
        Text("Blinking was not measured.", zh="没有测量眨眼。"),
        reason=Text("a single picture has no time", zh="单张图片没有时间信息"),
        person=1,
    )
    explanation = Text("The evidence from 1 detector speaks for forged.", zh="1 个检测器的证据支持伪造。")
    verdict = Verdict("forged", 4.7, 0.008, explanation, (PersonVerdict(1, "forged", 4.7, 0.008, explanation, 1),))
    return Report(PHOTO, verdict, (spoken, silent), (person(1, 0.0, 0.0, 1),), engine())


@pytest.fixture
def two_people() -> Report:
    evidence = tuple(
        Evidence(
            NETWORK,
            llr,
            Text("No trace of a swapped face was found.", zh="没有发现换脸痕迹。"),
            reason=Text("the face is small", zh="人脸较小") if number == 2 else "",
            score=level,
            person=number,
            interval=Interval(0.0, 10.0 - number),
            exhibits=(curve(number, level), heat_map(number, 3.3)),
            weights=f"{NETWORK} @ {MODEL}",
            seconds=0.9,
        )
        for number, llr, level in ((1, -3.4, 0.18), (2, -1.1, 0.41))
    )
    judged = (
        PersonVerdict(1, "genuine", -3.4, 0.03, Text("Looks genuine.", zh="看起来真实。"), 32, Interval(0.0, 9.9)),
        PersonVerdict(
            2, "inconclusive", -1.1, None, Text("Too little to go by.", zh="依据太少。"), 12, Interval(2.0, 7.0)
        ),
    )
    explanation = Text("The evidence speaks for genuine.", zh="证据支持真实。")
    verdict = Verdict("genuine", -2.9, 0.05, explanation, judged)
    people = (person(1, 0.0, 9.9, 32), person(2, 2.0, 7.0, 12))
    return Report(VIDEO, verdict, evidence, people, engine(detectors=NETWORK))


@pytest.fixture
def abstaining() -> Report:
    reason = Text("no face was found in any of the sampled frames", zh="所有采样帧中都没有找到人脸")
    evidence = tuple(
        Evidence(id_, None, Text("Nothing to say.", zh="无结论。"), reason=reason)
        for id_ in (NETWORK, "warp.self_blend", "temporal.blink")
    )
    explanation = Text("No detector could say anything about this file.", zh="没有检测器能对此文件作出判断。")
    media = replace(PHOTO, path="landscape.png", container="png", facts=())
    return Report(media, Verdict("inconclusive", None, None, explanation), evidence, (), engine())


@pytest.fixture
def every_report(forged_photo: Report, two_people: Report, abstaining: Report) -> tuple[Report, ...]:
    return forged_photo, two_people, abstaining


@pytest.fixture
def detectors() -> Mapping[str, DetectorInfo]:
    info = DetectorInfo(
        id=NETWORK,
        question=Text("Has this face been replaced or retouched?", zh="这张脸被替换或修饰过吗？"),
        takes=("image", "video"),
        level="person",
        needs=("faces",),
        reference="Shiohara 2022",
        blind_spots=(Text("faces drawn whole by a generator", zh="完全由生成器绘制的人脸"),),
        models=(NETWORK,),
    )
    return {NETWORK: info}


def _found(id_: str, llr: float, counted: float, finding: Text, *exhibits: ImageExhibit | Curve) -> Evidence:
    return Evidence(id_, llr, finding, person=1, counted=counted, exhibits=exhibits, weights=f"{id_} @ {MODEL}")


@pytest.fixture
def full_photo(forged_photo: Report) -> Report:
    """A photograph as the catalogue answers it: twenty detectors, long sentences, a declaration, a poster."""
    sentences = (
        Text("The inside of the face departs from its surroundings as blended faces do; weak support.",
             zh="人脸内部与周围的差异如同融合的人脸；支持较弱。"),
        Text("A seam runs through the face, as blending one picture into another leaves; weak support.",
             zh="人脸上有一条接缝，如同将一幅画面融入另一幅所留；支持较弱。"),
        Text("The noise of the face goes with the picture around it; a weak hint of its being untouched.",
             zh="人脸的噪声与周围画面一致；略微提示未被改动。"),
    )  # fmt: skip
    evidence = list(forged_photo.evidence)
    for number in range(12):
        llr = 2.0 - 0.4 * number
        picture = ImageExhibit(sentences[0], drawn(number, 300), None, drawn(number + 40, 300))
        evidence.append(_found(f"cnn.detector_{number}", llr, llr, sentences[number % 3], picture))
    for number in range(8):
        reason = Text("no clear trace of a generator that it knows; that does not speak against it",
                      zh="没有其所知生成器的明显痕迹；这并不说明相反情况")  # fmt: skip
        evidence.append(Evidence(f"warp.silent_{number}", None, "No answer.", reason))
    said = Text("Declares itself in part AI-made (a label, which anybody can write).",
                zh="自称部分由人工智能生成（标签，任何人都可写入）。")  # fmt: skip
    explanation = Text(
        "The face of person 1, the most suspicious of 3, looks forged: at most 1 in 100 genuine files would look this "
        "suspicious. The rate allows for 3 people having been looked at.",
        zh="3 人中最可疑的人物 1 的人脸看起来是伪造的：每 100 个真实文件中最多 1 个会如此可疑。"
        "此比率已按所检验的 3 人校正。",
    )
    unlike = Text(
        "This file is unlike all that was measured: the face measures 31 px, measured were 60–400. How often such "
        "files are judged wrongly is not known.",
        zh="此文件与所有测量过的文件都不同：人脸为 31 像素，测量范围为 60–400。此类文件的误判率未知。",
    )
    declared = (Declaration("ai-edited", "label", "unsigned", said),)
    verdict = replace(forged_photo.verdict, explanation=explanation, unlike=unlike, declared=declared)
    poster = ImageExhibit(Text("The picture that was examined", zh="所检验的图片"), drawn(7, 600))
    return replace(forged_photo, verdict=verdict, evidence=tuple(evidence), poster=poster)
