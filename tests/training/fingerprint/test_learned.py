"""Sources, what is drawn after them, batches that repeat, a run that goes on where it stopped, one command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.albums import album, astronaut, few

from zhenwei.cli import main
from zhenwei.detectors.fingerprint._sources import MADE, SOURCES
from zhenwei.errors import DataError
from zhenwei.models import manifest
from zhenwei.nets.fingerprint import LearnedFingerprint
from zhenwei.training.data.portraits import ImageDegradation, LabelledPortrait, read_portraits
from zhenwei.training.fingerprint import _networks as taught
from zhenwei.types import Pixels

pytestmark = pytest.mark.heavy


def lit(number: int) -> Pixels:
    tint = np.random.default_rng(number).integers(-25, 25, 3)
    return np.clip(astronaut().astype(int) + tint, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sources = ("ffhq", "pixabay", "stylegan")
    names = [name for s in sources for name in few(s, taught.HELD_OUT, learn=3, held_out=2)]
    folder = album(tmp_path_factory.mktemp("data"), [(name, lit(i)) for i, name in enumerate(names)])
    (folder / "dfdc-faces.csv").write_text("path,label,original,identity,split,width_px\n", encoding="utf-8")
    import zipfile

    zipfile.ZipFile(folder / "dfdc-faces.zip", "w").close()
    return folder


@pytest.fixture(scope="module")
def portraits(data: Path) -> list[LabelledPortrait]:
    return read_portraits(data)


@pytest.fixture(scope="module")
def some(portraits: list[LabelledPortrait]) -> taught.SourceImages:
    learn, _ = taught.albums(portraits)
    return taught.SourceImages(learn, {name: np.roll(learn.faces, 8 * i + 8, 2) for i, name in enumerate(MADE)})


def test_pictures_are_learned_from_or_held_out_never_both(portraits: list[LabelledPortrait]) -> None:
    learn, held_out = taught.albums(portraits)
    for source in ("ffhq", "pixabay", "stylegan"):
        mine, theirs = ({p.path for p in a.portraits[source]} for a in (learn, held_out))
        assert mine
        assert theirs
        assert not mine & theirs
    with pytest.raises(DataError, match="none of"):
        taught.albums([p for p in portraits if p.source != "stylegan"])


def test_batches_repeat_and_hold_every_source(some: taught.SourceImages) -> None:
    (pixels, labels), (again, same), (other, _) = (some.batch((1, n)) for n in (0, 0, 1))
    assert (pixels == again).all()
    assert (labels == same).all()
    assert (pixels != other).any()
    assert set(labels.tolist()) == set(range(len(SOURCES)))
    assert pixels.shape == (len(labels), 192, 192, 3)


def test_a_crop_that_is_delivered_keeps_its_size() -> None:
    face = lit(0)[:192, :192]
    assert (taught.degraded(face, ImageDegradation()) == face).all()
    for scale in (0.5, 1.1):
        assert taught.degraded(face, ImageDegradation(scale)).shape == face.shape


@pytest.mark.heavy
def test_a_generator_learns_to_draw_and_another_seed_draws_otherwise() -> None:
    faces = np.stack([lit(i)[:64, :64] for i in range(4)])
    drawn = [taught.redrawn(taught.train_generator(name, faces, 40), faces) for name in ("nearest 1", "nearest 2")]
    plain = taught.redrawn(taught.train_generator("nearest 1", faces, 1), faces)
    errors = [np.abs(d.astype(int) - faces).mean() for d in (*drawn, plain)]
    assert max(errors[:2]) < 0.6 * errors[2]
    assert np.abs(drawn[0].astype(int) - drawn[1]).mean() > 1


def test_the_least_similarity_is_what_all_but_one_in_twenty_exceed(
    some: taught.SourceImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taught, "_SHARE", {"ffhq": 3, "stylegan": 2})
    monkeypatch.setattr(taught, "_OTHERWISE", 1)
    net = LearnedFingerprint(len(SOURCES)).eval()
    taught.set_least(net, some, batches=4)
    own: dict[int, list[float]] = {}
    for number in range(4):
        pixels, labels = some.batch((taught.SEED, 2, number))
        for row, label in zip(taught.cosines(net, pixels), labels, strict=True):
            own.setdefault(int(label), []).append(float(row[label]))
    for label, values in own.items():
        assert float(net.least[label]) == pytest.approx(np.quantile(values, 0.05), abs=1e-5)


@pytest.mark.parametrize("file", ["last.pt", "last.residual.pt"])
def test_a_stopped_run_goes_on_to_the_same_weights(
    some: taught.SourceImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    for name, value in (("_SHARE", {}), ("_OTHERWISE", 1), ("_KEEP_EVERY", 1)):
        monkeypatch.setattr(taught, name, value)
    monkeypatch.setattr(taught, "_rate", lambda *_: 0.5)
    whole = taught.train(some, tmp_path / "whole", steps=(2, 2))
    taught.train(some, tmp_path / "parts", steps=(1, 2) if file == "last.pt" else (2, 1))
    resumed = taught.train(some, tmp_path / "parts", steps=(2, 2), resume=True)
    for mine, theirs in zip(whole, resumed, strict=True):
        for a, b in zip(mine.state_dict().values(), theirs.state_dict().values(), strict=True):
            assert torch.equal(a, b)
    (tmp_path / "whole" / file).write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match="resumed"):
        taught.train(some, tmp_path / "whole", steps=(2, 2), resume=True)


@pytest.mark.heavy
def test_one_command_trains_and_installs_both(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("_SHARE", {}), ("_OTHERWISE", 1), ("_BATCHES", 2), ("_DRAWN", 2)):
        monkeypatch.setattr(taught, name, value)
    few = ["--steps", "1", "--residual-steps", "1", "--generator-steps", "1"]
    given = ["--data", str(data), "--output", str(tmp_path / "out"), "--store", str(tmp_path / "store")]
    assert main(["train", "fingerprint.residual", *given, *few, "--threads", "1"]) == 0
    assert "fingerprint_learned, clean" in capsys.readouterr().err
    rows = {row.id: row for row in manifest(tmp_path / "store")}
    assert set(rows) == {"fingerprint_learned", "fingerprint_residual"}
    for name in rows:
        assert "right seed of two" in (tmp_path / "store" / "cards" / f"{name}.md").read_text()
    assert main(["train", "fingerprint.learned", *given]) == 1
    assert "holds a run" in capsys.readouterr().err
