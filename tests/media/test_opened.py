"""A file is opened and looked into once, however much is read of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from zhenwei.errors import MediaError
from zhenwei.media import hear, open_media, opened, read_bytes, sample_frames

from .making import write_video

EXAMPLES = Path(__file__).parents[2] / "examples" / "media"
COUNT = """
import sys
opens = []
sys.addaudithook(lambda event, args: opens.append(args[0]) if event == "open" and args[0] == sys.argv[1] else None)
from zhenwei import examine
from zhenwei.media import reading
from zhenwei.pipeline import Options
sniffs, recognise = [], reading.recognise
reading.recognise = lambda head: sniffs.append(head) or recognise(head)
examine(sys.argv[1], options=Options(frames=4))
print(len(opens), len(sniffs))
"""


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["astronaut.jpg", "astronaut-clip.mp4"])
def test_a_scan_opens_its_file_once_and_recognises_it_once(name: str) -> None:
    command = [sys.executable, "-c", COUNT, str(EXAMPLES / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.split() == ["1", "1"]


def test_what_is_read_inside_is_what_is_read_without(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [40 * i for i in range(25)], audio_s=1.0)
    apart = open_media(path)
    with opened(path) as media:
        assert media == apart
        frames, audio = list(sample_frames(media, 4)), hear(media)[0]
        assert read_bytes(media) == path.read_bytes()
        again = list(sample_frames(media, 4))
    for one, other, alone in zip(frames, again, sample_frames(apart, 4), strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert np.array_equal(one.pixels, alone.pixels)
    assert np.array_equal(audio.samples, hear(apart)[0].samples)


def test_who_reads_while_another_reads_is_not_disturbed(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [40 * i for i in range(25)])
    with opened(path) as media:
        first, second = sample_frames(media, 5), sample_frames(media, 5)
        for one, other in zip(first, second, strict=True):
            assert np.array_equal(one.pixels, other.pixels)


def test_bytes_are_those_of_the_digest_or_an_error(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [40 * i for i in range(5)])
    media, whole = open_media(path), path.read_bytes()
    assert read_bytes(media) == whole
    path.write_bytes(whole[:-1] + b"x")
    with pytest.raises(MediaError, match="was changed"):
        read_bytes(media)
    path.unlink()
    with pytest.raises(MediaError, match="does not exist"):
        read_bytes(media)


def test_a_file_may_be_opened_again_while_it_is_open(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [40 * i for i in range(5)])
    with opened(path) as outer:
        with opened(path) as inner:
            assert inner == outer
            assert read_bytes(inner) == path.read_bytes()
        assert read_bytes(outer) == path.read_bytes()
