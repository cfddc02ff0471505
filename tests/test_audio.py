"""Videos with sound, from the file to the verdict: every part real, the voice made."""

from __future__ import annotations

from pathlib import Path

import av
import jsonschema
import numpy as np
import pytest
from PIL import Image
from tests.speaking import RATE_HZ, voice
from tests.talking import talking

from zhenwei import pipeline, report
from zhenwei.detectors import build, catalogue
from zhenwei.pipeline import Options, examine
from zhenwei.types import Track

PORTRAIT = Path(__file__).parents[1] / "examples" / "media" / "astronaut.jpg"
VOICES = tuple(name for name in catalogue() if name.startswith("speech."))
ASKED = (*VOICES, "audiovisual.lip_sync", "audiovisual.duration_facts", "cnn.face_forgery")
SECONDS, FPS = 6, 25


def clip(path: Path, waveform: np.ndarray | None, *, delay_s: float = 0.0) -> Path:
    """A portrait that keeps still for six seconds, with a sound or without."""
    image = np.asarray(Image.open(PORTRAIT).convert("RGB").resize((256, 256)))
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 256, 256, "yuv420p"
        audio = None if waveform is None else out.add_stream("aac", rate=RATE_HZ, layout="mono")
        for _ in range(SECONDS * FPS):
            out.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(video.encode(None))
        if waveform is None:
            return path
        assert isinstance(audio, av.AudioStream)
        frame = av.AudioFrame.from_ndarray((waveform * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, round(delay_s * RATE_HZ)
        resampler = av.AudioResampler("fltp", "mono", RATE_HZ, frame_size=1024)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(audio.encode(piece))
        out.mux(audio.encode(None))
    return path


def test_a_video_with_a_voice_is_judged_in_both_streams(tmp_path: Path) -> None:
    found = examine(clip(tmp_path / "a.mp4", voice(float(SECONDS))), options=Options(detectors=ASKED))
    said = {e.detector: e for e in found.evidence}
    assert all(said[name].llr is not None for name in VOICES)
    assert "hardly move" in str(said["audiovisual.lip_sync"].reason)
    assert [s.stream for s in found.verdict.streams] == ["picture", "voice"]
    values = report.to_dict(found)
    assert len(values["verdict"]["four_ways"]) == 4
    jsonschema.Draft202012Validator(report.schema()).validate(values)
    assert "Picture and voice" in report.to_html(found)


def test_a_silent_video_is_judged_by_its_picture(tmp_path: Path) -> None:
    found = examine(clip(tmp_path / "a.mp4", None), options=Options(detectors=ASKED))
    assert found.verdict.streams == ()
    assert all("no sound" in str(e.reason) for e in found.evidence if e.detector in VOICES)


def test_tracks_of_different_length_are_told(tmp_path: Path) -> None:
    found = examine(clip(tmp_path / "a.mp4", voice(3.0)), options=Options(detectors=("audiovisual.duration_facts",)))
    assert "shorter than the picture" in str(found.evidence[0].finding)


@pytest.mark.parametrize("name", ["speech.variability", "audiovisual.lip_sync"])
def test_a_still_picture_has_no_voice(name: str) -> None:
    found = examine(PORTRAIT, options=Options(detectors=(name,)))
    assert found.evidence[0].llr is None
    assert "does not examine pictures" in str(found.evidence[0].reason)


def test_everybody_knows_the_strips_of_the_others() -> None:
    strips = {n: strip for n in (1, 2) if (strip := talking(np.full(50, float(n))).strip) is not None}
    tracks = tuple(Track(n, ()) for n in (1, 2, 3))
    whole = talking(np.zeros(50))
    seen = pipeline._Seen(whole.media, whole.frames, tracks, whole.audio, strips, whole.media.kind)
    asked = seen.subjects(build("audiovisual.lip_sync"))
    assert [[s is strips[n] for n in (1, 2)] for subject in asked for s in [subject.strip]] == [
        [True, False],
        [False, True],
        [False, False],
    ]
    assert [len(subject.company) for subject in asked] == [1, 1, 2]
    assert asked[0].company[0] is strips[2]
