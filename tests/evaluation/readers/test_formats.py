"""Each format's labels, groups, splits and sets, on tiny folders of its layout."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.errors import DataError
from zhenwei.evaluation import readers
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.readers import naming

Rooted = Callable[[Path], None]


def read(place: str | Path, name: str = "auto") -> list[Item]:
    return list(readers.load(place, name).items)


def place(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def by_name(items: list[Item]) -> dict[str, Item]:
    return {i.name: i for i in items}


# FaceForensics++


def faceforensics(root: Path) -> None:
    originals = [f"original_sequences/youtube/c23/videos/{v}.mp4" for v in ("000", "003", "007", "009")]
    forged = [f"manipulated_sequences/{m}/c23/videos/000_003.mp4" for m in ("Deepfakes", "FaceShifter")]
    place(root, *originals, *forged, "manipulated_sequences/Deepfakes/c23/videos/003_000.mp4")
    place(
        root, "manipulated_sequences/Deepfakes/c40/videos/007_009.mp4", "original_sequences/youtube/raw/videos/007.avi"
    )
    place(root, "original_sequences/actors/c23/videos/01__kitchen_pan.mp4")
    place(root, "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__kitchen_pan__YVGY8LOK.mp4")
    place(
        root, "manipulated_sequences/Deepfakes/c23/videos/notes.txt", "manipulated_sequences/New/c23/videos/000_003.mp4"
    )


def splits(root: Path, **pairs: Any) -> None:
    root.mkdir(exist_ok=True)
    for name, rows in pairs.items():
        (root / f"{name}.json").write_text(json.dumps(rows))


def test_faceforensics_pairs_share_their_group(tmp_path: Path) -> None:
    faceforensics(tmp_path)
    found = readers.load(tmp_path)
    items = by_name(list(found.items))
    fake = items["manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"]
    real = items["original_sequences/youtube/c23/videos/000.mp4"]
    assert (fake.forged, fake.method, fake.video, fake.split) == (True, "Deepfakes", "000", "test")
    assert (real.forged, real.method, real.video, real.origin) == (False, "", "000", "youtube")
    same = [n for n, i in items.items() if i.group == "000+003"]
    assert len(same) == 5  # two originals, three forgeries
    assert {i.group for i in items.values()} == {"000+003", "007+009", "actor 01"}
    sets = {"FaceForensics++ c23", "FaceForensics++ c40", "FaceForensics++ raw", "DeepFakeDetection c23"}
    assert {i.set_name for i in items.values()} == sets
    assert found.notes == ("manipulated_sequences/New is no method of this data set and was left out",)


def test_faceforensics_actors(tmp_path: Path) -> None:
    faceforensics(tmp_path)
    actors = [i for i in read(tmp_path) if i.set_name.startswith("DeepFakeDetection")]
    assert [(i.forged, i.video, i.identity, i.origin) for i in actors] == [
        (False, "01__kitchen_pan", "actor 01", "actors"),
        (True, "01__kitchen_pan", "actor 01", "actors"),
    ]


@pytest.mark.parametrize("where", ["splits", "dataset/splits", "."])
def test_faceforensics_official_splits(where: str, tmp_path: Path) -> None:
    faceforensics(tmp_path)
    (tmp_path / where).mkdir(parents=True, exist_ok=True)
    splits(tmp_path / where, train=[["000", "003"]], val=[["007", "009"]], test=[["100", "101"]])
    found = readers.load(tmp_path)
    got = {(i.video, i.split) for i in found.items if i.origin == "youtube" and i.set_name == "FaceForensics++ c23"}
    assert got == {("000", "train"), ("003", "train"), ("007", "val"), ("009", "val")}
    assert {"FaceForensics++ c23", "DeepFakeDetection c23"} <= {i.set_name for i in found.items}
    assert "2 of 6 videos of the split files are not in the folder" in found.notes


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ({"train": [["000", "003"]]}, "split files are missing"),
        ({"train": [["000", "003"]], "val": [], "test": []}, "in no split; got 2: 007, 009"),
        ({"train": [["000", "007"]], "val": [], "test": [["003", "009"]]}, "different splits; got 4"),
        ({"train": [["000"]], "val": [], "test": []}, "no pairs"),
        ({"train": [[0, 3]], "val": [], "test": []}, "no pairs"),
        ({"train": {}, "val": [], "test": []}, "no list"),
    ],
)
def test_faceforensics_splits_that_cannot_be(pairs: dict[str, Any], said: str, tmp_path: Path) -> None:
    faceforensics(tmp_path)
    splits(tmp_path / "splits", **pairs)
    with pytest.raises(DataError, match=said):
        read(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["manipulated_sequences/Deepfakes/c23/videos/000.mp4", "original_sequences/youtube/c23/videos/000_003.mp4",
     "original_sequences/youtube/c23/videos/holiday.mp4", "original_sequences/actors/c23/videos/000.mp4"],
)  # fmt: skip
def test_faceforensics_names_of_another_kind(name: str, tmp_path: Path) -> None:
    place(tmp_path, name)
    with pytest.raises(DataError, match="not of this data set"):
        read(tmp_path)


@given(pairs=st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=8))
def test_families_are_the_connected_people(pairs: list[tuple[str, str]]) -> None:
    reach = {p: {p} for pair in pairs for p in pair}
    for _ in reach:  # plain flooding
        for a, b in pairs:
            reach[a] |= reach[b]
            reach[b] |= reach[a]
    assert naming.families(pairs) == {p: "+".join(sorted(q)) for p, q in reach.items()}


# Celeb-DF


def celeb(root: Path, lines: str = "1 YouTube-real/00001.mp4\n0 Celeb-synthesis/id0_id1_0005.mp4\n") -> None:
    place(root, "Celeb-real/id0_0005.mp4", "Celeb-real/id1_0002.mp4", "YouTube-real/00001.mp4")
    place(root, "Celeb-synthesis/id0_id1_0005.mp4")
    (root / "List_of_testing_videos.txt").write_text(lines)


def test_celeb_df(tmp_path: Path) -> None:
    celeb(tmp_path)
    items = by_name(read(tmp_path))
    fake, real = items["Celeb-synthesis/id0_id1_0005.mp4"], items["Celeb-real/id0_0005.mp4"]
    youtube = items["YouTube-real/00001.mp4"]
    assert (fake.forged, real.forged, youtube.forged) == (True, False, False)
    assert fake.video == real.video == "id0_0005"
    assert fake.group == real.group == "id0"
    assert items["Celeb-real/id1_0002.mp4"].group == "id1"
    assert (youtube.group, youtube.split, fake.split, real.split) == ("YouTube-real/00001", "test", "test", "train")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("0 YouTube-real/00001.mp4", "contradict"),
        ("1 Celeb-synthesis/id0_id1_0005.mp4", "contradict"),
        ("2 YouTube-real/00001.mp4", "no testing video"),
        ("YouTube-real/00001.mp4", "leaves|no testing video"),
        ("1 Other/00001.mp4", "no testing video"),
        ("1 ../YouTube-real/00001.mp4", "leaves the folder"),
        ("1 YouTube-real/00001.mp4\n1 YouTube-real/00001.mp4", "twice.*line 2.*line 1"),
        ("1 YouTube-real/00009.mp4", "1 of 5 not there: YouTube-real/00009.mp4"),
    ],
)
def test_celeb_df_damage(lines: str, said: str, tmp_path: Path) -> None:
    celeb(tmp_path, lines)
    with pytest.raises(DataError, match=said):
        read(tmp_path)


def test_celeb_df_without_its_list_or_with_other_names(tmp_path: Path) -> None:
    celeb(tmp_path)
    place(tmp_path, "Celeb-real/id0_id1_0000.mp4")
    with pytest.raises(DataError, match="not of this data set"):
        read(tmp_path)
    (tmp_path / "List_of_testing_videos.txt").unlink()
    with pytest.raises(DataError, match=r"List_of_testing_videos\.txt"):
        read(tmp_path)


# DFDC


def dfdc(root: Path, **entries: Any) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "metadata.json").write_text(json.dumps({f"{k}.mp4": v for k, v in entries.items()}))


def test_dfdc_of_several_parts(tmp_path: Path) -> None:
    for part, real in (("p0", "a"), ("p1", "c")):
        place(tmp_path, f"{part}/{real}.mp4", f"{part}/{real}f.mp4")
        fake = {"label": "FAKE", "split": "train", "original": f"{real}.mp4"}
        dfdc(tmp_path / part, **{real: {"label": "REAL", "split": "val", "original": None}, f"{real}f": fake})
    items = read(tmp_path)
    assert [(i.name, i.forged, i.group, i.split) for i in items] == [
        ("p0/a.mp4", False, "a", "val"),
        ("p0/af.mp4", True, "a", "train"),
        ("p1/c.mp4", False, "c", "val"),
        ("p1/cf.mp4", True, "c", "train"),
    ]
    assert [i.name for i in read(tmp_path / "p1")] == ["c.mp4", "cf.mp4"]
    assert read(tmp_path / "p1/metadata.json") == read(tmp_path / "p1")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"label": "fake"}, "no label"),
        ({"label": ["FAKE"]}, "no label"),
        ({}, "no label"),
        (None, "no JSON object"),
        ({"label": "FAKE", "original": 3}, "malformed"),
        ({"label": "FAKE", "original": "../b.mp4"}, "leaves the folder"),
        ({"label": "FAKE", "split": "x"}, "no split is called so"),
    ],
)
def test_dfdc_damage(entry: Any, said: str, tmp_path: Path) -> None:
    place(tmp_path, "a.mp4")
    dfdc(tmp_path, a=entry)
    with pytest.raises(DataError, match=said):
        read(tmp_path)


def test_dfdc_paths_and_missing(tmp_path: Path) -> None:
    place(tmp_path, "in/a.mp4", "b.mp4")
    dfdc(tmp_path / "in", **{"../b": {"label": "REAL"}})
    with pytest.raises(DataError, match="leaves the folder"):
        read(tmp_path / "in")
    dfdc(tmp_path / "in", a={"label": "REAL"}, gone={"label": "FAKE", "original": "a.mp4"})
    with pytest.raises(DataError, match=r"1 of 2 not there: gone.mp4"):
        read(tmp_path / "in")
    assert readers.load(tmp_path / "in", skip_missing=True).missing == ("gone.mp4",)


# DeepfakeBench


def bench(root: Path, prefix: str = "", comp: bool = True) -> dict[str, Any]:
    """Two videos called 000 (of YouTube and of another label), and a forgery of the first."""

    def entry(label: str, key: str) -> dict[str, Any]:
        frames = [f"rgb/{label}/{key}/{n:03}.png" for n in range(2)]
        place(root, *frames)
        return {key: {"label": label, "frames": [prefix + f for f in frames]}}

    def wrap(videos: dict[str, Any]) -> dict[str, Any]:
        return {"c23": videos, "c40": {}} if comp else videos

    labels = {"FF-real": {"test": wrap(entry("FF-real", "000")), "train": wrap({})}}
    labels["FF-DF"] = {"test": wrap(entry("FF-DF", "000_003"))}
    labels["roop_Fake"] = {"val": wrap(entry("roop_Fake", "000"))}
    return {"Mix": labels}


def dump(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize("comp", [True, False])
@pytest.mark.parametrize("prefix", ["", "./", "/home/someone/data/", "D:\\data\\", "data/deeper/"])
def test_deepfakebench_frames(prefix: str, comp: bool, tmp_path: Path) -> None:
    path = dump(tmp_path / "dataset_json/Mix.json", bench(tmp_path, prefix, comp))
    items = read(path)
    assert [(i.name, i.forged, i.method, i.video, i.split) for i in items[::2]] == [
        ("FF-real/000/000.png", False, "", "FF-real/000", "test"),
        ("FF-DF/000_003/000.png", True, "Deepfakes", "FF-DF/000_003", "test"),
        ("roop_Fake/000/000.png", True, "roop_Fake", "roop_Fake/000", "val"),
    ]
    assert items[0].group == items[2].group == "000+003"  # the forgery and its original
    assert items[4].group == "roop_Fake/000"
    assert {i.set_name for i in items} == {"Mix c23" if comp else "Mix"}
    assert all(i.path.is_file() and i.path.is_relative_to(tmp_path) for i in items)
    assert read(tmp_path) == items


def test_deepfakebench_takes_a_video_once_and_in_the_test_part(tmp_path: Path) -> None:
    value = bench(tmp_path)
    value["Mix"]["FF-DF"]["train"] = value["Mix"]["FF-DF"]["test"]
    value["Mix"]["FF-DF"]["val"] = value["Mix"]["FF-DF"]["test"]
    dump(tmp_path / "A.json", value)
    dump(tmp_path / "B.json", value)
    found = readers.load(tmp_path)
    assert len(found.items) == 6
    assert {i.split for i in found.items if i.method == "Deepfakes"} == {"test"}
    assert found.notes[0].startswith("7 entries repeat a video")


def test_deepfakebench_missing(tmp_path: Path) -> None:
    path = dump(tmp_path / "Mix.json", bench(tmp_path))
    (tmp_path / "rgb/FF-DF/000_003/001.png").unlink()
    with pytest.raises(DataError, match=r"1 of 6 not there: FF-DF/000_003/001.png"):
        read(path)
    assert len(readers.load(path, skip_missing=True).items) == 5


def test_deepfakebench_frames_elsewhere(tmp_path: Path) -> None:
    path = dump(tmp_path / "lists/deep/er/down/Mix.json", bench(tmp_path / "media"))
    with pytest.raises(DataError, match="missing"):
        read(path)


@pytest.mark.parametrize("text", ["/etc/passwd", "../secret.png", "a/../../secret.png", "a\\..\\..\\secret.png", ""])
def test_deepfakebench_opens_nothing_outside(text: str, tmp_path: Path) -> None:
    place(tmp_path, "secret.png", "a/b/c/d/x")
    video = {"label": "X_fake", "frames": [text]}
    path = dump(tmp_path / "a/b/c/d/X.json", {"X": {"X_fake": {"test": {"v": video}}}})
    with pytest.raises(DataError, match=r"leaves its folder|missing"):
        read(path)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "the list is no JSON object"),
        ({"X": []}, "the data set 'X' is no JSON object"),
        ({"X": {"X_fake": {"later": {}}}}, "no split is called so"),
        ({"X": {"X_fake": {"test": {"v": {"label": "X_fake"}}}}}, "neither video nor compression"),
        ({"X": {"X_fake": {"test": {"v": {"frames": "a.png"}}}}}, "no list of frames"),
        ({"X": {"X_fake": {"test": {"v": {"frames": [1]}}}}}, "no list of frames"),
        ({"X": {"X_fake": {"test": {"v": {"label": "X_real", "frames": []}}}}}, "contradicts its place"),
        ({"X": {"surreal": {"test": {"v": {"frames": []}}}}}, "label is unknown"),
        ({}, "no media found"),
    ],
)
def test_deepfakebench_damage(value: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=said):
        read(dump(tmp_path / "X.json", value))


# ASVspoof


def test_asvspoof_2019(tmp_path: Path) -> None:
    protocols = tmp_path / "ASVspoof2019_LA_cm_protocols"
    protocols.mkdir()
    (protocols / "ASVspoof2019.LA.cm.train.trn.txt").write_text(
        "LA_0079 LA_T_1 - - bonafide\nLA_0079 LA_T_2 - A01 spoof\n"
    )
    (protocols / "ASVspoof2019.LA.cm.eval.trl.txt").write_text("LA_0039 LA_E_3 - A11 spoof\n")
    asv = tmp_path / "ASVspoof2019_LA_asv_protocols"
    asv.mkdir()
    (asv / "ASVspoof2019.LA.asv.eval.gi.trl.txt").write_text("LA_0001 LA_E_9 bonafide target\n")
    place(
        tmp_path,
        *(f"ASVspoof2019_LA_{p}/flac/LA_{f}.flac" for p, f in (("train", "T_1"), ("train", "T_2"), ("eval", "E_3"))),
    )
    items = sorted(read(tmp_path), key=lambda i: i.name)
    assert [(i.name, i.forged, i.method, i.identity, i.split, i.set_name) for i in items] == [
        ("LA_E_3", True, "A11", "LA_0039", "test", "ASVspoof 2019 LA"),
        ("LA_T_1", False, "", "LA_0079", "train", "ASVspoof 2019 LA"),
        ("LA_T_2", True, "A01", "LA_0079", "train", "ASVspoof 2019 LA"),
    ]
    alone = read(protocols / "ASVspoof2019.LA.cm.train.trn.txt")  # the sound is found from the file alone
    assert [i.name for i in alone] == ["LA_T_1", "LA_T_2"]


def test_asvspoof_2021_and_5(tmp_path: Path) -> None:
    root = tmp_path / "21"
    place(
        root, *(f"ASVspoof2021_LA_eval/flac/LA_E_{n}.flac" for n in range(3)), "ASVspoof2021_DF_eval/flac/DF_E_1.flac"
    )
    for kind, lines in (
        ("LA", "LA_0009 LA_E_0 alaw ita_tx A07 spoof notrim eval\n"
         "LA_0009 LA_E_1 alaw ita_tx bonafide bonafide notrim progress\n"
         "LA_0009 LA_E_2 none - A08 spoof trim hidden\n"),
        ("DF", "LA_0023 DF_E_1 nocodec asvspoof - bonafide notrim eval bonafide - - - -\n"),
    ):  # fmt: skip
        place(root, f"keys/{kind}/CM/trial_metadata.txt", f"keys/{kind}/ASV/trial_metadata.txt")
        (root / f"keys/{kind}/CM/trial_metadata.txt").write_text(lines)
    got = {i.name: (i.forged, i.method, i.origin, i.split, i.set_name) for i in read(root)}
    assert got == {
        "LA_E_0": (True, "A07", "alaw ita_tx", "test", "ASVspoof 2021 LA"),
        "LA_E_1": (False, "", "alaw ita_tx", "val", "ASVspoof 2021 LA"),
        "LA_E_2": (True, "A08", "none", "test", "ASVspoof 2021 LA hidden"),
        "DF_E_1": (False, "", "asvspoof", "test", "ASVspoof 2021 DF"),
    }
    place(tmp_path, "5/flac_D/D_1.flac", "5/flac_D/D_2.flac", "5/ASVspoof5.dev.track_2.tsv")
    lines = "D_4461 D_1 F - - - AC1 A14 spoof -\nD_0461 D_2 M C05 4 - - bonafide bonafide -\n"
    (tmp_path / "5/ASVspoof5.dev.track_1.tsv").write_text(lines)
    five = [(i.forged, i.method, i.origin, i.identity, i.split, i.set_name) for i in read(tmp_path / "5")]
    assert five == [
        (True, "A14", "", "D_4461", "val", "ASVspoof 5"),
        (False, "", "C05", "D_0461", "val", "ASVspoof 5"),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("LA_1 LA_T_1 - spoof", "line is of no protocol"),
        ("LA_1 LA_T_1 - A01 fake", "line is of no protocol"),
        ("LA_1 X - - bonafide", "tells no part"),
        ("LA_1 LA_T_1 - - bonafide\nLA_1 LA_T_1 - - bonafide", "named twice|more than once"),
        ("LA_1 ../LA_T_1 - - bonafide", "tells no part|not there"),
        ("LA_1 LA_T_9 - - bonafide", "1 of 1 not there: LA_T_9"),
        ("LA_1 LA_E_1 a b A01 spoof notrim later", "tells no part"),
    ],
)
def test_asvspoof_damage(line: str, said: str, tmp_path: Path) -> None:
    place(tmp_path, "flac/LA_T_1.flac", "LA_T_1.flac")
    (tmp_path / "protocol.txt").write_text(line)
    with pytest.raises(DataError, match=said):
        read(tmp_path / "protocol.txt")


def test_asvspoof_sound_of_one_name_in_two_folders(tmp_path: Path) -> None:
    place(tmp_path, "flac_T/LA_T_1.flac", "flac_D/LA_T_1.flac")
    (tmp_path / "protocol.txt").write_text("LA_1 LA_T_1 - - bonafide")
    with pytest.raises(DataError, match="several folders"):
        read(tmp_path / "protocol.txt")


# The project's own folder

TABLES = {
    "dfdc-faces": "path,label,original,identity,split\nt/r.jpg,real,r,7,train\nv/s.jpg,real,s,8,val\n"
    "v/f.jpg,fake,s,8,val\n",
    "photos": "path,label,generator,source,split\na.jpg,real,,ffhq-val,val\nb.jpg,fake,stylegan,stylegan,train\n"
    "c.jpg,real,,pixabay-val,val\n",
    "clips": "path,label,method\nreal/x-519.mp4,real,FF++ youtube\nfake/x-519_515.mp4,fake,FF++ Deepfakes\n"
    "fake/y-100_200.mp4,fake,Loopy\n",
    "speech": "path,label,system,speaker,source\n0.flac,bonafide,-,lj,here\n1.flac,spoof,hifigan,,there\n",
}


def project(root: Path) -> None:
    for stem, text in TABLES.items():
        (root / f"{stem}.csv").write_text(text)
        with zipfile.ZipFile(root / f"{stem}.zip", "w") as archive:
            for line in text.splitlines()[1:]:
                archive.writestr(line.split(",")[0], b"")
    with zipfile.ZipFile(root / "camera-originals.zip", "w") as archive:
        archive.mkdir("folder")
        archive.writestr("folder/Kodak.jpg", b"")


def test_project_folder(tmp_path: Path) -> None:
    project(tmp_path)
    got = [(i.set_name, i.name, i.forged, i.method, i.origin, i.group, i.split, i.domain) for i in read(tmp_path)]
    assert got == [
        ("DFDC faces", "t/r.jpg", False, "", "DFDC", "7", "train", "in"),
        ("DFDC faces", "v/s.jpg", False, "", "DFDC", "8", "val", "in"),
        ("DFDC faces", "v/f.jpg", True, "face swap", "DFDC", "8", "val", "in"),
        ("FFHQ and StyleGAN", "a.jpg", False, "", "ffhq", "a.jpg", "val", "in"),
        ("FFHQ and StyleGAN", "b.jpg", True, "stylegan", "stylegan", "b.jpg", "train", "in"),
        ("stock portraits", "c.jpg", False, "", "pixabay", "c.jpg", "val", "out"),
        ("clips", "real/x-519.mp4", False, "", "FF++ youtube", "x-519", "test", "out"),
        ("clips", "fake/x-519_515.mp4", True, "FF++ Deepfakes", "FF++ youtube", "x-519", "test", "out"),
        ("clips", "fake/y-100_200.mp4", True, "Loopy", "Loopy", "y-100_200", "test", "out"),
        ("speech", "0.flac", False, "", "here", "lj", "train", "in"),
        ("speech", "1.flac", True, "hifigan", "there", "1.flac", "train", "in"),
        ("camera originals", "folder/Kodak.jpg", False, "", "", "folder/Kodak.jpg", "test", "out"),
    ]
    videos = [i.video for i in read(tmp_path) if i.set_name == "DFDC faces"]
    assert videos == ["r", "s", "s"]


def drop(name: str) -> Rooted:
    return lambda root: (root / name).unlink()


def write(name: str, data: bytes) -> Rooted:
    def harm(root: Path) -> None:
        (root / name).write_bytes(data)

    return harm


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (drop("clips.zip"), "incomplete; got no clips.zip"),
        (drop("clips.csv"), "incomplete; got no clips.csv"),
        (write("clips.zip", b"no archive"), "cannot be opened"),
        (write("camera-originals.zip", b"PK\x05\x06"), "cannot be opened"),
        (write("clips.csv", b"path,label\n"), "columns do not fit"),
        (write("clips.csv", b"path,label,method\nz.mp4,real,q\n"), "z.mp4"),
        (write("clips.csv", b"path,label,method\n../z.mp4,real,q\n"), "leaves the folder"),
        (write("photos.csv", b"path,label,generator,source,split\na.jpg,real,,web,val\n"), "source is unknown"),
    ],
)
def test_project_folder_damage(harm: Rooted, said: str, tmp_path: Path) -> None:
    project(tmp_path)
    harm(tmp_path)
    with pytest.raises(DataError, match=said):
        read(tmp_path)


def test_project_folder_in_part_is_noted(tmp_path: Path) -> None:
    project(tmp_path)
    for name in ("speech.csv", "speech.zip", "camera-originals.zip"):
        (tmp_path / name).unlink()
    notes = readers.load(tmp_path).notes
    absent = ("faceclips", "speech", "speech2", "camera-originals")
    assert notes == tuple(f"{name} is not in the folder" for name in absent)
