"""Protective perturbations: within their bound, against the network they were made for, and honestly measured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from zhenwei.cli import main
from zhenwei.forge.puppet import ANNA, BRUNO, portraits
from zhenwei.forge.swap.sides import SwapFaces, of_portraits
from zhenwei.forge.swap.swap_settings import SwapSettings
from zhenwei.training import cloak

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
SETTINGS = SwapSettings(size=32, width=8, batch=4, steps=30, rate=1e-3, held_out=4)


@pytest.fixture(scope="module")
def pair() -> tuple[SwapFaces, SwapFaces]:
    torch.set_num_threads(1)
    a, b = (of_portraits(n, portraits(p, 12, 32, k)) for k, (n, p) in enumerate((("a", ANNA), ("b", BRUNO))))
    return a, b


def test_a_cloak_stays_within_its_bound_and_leads_further_than_noise(pair: tuple[SwapFaces, SwapFaces]) -> None:
    a, b = pair
    away = cloak.from_translation(cloak.learned_swap(a, b, SETTINGS), a.pixels)
    made = cloak.cloak(a.pixels, away, epsilon=4, seed=1)
    assert made.dtype == np.uint8
    assert np.abs(made.astype(int) - a.pixels).max() <= 4
    assert np.array_equal(made, cloak.cloak(a.pixels, away, epsilon=4, seed=1))
    rows = {row.delivery: row for row in cloak.measure(away, a.pixels, made)}
    first = rows["as it is"]
    assert first.clean.value == pytest.approx(0, abs=1e-9)
    assert first.cloaked.value > 3 * first.noised.value
    assert first.success == pytest.approx(1)
    assert rows["JPEG 50"].success < 1


def test_a_linear_network_is_led_to_the_corner_of_the_bound() -> None:
    """The steepest way for a linear goal is known: every value moves by epsilon along its weight's sign."""
    rng = np.random.default_rng(0)
    faces = rng.integers(40, 200, (2, 8, 8, 3)).astype(np.uint8)
    weights = torch.from_numpy(rng.standard_normal((3, 8, 8)).astype(np.float32))
    made = cloak.cloak(faces, lambda x: (x * weights).sum(dim=(1, 2, 3)), epsilon=6)
    wanted = faces.astype(int) + 6 * np.sign(weights.permute(1, 2, 0).numpy()).astype(int)
    assert np.array_equal(made, wanted)


def test_an_honest_test_learns_from_each_kind(pair: tuple[SwapFaces, SwapFaces]) -> None:
    a, b = pair
    net = cloak.learned_swap(a, b, SETTINGS)
    arms = cloak.honest_test(a, b, a.pixels[:4], cloak.noise(a.pixels), SETTINGS, net)
    assert arms[0].learned_from == "clean photographs"
    assert len(arms) == 4
    assert arms[0].swap.value == 0
    assert all(0 < arm.reconstruction.value < 0.5 for arm in arms)
    assert all(arm.swap.value > 0 for arm in arms[1:])


@pytest.mark.heavy
def test_the_command_says_what_a_cloak_is_worth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("_COPIES", 8), ("_STRANGERS", 8), ("_LOOKS", 4), ("_LESSONS", 8), ("STEPS", 10)):
        monkeypatch.setattr(cloak, name, value)
    photo, out = tmp_path / "p.jpg", tmp_path / "p.cloaked.png"
    photo.write_bytes(PORTRAIT.read_bytes())
    assert main(["protect", "cloak", str(photo), "--steps", "20", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert out.exists()
    assert 0 < told["changed_levels"] <= 9
    assert "does not stop whoever trains" in told["verdict"]
    assert [row["delivery"] for row in told["translator"]] == list(cloak.DEGRADATIONS)
    assert photo.read_bytes() == PORTRAIT.read_bytes()
    assert main(["protect", "cloak", str(photo)]) == 2  # the result is there already


def test_no_face_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save(tmp_path / "wall.png")
    assert main(["protect", "cloak", str(tmp_path / "wall.png")]) == 1
    assert "no face" in capsys.readouterr().err
