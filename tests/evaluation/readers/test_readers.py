"""Detection of the format, and what every reader owes: DataError for damage, names unique, missing files reported."""

from __future__ import annotations

import csv
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from zhenwei import media
from zhenwei.errors import DataError, UsageError
from zhenwei.evaluation import readers
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.readers import table_reading

LAYOUTS = {
    "faceforensics": ["original_sequences/youtube/c23/videos/000.mp4"],
    "celeb-df": ["Celeb-real/id0_0000.mp4"],
    "dfdc": ["part_0/a.mp4"],
    "deepfakebench": ["frames/a/0.png"],
    "asvspoof": ["flac/LA_T_1.flac"],
    "csv": ["a.png"],
    "project": [],
}


def read(place: str | Path, name: str = "auto") -> list[Item]:
    return list(readers.load(place, name).items)


def place(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def layout(name: str, root: Path) -> None:
    """A tiny folder of each format, with what its reader needs beside the media."""
    place(root, *LAYOUTS[name])
    if name == "celeb-df":
        (root / "List_of_testing_videos.txt").write_text("1 Celeb-real/id0_0000.mp4\n")
    if name == "dfdc":
        (root / "part_0/metadata.json").write_text('{"a.mp4": {"label": "REAL", "split": "train"}}')
    if name == "deepfakebench":
        video = {"label": "X_real", "frames": ["frames/a/0.png"]}
        (root / "X.json").write_text(json.dumps({"X": {"X_real": {"test": {"a": video}}}}))
    if name == "asvspoof":
        (root / "ASVspoof2019.LA.cm.train.trn.txt").write_text("LA_0001 LA_T_1 - - bonafide\n")
    if name == "csv":
        (root / "labels.csv").write_text("path,label\na.png,real\n")
    if name == "project":
        (root / "clips.csv").write_text("path,label,method\nreal/a.mp4,real,HDTF\n")
        with zipfile.ZipFile(root / "clips.zip", "w") as archive:
            archive.writestr("real/a.mp4", b"")


@pytest.mark.parametrize("name", [f.name for f in readers.FORMATS])
def test_each_layout_is_recognised_and_alone(name: str, tmp_path: Path) -> None:
    layout(name, tmp_path)
    assert readers.detect(tmp_path).name == name
    items = read(tmp_path)
    assert items == read(str(tmp_path), name)
    assert len(items) == 1
    assert not items[0].forged
    assert items[0].path.is_file()


def test_no_format_names_all_of_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no known format") as caught:
        read(tmp_path)
    assert all(f.name in str(caught.value) for f in readers.FORMATS)


def test_two_formats_ask_for_a_name(tmp_path: Path) -> None:
    layout("csv", tmp_path)
    layout("dfdc", tmp_path)
    with pytest.raises(DataError, match=r"several formats.*dfdc, csv"):
        read(tmp_path)
    assert [i.set_name for i in read(tmp_path, "dfdc")] == ["DFDC"]
    assert [i.set_name for i in read(tmp_path, "csv")] == ["labels"]


@pytest.mark.parametrize("where", ["nowhere", "x" * 5000, "a\0b"])
def test_no_such_place(where: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are no data"):
        read(tmp_path / where)


def test_unknown_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no format is called so.*faceforensics"):
        read(tmp_path, "kitti")


@pytest.mark.parametrize("name", [f.name for f in readers.FORMATS])
@pytest.mark.parametrize("what", ["empty folder", "file of another kind", "binary file"])
def test_a_named_format_on_anything_else_is_a_data_error(name: str, what: str, tmp_path: Path) -> None:
    target = tmp_path
    if what != "empty folder":
        target = tmp_path / "x.bin"
        target.write_bytes(b"hello\n" if "other" in what else bytes(range(256)))
    with pytest.raises(DataError):
        read(target, name)


def test_a_list_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout("csv", tmp_path)
    monkeypatch.setattr(table_reading, "LARGEST_LIST_BYTES", 10)
    with pytest.raises(DataError, match="too large"):
        read(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX only")
def test_a_file_name_that_is_no_text(tmp_path: Path) -> None:
    layout("celeb-df", tmp_path)
    (tmp_path / "YouTube-real").mkdir()
    try:
        (tmp_path / "YouTube-real" / os.fsdecode(b"\xff.mp4")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    with pytest.raises(DataError, match="not UTF-8"):
        read(tmp_path)


def table(root: Path, text: str | bytes) -> Path:
    path = root / "set.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_csv_takes_every_column(tmp_path: Path) -> None:
    place(tmp_path, "a/1.png", "2.png")
    path = table(
        tmp_path,
        "\ufeffPath,LABEL,method,origin,identity,video,split,set,extra\r\n"
        "a\\1.png,Forged,swap,web,ann,v1,dev,other,9\r\n\r\n./2.png,bonafide,,,,,,,\r\n",
    )
    first, second = read(path)
    want = Item("a/1.png", tmp_path / "a/1.png", "other", True, "", "swap", "web", "ann", "v1", "val")
    assert first == want
    assert second == Item("2.png", tmp_path / "2.png", "set", False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path\na.png\n", "columns do not fit"),
        ("", "columns do not fit"),
        ("path,label,label\na.png,0,1\n", "columns do not fit"),
        ("path,label\na.png,0\na.png,maybe\n", "label is unknown; got 'maybe' in line 3"),
        ("path,label\na.png,\n", "label is unknown"),
        ("path,label\na.png,0.0\n", "label is unknown"),
        ("path,label\na.png\n", "1 cells in line 2"),
        ("path,label\na.png,0,1\n", "3 cells in line 2"),
        ("path,label\na.png,0\na.png,1\n", "lines 2 and 3"),
        ("path,label\na.png,0\n.//a.png,0\n", "lines 2 and 3"),
        ("path,label\n../a.png,0\n", r"1 of 1 not there: \.\./a\.png"),
        ("path,label\nx\\..\\..\\a.png,0\n", r"1 of 1 not there: \.\./a\.png"),
        ("path,label\na.png,0\nx/../a.png,1\n", "lines 2 and 3"),
        ("path,label\na.png,0\n..,1\n", "is a folder; got .. in line 3"),
        ("path,label\n/not/there.png,0\n", "missing.*--skip-missing"),
        ("path,label\nC:\\a.png,0\n", "leaves the folder"),
        ("path,label\n,0\n", "leaves the folder"),
        ("path,label\na\x00.png,0\n", "control characters"),
        ('path,label\n"a\nb.png",0\n', "control characters"),
        ('path,label\n"a.png"x,0\n', "no CSV"),
        ('path,label\n"a.png,0\n', "no CSV"),
        ("path,label\n" + "a" * 200_000 + ",0\n", "no CSV"),
        ("path,label\n" + "a" * 5_000 + ",0\n", "missing"),
        ("path,label,split\na.png,0,later\n", "no split is called so"),
        ("path,label\n", "no media found"),
        (b"path,label\n\xe4.png,0\n", "not UTF-8"),
        ("path,label\nb.png,0\n", "1 of 1 not there: b.png"),
    ],
)
def test_csv_damage_is_named(text: str | bytes, said: str, tmp_path: Path) -> None:
    place(tmp_path, "a.png")
    with pytest.raises(DataError, match=said):
        read(table(tmp_path, text))


def test_one_s_own_table_may_name_files_anywhere(tmp_path: Path) -> None:
    place(tmp_path / "tables", "near.png")
    place(tmp_path / "far", "away.png")
    near, far = tmp_path / "tables" / "near.png", tmp_path / "far" / "away.png"
    path = table(tmp_path / "tables", f"path,label\n{near},0\n{far},1\n")
    found = read(path)
    assert [(item.name, item.path) for item in found] == [("near.png", near), (str(far), far)]
    with pytest.raises(DataError, match=r"leaves the folder.*name it instead of its folder"):
        read(tmp_path / "tables")  # of a folder the table may be anybody's
    twice = table(tmp_path / "tables", f"path,label\n{near},0\nnear.png,1\n")
    with pytest.raises(DataError, match="lines 2 and 3"):
        read(twice)
    place(tmp_path / "tables", "x/in.png")
    up = table(tmp_path / "tables", "path,label\nx/../../far/away.png,1\n..\\tables\\near.png,0\nx//../x/in.png,0\n")
    assert [item.name for item in read(up)] == ["../far/away.png", "near.png", "x/in.png"]
    assert all(item.path.is_file() for item in read(up))
    with pytest.raises(DataError, match=r"leaves the folder.*name it instead of its folder"):
        read(tmp_path / "tables")
    same = table(tmp_path / "tables", f"path,label\n../far/away.png,1\n{far},1\n")
    with pytest.raises(DataError, match="lines 2 and 3"):
        read(same)


def test_a_listed_folder_is_not_called_missing(tmp_path: Path) -> None:
    place(tmp_path, "a.png", "more/b.png")
    path = table(tmp_path, "path,label\na.png,0\nmore,1\n")
    for skip_missing in (False, True):
        with pytest.raises(DataError, match=r"is a folder; got more in line 3.*row of its own"):
            readers.load(path, skip_missing=skip_missing)


@pytest.mark.parametrize("mark", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("hint", [False, True])
def test_tables_as_excel_writes_them(mark: str, encoding: str, hint: bool, tmp_path: Path) -> None:
    place(tmp_path, "a.png", "b, c.png")
    rows = [["Path", "label", "origin"], ["a.png", "fake", "网"], ["b, c.png", "real", ""]]
    text = (f"sep={mark}\r\n" if hint else "") + "".join(mark.join(row) + "\r\n" for row in rows)
    path = table(tmp_path, text.encode(encoding))
    for where in (path, tmp_path):
        items = read(where)
        assert [(item.name, item.forged, item.origin) for item in items] == [
            ("a.png", True, "网"), ("b, c.png", False, ""),
        ]  # fmt: skip


def test_missing_files_are_counted_or_skipped(tmp_path: Path) -> None:
    place(tmp_path, "here.png")
    rows = "".join(f"{n}.png,1\n" for n in range(9))
    path = table(tmp_path, f"path,label\n{rows}here.png,0\n")
    with pytest.raises(DataError, match=r"9 of 10 not there: 0.png, 1.png, 2.png, 3.png, 4.png and 4 more"):
        read(path)
    found = readers.load(path, skip_missing=True)
    assert [i.name for i in found.items] == ["here.png"]
    assert found.missing == tuple(f"{n}.png" for n in range(9))
    (tmp_path / "here.png").unlink()
    with pytest.raises(DataError, match="no media found"):
        readers.load(path, skip_missing=True)


def test_a_folder_with_several_tables_asks_which(tmp_path: Path) -> None:
    layout("csv", tmp_path)
    (tmp_path / "more.csv").write_text("path,label\na.png,1\n")
    with pytest.raises(DataError, match=r"got labels.csv, more.csv.*itself"):
        read(tmp_path)


CELLS = st.text(st.characters(codec="utf-8"), max_size=12)


@given(rows=st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), CELLS, CELLS), max_size=6))
def test_csv_gives_back_what_was_written_or_says_why_not(
    rows: list[tuple[str, bool, str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "given"
    place(root, "a", "b", "c")
    with (root / "set.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("path", "label", "method", "set"), *((p, int(f), m, s) for p, f, m, s in rows)])
    keys = [(p, s.strip() or "set") for p, _, _, s in rows]
    odd = any(ord(c) < 32 or ord(c) == 127 for r in rows for cell in r[2:] for c in cell.strip())
    if odd or not rows or len(set(keys)) < len(keys):
        with pytest.raises(DataError):
            read(root / "set.csv")
    else:
        got = [(i.name, i.forged, i.method, i.set_name) for i in read(root / "set.csv")]
        assert got == [(p, f, m.strip(), s.strip() or "set") for p, f, m, s in rows]


@given(data=st.binary(max_size=200))
def test_noise_as_a_table_is_never_a_traceback(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.csv"
    path.write_bytes(b"path,label\n" + data)
    with pytest.raises(DataError):
        read(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5) | st.sampled_from(["REAL", "FAKE"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["label", "split", "original", "frames", "FF-DF", "a_real", "test", "c23", "a.mp4", ""]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(value=JSON, name=st.sampled_from(["metadata.json", "X.json"]))
def test_json_of_any_shape_is_never_a_traceback(
    value: Any, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "json"
    root.mkdir(exist_ok=True)
    (root / name).write_text(json.dumps(value))
    with pytest.raises(DataError):  # nothing that it names exists
        read(root / name)


@pytest.mark.parametrize("name", ["metadata.json", "X.json"])
@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a": ' + "9" * 5000 + "}", "{", "", "\ufeff[]", '{"a": 1, "a": 2}', '{"\\ud800": {}}']
)
def test_hostile_json(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError):
        read(tmp_path / name)


def test_a_real_picture_from_table_to_pixels(tmp_path: Path) -> None:
    pixels = np.full((24, 32, 3), 200, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (item,) = read(table(tmp_path, "path,label\na.png,real\n"))
    found = media.open_media(item.path)
    assert (found.kind, found.width, found.height) == ("image", 32, 24)
