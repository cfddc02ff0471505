"""The one door: what leaves it carries every mark, is described beside it, and replaces nothing that is not its own."""

from __future__ import annotations

import datetime
import hashlib
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei import media
from zhenwei.defence import credential, keys, labels, visible, watermark
from zhenwei.errors import DataError, UsageError
from zhenwei.forge.export import (
    Door,
    ExportedFile,
    Origin,
    export_audio,
    export_image,
    export_sheet,
    export_video,
    open_door,
)
from zhenwei.testing.made import portrait
from zhenwei.types import Floats

TODAY = datetime.date(2026, 11, 27)
ORIGIN = Origin("mesh_swap", {"seed": 3, "method": "mesh_swap"}, claim="ai-edited")


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Door:
    return open_door(tmp_path_factory.mktemp("home"), TODAY)


def told(exported: ExportedFile) -> dict[str, object]:
    found = json.loads(exported.sidecar.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("size", [(300, 260), (64, 64), (257, 511)])
def test_a_picture_carries_every_mark(suffix: str, size: tuple[int, int], door: Door, tmp_path: Path) -> None:
    made = portrait(*size)
    exported = export_image(made, ORIGIN, tmp_path / f"forged{suffix}", door)
    data = exported.path.read_bytes()
    held = credential.read_credential(data)
    assert (held.state, held.watermark) == ("valid", exported.ident)
    assert held.source_type == "compositeWithTrainedAlgorithmicMedia"
    said = labels.read_labels(data)
    assert said.aigc is not None
    assert (said.aigc.label, said.aigc.produce_id, said.count) == ("1", exported.ident, 1)
    pixels = media.read_image(media.open_media(exported.path)).pixels
    assert visible.has_label(pixels)
    mark = watermark.read_image(pixels, keys.PUBLIC_KEY)
    assert mark is not None
    assert mark.ident.hex() == exported.ident


def test_small_pictures_are_enlarged_by_whole_pixels(door: Door, tmp_path: Path) -> None:
    made = portrait(64, 64)
    exported = export_image(made, ORIGIN, tmp_path / "small.png", door)
    assert told(exported)["enlarged"] == 4
    shown = np.asarray(Image.open(exported.path))[:256]
    back = shown.reshape(64, 4, 64, 4, 3).mean(axis=(1, 3))
    assert np.abs(back - made).mean() < 2


def test_the_sidecar_names_file_recipe_and_mask(door: Door, tmp_path: Path) -> None:
    mask = np.zeros((300, 260), np.float32)
    mask[50:100, 60:90] = 0.8
    exported = export_image(portrait(300, 260), ORIGIN, tmp_path / "a.png", door, mask=mask)
    found = told(exported)
    assert found["sha256"] == hashlib.sha256(exported.path.read_bytes()).hexdigest()
    assert found["recipe"] == {"seed": 3, "method": "mesh_swap"}
    kept = Image.open(tmp_path / str(found["mask"]))
    assert kept.mode == "1"
    assert np.array_equal(np.asarray(kept), mask >= 0.5)


def test_the_same_forgery_has_the_same_mark_and_another_another(door: Door, tmp_path: Path) -> None:
    first = export_image(portrait(300, 260), ORIGIN, tmp_path / "a.png", door).ident
    assert export_image(portrait(300, 260), ORIGIN, tmp_path / "b.png", door).ident == first
    other = Origin("mesh_swap", {"seed": 4}, claim="ai-edited")
    assert export_image(portrait(300, 260), other, tmp_path / "c.png", door).ident != first
    assert export_image(portrait(300, 260, seed=1), ORIGIN, tmp_path / "d.png", door).ident != first


def test_a_sheet_is_one_marked_picture(door: Door, tmp_path: Path) -> None:
    rows = [[portrait(40, 40, seed) for seed in range(3)], [portrait(40, 40)]]
    exported = export_sheet(rows, Origin("gan/dcgan", {"seed": 1}), tmp_path / "s.png", door, titles=("a", "b", "c"))
    pixels = media.read_image(media.open_media(exported.path)).pixels
    assert visible.has_label(pixels)
    assert watermark.read_image(pixels, keys.PUBLIC_KEY) is not None


def hum(seconds: float, rate_hz: int) -> Floats:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    rng = np.random.default_rng(0)
    voiced = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20)) * (0.6 + 0.4 * np.sin(7 * time))
    return np.asarray([0.15 * voiced + 0.01 * rng.standard_normal(len(time))], np.float32)


def test_sound_carries_every_mark(door: Door, tmp_path: Path) -> None:
    exported = export_audio(hum(3, 16000), 16000, Origin("voice/copy", {"kind": "world"}), tmp_path / "v.wav", door)
    heard = media.read_audio(media.open_media(exported.path))
    assert visible.has_tones(heard.samples, heard.rate_hz)
    mark = watermark.read_audio(heard.samples, heard.rate_hz, keys.PUBLIC_KEY)
    assert mark is not None
    assert mark.ident.hex() == exported.ident[:4]
    assert credential.read_credential(exported.path.read_bytes()).state == "valid"


def test_a_clip_carries_every_mark_in_picture_and_sound(door: Door, tmp_path: Path) -> None:
    frames = [portrait(201, 200, seed) for seed in range(12)]
    origin = Origin("temporal", {"seed": 0}, claim="ai-edited")
    exported = export_video(frames, Fraction(25), origin, tmp_path / "c.mp4", door, audio=hum(3, 44100), rate_hz=44100)
    opened = media.open_media(exported.path)
    assert opened.kind == "video"
    shown = [frame.pixels for frame in media.sample_frames(opened, 8)]
    assert all(visible.has_label(pixels) for pixels in shown)
    mark = watermark.read_frames(shown, keys.PUBLIC_KEY)
    assert mark is not None
    assert mark.ident.hex() == exported.ident
    assert labels.read_labels(exported.path.read_bytes()).aigc is not None


def test_what_is_not_the_labs_own_is_never_replaced(door: Door, tmp_path: Path) -> None:
    path = tmp_path / "holiday.png"
    Image.fromarray(portrait(300, 300)).save(path)
    before = path.read_bytes()
    with pytest.raises(DataError, match="did not come from the lab"):
        export_image(portrait(300, 260), ORIGIN, path, door)
    path.with_name("holiday.png.json").write_text('{"schema": "zhenwei.forgery/1", "sha256": "0"}', encoding="utf-8")
    with pytest.raises(DataError, match="did not come from the lab"):
        export_image(portrait(300, 260), ORIGIN, path, door)
    assert path.read_bytes() == before
    (tmp_path / "n.png.json").write_text("my notes", encoding="utf-8")
    with pytest.raises(DataError, match="did not come from the lab"):
        export_image(portrait(300, 260), ORIGIN, tmp_path / "n.png", door)
    assert (tmp_path / "n.png.json").read_text(encoding="utf-8") == "my notes"
    (tmp_path / "x.mask.png").write_bytes(b"somebody's")
    with pytest.raises(DataError, match="did not come from the lab"):
        export_image(portrait(300, 260), ORIGIN, tmp_path / "x.png", door, mask=np.zeros((300, 260), np.float32))
    export_image(portrait(300, 260), ORIGIN, tmp_path / "x.png", door)
    with pytest.raises(DataError, match="did not come from the lab"):
        export_image(portrait(300, 260), ORIGIN, tmp_path / "x.png", door, mask=np.zeros((300, 260), np.float32))
    assert (tmp_path / "x.mask.png").read_bytes() == b"somebody's"


def test_the_labs_own_file_is_replaced(door: Door, tmp_path: Path) -> None:
    first = export_image(portrait(300, 260), ORIGIN, tmp_path / "p.png", door)
    second = export_image(portrait(300, 260, seed=9), ORIGIN, tmp_path / "p.png", door)
    assert first.ident != second.ident
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.png", "p.png.json"]


def test_folders_are_made_unless_a_file_is_in_the_way(door: Door, tmp_path: Path) -> None:
    made = export_image(portrait(300, 260), ORIGIN, tmp_path / "new" / "er" / "a.png", door)
    assert made.path.is_file()
    (tmp_path / "taken").write_bytes(b"kept")
    with pytest.raises(DataError, match="cannot make the folder"):
        export_image(portrait(300, 260), ORIGIN, tmp_path / "taken" / "er" / "a.png", door)
    assert (tmp_path / "taken").read_bytes() == b"kept"


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        (ORIGIN, "a.bmp"),
        (ORIGIN, "a.mp4"),
        (Origin("", {}), "a.png"),
        (Origin("x", {"a": float("nan")}), "a.png"),
        (Origin("x", {"a": "x" * 70_000}), "a.png"),
        (Origin("x", {"a": b"bytes"}), "a.png"),
        (Origin("x", {}, consent="yes"), "a.png"),
        (Origin("x", {}, claim="captured"), "a.png"),  # type: ignore[arg-type]
    ],
)
def test_what_has_no_meaning_is_refused_and_leaves_nothing(
    origin: Origin, name: str, door: Door, tmp_path: Path
) -> None:
    with pytest.raises(UsageError):
        export_image(portrait(300, 260), origin, tmp_path / name, door)
    assert list(tmp_path.iterdir()) == []
