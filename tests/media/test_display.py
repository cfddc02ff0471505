"""Square pixels, standard range and gamut: against the formulas of the standards, by hand."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from zhenwei.media import open_media, read_passage, sample_frames
from zhenwei.media.display import pq_code, pq_light, square_size, tone_curve

from .making import Pixels, scene

PQ, HLG, BT709, BT2020_10 = 16, 18, 1, 14
HD, WIDE, P3 = 1, 9, 12


def write_marked(
    path: Path, codes: tuple[int, int, int], curve: int, primaries: int, *, pix_fmt: str = "gbrp10le"
) -> Path:
    """Two frames of one colour: 10-bit full-range R'G'B' ``codes``, lossless, marked with curve and primaries."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        stream.codec_context.color_trc, stream.codec_context.color_primaries = curve, primaries
        for number in range(2):
            frame = av.VideoFrame(64, 48, pix_fmt)
            for plane, code in zip(frame.planes, (codes[1], codes[2], codes[0]), strict=True):
                values = np.full(plane.buffer_size // 2, code, "<u2")
                plane.update(values)  # type: ignore[arg-type]
            frame.pts, frame.time_base = number, Fraction(1, 25)
            frame.color_trc, frame.color_primaries = curve, primaries
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def shown(path: Path) -> list[int]:
    (frame,) = sample_frames(open_media(path), 1)
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags.c_contiguous
    assert not frame.pixels.flags.writeable
    assert (frame.pixels == frame.pixels[0, 0]).all()
    return [int(value) for value in frame.pixels[0, 0]]


def code_of(nits: float) -> int:
    """The 10-bit PQ code, by the formula of SMPTE ST 2084 written out."""
    y = (nits / 10_000) ** 0.1593017578125
    return int(1023 * ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375 + 0.5)


@pytest.mark.parametrize("nits", [1.0, 10.0, 26.0, 58.0, 90.0])
def test_what_is_dark_in_pq_keeps_its_light(tmp_path: Path, nits: float) -> None:
    """Below the knee light is light: a share of 203 cd/m² for a screen of gamma 2.4."""
    (tmp_path / "a.mkv").unlink(missing_ok=True)
    code = code_of(nits)
    expected = 255 * (nits / 203) ** (1 / 2.4)
    assert shown(write_marked(tmp_path / "a.mkv", (code, code, code), PQ, HD)) == pytest.approx([expected] * 3, abs=1)


def test_what_is_bright_in_pq_is_brought_within_white(tmp_path: Path) -> None:
    values = [
        shown(write_marked(tmp_path / "a.mkv", (code_of(n),) * 3, PQ, HD))[0] for n in (150, 300, 600, 1000, 4000)
    ]
    assert values == sorted(values)
    assert len(set(values)) == 4
    assert values[-2:] == [255, 255]
    assert values[0] == pytest.approx(255 * (tone_curve(np.array(150.0)) / 203) ** (1 / 2.4), abs=1)


def test_the_curve_is_continuous_and_rises() -> None:
    nits = np.geomspace(0.005, 1000, 4000)
    toned = tone_curve(nits)
    assert (np.diff(toned) > 0).all()
    assert (toned <= nits + 1e-9).all()
    assert toned[-1] == pytest.approx(203)
    assert tone_curve(np.array([80.0]))[0] == pytest.approx(80)
    assert pq_light(pq_code(nits)) == pytest.approx(nits, rel=1e-9)
    assert pq_code(np.array(203.0)) == pytest.approx(0.5807, abs=1e-4)  # BT.2408, table 1: 58 %
    assert pq_code(np.array(1000.0)) == pytest.approx(0.7518, abs=1e-4)  # 75 %


def test_white_in_hlg(tmp_path: Path) -> None:
    """BT.2408, table 1: 75 % of HLG is 203 cd/m² on a screen of 1000; the full signal is its peak."""
    code = round(0.75 * 1023)
    expected = 255 * (float(tone_curve(np.array(203.0))) / 203) ** (1 / 2.4)
    assert shown(write_marked(tmp_path / "a.mkv", (code,) * 3, HLG, WIDE)) == pytest.approx([expected] * 3, abs=1.5)
    assert shown(write_marked(tmp_path / "b.mkv", (1023,) * 3, HLG, WIDE)) == [255, 255, 255]
    assert shown(write_marked(tmp_path / "c.mkv", (0,) * 3, HLG, WIDE)) == [0, 0, 0]


@pytest.mark.parametrize(("curve", "primaries"), [(BT709, WIDE), (BT2020_10, WIDE), (BT709, P3)])
def test_wide_gamuts_become_bt_709(tmp_path: Path, curve: int, primaries: int) -> None:
    """Greys stay, a colour that both can show keeps its chromaticity, and what lies outside is clipped."""
    assert shown(write_marked(tmp_path / "a.mkv", (512,) * 3, curve, primaries)) == pytest.approx([127.6] * 3, abs=1)
    codes = np.array([600, 400, 400]) / 1023
    xyz = TO_XYZ[primaries] @ codes**2.4
    expected = 255 * (np.linalg.inv(TO_XYZ[HD]) @ xyz) ** (1 / 2.4)
    assert shown(write_marked(tmp_path / "b.mkv", (600, 400, 400), curve, primaries)) == pytest.approx(expected, abs=1)
    red, green, blue = shown(write_marked(tmp_path / "c.mkv", (0, 1023, 0), curve, primaries))
    assert (red, green, blue) == (0, 255, 0)


def _to_xyz(*corners: tuple[float, float]) -> np.ndarray:
    """From chromaticities and the white of D65 (SMPTE RP 177)."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in corners]).T
    white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
    return columns * np.linalg.solve(columns, white)


TO_XYZ = {
    HD: _to_xyz((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    WIDE: _to_xyz((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    P3: _to_xyz((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}


def test_what_was_changed_is_told(tmp_path: Path) -> None:
    media = open_media(write_marked(tmp_path / "a.mkv", (500,) * 3, PQ, WIDE))
    assert [note.split(":")[0] for note in media.notes] == [
        "high dynamic range (PQ, SMPTE ST 2084)",
        "wide colours (BT.2020) were brought to those of BT.709, clipped where they lie outside",
        "samples of 10 bits were reduced to 8",
    ]
    facts = dict(media.facts)
    assert (facts["Transfer curve"], facts["Colour primaries"]) == ("smpte2084 (PQ)", "bt2020")
    media = open_media(write_marked(tmp_path / "b.mkv", (500,) * 3, HLG, HD))
    assert media.notes[0].startswith("high dynamic range (HLG, ARIB STD-B67)")
    media = open_media(write_marked(tmp_path / "c.mkv", (500,) * 3, BT709, HD))
    assert media.notes == ("samples of 10 bits were reduced to 8",)
    assert "Transfer curve" not in dict(media.facts)


def write_anamorphic(
    path: Path, image: Pixels, ratio: Fraction, *, codec: str = "libx264", pix_fmt: str = "yuv420p"
) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=5)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = pix_fmt
        stream.codec_context.sample_aspect_ratio = ratio
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, 5)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
@pytest.mark.parametrize(
    ("ratio", "width"), [(Fraction(2), 128), (Fraction(16, 15), 68), (Fraction(1, 2), 32), (Fraction(10, 11), 58)]
)
def test_pixels_are_made_square(tmp_path: Path, name: str, ratio: Fraction, width: int) -> None:
    image = scene(64, 48)
    codec, pix_fmt = ("mpeg4", "yuv420p") if name == "a.avi" else ("libx264", "yuv420p")
    media = open_media(write_anamorphic(tmp_path / name, image, ratio, codec=codec, pix_fmt=pix_fmt))
    assert (media.width, media.height) == (width, 48)
    words = f"{ratio.numerator}:{ratio.denominator}"
    assert media.notes == (f"its pixels are not square ({words}): 64 x 48 were resampled to {width} x 48",)
    frames = list(sample_frames(media, 2))
    assert [frame.pixels.shape for frame in frames] == [(48, width, 3)] * 2
    across = np.linspace(0, 63, width).round().astype(int)
    assert np.abs(frames[0].pixels.astype(int) - image[:, across]).mean() < 12


def test_the_longer_side_is_bounded_after_squaring(tmp_path: Path) -> None:
    media = open_media(write_anamorphic(tmp_path / "a.mkv", scene(64, 48), Fraction(2)))
    (frame,) = sample_frames(media, 1, max_side=64)
    assert frame.pixels.shape == (24, 64, 3)


@pytest.mark.parametrize("ratio", [Fraction(1), Fraction(2)])
@pytest.mark.parametrize("deep", [False, True])
def test_a_window_is_cut_from_what_is_shown(tmp_path: Path, ratio: Fraction, deep: bool) -> None:
    """Bit for bit, for pixels of any shape and range."""
    pix_fmt = "yuv420p10le" if deep else "yuv420p"
    path = write_anamorphic(tmp_path / "a.mkv", scene(64, 48), ratio, pix_fmt=pix_fmt)
    media = open_media(path)
    whole = list(read_passage(media, 0, 9))
    parts = list(read_passage(media, 0, 9, window=lambda _: (5, 7, 40, 31)))
    assert len(whole) == len(parts) == 5
    for one, part in zip(whole, parts, strict=True):
        assert np.array_equal(part.pixels, one.pixels[7:31, 5:40])


def test_a_window_of_high_dynamic_range(tmp_path: Path) -> None:
    media = open_media(write_marked(tmp_path / "a.mkv", (500, 300, 200), PQ, WIDE))
    (whole, _), (part, _) = read_passage(media, 0, 9), read_passage(media, 0, 9, window=lambda _: (-9, 40, 20, 99))
    assert part.pixels.shape == (8, 20, 3)
    assert np.array_equal(part.pixels, whole.pixels[40:, :20])


def test_a_ratio_without_sense_is_told_and_left_alone(tmp_path: Path) -> None:
    media = open_media(write_anamorphic(tmp_path / "a.mkv", scene(64, 48), Fraction(20)))
    assert (media.width, media.height) == (64, 48)
    assert media.notes == ("a pixel ratio of 20:1 makes no sense and was not applied",)
    assert next(sample_frames(media, 1)).pixels.shape == (48, 64, 3)
    assert square_size(64, 48, Fraction(1, 1000)) == (64, 48)


def test_transparency_and_oblong_pixels(tmp_path: Path) -> None:
    image = np.zeros((32, 32, 4), np.uint8)
    image[:, :16] = (255, 0, 0, 255)
    with av.open(str(tmp_path / "a.mov"), "w") as out:
        stream = out.add_stream("png", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "rgba"
        stream.codec_context.sample_aspect_ratio = Fraction(2)
        frame = av.VideoFrame.from_ndarray(image, format="rgba")
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    (shown_frame,) = sample_frames(open_media(tmp_path / "a.mov"), 1)
    assert shown_frame.pixels.shape == (32, 64, 3)
    assert (shown_frame.pixels[:, :24] == (255, 0, 0)).all()
    assert (shown_frame.pixels[:, 40:] == 128).all()
