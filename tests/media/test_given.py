"""What has no path yet: bytes, open files, arrays; and what only looks like one."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from zhenwei.errors import MediaError, UsageError
from zhenwei.media import Limits, at_hand, open_media, opened, read_audio, read_image, sample_frames, sources
from zhenwei.media.given import Source
from zhenwei.types import Media

from .making import encoded, scene, write_audio, write_video

PNG = encoded(Image.fromarray(scene()), "PNG")


def test_bytes_and_open_files_are_read_as_the_file_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    known = open_media(tmp_path / "a.png")
    named = io.BytesIO(PNG)
    named.name = "<stdin>"  # as that of standard input
    offset = io.BytesIO(b"12345" + PNG)
    offset.seek(5)
    sources: list[tuple[Source, str]] = [
        (PNG, "<bytes>"),
        (bytearray(PNG), "<bytes>"),
        (memoryview(PNG), "<bytes>"),
        (io.BytesIO(PNG), "<stream>"),
        (named, "<stdin>"),
        (offset, "<stream>"),
        ((tmp_path / "a.png").open("rb"), "<a.png>"),
        (tmp_path / "a.png", str(tmp_path / "a.png")),
    ]
    for source, shown in sources:
        with at_hand(source) as given:
            media = open_media(given.path)
            assert given.shown == shown
            assert given.notes == ()
            assert (media.sha256, media.container) == (known.sha256, "png")
        if not isinstance(source, Path):
            assert not Path(given.path).exists()
        if isinstance(source, io.BufferedReader):
            source.close()


@pytest.mark.parametrize("shape", [(48, 64, 3), (48, 64), (1, 1, 3), (1, 1)])
@pytest.mark.parametrize("order", ["C", "F", "strided"])
def test_pixels_come_back_as_they_were_given(shape: tuple[int, ...], order: str) -> None:
    pixels: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    given_as = {"C": pixels, "F": np.asfortranarray(pixels), "strided": pixels[::-1, ::-1]}[order]
    with at_hand(given_as) as given:
        read = read_image(open_media(given.path)).pixels
    assert np.array_equal(read, given_as if pixels.ndim == 3 else np.repeat(given_as[..., None], 3, axis=2))
    assert given.shown == "<array>"
    assert "pixels" in given.notes[0]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (np.zeros((4, 4, 4), np.uint8), r"\(4, 4, 4\), uint8"),
        (np.zeros((4, 4, 3), np.float32), "float32"),
        (np.zeros((3, 4, 4), np.uint8), r"\(height, width, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), "at least 1 x 1"),
        (np.zeros(4, np.uint8), r"shape \(4,\)"),
        (np.array("photo.jpg"), "no picture"),
        (io.StringIO("text"), "'rb'"),
        (Image.new("RGB", (4, 4)), "numpy.asarray"),
        (None, "NoneType"),
        (7, "int"),
        (["a.jpg"], "list"),
    ],
)
def test_what_is_none_of_these_is_told_what_is_wanted(source: Source, says: str) -> None:
    with pytest.raises(UsageError, match=says), at_hand(source):
        pass


def test_streams_that_break_off_or_never_end_are_refused() -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            raise OSError(5, f"Input/output error after {min(size, 0)} bytes")

    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return bytes(size)

    closed = io.BytesIO(PNG)
    closed.close()
    with pytest.raises(MediaError, match="Input/output error"), at_hand(Broken()):  # type: ignore[arg-type]
        pass
    with pytest.raises(MediaError, match="too large"), at_hand(Endless(), Limits(max_bytes=10_000_000)):  # type: ignore[arg-type]
        pass
    with pytest.raises(UsageError, match="closed"), at_hand(closed):
        pass
    with at_hand(b"") as given, pytest.raises(MediaError, match="'bytes' is empty"):
        open_media(given.path)


@pytest.mark.parametrize(
    "address",
    ["https://example.com/a.jpg", "HTTP://example.com", "s3://bucket/a.mp4", "file:///tmp/a.jpg", "rtsp://camera/1",
     "data:image/png;base64,AAAA", "www.example.com/a.jpg", str(Path("https://example.com/a.jpg"))],
)  # fmt: skip
def test_an_address_is_told_from_a_file_that_does_not_exist(address: str) -> None:
    cure = "Give the path alone" if address.startswith("file:") else "fetches nothing: download it first"
    with pytest.raises(MediaError, match=rf"is an address.*{cure}"):
        open_media(address)


def test_a_file_may_be_called_like_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("www.example.com.png").write_bytes(PNG)
    assert open_media("www.example.com.png").container == "png"
    for name in ("C:/photo.jpg", "gone.jpg", "a:b.jpg"):
        with pytest.raises(MediaError, match="does not exist"):
            open_media(name)


@pytest.mark.parametrize("how", ["cut", "grown", "replaced", "gone", "same size"])
def test_a_file_that_changes_under_the_reading_is_told(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    status = path.stat()
    other = {"cut": PNG[:-20], "grown": PNG + b"x", "same size": PNG[:-1] + b"x"}.get(how, b"GIF89a")

    def change() -> None:
        if how == "replaced":
            (tmp_path / "b").write_bytes(other)
            (tmp_path / "b").replace(path)
        elif how == "gone":
            path.unlink()
        else:
            path.write_bytes(other)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # the bytes count, not what the clock says

    def change_and_fail() -> None:
        change()
        raise MediaError("it is damaged")

    with pytest.raises(MediaError, match="was changed while it was read"), opened(path):
        change()
    path.write_bytes(PNG)
    with pytest.raises(MediaError, match="was changed while it was read"), opened(path):
        change_and_fail()
    path.write_bytes(PNG)
    with pytest.raises(MediaError, match="it is damaged"), opened(path):
        raise MediaError("it is damaged")
    with opened(path):
        os.utime(path)  # nothing of it changed


def test_a_clip_and_a_sound_that_are_cut_while_they_are_read(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", [40 * i for i in range(60)])
    audio = write_audio(tmp_path / "a.wav", "pcm_s16le")
    for path in (video, audio):
        whole = path.read_bytes()

        def read(media: Media, path: Path = path, whole: bytes = whole) -> None:
            path.write_bytes(whole[: len(whole) // 2])
            if media.kind == "video":
                list(sample_frames(media))
            else:
                read_audio(media)

        with pytest.raises(MediaError, match="was changed while it was read"), opened(path) as media:
            read(media)


def test_a_file_that_is_written_to_while_it_is_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)

    def grown(file: io.BufferedReader) -> str:
        with path.open("ab") as more:
            more.write(b"x")
        return hashlib.file_digest(file, "sha256").hexdigest()

    monkeypatch.setattr(sources, "digest", grown)
    with pytest.raises(MediaError, match="was changed while it was read"):
        open_media(path)
