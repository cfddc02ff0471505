"""``zhenwei models``: cards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zhenwei import models
from zhenwei.cli import main


def test_a_card_is_shown_and_its_language_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "noise"]) == 0
    card = models.card("noise")
    assert capsys.readouterr().out == card
    assert main(["--lang", "zh", "models", "show", "noise"]) == 0
    assert capsys.readouterr().out == f"以下模型卡以英文写成。\n\n{card}"


def test_a_model_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--lang", "zh", "models", "show", "nothing"]) == 2
    told = capsys.readouterr().err
    assert "没有这个模型" in told
    assert "face_forgery" in told
    assert main(["models", "show", "noise", "--store", str(tmp_path)]) == 2
    assert re.search("want none", capsys.readouterr().err)
