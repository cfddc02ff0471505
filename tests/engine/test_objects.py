"""Objects of a real server are listed, fetched in pieces, and told of where they cannot be had."""

from __future__ import annotations

import glob
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fsspec", reason="fsspec is not installed: pip install 'zhenwei[objects]'")

from tests.hazard import draw
from tests.rights import without_rights

from zhenwei.cli import main
from zhenwei.cli._patterns import Matching
from zhenwei.cli._scan_inputs import gather
from zhenwei.engine.objects import Fetched, fetch, is_url, listed, name_of
from zhenwei.errors import DataError, MediaError, UsageError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def put(url: str, data: bytes) -> str:
    import s3fs

    with s3fs.S3FileSystem().open(url, "wb") as file:
        file.write(data)
    return url


@pytest.mark.parametrize(
    ("path", "found"),
    [("s3://a/b", True), ("GS://a", True), ("http://a/b.mp4", True), ("file:///etc/passwd", False), ("a.mp4", False),
     ("ftp://a", False), ("memory://a", False), ("zip://x::s3://a", False), ("C:\\a", False)],
)  # fmt: skip
def test_only_stores_and_servers_are_reached(path: str, found: bool) -> None:
    assert is_url(path) is found


@pytest.mark.parametrize(
    ("url", "name"),
    [("s3://a/b/c d.mp4", "c_d.mp4"), ("https://h/x.jpg?sig=..%2f", "x.jpg"), ("s3://a/..", "object"),
     ("s3://a/" + "x" * 300 + ".png", "x" * 96 + ".png"), ("s3://a/图.png", "图.png")],
)  # fmt: skip
def test_names_are_such_as_any_file_system_takes(url: str, name: str) -> None:
    assert name_of(url) == name


def test_objects_folders_and_patterns_are_listed(bucket: str) -> None:
    for name in ("a/1.png", "a/b/2.mp4", "a/notes.txt", "c/3.png"):
        put(f"{bucket}/{name}", b"x")
    assert list(listed(f"{bucket}/a/")) == [f"{bucket}/a/1.png", f"{bucket}/a/b/2.mp4"]
    assert list(listed(f"{bucket}/*/*.png")) == [f"{bucket}/a/1.png", f"{bucket}/c/3.png"]
    assert list(listed(f"{bucket}/a/notes.txt")) == [f"{bucket}/a/notes.txt"]  # what is named is tried
    with pytest.raises(MediaError, match="cannot be fetched"):
        list(listed(f"{bucket}/gone/"))
    with pytest.raises(MediaError, match="cannot be fetched"):
        list(listed("s3://no-such-bucket/"))


_TRACED = """
import tracemalloc
from pathlib import Path
from zhenwei.engine.objects import fetch
fetch({url!r}, Path({own!r}))  # what libraries keep for themselves is there by now
tracemalloc.start()
fetch({url!r}, Path({own!r}))
print(tracemalloc.get_traced_memory()[1])
"""


def test_an_object_is_fetched_in_pieces_and_not_beyond_the_limit(bucket: str, tmp_path: Path) -> None:
    data = bytes(range(256)) * (4 << 12)  # 4 MiB
    url = put(f"{bucket}/a.bin", data * 8)
    own = tmp_path / "a.bin"
    code = _TRACED.format(url=url, own=str(own))  # in a process without the server, which has it whole
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) < 24 << 20
    assert own.read_bytes() == data * 8
    with pytest.raises(MediaError, match="too large"):
        fetch(url, own, max_bytes=1 << 20)
    with pytest.raises(MediaError, match="cannot be fetched"):
        fetch(f"{bucket}/gone.bin", own)
    with pytest.raises(MediaError, match="cannot be fetched"):
        fetch("http://127.0.0.1:1/a.mp4", own)


def test_files_come_in_their_order_and_what_was_fetched_goes(bucket: str, tmp_path: Path) -> None:
    local = tmp_path / "a.png"
    local.write_bytes(b"local")
    urls = [put(f"{bucket}/{number}.png", str(number).encode()) for number in range(4)]
    names = [urls[0], str(local), urls[1], f"{bucket}/gone.png", urls[2], urls[3]]
    found = []
    with Fetched(names, 2) as given_files:
        for given in given_files:
            found.append((given.path, given.error is None and Path(given.local).read_bytes()))
            given.done()
            assert Path(given.local).exists() == (given.path == str(local))
    assert found == [
        (urls[0], b"0"), (str(local), b"local"), (urls[1], b"1"), (names[3], False), (urls[2], b"2"), (urls[3], b"3"),
    ]  # fmt: skip


def test_what_a_killed_driver_left_is_swept_away(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name in (f"zhenwei-objects-{gone.pid}-x", f"zhenwei-objects-{os.getpid()}-x", "zhenwei-objects-y-x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.mp4").write_bytes(b"x")
    with Fetched([put(f"{bucket}/a.png", b"a")], 1) as given_files:
        for given in given_files:
            given.done()
    left = sorted([path.name for path in tmp_path.iterdir()])
    assert left == [f"zhenwei-objects-{os.getpid()}-x", "zhenwei-objects-y-x"]


def test_lists_patterns_and_folders_are_gathered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b c.png", "图.png"):
        Path(draw(tmp_path, "calm", 1)).rename(name)
    put(f"{bucket}/x.png", b"x")
    Path("list.txt").write_bytes("a.png\r\n\n图.png\ngone.png\na.png\n".encode() + f"{bucket}/\n".encode())
    Path("nul.txt").write_bytes(b"b c.png\0a.png\0")
    assert gather([], ["list.txt"]).files == ("a.png", "图.png", "gone.png", f"{bucket}/x.png")
    assert gather(["*.png"], ["nul.txt"]).files == ("a.png", "b c.png", "图.png")
    assert [one.path for one in gather(["s3://no-such-bucket/", "a.png"], []).unreadable] == ["s3://no-such-bucket/"]
    with pytest.raises(DataError, match=r"gone\.txt"):
        gather([], ["gone.txt"])
    with pytest.raises(UsageError, match="nothing"):
        gather([], [])
    with pytest.raises(UsageError, match="an address"):
        gather(["file:///etc/passwd"], [])


def test_patterns_find_what_glob_finds_but_for_what_lies_behind_linked_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "x/b.png", "x/y/c.png", "x/y/.d.png", ".z/e.png", "x/t.txt", "[q]/f.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")
    patterns = ["*.png", "**/*.png", "x/**/*.png", "**/y/*", "*/*", "x/**/.d*", "[[]q]/*", f"{tmp_path}/x/*", "*/y/"]
    patterns += ["x/**/", "**/", f"{tmp_path}/**/", "x/**/y/**/"]
    found = Matching(linked=pytest.fail, closed=lambda folder, _: pytest.fail(folder))
    for pattern in patterns:
        expected = {str(Path(path)) for path in glob.glob(pattern, recursive=True)}  # noqa: PTH207 - the measure
        assert set(found.files(pattern)) == expected != set(), pattern
    assert gather(["x/**/"], []).files == tuple(sorted(gather(["x/**/*.png"], []).files))
    for name in ("x/up", "x/y/up"):  # two that lead back: glob would go on for ever
        Path(name).symlink_to("..", target_is_directory=True)
    gathered = gather(["**/*.png"], [])
    assert gathered.files == ("[q]/f.png", "a.png", "x/b.png", "x/y/c.png")
    assert sorted(item.path for item in gathered.left_out) == ["x/up", "x/y/up"]
    assert gather(["x/up/*.png"], []).files == ("x/up/a.png",)  # named before the first wildcard


def test_what_a_pattern_or_a_name_may_not_look_at_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.png").write_bytes(b"x")
    for name in ("closed", "known"):
        Path(name).mkdir()
        Path(name, "b.png").write_bytes(b"x")
    Path("closed").chmod(0)
    Path("known").chmod(0o444)  # names can be listed, and no more
    long = "n" * 300
    script = "import sys; from zhenwei.cli._scan_inputs import gather; found = gather(sys.argv[1:], []);"
    script += "print(found.files, [one.path for one in found.unreadable])"
    given = [long, f"{long}*", "closed/b.png", "closed/*", "closed/*/c.png", "**/*.png", "known"]
    try:
        done = subprocess.run(
            [*without_rights(), sys.executable, "-c", script, *given],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    finally:
        for name in ("closed", "known"):
            Path(name).chmod(0o755)
    files, unreadable = (long, "closed/b.png", "a.png", "known/b.png"), [f"{long}*", "closed"]
    assert done.stdout.strip() == f"{files} {unreadable}"


@pytest.mark.heavy
def test_objects_are_examined_once_under_their_urls(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")
    data = Path(draw(tmp_path, "calm", 1)).read_bytes()
    for name in ("a.png", "twin.png"):
        put(f"{bucket}/{name}", data)
    put(f"{bucket}/bad.mp4", b"no video " * 99)
    store = str(tmp_path / "r.db")
    scan = ["scan", f"{bucket}/", "--store", store, "--workers", "1", "--detector", "provenance.labels"]
    assert main([*scan, "--keep-media", "always"]) == 1
    assert "3 of 3 files: 2 inconclusive, 1 unreadable." in capsys.readouterr().err
    assert main([*scan, "-v"]) == 1  # one is as unreadable as before
    assert "3 were in the store already" in capsys.readouterr().err
    assert main(["results", "--store", store, "--format", "csv"]) == 0
    table = capsys.readouterr().out
    assert f"{bucket}/twin.png" in table
    assert str(tmp_path) not in table
    assert sorted([path.stat().st_size for path in Path(f"{store}.kept").rglob("*") if path.is_file()])[-1] >= len(data)
