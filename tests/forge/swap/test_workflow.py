"""From pictures to a marked swap, with puppets: consent, training, resuming, converting, and what is refused."""

from __future__ import annotations

import csv
import datetime
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image

from zhenwei import media
from zhenwei.defence import keys, watermark
from zhenwei.errors import DataError, UsageError
from zhenwei.forge.consent import Consent, describe_folder, make_consent
from zhenwei.forge.export import Door, open_door
from zhenwei.forge.puppet import ANNA, BRUNO, portraits
from zhenwei.forge.swap import convert, fitting
from zhenwei.forge.swap.prepare import Prepared, load, prepare
from zhenwei.forge.swap.swap_settings import SwapSettings

TODAY = datetime.date(2026, 11, 26)
CPU = torch.device("cpu")
FEW = SwapSettings(size=32, width=8, batch=4, steps=6, rate=1e-3, held_out=2, check_every=3, seed=5)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Consent, Door, Prepared, Prepared]:
    root = tmp_path_factory.mktemp("lab")
    for name, puppet, seed in (("anna", ANNA, 1), ("bruno", BRUNO, 2)):
        (root / name).mkdir()
        for k, portrait in enumerate(portraits(puppet, 9, 128, seed)):
            Image.fromarray(portrait.pixels).save(root / name / f"{k}.png")
        prepare(sorted((root / name).iterdir()), name, root / "faces" / name, 32)
    people = [
        describe_folder(
            root / name, root / "consent.json", name, basis="synthetic", evidence="drawn puppets", scope="face",
            expires=datetime.date(2026, 12, 31),
        )
        for name in ("anna", "bruno")
    ]  # fmt: skip
    door = open_door(root / "home", TODAY)
    return root, make_consent(people), door, load(root / "faces/anna"), load(root / "faces/bruno")


def _run(lab: tuple[Path, Consent, Door, Prepared, Prepared], folder: Path, settings: SwapSettings = FEW) -> Path:
    _, consent, door, a, b = lab
    return fitting.train(a, b, settings, folder, consent=consent, today=TODAY, door=door, device=CPU)


def test_faces_are_found_aligned_and_counted(lab: tuple[Path, Consent, Door, Prepared, Prepared]) -> None:
    for prepared in lab[3:]:
        assert len(prepared.faces) >= 6
        assert prepared.faces.pixels.shape[1:] == (32, 32, 3)
        eyes = prepared.faces.landmarks[:, [33, 263]].mean(axis=(0, 1)) / 32
        assert abs(eyes[0] - 0.5) < 0.06
        assert 0.28 < eyes[1] < 0.44


def test_advice_speaks_of_number_and_likeness(tmp_path: Path) -> None:
    pixels = portraits(ANNA, 1, 128, 3)[0].pixels
    for k in range(3):
        Image.fromarray(pixels).save(tmp_path / f"{k}.png")
    (tmp_path / "x.png").write_text("no picture")
    done, advice = prepare(sorted(tmp_path.glob("*.png")), "anna", tmp_path / "out", 64)
    told = " ".join(advice)
    assert len(done.faces) == 1
    assert "2 nearly equal" in told
    assert "300 to 2000" in told
    assert "x.png" in told
    with pytest.raises(DataError, match="other files"):
        prepare([tmp_path / "0.png"], "anna", tmp_path, 64)


def test_from_faces_to_a_marked_swap(lab: tuple[Path, Consent, Door, Prepared, Prepared], tmp_path: Path) -> None:
    root, consent, door = lab[:3]
    _run(lab, tmp_path / "run")
    for name in (fitting.LAST, fitting.PREVIOUS, fitting.BEST, fitting.CURVES):
        assert (tmp_path / "run" / name).stat().st_size > 1000
    sheets = sorted((tmp_path / "run" / fitting.PREVIEWS).glob("*.png"))
    assert [s.name for s in sheets] == ["step-0000003.png", "step-0000006.png"]
    rows = list(csv.DictReader((tmp_path / "run" / fitting.LOG).read_text("utf-8").splitlines()))
    assert [float(r["step"]) for r in rows] == [3, 6]
    assert all(np.isfinite(float(v)) for r in rows for v in r.values())
    swapper = convert.open_swapper(tmp_path / "run" / fitting.LAST, consent.sha256, CPU)
    source = root / "anna" / "0.png"
    made, without = convert.convert(
        swapper, source, tmp_path / "swapped.png", door, direction="a-to-b", colour="reinhard", edge="feather"
    )
    told = json.loads(made.sidecar.read_text("utf-8"))
    assert without == 0
    assert told["consent"] == consent.sha256
    assert told["recipe"]["edge"] == "feather"
    for path in (made.path, sheets[0]):
        mark = watermark.read_image(media.read_image(media.open_media(path)).pixels, keys.PUBLIC_KEY)
        assert mark is not None
        assert (mark.ident.hex() == made.ident) == (path == made.path)
    with pytest.raises(UsageError, match=r"png|suffix"):
        convert.convert(swapper, source, tmp_path / "x.webp", door, direction="a-to-b", colour="none", edge="copy")


def test_a_swapped_picture_is_untouched_where_its_mask_is_nought(
    lab: tuple[Path, Consent, Door, Prepared, Prepared], tmp_path: Path
) -> None:
    path = _run(lab, tmp_path / "run")
    swapper = convert.open_swapper(path, lab[1].sha256, CPU)
    pixels = portraits(ANNA, 1, 128, 9)[0].pixels
    for edge in ("copy", "poisson"):
        made = convert.swap_image(swapper, pixels, "a-to-b", "mean", edge)
        assert made is not None
        assert np.array_equal(made.pixels[made.mask == 0], pixels[made.mask == 0])
        assert (made.pixels != pixels).any()
    large = np.asarray(Image.fromarray(pixels).resize((512, 512)))
    made = convert.swap_image(swapper, large, "a-to-b", "mean", "copy")
    assert made is not None
    assert made.pixels.shape[0] < 200
    rows = np.flatnonzero((made.mask > 0.5).any(axis=1))
    assert np.ptp(rows) <= 128


def test_a_stopped_run_ends_where_a_whole_one_does(
    lab: tuple[Path, Consent, Door, Prepared, Prepared], tmp_path: Path
) -> None:
    _, consent, door, a, b = lab
    whole = _run(lab, tmp_path / "whole")
    calls = iter(range(100))
    part = fitting.train(
        a, b, FEW, tmp_path / "part", consent=consent, today=TODAY, door=door, device=CPU, stop=lambda: next(calls) >= 4
    )
    assert not (tmp_path / "part" / fitting.PREVIEWS / "step-0000006.png").exists()
    again = _run(lab, tmp_path / "part")
    assert part == again
    assert whole.read_bytes() == again.read_bytes()


def test_a_run_does_not_go_on_with_other_settings(
    lab: tuple[Path, Consent, Door, Prepared, Prepared], tmp_path: Path
) -> None:
    _run(lab, tmp_path / "run")
    with pytest.raises(UsageError, match=r"rate 0\.002 instead of 0\.001"):
        _run(lab, tmp_path / "run", replace(FEW, rate=0.002))
    _run(lab, tmp_path / "run", replace(FEW, steps=7))


def test_a_broken_loss_stops_the_run_and_leaves_the_last_save(
    lab: tuple[Path, Consent, Door, Prepared, Prepared], tmp_path: Path
) -> None:
    _, consent, door, a, b = lab
    path = _run(lab, tmp_path / "run")
    before = path.read_bytes()
    masks = b.faces.masks.copy()
    masks[:] = np.nan
    broken = Prepared(replace(b.faces, masks=masks), b.origins)
    masked = replace(FEW, masked=True)
    with pytest.raises(DataError, match="no longer finite"):
        fitting.train(a, broken, masked, tmp_path / "new", consent=consent, today=TODAY, door=door, device=CPU)
    assert not (tmp_path / "new" / fitting.LAST).exists()
    assert path.read_bytes() == before


def test_what_consent_does_not_cover_is_refused(
    lab: tuple[Path, Consent, Door, Prepared, Prepared], tmp_path: Path
) -> None:
    root, consent, door, a, b = lab

    def refused(consent: Consent, today: datetime.date, match: str, a: Prepared = a) -> None:
        with pytest.raises(DataError, match=match):
            fitting.train(a, b, FEW, tmp_path / "run", consent=consent, today=today, door=door, device=CPU)
        assert not (tmp_path / "run").exists()

    people = {p.name: p for p in consent.subjects}
    refused(make_consent([people["anna"]]), TODAY, "does not name")
    refused(consent, datetime.date(2027, 1, 1), "ended")
    refused(make_consent([people["anna"], replace(people["bruno"], scope="voice")]), TODAY, "does not cover")
    fewer = replace(people["anna"], files=dict(list(people["anna"].files.items())[:2]))
    refused(make_consent([fewer, people["bruno"]]), TODAY, "not covered")
    with pytest.raises(UsageError, match="two people"):
        fitting.train(a, a, FEW, tmp_path / "run", consent=consent, today=TODAY, door=door, device=CPU)
    path = _run(lab, tmp_path / "run")
    with pytest.raises(DataError, match="another consent"):
        convert.open_swapper(path, make_consent([fewer, people["bruno"]]).sha256, CPU)
    assert (root / "faces/anna/face-00000.png").exists()


def test_an_altered_face_is_refused(lab: tuple[Path, Consent, Door, Prepared, Prepared], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(lab[0] / "faces/anna", tmp_path / "anna")
    (tmp_path / "anna/face-00001.png").unlink()
    assert len(load(tmp_path / "anna").faces) == len(lab[3].faces) - 1
    Image.new("RGB", (32, 32)).save(tmp_path / "anna/face-00000.png")
    with pytest.raises(DataError, match="altered"):
        load(tmp_path / "anna")


def test_faces_are_prepared_over_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "anna").mkdir()
    for k, portrait in enumerate(portraits(ANNA, 2, 128, 1)):
        Image.fromarray(portrait.pixels).save(tmp_path / "anna" / f"{k}.png")
    sources = sorted((tmp_path / "anna").iterdir())
    (tmp_path / "file").write_bytes(b"kept")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "faces.json").write_text('{"of": "somebody"}')
    (foreign / "face-of-mine.png").write_bytes(b"kept")
    for folder, why in (
        (tmp_path / "file", "cannot be prepared in"), (tmp_path / "file" / "below", "cannot make"),
        (foreign, "holds other files"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=why):
            prepare(sources, "anna", folder, 32)
    assert (tmp_path / "file").read_bytes() == (foreign / "face-of-mine.png").read_bytes() == b"kept"
    prepare(sources, "anna", tmp_path / "faces", 32)
    before = {path: path.read_bytes() for path in (tmp_path / "faces").iterdir()}
    with pytest.raises(UsageError, match="lie where the faces would go"):
        prepare(sorted((tmp_path / "faces").glob("*.png")), "anna", tmp_path / "faces", 32)
    assert {path: path.read_bytes() for path in (tmp_path / "faces").iterdir()} == before


def test_what_cannot_be_prepared_says_why(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not read gone\.jpg"):
        prepare([tmp_path / "gone.jpg"], "anna", tmp_path / "faces", 32)
    with pytest.raises(UsageError, match="not cut to this size"):
        prepare([], "anna", tmp_path / "faces", 33)
    with pytest.raises(UsageError, match="no name"):
        prepare([], " ", tmp_path / "faces", 32)
    assert not (tmp_path / "faces").exists()


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "[1]", '{"schema": "zhenwei.swap.faces/1"}', "\x00"]
    + [
        json.dumps({"schema": "zhenwei.swap.faces/1", "subject": "x", "size": 32, "faces": [
            {"file": "face.png", "sha256": "", "source": "", "landmarks": points}
        ]})
        for points in ("x", [[1, 2]], [[1, 2], [3]], [[float("nan")] * 2] * 468)
    ],
)  # fmt: skip
def test_lists_that_are_damaged_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "faces.json").write_text(text)
    with pytest.raises(DataError, match="was not prepared"):
        load(tmp_path)


def test_a_face_of_another_size_is_refused(lab: tuple[Path, Consent, Door, Prepared, Prepared], tmp_path: Path) -> None:
    path = tmp_path / "face-00000.png"
    Image.new("RGB", (40, 32)).save(path)
    told = json.loads((lab[0] / "faces/anna/faces.json").read_text())
    told["faces"][0]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "faces.json").write_text(json.dumps(told))
    with pytest.raises(DataError, match="not of the size"):
        load(tmp_path)


def test_a_swap_does_not_replace_its_source(lab: tuple[Path, Consent, Door, Prepared, Prepared]) -> None:
    source = lab[0] / "anna" / "0.png"
    nobody = cast("convert.Swapper", None)
    with pytest.raises(UsageError, match="does not replace its source"):
        convert.convert(nobody, source, source, lab[2], direction="a-to-b", colour="mean", edge="feather")
