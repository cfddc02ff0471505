"""The copies that pages show: of one kind that browsers play, upright, on the clock of the file, made apart."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tests.server.pages.conftest import CLIP

from zhenwei import media
from zhenwei.errors import DataError
from zhenwei.server.pages import preview


def test_a_clip_keeps_its_clock(tmp_path: Path) -> None:
    found = preview.make(CLIP, tmp_path / "made")
    assert (found.shown, found.width, found.height, found.spectrogram) == ("clip.mp4", 384, 384, "")
    ours, theirs = media.open_media(tmp_path / "made" / "clip.mp4"), media.open_media(CLIP)
    assert np.allclose(media.frame_times(ours), media.frame_times(theirs), atol=0.002)
    frames = [next(iter(media.sample_frames(one, 1))).pixels.astype(int) for one in (ours, theirs)]
    assert np.abs(frames[0] - frames[1]).mean() < 6
    assert preview.kept(tmp_path / "made") == found


def test_sound_is_played_and_drawn(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    tone = (np.sin(2 * np.pi * 2000 * np.arange(48_000) / 16_000) * 20_000).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(tone.tobytes())
    found = preview.make(path, tmp_path / "made")
    assert found.shown == "sound.m4a"
    assert found.shown_s == pytest.approx(3.0, abs=0.01)
    with av.open(str(tmp_path / "made" / found.shown)) as container:
        assert container.streams.audio[0].codec_context.name.startswith("aac")
    drawn = np.asarray(Image.open(tmp_path / "made" / found.spectrogram).convert("L"), int)
    assert drawn.mean(axis=1).argmax() == pytest.approx(0.75 * drawn.shape[0], abs=4)  # 2 of 8 kHz


def test_a_picture_is_turned_and_small(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    exif[0x010E] = "a secret"
    Image.fromarray(np.zeros((3000, 5000, 3), np.uint8)).save(path, exif=exif)
    found = preview.make(path, tmp_path / "made")
    assert (found.width, found.height) == (1440, 2400)
    assert b"a secret" not in (tmp_path / "made" / found.shown).read_bytes()


def test_an_animation_moves(tmp_path: Path) -> None:
    path = tmp_path / "moving.gif"
    frames = [Image.fromarray(np.full((41, 61, 3), shade, np.uint8)) for shade in (0, 90, 180)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=200)
    found = preview.make(path, tmp_path / "made")
    assert (found.shown, found.width, found.height) == ("clip.mp4", 60, 40)


def test_it_is_made_apart_once_and_what_cannot_be_shown_is_told(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(photo)
    first = preview.made(photo, tmp_path / "ab" / "made")
    photo.unlink()
    assert preview.made(photo, tmp_path / "ab" / "made") == first  # it lay there
    assert [path.name for path in (tmp_path / "ab").iterdir()] == ["made"]
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    with pytest.raises(DataError, match="no preview could be made"):
        preview.made(broken, tmp_path / "cd" / "made")
    assert list((tmp_path / "cd").iterdir()) == []
