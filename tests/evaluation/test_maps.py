"""Where maps lie, on pictures whose truth is planted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from zhenwei import faces
from zhenwei.detectors.attention.manipulation_map import ManipulationMap
from zhenwei.evaluation import maps, results
from zhenwei.evaluation.evaluate import evaluate
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.protocols import Protocol
from zhenwei.testing import image_subject
from zhenwei.types import Floats, Frame, Pixels, Subject

ASTRONAUT = Path(__file__).parents[1] / "data" / "astronaut.jpg"


def portrait(shift: int = 0) -> Pixels:
    with Image.open(ASTRONAUT) as whole:
        image = whole.convert("RGB")
        return np.asarray(image.crop((shift, shift, image.width - shift, image.height)), np.uint8)


def altered(pixels: Pixels) -> Pixels:
    """The lower half of the face much darker than in the original."""
    box = faces.find_people((Frame(0, 0.0, pixels),))[0].faces[0].box
    out = pixels.copy()
    rows = slice(int(box.top + box.height / 2), int(box.bottom))
    columns = slice(int(box.left), int(box.right))
    out[rows, columns] = (out[rows, columns] * 0.55).astype(np.uint8)
    return out


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    found = []
    for number in range(3):
        for forged in (False, True):
            path = tmp_path / f"{number}{'f' if forged else ''}.png"
            pixels = portrait(3 * number)
            Image.fromarray(altered(pixels) if forged else pixels).save(path)
            method = "swap" if forged else ""
            found.append(Item(path.name, path, "faces", forged, method=method, identity=str(number), video=str(number)))
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    return [*found, Item("broken.png", tmp_path / "broken.png", "faces", False, video="9")]


def by_truth(rows: tuple[results.Localised, ...]) -> dict[str, results.Localised]:
    return {row.truth: row for row in rows}


def test_rows_for_every_truth_that_the_files_give(items: list[Item], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = by_truth(maps.localised(items, scratch, tell=lambda done, of: told.append((done, of))))
    assert set(found) == {"published swap", "self-blend", "genuine"}
    assert {row.faces for row in found.values()} == {3}
    assert found["genuine"].iinc is None
    for row in found.values():
        assert 0 <= row.marked.low <= row.marked.value <= row.marked.high <= 1
    assert told[-1][0] <= told[-1][1] == 7
    assert maps.localised(items, scratch) == maps.localised(items, scratch)


def test_a_map_that_marks_the_lower_half_is_right(
    items: list[Item], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lower(_self: ManipulationMap, _subject: Subject) -> Floats:
        shares = np.zeros((12, 12), np.float32)
        shares[6:] = 1
        return shares

    monkeypatch.setattr(ManipulationMap, "marked", lower)
    found = by_truth(maps.localised(items, tmp_path))
    swap = found["published swap"]
    assert swap.iinc is not None
    assert swap.pbca is not None
    assert swap.iou is not None
    assert swap.iinc.value < 0.1
    assert swap.pbca.value > 0.9
    assert swap.iou.value > 0.85
    assert found["genuine"].marked.value == pytest.approx(0.5)


def test_generated_faces_are_altered_everywhere(tmp_path: Path) -> None:
    found = []
    for number in range(2):
        path = tmp_path / f"{number}.png"
        Image.fromarray(portrait(number)).save(path)
        found.append(Item(path.name, path, "drawn", True, method="stylegan"))
    (row,) = maps.localised(found, tmp_path)
    assert row.truth == "generated"
    assert row.pbca == row.iou == row.marked


def test_a_forgery_with_two_possible_originals_is_left_out(items: list[Item], tmp_path: Path) -> None:
    again = [Item(f"{i.name} 2", i.path, i.set_name, i.forged, video=i.video) for i in items if not i.forged]
    assert "published swap" not in by_truth(maps.localised([*items, *again], tmp_path))


def test_a_forgery_of_another_size_than_its_original_is_left_out(items: list[Item], tmp_path: Path) -> None:
    for item in items:
        if item.forged:
            with Image.open(item.path) as image:
                image.crop((0, 0, image.width - 2, image.height - 2)).save(item.path)
    assert "published swap" not in by_truth(maps.localised(items, tmp_path))


def test_two_sets_that_share_a_name_keep_their_own_originals(items: list[Item], tmp_path: Path) -> None:
    """In the second set the same names lie over other videos: of its forgeries no original is known."""
    other = []
    for item in items:
        if item.path.name != "broken.png":
            video = f"{item.video} of another" if item.forged else item.video
            other.append(replace(item, set_name="others", video=video))
    alone = maps.localised(items, tmp_path)
    for together in ([*items, *other], [*other, *items]):
        found = maps.localised(together, tmp_path)
        assert {row.set for row in found if row.truth == "published swap"} == {"faces"}
        swaps = [row for row in found if row.truth == "published swap"]
        assert swaps == [row for row in alone if row.truth == "published swap"]


def test_the_map_is_in_shares_and_abstains_with_the_detector() -> None:
    small = np.asarray(cv2.resize(portrait(), (40, 40)), np.uint8)
    for pixels in (portrait(), small):
        tracks = faces.find_people((Frame(0, 0.0, pixels),))
        for track in tracks:
            subject = Subject(image_subject(pixels).media, (Frame(0, 0.0, pixels),), track)
            marked = ManipulationMap().marked(subject)
            assert (marked is None) == (ManipulationMap().examine(subject).llr is None)
            if marked is not None:
                assert marked.shape == (12, 12)
                assert 0 <= marked.min() <= marked.max() <= 1
    assert ManipulationMap().marked(Subject(image_subject(small).media)) is None


def test_results_tell_what_was_measured(items: list[Item], tmp_path: Path) -> None:
    plan = Protocol(name="all", text="Every file.", splits=(), maps=True)
    found = evaluate(maps.MAPPED, items, plan, tmp_path)
    assert len(found.localised) == 3
    (swaps,) = (row for row in found.localised if row.truth == "published swap")
    assert (swaps.set, swaps.faces) == ("faces", 3)
    results.save(found, tmp_path / "results.json")
    assert results.load(tmp_path / "results.json") == found
