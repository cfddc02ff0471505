"""The first screen holds the whole answer and no more; all else is folded, and nothing is shown twice."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.report.reading import Page, inert, read
from tests.speaking import RATE_HZ, voice

from zhenwei.detectors import catalogue
from zhenwei.pipeline import Options, examine
from zhenwei.report import to_html
from zhenwei.report.player import Player, player
from zhenwei.report.thumbnails import ALBUM_CHARACTERS, SMALL_CHARACTERS
from zhenwei.types import Curve, DetectorInfo, Evidence, ImageExhibit, Report, StreamVerdict, Text

EXAMPLES = Path(__file__).parents[2] / "examples" / "media"
MAX_WORDS = 350  # of a photo, not counting what is folded or shown with an enlarged picture only
_SPECTROGRAM = Text("Spectrogram, 0 to 8 kHz", zh="频谱图（0–8 kHz）")


class Unfolded(Page):
    """The text that is seen before anything is opened or enlarged: of what is folded only the summary."""

    def handle_data(self, data: str) -> None:
        if "details" not in self.open or "summary" in self.open[self.open.index("details") :]:
            super().handle_data(data)


def unfolded(html: str) -> str:
    enlarged = re.compile(r'<span class="(?:full|tools)">.*?</span>|<a class="(?:close|enlarge)".*?</a>')
    return Unfolded(enlarged.sub("", html)).words


def words(text: str) -> int:
    """Words of a Latin script, and two Chinese characters as one."""
    return len(re.findall(r"[^\W\u4e00-\u9fff]+", text)) + len(re.findall("[\u4e00-\u9fff]", text)) // 2


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_photo_is_answered_in_few_words(
    full_photo: Report, detectors: Mapping[str, DetectorInfo], language: Any
) -> None:
    html = to_html(full_photo, language, detectors=detectors)
    inert(html)
    seen = unfolded(html)
    assert 80 < words(seen) <= MAX_WORDS
    assert words(Page(html).words) > 2 * MAX_WORDS  # the rest is there, folded


@pytest.mark.heavy
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["astronaut.jpg", "astronaut-forged.jpg", "clip"])
def test_the_examples_are_answered_in_few_words(examples: Mapping[str, Report], name: str, language: Any) -> None:
    infos = {id_: kind.info for id_, kind in catalogue().items()}
    assert words(unfolded(to_html(examples[name], language, detectors=infos))) <= MAX_WORDS


@pytest.mark.heavy
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_of_a_clip_of_ten_seconds_is_small_plays_it_and_says_its_size(
    examples: Mapping[str, Report], tmp_path: Path, language: Any
) -> None:
    clip = examples["clip"]
    assert clip.media.duration_s is not None
    assert 10 <= clip.media.duration_s < 11
    played = player(clip.media, tmp_path)
    assert played is not None
    assert played.src.startswith("data:")  # within the page
    html = to_html(clip, language, player=played)
    said = re.search(r"([\d.]+) (kB|MB)[.。]</footer>", html)
    assert said is not None
    size_mb = float(said[1]) * {"kB": 1e-3, "MB": 1.0}[said[2]]
    assert size_mb == pytest.approx(len(html.encode()) / 1e6, abs=0.06)
    assert size_mb <= 3


@pytest.mark.heavy
def test_the_face_is_boxed_and_the_clip_has_frames(examples: Mapping[str, Report]) -> None:
    photo, clip = examples["astronaut.jpg"], examples["clip"]
    assert photo.poster is not None
    ((person, left, top, right, bottom),) = photo.poster.boxes
    assert person == 1
    assert 0.3 < left < 0.45 < right < 0.6  # the face of the astronaut, as shares of the picture
    assert 0.1 < top < 0.2 < bottom < 0.4
    assert photo.frames == ()
    times = [frame.time_s or 0.0 for frame in clip.frames]
    assert len(times) == 8
    assert times == sorted(times)
    assert max(clip.frames[0].pixels.shape) <= 240


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Report]:
    clip = ten_seconds(EXAMPLES / "astronaut-clip.mp4", tmp_path_factory.mktemp("clip") / "clip.mp4")
    files = {"clip": clip}
    for name in ("astronaut.jpg", "astronaut-forged.jpg"):
        files[name] = EXAMPLES / name
    return {name: examine(path, options=Options(frames=8)) for name, path in files.items()}


def ten_seconds(source: Path, target: Path) -> Path:
    """The clip forth and back and forth again, with a voice that is nobody's."""
    with av.open(str(source)) as opened:
        stream = opened.streams.video[0]
        rate = stream.average_rate
        assert rate is not None
        once = [frame.to_ndarray(format="rgb24") for frame in opened.decode(stream)]
    frames = [*once, *once[::-1], *once][: round(10 * rate)]
    with av.open(str(target), "w") as made:
        video, audio = made.add_stream("libx264", rate=rate), made.add_stream("aac", rate=RATE_HZ, layout="mono")
        assert isinstance(video, av.VideoStream)
        assert isinstance(audio, av.AudioStream)
        video.height, video.width = once[0].shape[:2]
        video.pix_fmt = "yuv420p"
        for pixels in frames:
            made.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        made.mux(video.encode())
        sound = av.AudioFrame.from_ndarray(voice(10)[None], format="fltp", layout="mono")
        sound.sample_rate = RATE_HZ
        made.mux(audio.encode(sound))
        made.mux(audio.encode())
    return target


def test_the_first_screen_says_what_why_and_what_next(full_photo: Report) -> None:
    html = to_html(full_photo)
    seen = unfolded(html)
    parts = ["Forged", "at most 1 in 100 genuine files", "What to do next:", "The file itself says", "in part AI-made",
             "Picture", "Strength of the evidence", "Strongest exhibits", "What this means", "13 with an answer",
             "9 abstain"]  # fmt: skip
    places = [seen.index(part, seen.index("SHA-256")) for part in parts]
    assert places == sorted(places)
    assert "no clear trace of a generator" not in seen
    first = re.search(r'<section class="verdict.*?</section>', html)
    assert first is not None
    assert 'alt="The picture that was examined"' in first[0]
    assert html.count('class="card"') == 3


def test_each_stream_has_a_row_and_what_is_not_there_has_none(full_photo: Report, two_people: Report) -> None:
    rows = [word for word in read(full_photo).text if word in ("Picture", "Voice", "Belong together")]
    assert rows[0] == "Picture"
    assert "Voice" not in rows
    streams = (StreamVerdict("picture", "genuine", -3.0, 0.04), StreamVerdict("voice", "forged", 2.4, 0.03))
    told = unfolded(to_html(replace(two_people, verdict=replace(two_people.verdict, streams=streams))))
    assert "Picture Genuine moderate, for genuine (LLR -3.0) Voice Forged moderate, for forged (LLR +2.4)" in told
    silent = unfolded(to_html(two_people))  # a clip with sound of which nothing is known
    assert "Voice Inconclusive nothing can be said" in silent


def test_the_strongest_exhibits_are_of_those_that_weigh_most_the_verdicts_side_first(full_photo: Report) -> None:
    cards = re.findall(r'<figure class="card".*?</figure>', to_html(full_photo))
    named = [re.search(r"cnn\.\w+", card) for card in cards]
    assert [name and name[0] for name in named] == ["cnn.face_forgery", "cnn.detector_0", "cnn.detector_11"]
    assert "for genuine" in cards[2]
    nobody = replace(full_photo, evidence=tuple(replace(e, llr=None, counted=None) for e in full_photo.evidence))
    assert "Strongest exhibits" not in to_html(nobody)


def spectrogram(detector: str, counted: float, shade: int) -> Evidence:
    picture = ImageExhibit(_SPECTROGRAM, np.full((60, 200, 3), shade, np.uint8))
    times = tuple(float(n) for n in range(4))
    curve = Curve("Each window", "time (s)", "log-likelihood ratio", times, (0.1, counted, counted, 0.2), 0.0)
    return Evidence(detector, counted, f"{detector} hears it.", counted=counted, exhibits=(picture, curve))


def test_no_exhibit_is_shown_twice(two_people: Report) -> None:
    voices = tuple(spectrogram(f"speech.{n}", 0.5 + n / 10, 90 + n) for n in range(3))  # alike but for their strips
    html = to_html(replace(two_people, evidence=voices))
    assert html.count('alt="Spectrogram') == 1
    assert "speech.2 hears it." in unfolded(html)  # the one that weighs most
    assert html.count('class="lane') == 3  # curves differ, and stand under each other
    again = (*two_people.evidence, *copy.deepcopy(two_people.evidence))
    sources = re.findall(r'src="(data:[^"]+)"', to_html(replace(two_people, evidence=again)))
    assert len(sources) == len(set(sources))


def test_a_map_is_as_strong_as_it_weighs_and_grey_where_it_does_not_speak(two_people: Report) -> None:
    picture, below = np.full((40, 40, 3), 200, np.uint8), np.full((40, 40, 3), 50, np.uint8)
    evidence = []
    for number, counted in enumerate((3.0, 1.0, 0.1, -2.0, None)):
        shown = (ImageExhibit(f"Map {number}", picture + np.uint8(number), None, below + np.uint8(number)),)
        evidence.append(Evidence(f"cnn.{number}", counted, "Found.", counted=counted, person=1, exhibits=shown))
    html = to_html(replace(two_people, evidence=tuple(evidence)))
    maps = re.findall(r'<div class="stack map( grey)?".*?alt="Map (\d)".*?style="opacity:([\d.]+)"', html)
    strengths = {int(number): (bool(grey), float(opacity)) for grey, number, opacity in maps}
    assert strengths == {0: (False, 1.0), 1: (False, 0.43), 2: (True, 0.25), 3: (True, 0.25), 4: (True, 0.25)}
    assert "Maps that do not speak for a forgery: 3" in Page(html).words or "forgery: 2" in Page(html).words


def test_blind_spots_are_of_those_that_spoke_and_five_are_not_folded(
    two_people: Report, detectors: Mapping[str, DetectorInfo]
) -> None:
    info = next(iter(detectors.values()))
    spots = tuple(f"blind to kind {n}" for n in range(9))
    known = {info.id: replace(info, blind_spots=spots), "speech.one": replace(info, blind_spots=("telephone bands",))}
    silent = Evidence("speech.one", None, "No answer.", "this detector does not examine pictures", asked=False)
    shown = read(replace(two_people, evidence=(*two_people.evidence, silent)), detectors=known).words
    assert "telephone bands" not in shown
    assert shown.index("blind to kind 4") < shown.index("4 more blind spots") < shown.index("blind to kind 5")


def test_the_page_of_a_clip_is_not_large(two_people: Report) -> None:
    rng = np.random.default_rng(5)
    evidence = []
    for number in range(30):  # noise does not compress: the worst that can come
        pixels = rng.integers(0, 256, (640, 640, 3), dtype=np.uint8)
        exhibits = (ImageExhibit(f"Noise {number}", pixels, 1.0, pixels[::-1].copy()),)
        evidence.append(Evidence(f"cnn.{number}", 1.0, "Noise.", counted=1.0, person=1, exhibits=exhibits))
    embedded = Player("video", "data:video/mp4;base64," + "A" * 1_200_000, "video/mp4")
    html = to_html(replace(two_people, evidence=tuple(evidence)), player=embedded)
    assert len(html) < 3_000_000
    assert len(html) > ALBUM_CHARACTERS + SMALL_CHARACTERS
    assert "are in the JSON report." in Page(html).words
