"""What leaves of voices: looked at before anything is drawn, and the same for the same seed."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from zhenwei import media
from zhenwei.errors import DataError, UsageError
from zhenwei.forge.export import Door, open_door
from zhenwei.forge.voice.convert import Converter, ConverterSettings, learn
from zhenwei.forge.voice.frames import BANDS, Reals, Scale
from zhenwei.forge.voice.heard import make_voice
from zhenwei.forge.voice.mel_model import TrainedMelModel
from zhenwei.forge.voice.say import MADE_VOICES, convert_made, export_drawn, export_said
from zhenwei.nets.voice import MelModel


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return open_door(tmp_path / "home", datetime.date(2026, 11, 27))


@pytest.fixture(scope="module")
def converter() -> Converter:
    torch.set_num_threads(1)
    low, high = (make_voice(name, speaker, 6, 0) for name, speaker in MADE_VOICES.items())
    return learn(low, high, ConverterSettings(batch=2, width=8), 3)


class _Undrawn(TrainedMelModel):
    """A model that must not be asked."""

    def draw(self, *_: object) -> Reals:
        raise AssertionError("drawn before the place was looked at")


@pytest.mark.parametrize(
    ("name", "error"),
    [("made.mp3", UsageError), ("made", UsageError), ("foreign.wav", DataError)],
)
def test_a_place_that_takes_no_sound_is_refused_before_drawing(
    name: str, error: type[Exception], door: Door, tmp_path: Path
) -> None:
    (tmp_path / "foreign.wav").write_bytes(b"kept")
    with pytest.raises(error):
        export_drawn(_Undrawn(MelModel(BANDS), Scale()), 2.0, 0, tmp_path / name, door)
    assert (tmp_path / "foreign.wav").read_bytes() == b"kept"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["foreign.wav"]


def test_the_same_seed_says_the_same(converter: Converter, door: Door, tmp_path: Path) -> None:
    waveforms = []
    for k, seed in enumerate((0, 0, 1)):
        left = export_said(converter, convert_made(converter, 3, "high", seed), tmp_path / f"{k}.wav", door)
        waveforms.append(media.read_audio(media.open_media(left.path)).samples)
    np.testing.assert_array_equal(waveforms[0], waveforms[1])
    assert waveforms[0].shape != waveforms[2].shape or not np.array_equal(waveforms[0], waveforms[2])
