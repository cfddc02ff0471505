"""The page of a training run: what the log says, whatever columns it has and wherever it ends."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import pytest

from zhenwei.errors import DataError, MissingExtraError
from zhenwei.training import curves
from zhenwei.training.recipe import Recipe, read_recipe
from zhenwei.words import speaking

HEAD = "step,whole,regional,auc_people,auc_sources,choose,time"
ROWS = (
    "100,0.60,0.50,0.80,0.70,0.75,1000",
    "200,0.50,0.40,0.90,0.80,0.85,1120",
    "300,0.40,0.30,0.91,0.75,0.83,1240",
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(tmp_path, HEAD, *ROWS)


def written(folder: Path, *lines: str, end: str = "\n") -> Path:
    path = folder / "log.csv"
    path.write_text("\n".join(lines) + end, encoding="utf-8")
    return path


def recipe(steps: int = 1000) -> Recipe:
    packaged = read_recipe(Recipe, "face_forgery")
    return packaged.model_copy(update={"optimiser": packaged.optimiser.model_copy(update={"steps": steps})})


def parsed(html: str) -> Element:
    """As XML, which forgives nothing; and nothing in it is loaded from elsewhere."""
    first, rest = html.split("\n", 1)
    assert first == "<!DOCTYPE html>"
    assert "http" not in html.replace("http-equiv", "")
    root = ElementTree.fromstring(rest)  # noqa: S314 - written here
    assert not {e.tag for e in root.iter()} & {"script", "link", "img", "iframe"}
    ids = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids))
    return root


def words(element: Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def titles(root: Element) -> list[str]:
    return [words(figure[0]) for figure in root.iter("figure")]


def drawn(figure: Element, number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The line of series ``number`` in shares of the axes from their lower left corner."""
    box = next(figure.iter("rect")) if figure.find("svg/defs") is None else figure.findall("svg/defs/clipPath/rect")[0]
    left, top, width, height = (float(box.attrib[k]) for k in ("x", "y", "width", "height"))
    line = next(
        p for p in figure.iter("path") if f"stroke: var(--k{number})" in p.get("style", "") and "clip-path" in p.attrib
    )
    points = np.asarray(re.findall(r"[-\d.]+", line.attrib["d"]), np.float64).reshape(-1, 2)
    return np.column_stack([(points[:, 0] - left) / width, (top + height - points[:, 1]) / height])


def test_the_page_tells_how_far_how_fast_and_how_good(log: Path) -> None:
    root = parsed(curves.to_html(log, recipe()))
    said = words(root)
    for part in (
        "Best at step 200, with 0.850 on held-out data; 1 check since then did not better it.",
        "300 of 1,000 (30%)",
        f"{2 * recipe().pairs.total * 300:,}",
        "50 steps a minute",
        "4 minutes between the first check and the latest",
        "Left, at this pace 14 minutes",
        "people it never saw (auc_people)",
        "200 (best)",
        "1970-01-01 00:16 UTC",
    ):
        assert part in said, part
    assert titles(root) == ["Held-out AUC", "Loss on the training faces", "Learning rate"]


def test_the_lines_are_those_of_the_log(log: Path) -> None:
    held_out, loss, rate = parsed(curves.to_html(log, recipe())).iter("figure")
    low, high = 0.70 - 0.03, 0.91 + 0.03  # the reach of the axis
    for number, values in ((1, (0.8, 0.9, 0.91)), (2, (0.7, 0.8, 0.75)), (3, (0.75, 0.85, 0.83))):
        assert drawn(held_out, number)[:, 1] * (high - low) + low == pytest.approx(values, abs=2e-3)
    heights = drawn(loss, 1)[:, 1]
    assert (heights - heights[1]) / (heights[0] - heights[2]) == pytest.approx([0.5, 0.0, -0.5], abs=0.01)
    curve = drawn(rate, 1)
    peak = recipe().optimiser.warmup_steps / 1000
    assert 0.04 + 0.92 * peak == pytest.approx(curve[curve[:, 1].argmax(), 0], abs=0.03)
    assert curve[-1, 1] < 0.1


def test_a_pause_is_no_work(tmp_path: Path) -> None:
    later = "400,0.40,0.30,0.91,0.75,0.83,9001240", "500,0.40,0.30,0.91,0.75,0.83,9001360"
    said = words(parsed(curves.to_html(written(tmp_path, HEAD, *ROWS, *later), recipe())))
    assert "50 steps a minute" in said
    assert "14 minutes between" in said  # three gaps of two minutes, and one that counts as four of them


def test_one_row_is_enough_and_none_is_an_error(tmp_path: Path) -> None:
    assert "the only check so far" in words(parsed(curves.to_html(written(tmp_path, HEAD, ROWS[0]))))
    for lines in ((), (HEAD,), ("a,b", "1,2"), (HEAD, "x,1,2,3,4,5,6")):
        with pytest.raises(DataError, match="holds no check"):
            curves.to_html(written(tmp_path, *lines))
    with pytest.raises(DataError, match="cannot be read"):
        curves.to_html(tmp_path / "nothing.csv")
    (tmp_path / "log.csv").write_bytes(b"step\n\xff\xfe\n")
    with pytest.raises(DataError, match="cannot be read"):
        curves.to_html(tmp_path / "log.csv")


def test_a_row_that_is_being_written_is_not_read(tmp_path: Path) -> None:
    log = curves.read_log(written(tmp_path, HEAD, *ROWS[:2], "300,0.4", end=""))
    assert log.steps == (100, 200)


def test_a_resumed_log_keeps_the_later_row_in_order(tmp_path: Path) -> None:
    log = curves.read_log(written(tmp_path, HEAD, ROWS[0], ROWS[2], ROWS[1], ROWS[0].replace("0.75", "0.99")))
    assert log.steps == (100, 200, 300)
    assert log.columns["choose"] == (0.99, 0.85, 0.83)
    assert log.best == 0


def test_columns_nobody_knows_have_a_picture_of_their_own(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "step,auc_人脸,auc_made,<b>odd</b>,empty,lr,words",
        "100,0.8,0.7,3,,0.1,abc",
        "200,0.85,nan,1e30,,0.05,inf,and,more",
        "300,0.9",
    )
    root = parsed(curves.to_html(path))
    assert titles(root) == ["Held-out AUC", "Learning rate", "<b>odd</b>"]
    assert "auc_人脸" in words(root)
    assert "Nothing here tells which step is best." in words(root)


def test_many_held_out_sources_and_checks(tmp_path: Path) -> None:
    names = [f"auc_{i}" for i in range(9)]
    rows = (",".join([str(s), *("0.7" for _ in names), "0.7"]) for s in range(1, 400))
    root = parsed(curves.to_html(written(tmp_path, ",".join(["step", *names, "choose"]), *rows)))
    assert all(f"auc_{i}" in " ".join(words(f) for f in root.iter("figure")) for i in range(9))


def test_write_puts_the_page_beside_the_log(log: Path) -> None:
    folder = log.parent
    (folder / "recipe.json").write_text(recipe().model_dump_json(), encoding="utf-8")
    path = curves.write(folder)
    assert path == folder / "curves.html"
    assert path.read_text(encoding="utf-8") == curves.to_html(log, recipe())
    assert {p.name for p in folder.iterdir()} == {"log.csv", "recipe.json", "curves.html"}
    (folder / "recipe.json").write_text("{}", encoding="utf-8")
    assert curves.write(folder).read_text(encoding="utf-8") == curves.to_html(log)


def test_a_run_is_not_stopped_for_want_of_matplotlib(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[report\]"):
        curves.to_html(log)
    said = words(parsed(curves.write(log.parent).read_text(encoding="utf-8")))
    assert re.search(r"pip install .*\[report\]", said)
    assert "Best at step 200" in said


def test_the_same_log_is_the_same_page(log: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    again = Path(shutil.copy(log, tmp_path / "other" / "log.csv"))
    assert curves.to_html(log) == curves.to_html(again)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_page_is_chinese_where_chinese_is_spoken(tmp_path: Path, steps: int) -> None:
    log = written(tmp_path, HEAD, *ROWS[:steps])
    english = curves.to_html(log, recipe())
    with speaking("zh"):
        html = curves.to_html(log, recipe())
        (tmp_path / "bare").mkdir()
        bare = curves._page(curves.read_log(log), None, drawn=False)
    assert curves.to_html(log, recipe()) == english
    for page in (html, bare):
        root = parsed(page)
        assert root.get("lang") == "zh-Hans"
        said = [words(next(root.iter("body"))), root.findtext("head/title") or ""]
        for element in root.iter():
            said += [element.get(name, "") for name in ("aria-label", "title")]
        left = re.sub(r"/\S+|pip install\S*|-m pip install -e|'|\[report\]", " ", " ".join(said))
        known = {
            "zhenwei",
            "AUC",
            "UTC",
            "log",
            "csv",
            "cnn",
            "face",
            "forgery",
            "python",
            "pip",
            "install",
            "matplotlib",
        }
        assert set(re.findall("[A-Za-z]{2,}", left.replace("_", " "))) <= known | set(re.split("[,_]", HEAD))
