"""Labelled images to learn from: those of the split "train", and what to do where there are none."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei.errors import DataError
from zhenwei.training.data.encoding import encode
from zhenwei.training.data.labelled import labelled_images


def test_a_table_says_what_may_be_learned_from(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / name)
    table = tmp_path / "labelled.csv"
    table.write_text("path,label\na.png,real\nb.png,fake\n", encoding="utf-8")
    with pytest.raises(DataError, match="nothing to learn from") as refused:
        labelled_images(table, 1.0)
    assert "column split" in refused.value.fix
    table.write_text("path,label,split\na.png,real,train\nb.png,fake,test\n", encoding="utf-8")
    learn, held_out = labelled_images(table, 1.0)
    assert (len(learn), [image.forged for image in held_out]) == (0, [False])


def painted(grey: int) -> bytes:
    return encode(np.full((8, 8, 3), grey, np.uint8), ".jpg", 95)


def test_pictures_in_an_archive_are_read_from_it(tmp_path: Path) -> None:
    rows = []
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for number, grey in enumerate((40, 90, 140)):
            archive.writestr(f"train/{number}.jpg", painted(grey))
            rows.append({"path": f"train/{number}.jpg", "label": "real", "generator": "", "source": "ffhq"})
    with (tmp_path / "photos.csv").open("w", newline="", encoding="utf-8") as text:
        writer = csv.DictWriter(text, [*rows[0], "split"])
        writer.writeheader()
        writer.writerows([row | {"split": "train"} for row in rows])
    _, held_out = labelled_images(tmp_path, 1.0)
    assert [round(float(image.pixels.mean())) for image in held_out] == [40, 90, 140]


@pytest.mark.parametrize(
    ("name", "content"), [("talk.mp4", b"x"), ("voice.wav", b"x"), ("cut.jpg", b"\xff\xd8"), ("no.png", b"")]
)
def test_what_is_no_picture_is_refused_by_its_name(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(painted(40))
    (tmp_path / name).write_bytes(content)
    table = tmp_path / "labelled.csv"
    table.write_text(f"path,label,split\na.jpg,real,train\n{name},fake,train\n", encoding="utf-8")
    with pytest.raises(DataError, match="what is learned from here are pictures") as refused:
        list(labelled_images(table, 1.0)[1])
    assert name in refused.value.got
    table.write_text(f"path,label,split\na.jpg,real,train\n{name},fake,test\n", encoding="utf-8")
    assert len(list(labelled_images(table, 1.0)[1])) == 1
