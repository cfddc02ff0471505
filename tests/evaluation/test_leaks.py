"""Planted leaks are found, by the check that is there for them, and by no other; without them all is quiet."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from zhenwei.cli import main
from zhenwei.evaluation import leaks
from zhenwei.evaluation.controls import controls
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.results import Figures, Finding
from zhenwei.stats import Estimate
from zhenwei.types import Pixels

CHECKS = (
    "split leak: identity",
    "split leak: source video",
    "split leak: name",
    "near-duplicates",
    "contradicting labels",
)


def _image(seed: int) -> Pixels:
    noise = np.random.default_rng(seed).standard_normal((120, 160, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 8)
    return np.asarray((smooth - smooth.min()) / (smooth.max() - smooth.min()) * 255, np.uint8)


def _items(folder: Path, domain: str = "in") -> list[Item]:
    """Four pictures to learn from, four to test, of eight people in eight videos."""
    found = []
    for n in range(8):
        path = folder / f"{n}.png"
        Image.fromarray(_image(n)).save(path)
        split = "train" if n < 4 else "test"
        mine = Item(path.name, path, "set", n % 2 == 1, identity=f"p{n}", video=f"v{n}", split=split)  # type: ignore[arg-type]
        found.append(replace(mine, domain=domain))  # type: ignore[arg-type]
    return found


def _bad(items: list[Item], tested: list[Item] | None = None) -> dict[str, Finding]:
    found = leaks.check(tested or [i for i in items if i.split == "test"], items)
    assert [f.check for f in found] == list(CHECKS)
    return {f.check: f for f in found if not f.ok}


@pytest.mark.parametrize("domain", ["in", "out"])
def test_a_clean_split_is_clean(tmp_path: Path, domain: str) -> None:
    assert not _bad(_items(tmp_path, domain))


def test_a_person_in_both_parts_is_found(tmp_path: Path) -> None:
    items = _items(tmp_path)
    items[6] = replace(items[6], identity="p1")
    bad = _bad(items)
    assert set(bad) == {"split leak: identity"}
    assert bad["split leak: identity"].cases == ("set: p1",)
    assert "1 people of the test were trained on, in 1 of 4 files" in bad["split leak: identity"].text


def test_a_person_of_another_data_set_with_the_same_name_is_another(tmp_path: Path) -> None:
    items = _items(tmp_path)
    items[6] = replace(items[6], identity="p1", set_name="other")
    assert not _bad(items)


def test_a_source_video_in_both_parts_is_found(tmp_path: Path) -> None:
    items = _items(tmp_path)
    items[5] = replace(items[5], video="v0")
    assert set(_bad(items)) == {"split leak: source video"}


def test_testing_on_what_was_trained_on_is_found(tmp_path: Path) -> None:
    items = _items(tmp_path)
    bad = _bad(items, tested=items)
    assert {"split leak: name", "split leak: identity", "split leak: source video"} == set(bad)
    assert bad["split leak: name"].text.startswith("4 files of the test were trained on")


def test_all_files_of_somebody_elses_data_may_be_tested(tmp_path: Path) -> None:
    items = _items(tmp_path, "out")
    assert not _bad(items, tested=items)
    assert "nothing could be compared" in leaks.check(items, items)[0].text


def test_a_copy_is_found_whatever_its_size_format_and_name(tmp_path: Path) -> None:
    items = _items(tmp_path)
    Image.fromarray(_image(2)).resize((240, 180)).save(tmp_path / "innocent.jpg", quality=50)
    items.append(Item("innocent.jpg", tmp_path / "innocent.jpg", "another set", False, split="test"))
    bad = _bad(items)
    assert set(bad) == {"near-duplicates"}
    assert bad["near-duplicates"].cases == ("innocent.jpg = 2.png",)


def test_a_frame_of_a_clip_that_was_trained_on_is_found(tmp_path: Path) -> None:
    items = _items(tmp_path)
    with av.open(str(tmp_path / "clip.mp4"), "w") as out:
        stream = out.add_stream("h264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for _ in range(12):
            for packet in stream.encode(av.VideoFrame.from_ndarray(_image(3), format="rgb24")):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    items.append(Item("clip.mp4", tmp_path / "clip.mp4", "clips", True, split="test"))
    assert set(_bad(items)) == {"near-duplicates"}


def test_pictures_without_content_are_no_copies(tmp_path: Path) -> None:
    items = _items(tmp_path)
    for n in (0, 7):
        Image.fromarray(np.full((120, 160, 3), 30 + n, np.uint8)).save(items[n].path)
    assert not _bad(items)


def test_one_file_with_two_labels_is_found(tmp_path: Path) -> None:
    items = _items(tmp_path)
    shutil.copy(items[4].path, tmp_path / "again.png")
    items.append(Item("again.png", tmp_path / "again.png", "set", True, split="test"))
    bad = _bad(items)
    assert set(bad) == {"contradicting labels"}
    assert bad["contradicting labels"].cases == ("4.png = again.png",)


def test_what_cannot_be_read_is_left_to_the_evaluation(tmp_path: Path) -> None:
    items = _items(tmp_path)
    items[5].path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert not _bad(items)


def test_of_very_many_files_some_are_looked_at_and_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "MAX_LOOKED_AT", 4)
    items = _items(tmp_path)
    seen: list[tuple[int, int]] = []
    found = leaks.check(items[4:], items, tell=lambda done, of: seen.append((done, of)))
    assert "2 of the test against 2 that were trained on; 4 files were too many" in found[3].text
    assert seen[-1] == (4, 4)


def _data(folder: Path) -> Path:
    """A table of two people a part, whose test part holds a copy of a picture that was trained on."""
    for n in range(4):
        Image.fromarray(_image(n)).save(folder / f"{n}.png")
    Image.fromarray(_image(0)).resize((200, 150)).save(folder / "3.png")
    with (folder / "data.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "split"))
        writer.writerows((f"{n}.png", ("real", "fake")[n % 2], ("train", "test")[n // 2]) for n in range(4))
    return folder / "data.csv"


def test_the_command_refuses_a_leak_and_records_one_that_is_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.toml").write_text('name = "test part"\ntext = "The test part."\nsplits = ["test"]\n')
    given = ["evaluate", "--data", str(_data(tmp_path)), "--output", str(tmp_path / "out")]
    given += ["--protocol", str(tmp_path / "p.toml")]
    assert main(given) == 1
    said = capsys.readouterr().err
    assert "LEAK: near-duplicates" in said
    assert "3.png = 0.png" in said
    assert "--allow-leaks" in said
    assert not (tmp_path / "out" / "results.json").exists()
    assert main([*given, "--allow-leaks"]) == 0
    assert "NOT OK: near-duplicates" in capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "results.json").read_text())["findings"]
    assert {f["check"]: f["ok"] for f in found}["near-duplicates"] is False
    assert "3.png = 0.png" in (tmp_path / "out" / "results.html").read_text()


def _interval(low: float, high: float) -> Estimate:
    return Estimate(value=(low + high) / 2, low=low, high=high, n=100)


def _figures(auc: Estimate, probe: Estimate | None, shuffled: Estimate | None) -> Figures:
    return Figures(
        name="set",
        level="video",
        domain="out",
        genuine=50,
        forged=50,
        groups=100,
        coverage=_interval(0.9, 1.0),
        auc=auc,
        metadata_auc=probe,
        random_label_auc=shuffled,
    )


@pytest.mark.parametrize(
    ("probe", "shuffled", "bad"),
    [
        ((0.4, 0.6), (0.4, 0.6), set()),
        ((0.55, 0.65), (0.4, 0.6), {"shortcut probe"}),
        ((0.9, 0.99), (0.4, 0.6), {"shortcut probe"}),
        ((0.4, 0.6), (0.6, 0.7), {"random labels"}),
    ],
)
def test_controls_say_what_the_figures_show(
    probe: tuple[float, float], shuffled: tuple[float, float], bad: set[str]
) -> None:
    found = controls([_figures(_interval(0.8, 0.95), _interval(*probe), _interval(*shuffled))])
    assert [f.check for f in found] == ["shortcut probe", "random labels"]
    assert {f.check for f in found if not f.ok} == bad
    if probe[0] > 0.5:
        assert ("All of the latter" in found[0].text) == (probe[1] >= 0.8)
