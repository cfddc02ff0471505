"""The network of ``consistency.exif``: exact labels, batches that repeat, a run that goes on where it stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.albums import album, astronaut, few
from torch.nn import functional

from zhenwei.cli import main
from zhenwei.errors import DataError, UsageError
from zhenwei.models import manifest
from zhenwei.nets.self_consistency import PatchEmbeddings, SelfConsistencyNet, agreement
from zhenwei.signals.agreement import logits
from zhenwei.training.consistency import _network as learned
from zhenwei.training.consistency import exif as published
from zhenwei.training.data.encoding import encode
from zhenwei.training.data.photographs import Photograph
from zhenwei.training.lesson import LessonRun
from zhenwei.types import Pixels

pytestmark = pytest.mark.heavy


def lit(number: int) -> Pixels:
    tint = np.random.default_rng(number).integers(-25, 25, 3)
    return np.clip(astronaut().astype(int) + tint, 0, 255).astype(np.uint8)


IMAGES = [lit(i) for i in range(3)]


def test_a_batch_follows_from_its_seed_and_has_exact_labels() -> None:
    one, again, other = (learned.shots(IMAGES, (1, 2, n), groups=2) for n in (0, 0, 1))
    assert (one.patches == again.patches).all()
    assert (one.settings == again.settings).all()
    assert one.patches.shape == (16, 3, 128, 128)
    assert (one.patches.min(), one.patches.max()) >= (-1, 0)
    assert one.patches.shape == other.patches.shape
    assert (one.patches != other.patches).any()
    for group in (slice(0, 8), slice(8, 16)):
        mine = one.settings[group]
        assert (mine[0::4] == mine[1::4]).all()  # two patches of a picture
        assert (mine[:2] == mine[4:6]).all()  # one camera, two scenes
        assert (mine[0] != mine[2]).any()  # the other camera
    assert one.images.tolist() == np.repeat(np.arange(8), 2).tolist()


def test_agreement_is_as_the_detector_computes_it() -> None:
    net = SelfConsistencyNet(learned.SETTINGS).eval()
    with torch.no_grad():
        net.weight.add_(torch.randn(len(learned.SETTINGS)))
        patches = net(torch.rand(5, 3, 128, 128) * 2 - 1)
        found = agreement(patches)
    assert found.shape == (5, 5, len(learned.SETTINGS) + 1)
    mine = logits(patches.scaled.numpy(), patches.margins[:, -1].numpy())
    np.testing.assert_allclose(found[..., -1].numpy(), mine, atol=1e-4)
    weighted = functional.softplus(net.weight) * (patches.margins[0, :-1] - found[..., :-1])
    np.testing.assert_allclose(found[..., -1], patches.margins[0, -1] - weighted.sum(-1).detach(), atol=1e-4)


def test_agreement_is_symmetric_and_highest_with_itself() -> None:
    points = torch.randn(4, 2, 6)
    found = agreement(PatchEmbeddings(points, points, torch.ones(4, 3)))
    assert torch.allclose(found, found.transpose(0, 1))
    assert (found.amax(1) - 1e-6 <= found.diagonal().T).all()


def test_labels_say_which_settings_a_pair_shares() -> None:
    truth = learned.agreed(torch.tensor([[0, 1], [0, 1], [0, 2]]))
    assert truth[0, 1].tolist() == [1, 1, 1]
    assert truth[0, 2].tolist() == [1, 0, 0]


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned, "GROUPS", 2)
    whole = learned.train(IMAGES, tmp_path / "whole", steps=3)
    learned.train(IMAGES, tmp_path / "parts", steps=3, stop_after=1)
    resumed = learned.train(IMAGES, tmp_path / "parts", steps=3, resume=True)
    for mine, theirs in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
    with pytest.raises(UsageError, match=r"got step 3 of 2; want --steps 3 or more"):
        learned.train(IMAGES, tmp_path / "parts", steps=2, resume=True)


def test_a_run_keeps_its_recipe_from_the_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned, "GROUPS", 2)
    monkeypatch.setattr(learned, "_CHECKED", 1)
    split = published.PhotographSplit(IMAGES, photographs(3))
    run = LessonRun(data=tmp_path, output=tmp_path, scratch=tmp_path, stop_after=1)
    published.learn(published.ExifRecipe(steps=3, held_out=0.5), split, run)
    assert json.loads((tmp_path / "recipe.json").read_text()) == {"steps": 3, "held_out": 0.5}
    published.learn(published.ExifRecipe(steps=4, held_out=0.5), split, replace(run, resume=True))
    assert json.loads((tmp_path / "recipe.json").read_text()) == {"steps": 4, "held_out": 0.5}


def test_a_checkpoint_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match="resumed"):
        learned.train(IMAGES, tmp_path, steps=2, resume=True)


def photographs(count: int) -> list[Photograph]:
    return [Photograph(encode(lit(i), ".jpg", 95), f"{i}.jpg", "ffhq", False) for i in range(count)]


def test_whole_and_spliced_pictures_share_their_size_and_come_in_pairs() -> None:
    shown = list(published.PatchExamples(photographs(3), 1))
    assert len(shown) == len(published.PatchExamples(photographs(3), 1)) == 12
    for whole, spliced in zip(shown[::2], shown[1::2], strict=True):
        assert (whole.forged, spliced.forged) == (False, True)
        assert whole.pixels.shape == spliced.pixels.shape
        assert (whole.face, whole.degraded) == (spliced.face, spliced.degraded)
        assert (whole.pixels != spliced.pixels).mean() > 0.02
    with pytest.raises(DataError, match="too few"):
        list(published.PatchExamples(photographs(1), 1))


def test_a_pasted_part_changes_nothing_around_it() -> None:
    rng = np.random.default_rng(0)
    whole, part = lit(1), lit(2)[:150, ::-1]
    mixed, inside = published.pasted(whole, part, rng)
    assert (mixed[~inside] == whole[~inside]).all()
    assert 0.08 < inside.mean() < 0.36
    assert mixed.shape == whole.shape


@pytest.mark.heavy
def test_one_command_trains_and_installs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned, "GROUPS", 2)
    monkeypatch.setattr(learned, "_CHECKED", 2)
    names = few("ffhq", published.lesson.read().held_out, learn=3, held_out=3)
    data = album(tmp_path / "data", [(name, lit(i)) for i, name in enumerate(names)])
    given = ["--data", str(data), "--output", str(tmp_path / "out"), "--store", str(tmp_path / "store")]
    assert main(["train", "consistency.exif", *given, "--threads", "1", "--steps", "2"]) == 0
    said = capsys.readouterr().err
    assert "camera" in said
    (row,) = manifest(tmp_path / "store")
    assert row.id == "self_consistency"
    assert row.bytes < 3_000_000
    card = (tmp_path / "store" / "cards" / "self_consistency.md").read_text()
    assert "C_llr" in card
    assert main(["train", "consistency.exif", *given]) == 1
    assert "holds a run" in capsys.readouterr().err
    assert main(["train", "consistency.exif", *given, "--minutes", "3"]) == 2
