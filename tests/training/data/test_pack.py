"""The pack: what the data folder holds, cut as the detector cuts; and what is damaged is said to be."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.training.making import jpeg, person, save, tampered, tiny_pack, write_table

from zhenwei import faces
from zhenwei.errors import DataError, UsageError
from zhenwei.training.data.encoding import decode, encode
from zhenwei.training.data.pack import COLUMNS, CROP, Pack, build_pack, kept_decoded, load_pack, prepare_pack
from zhenwei.types import Frame, Pixels

GREY = encode(np.full((224, 224, 3), 128, np.uint8), ".jpg", 90)
ASTRONAUT = Path(__file__).parents[2] / "data" / "astronaut.jpg"


def tight_crop() -> Pixels:
    """A face that fills its picture, 224 px."""
    image = decode(ASTRONAUT.read_bytes())
    face = faces.find_people((Frame(0, 0.0, image),))[0].faces[0]
    box, side = face.box, round(max(face.box.width, face.box.height))
    left, top = round((box.left + box.right - side) / 2), round((box.top + box.bottom - side) / 2)
    crop = image[top : top + side, left : left + side]
    return np.asarray(cv2.resize(crop, (224, 224), interpolation=cv2.INTER_CUBIC), np.uint8)


def dfdc(folder: Path, *, damage: str = "") -> None:
    crop = tight_crop()
    files = {
        "train/real/a.jpg": jpeg(crop),
        "train/fake/b.jpg": jpeg(tampered(crop) // 2 + crop // 2),
        "train/real/c.jpg": GREY,  # nobody is found in it
        "train/fake/d.jpg": jpeg(crop[:, ::-1]),  # made of c
        "val/real/e.jpg": jpeg(person(1)),
    }
    rows: list[dict[str, object]] = []
    for path, original, identity, width in (
        ("train/real/a.jpg", "a", 7, 129),
        ("train/fake/b.jpg", "a", 7, 130),
        ("train/real/c.jpg", "c", 8, 140),
        ("train/fake/d.jpg", "c", 8, 140),
        ("val/real/e.jpg", "e", 9, 150),
    ):
        split, label, _ = path.split("/")
        row: dict[str, object] = {"path": path, "label": label, "original": original, "identity": identity}
        rows.append(row | {"split": split, "width_px": width})
    if damage == "no such member":
        del files["train/fake/b.jpg"]
    elif damage == "no number":
        rows[1]["width_px"] = "wide"
    elif damage == "no column":
        rows = [{k: v for k, v in row.items() if k != "identity"} for row in rows]
    elif damage == "no picture":
        files["train/real/a.jpg"] = b"no picture"
    write_table(folder, "dfdc-faces", rows, files)
    if damage == "no zip":
        (folder / "dfdc-faces.zip").write_bytes(b"PK no zip")


def photos(folder: Path) -> None:
    names = {"ffhq": 2, "stylegan": 3, "ffhq-val": 4, "pixabay": 5}
    rows: list[dict[str, object]] = []
    for source, number in names.items():
        label, split = "fake" if source == "stylegan" else "real", "val" if source.endswith("-val") else "train"
        generator = "StyleGAN" if label == "fake" else ""
        rows.append({"path": f"{number}.jpg", "label": label, "generator": generator, "source": source, "split": split})
    write_table(folder, "photos", rows, {f"{n}.jpg": jpeg(person(n)) for n in names.values()})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    dfdc(folder)
    photos(folder)
    return folder


@pytest.fixture(scope="module")
def built(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    told: list[float] = []
    target = tmp_path_factory.mktemp("pack") / "below" / "pack.npz"
    assert build_pack(data, target, told.append) == (7, 2)
    assert told == sorted(told)
    assert [p.name for p in target.parent.iterdir()] == ["pack.npz"]
    return load_pack(target)


def test_every_face_is_there_with_what_is_known_of_it(built: Pack) -> None:
    assert len(built) == 7
    assert built.path.tolist()[:3] == ["train/real/a.jpg", "train/fake/b.jpg", "val/real/e.jpg"]
    assert built.source.tolist() == ["dfdc"] * 3 + ["ffhq", "stylegan", "ffhq", "pixabay"]
    assert built.split.tolist() == ["train", "train", "val", "train", "train", "val", "train"]
    assert built.forged.tolist() == [False, True, False, False, True, False, False]
    assert built.original.tolist() == [-1, 0, -1, -1, -1, -1, -1]
    assert built.identity.tolist()[:3] == ["7", "7", "9"]
    assert built.face_px.tolist()[:2] == [129, 130]  # as published, before it was scaled
    assert 150 < built.face_px[3] < 224  # measured


def test_a_picture_without_a_face_is_left_out_and_so_is_what_was_made_of_it(built: Pack) -> None:
    """Else the forgery would stand as one without an original: wholly synthetic."""
    assert not {"train/real/c.jpg", "train/fake/d.jpg"} & set(built.path.tolist())


def test_a_tight_crop_stays_byte_for_byte(built: Pack, data: Path) -> None:
    with zipfile.ZipFile(data / "dfdc-faces.zip") as archive:
        published = archive.read("train/real/a.jpg")
    assert built.data[built.offsets[0] : built.offsets[1]].tobytes() == published
    assert np.array_equal(built.pixels(0), decode(published))


def test_any_other_picture_is_cut_as_the_detector_cuts_it(built: Pack) -> None:
    frame = Frame(0, 0.0, decode(jpeg(person(2))))
    face = faces.find_people((frame,))[0].faces[0]
    cut = faces.cut(frame, face, CROP)
    assert cut is not None
    assert np.abs(built.pixels(3).astype(int) - cut).mean() < 3  # it was encoded once more


def test_landmarks_are_those_of_the_picture_in_the_pack(built: Pack) -> None:
    for index in range(len(built)):
        points = built.points(index)
        assert points is not None
        assert points.dtype == np.float32
        found = faces.find_people((Frame(0, 0.0, built.pixels(index)),))
        landmarks = found[0].faces[0].landmarks
        assert landmarks is not None
        assert np.abs(points - landmarks[:, :2]).mean() < 4


def test_a_face_without_a_mesh_has_no_points() -> None:
    pack = tiny_pack()
    assert pack.points(len(pack) - 1) is None
    assert pack.points(0) is not None
    assert all(pack.pixels(i).shape == (224, 224, 3) for i in range(3))


@pytest.mark.parametrize("missing", ["dfdc-faces.csv", "dfdc-faces.zip", "photos.csv", "photos.zip"])
def test_a_missing_file_is_named(missing: str, data: Path, tmp_path: Path) -> None:
    for file in data.iterdir():
        if file.name != missing:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DataError, match=f"incomplete; got no {missing}"):
        build_pack(tmp_path, tmp_path / "pack.npz")
    assert not (tmp_path / "pack.npz").exists()


@pytest.mark.parametrize("damage", ["no such member", "no number", "no column", "no zip"])
def test_a_damaged_data_folder_is_said_to_be(damage: str, tmp_path: Path) -> None:
    dfdc(tmp_path, damage=damage)
    photos(tmp_path)
    with pytest.raises(DataError, match="damaged; got dfdc-faces"):
        build_pack(tmp_path, tmp_path / "pack.npz")


def test_bytes_that_are_no_picture_are_refused(tmp_path: Path) -> None:
    dfdc(tmp_path, damage="no picture")
    photos(tmp_path)
    with pytest.raises(DataError, match="cannot be decoded"):
        build_pack(tmp_path, tmp_path / "pack.npz")


def test_a_folder_without_a_single_face_is_refused(tmp_path: Path) -> None:
    row: dict[str, object] = {"path": "x.jpg", "label": "real", "original": "x", "identity": 1, "split": "train"}
    write_table(tmp_path, "dfdc-faces", [row | {"width_px": 100}], {"x.jpg": GREY})
    photo: dict[str, object] = {"path": "y.jpg", "label": "real", "generator": "", "source": "ffhq", "split": "train"}
    write_table(tmp_path, "photos", [photo], {"y.jpg": GREY})
    with pytest.raises(DataError, match="no face was found"):
        build_pack(tmp_path, tmp_path / "pack.npz")


def test_a_pack_comes_back_as_it_was_written(tmp_path: Path) -> None:
    pack = tiny_pack()
    back = load_pack(save(pack, tmp_path / "pack.npz"))
    for name in Pack.__dataclass_fields__:
        assert np.array_equal(getattr(back, name), getattr(pack, name), equal_nan=name == "landmarks")


@pytest.mark.parametrize("kind", ["empty", "text", "cut short", "one array", "no column", "short column", "objects"])
def test_a_file_that_is_no_pack_is_refused(kind: str, tmp_path: Path) -> None:
    path = save(tiny_pack(), tmp_path / "pack.npz")
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files}
    if kind in ("empty", "text"):
        path.write_bytes(b"" if kind == "empty" else b"path,label\n")
    elif kind == "cut short":
        path.write_bytes(path.read_bytes()[:-2000])
    elif kind == "one array":
        with path.open("wb") as file:
            np.save(file, np.arange(3))
    elif kind == "no column":
        np.savez(path, **{k: v for k, v in columns.items() if k != "identity"})
    elif kind == "short column":
        np.savez(path, **(columns | {"identity": columns["identity"][:-1]}))
    else:
        np.savez(path, **(columns | {"identity": np.array([{}] * len(columns["identity"]))}))
    with pytest.raises(DataError, match=r"no training pack.*a pack that --make-pack wrote"):
        load_pack(path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"original": lambda old: old + 10_000}, "an original that is none of the"),
        ({"original": lambda old: old * 1.0}, "a column original of another kind"),
        ({"offsets": lambda old: np.array([*old[:2][::-1], *old[2:]])}, "offsets that do not rise"),
        ({"landmarks": lambda old: old[:, :9]}, "landmarks or a side"),
        (
            {name: lambda old: old[:0] for name in COLUMNS if name != "offsets"} | {"offsets": lambda old: old[:1]},
            "no picture",
        ),
    ],
)
def test_a_pack_whose_columns_contradict_each_other_is_refused(
    changes: dict[str, Callable[[Any], Any]], told: str, tmp_path: Path
) -> None:
    path = save(tiny_pack(), tmp_path / "pack.npz")
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files}
    np.savez(path, **(columns | {name: change(columns[name]) for name, change in changes.items()}))
    with pytest.raises(DataError, match=told):
        load_pack(path)


def test_a_pack_of_another_version_is_refused(tmp_path: Path) -> None:
    path = save(tiny_pack(), tmp_path / "pack.npz")
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files} | {"version": np.array(99)}
    np.savez(path, **columns)
    with pytest.raises(DataError, match="another version; got 99"):
        load_pack(path)


def test_a_pack_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="pack is missing"):
        load_pack(tmp_path / "pack.npz")


def test_many_workers_write_the_same_file(tmp_path: Path) -> None:
    dfdc(tmp_path)
    photos(tmp_path)
    told: list[float] = []
    alone = build_pack(tmp_path, tmp_path / "alone.npz", workers=1)
    assert build_pack(tmp_path, tmp_path / "many.npz", told.append, workers=2) == alone
    assert told == sorted(told)
    first, second = (load_pack(tmp_path / name) for name in ("alone.npz", "many.npz"))
    for name in COLUMNS:
        assert np.array_equal(getattr(first, name), getattr(second, name), equal_nan=name == "landmarks"), name


def test_decoded_pictures_are_those_of_the_pack_and_are_gone_afterwards() -> None:
    pack = tiny_pack()
    with kept_decoded(pack) as decoded:
        assert isinstance(decoded.decoded, np.memmap)
        path = Path(str(decoded.decoded.filename))
        assert path.is_file()
        for index in range(len(pack)):
            assert np.array_equal(decoded.pixels(index), pack.pixels(index))
        decoded.pixels(0)[:] = 0  # the caller's own
        assert np.array_equal(decoded.pixels(0), pack.pixels(0))
    assert not path.exists()


def test_what_was_prepared_from_other_data_is_not_gone_on_with(data: Path, tmp_path: Path) -> None:
    output, other = tmp_path / "output", tmp_path / "other"
    first = prepare_pack(data, output)
    assert len(prepare_pack(data, output)) == len(first)
    moved = Path(shutil.copytree(data, tmp_path / "moved"))
    assert len(prepare_pack(moved, output)) == len(first)  # the same data at another place
    assert len(prepare_pack(output / "pack.npz", output)) == len(first)
    shutil.copytree(data, other)
    table = other / "photos.csv"
    table.write_text(table.read_text().replace("5.jpg,real", "5.jpg,fake"))
    for elsewhere in (other, tmp_path / "nothing there"):
        with pytest.raises(UsageError, match="other data") as refused:
            prepare_pack(elsewhere, output)
        assert "pack.npz" in str(refused.value)
