"""Learning motion: what is asked of keypoints, and runs that go on as if they had not been interrupted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.animate import first_order
from zhenwei.forge.animate.clips import LEAST, MotionClips, puppet_clips, windowed
from zhenwei.forge.animate.first_order import Bend, MotionSettings, learn, open_run
from zhenwei.forge.puppet import ANNA, Look, draw
from zhenwei.nets.first_order import FirstOrderMotion

SMALL = MotionSettings(points=3, width=8, batch=2)


@pytest.fixture(scope="module")
def clips() -> MotionClips:
    return puppet_clips(3, 3, seed=5)


def plain(pixels: torch.Tensor) -> list[torch.Tensor]:
    return [pixels]


def test_a_bend_knows_its_slopes() -> None:
    """Against differences of the places themselves."""
    bend, at, step = Bend.draw(3, torch.Generator().manual_seed(1)), torch.rand(3, 5, 2) * 2 - 1, 1e-3
    slopes = bend.slopes(at)
    for axis in range(2):
        aside = torch.zeros(2)
        aside[axis] = step
        told = (bend.places(at + aside) - bend.places(at - aside)) / (2 * step)
        assert torch.allclose(told, slopes[..., axis], atol=1e-3)


def test_puppets_keep_their_light_and_place(clips: MotionClips) -> None:
    assert [each.shape for each in clips.frames] == [(3, 64, 64, 3)] * 3
    assert [each.shape for each in clips.landmarks] == [(3, 468, 2)] * 3
    corners = clips.frames[0][:, :4, :4].reshape(3, -1)
    assert (corners == corners[:1]).all()
    again = puppet_clips(3, 3, seed=5)
    assert all((one == other).all() for one, other in zip(clips.frames, again.frames, strict=True))
    with pytest.raises(UsageError, match="too little to learn motion from"):
        MotionClips(clips.frames[: LEAST - 1], clips.landmarks[: LEAST - 1], "")


def test_a_bent_picture_bends_its_keypoints(clips: MotionClips) -> None:
    """A detector that follows the picture exactly loses nothing by equivariance: here by an identical bend."""
    torch.manual_seed(0)
    net = FirstOrderMotion(3, 8).eval()
    frames = torch.from_numpy(clips.frames[0][:2]).permute(0, 3, 1, 2).float() / 255
    still = Bend(torch.eye(2, 3).expand(2, 2, 3), torch.zeros(2, 2, 2), torch.zeros(2, 2, 2), torch.zeros(2, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bend, "draw", classmethod(lambda *_: still))
        told, _ = first_order.losses(net, (frames, frames), plain, SMALL, torch.Generator())
    assert told["equivariance"] < 1e-4


def test_a_run_goes_on_as_if_it_had_not_stopped(clips: MotionClips, tmp_path: Path) -> None:
    whole = learn(SMALL, clips, plain, 4)
    learn(SMALL, clips, plain, 4, tmp_path, stop=stopping(2))
    again = learn(SMALL, clips, plain, 4, tmp_path)
    assert again.step == whole.step == 4
    for name, value in whole.task.nets.state_dict().items():
        assert torch.allclose(again.task.nets.state_dict()[name].float(), value.float(), atol=1e-6), name
    net, told = open_run(tmp_path)
    assert told["step"] == 4
    assert told["data"] == clips.words
    assert net.points == 3
    with pytest.raises(UsageError, match="another run"):
        learn(replace(SMALL, seed=3), clips, plain, 5, tmp_path)


def stopping(after: int) -> Callable[[], bool]:
    asked: list[None] = []

    def stop() -> bool:
        asked.append(None)
        return len(asked) > after

    return stop


def test_a_critic_can_judge(clips: MotionClips) -> None:
    run = learn(replace(SMALL, adversarial=0.1), clips, plain, 2)
    assert {"features", "pixels", "equivariance", "fooling", "critic"} <= set(run.rows[-1])


def test_it_learns_to_draw(clips: MotionClips) -> None:
    run = learn(replace(SMALL, learning_rate=3e-3), clips, plain, 110)
    pixels = [row["pixels"] for row in run.rows]
    assert np.mean(pixels[-20:]) < 0.8 * np.mean(pixels[:20])


@pytest.mark.parametrize("wrong", [{"points": 0}, {"width": 10}, {"batch": 1}])
def test_settings_that_are_none_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="motion is not learned so"):
        MotionSettings(**wrong)


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        open_run(tmp_path)


def test_people_are_seen_in_one_window_that_stands_still() -> None:
    drawn = [draw(ANNA, Look(yaw=turn), 160) for turn in (0.0, 12.0)]
    clip = np.stack([each.pixels for each in drawn]), np.stack([each.landmarks for each in drawn])
    found = windowed([clip, clip], "two clips", "abc")
    assert [each.shape for each in found.frames] == [(2, 64, 64, 3)] * 2
    assert np.ptp(found.landmarks[0][0], axis=0)[1] == pytest.approx(0.62 * 64, rel=0.05)
    assert found.consent == "abc"
