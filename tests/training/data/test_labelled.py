"""Labelled images to learn from: those of the split "train", and what to do where there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei.errors import DataError
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
