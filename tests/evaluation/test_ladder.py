"""The ladder does to a file what its names say, measured on the files that come out of it."""

from __future__ import annotations

import json
import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from PIL import Image

from zhenwei import media
from zhenwei.errors import MediaError, UsageError
from zhenwei.evaluation.ladder import GRADED, Degradation, families, quick_steps, steps
from zhenwei.evaluation.ladder.changes import Colours, ScreenScaling
from zhenwei.evaluation.ladder.videos import excerpt
from zhenwei.types import Pixels

BY_NAME = {step.name: step for step in steps()}


def scene(width: int = 160, height: int = 120, seed: int = 0) -> Pixels:
    """A smooth coloured picture with some grain, away from black and white."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(60, 196, (6, 8, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float64)
    return np.clip(smooth + rng.normal(0, 3, smooth.shape), 30, 225).astype(np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(scene()).save(path)
    return path


def write_video(path: Path, frames: int = 12, size: tuple[int, int] = (128, 96), audio: str = "aac") -> Path:
    """Frames of uneven length (40 and 80 ms in turn), and a tone that is as long."""
    width, height = size
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.options = {"crf": "5", "preset": "ultrafast", "bf": "0"}
        heard = output.add_stream(audio, rate=16000, layout="mono") if audio else None
        assert heard is None or isinstance(heard, AudioStream)
        for number in range(frames):
            image = np.roll(scene(width, height), 3 * number, axis=1)
            frame = av.VideoFrame.from_ndarray(image, "rgb24")
            frame.pts, frame.time_base = times_ms(frames)[number], Fraction(1, 1000)
            for packet in stream.encode(frame):
                packet.duration = round((40 if number % 2 == 0 else 80) / 1000 / packet.time_base)
                output.mux(packet)
        output.mux(stream.encode())
        if heard is not None:
            whole = (0.4 * np.sin(np.arange(16 * times_ms(frames)[-1]) / 5)).astype(np.float32)
            for start in range(0, len(whole), 1024):
                piece = av.AudioFrame.from_ndarray(whole[None, start : start + 1024], format="fltp", layout="mono")
                piece.sample_rate, piece.pts, piece.time_base = 16000, start, Fraction(1, 16000)
                output.mux(heard.encode(piece))
            output.mux(heard.encode(None))
    return path


def times_ms(frames: int) -> list[int]:
    return [60 * number - (20 if number % 2 else 0) for number in range(frames)]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4")


def pixels_of(path: Path) -> Pixels:
    return media.read_image(media.open_media(path)).pixels


def psnr(a: Pixels, b: Pixels) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def frames_of(path: Path) -> list[Pixels]:
    return [frame.pixels for frame in media.sample_frames(media.open_media(path), 512)]


def test_names_are_unique_and_say_their_family_s_amount() -> None:
    every = steps()
    assert len({s.name for s in every}) == len(every)
    assert {s.family for s in every} >= GRADED | {"colour", "social", "screenshot"}
    for step in every:
        if step.family in GRADED:
            assert f"{step.amount:g}" in step.name.split()
    assert {s.name for s in quick_steps()} <= {s.name for s in every}
    assert all(any(kind in s.takes for s in quick_steps()) for kind in ("image", "video"))


def test_graded_families_go_from_mild_to_harsh(photo: Path, tmp_path: Path) -> None:
    """Judged by what is left of the picture: PSNR against it, or pixels where the size changes."""
    before = pixels_of(photo)
    for family in sorted(GRADED):
        kept = []
        for step in families(steps(), (family,)):
            after = pixels_of(step.apply(photo, tmp_path / "out"))
            if family in ("resize", "crop"):
                kept.append(float(after.shape[0] * after.shape[1]))
            else:
                kept.append(psnr(before, after))
        assert kept == sorted(kept, reverse=True), family
        assert kept[0] > kept[-1]


@pytest.mark.parametrize("quality", [90, 50, 10])
def test_jpeg_has_the_tables_of_its_quality(photo: Path, tmp_path: Path, quality: int) -> None:
    """The standard's luma table (ITU-T T.81, K.1) scaled as the IJG library does: first and last entry by hand."""
    scale = 200 - 2 * quality if quality >= 50 else 5000 // quality
    with Image.open(BY_NAME[f"jpeg {quality}"].apply(photo, tmp_path)) as image:
        assert image.format == "JPEG"
        table = image.quantization[0]  # type: ignore[attr-defined]
    assert min(table) == max(1, (10 * scale + 50) // 100)
    assert max(table) == min(255, (121 * scale + 50) // 100)


def test_webp_is_webp_and_smaller_at_lower_quality(photo: Path, tmp_path: Path) -> None:
    files = [BY_NAME[f"webp {q}"].apply(photo, tmp_path) for q in (80, 50, 20)]
    for file in files:
        with Image.open(file) as image:
            assert image.format == "WEBP"
    sizes = [file.stat().st_size for file in files]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("kernel", ["area", "bicubic", "nearest", "lanczos"])
@pytest.mark.parametrize("factor", [0.75, 0.5, 0.25])
def test_resizing_gives_the_size_and_keeps_the_mean(photo: Path, tmp_path: Path, kernel: str, factor: float) -> None:
    after = pixels_of(BY_NAME[f"resize {factor:g} {kernel}"].apply(photo, tmp_path))
    assert after.shape == (round(120 * factor), round(160 * factor), 3)
    assert after.mean() == pytest.approx(pixels_of(photo).mean(), abs=1.0)


def test_area_averages_and_nearest_picks(photo: Path, tmp_path: Path) -> None:
    before = pixels_of(photo)
    area = pixels_of(BY_NAME["resize 0.5 area"].apply(photo, tmp_path))
    blocks = before.reshape(60, 2, 80, 2, 3).mean(axis=(1, 3))
    assert np.abs(area - blocks).max() <= 1  # rounded twice, once for each axis
    nearest = pixels_of(BY_NAME["resize 0.25 nearest"].apply(photo, tmp_path))
    assert any(np.array_equal(nearest, before[i::4, j::4]) for i in range(4) for j in range(4))


def test_cropping_keeps_the_middle_untouched(photo: Path, tmp_path: Path) -> None:
    after = pixels_of(BY_NAME["crop 80 %"].apply(photo, tmp_path))
    assert np.array_equal(after, pixels_of(photo)[12:108, 16:144])


@pytest.mark.parametrize("sigma", [1, 2, 3])
def test_blur_has_the_frequency_response_of_its_gaussian(tmp_path: Path, sigma: int) -> None:
    period = 16
    wave = 128 + 100 * np.cos(2 * np.pi * np.arange(256) / period)
    flat = np.repeat(np.rint(np.broadcast_to(wave, (64, 256)))[..., None], 3, axis=2).astype(np.uint8)
    Image.fromarray(flat).save(tmp_path / "wave.png")
    after = pixels_of(BY_NAME[f"blur {sigma}"].apply(tmp_path / "wave.png", tmp_path))
    middle = after[32, 64:192, 0].astype(float) - 128
    amplitude = 2 * abs(np.mean(middle * np.exp(-2j * np.pi * np.arange(128) / period)))
    assert amplitude / 100 == pytest.approx(np.exp(-0.5 * (2 * np.pi * sigma / period) ** 2), abs=0.02)


@pytest.mark.parametrize("sigma", [5, 10, 20])
def test_noise_has_its_deviation_no_mean_and_its_own_field_for_each_channel(tmp_path: Path, sigma: int) -> None:
    Image.new("RGB", (200, 200), (128, 128, 128)).save(tmp_path / "flat.png")
    noise = pixels_of(BY_NAME[f"noise {sigma}"].apply(tmp_path / "flat.png", tmp_path)).astype(float) - 128
    assert noise.std() == pytest.approx(np.hypot(sigma, 1 / np.sqrt(12)), rel=0.02)  # and that of rounding
    assert abs(noise.mean()) < 5 * sigma / np.sqrt(noise.size)
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.03


def test_noise_is_that_of_the_file_not_of_the_call_or_the_name(photo: Path, tmp_path: Path) -> None:
    copy = tmp_path / "renamed.png"
    copy.write_bytes(photo.read_bytes())
    other = tmp_path / "other.png"
    Image.fromarray(255 - scene()).save(other)
    step = BY_NAME["noise 10"]
    first, again, third = (pixels_of(step.apply(p, tmp_path / "out")) for p in (photo, copy, other))
    assert np.array_equal(first, again)
    assert not np.array_equal(first.astype(int) - pixels_of(photo), third.astype(int) - pixels_of(other))


def test_colours_by_hand() -> None:
    grey = np.full((1, 1, 3), 100, np.uint8)
    red = np.array([[[200, 40, 40]]], np.uint8)
    luma = 0.299 * 200 + 0.701 * 40
    assert Colours(brightness=1.3).apply(grey).tolist() == [[[130, 130, 130]]]
    assert Colours(contrast=0.7).apply(grey)[0, 0].tolist() == pytest.approx([128 - 0.7 * 28] * 3, abs=0.51)
    assert Colours(saturation=0).apply(red)[0, 0].tolist() == pytest.approx([luma] * 3, abs=0.6)
    half = Colours(saturation=0.5).apply(red)[0, 0]
    assert half.tolist() == pytest.approx([(luma + 200) / 2, (luma + 40) / 2, (luma + 40) / 2], abs=0.6)
    turned = Colours(hue_deg=15).apply(red)[0, 0].astype(float)
    assert turned @ [0.299, 0.587, 0.114] == pytest.approx(luma, abs=1)  # hue leaves luma alone
    assert not np.array_equal(turned, red[0, 0])
    assert np.allclose(Colours(hue_deg=360).matrix(), np.eye(3, 4), atol=1e-9)


def test_gamma_and_grey_in_the_file(photo: Path, tmp_path: Path) -> None:
    before = pixels_of(photo).astype(float)
    assert np.abs(pixels_of(BY_NAME["gamma 1.4"].apply(photo, tmp_path)) - 255 * (before / 255) ** 1.4).max() <= 0.5
    grey = pixels_of(BY_NAME["grey"].apply(photo, tmp_path)).astype(int)
    assert np.ptp(grey, axis=2).max() <= 1


def test_a_screenshot_moves_an_edge_to_where_it_should_be() -> None:
    """A step at column 80 is, at scale s and shift d, at s * 80 + d: read off the total light of a row."""
    image = np.zeros((8, 160, 3), np.uint8)
    image[:, :80] = 200
    after = ScreenScaling(0.83, 0.37).apply(image)
    assert after.shape == (7, 133, 3)
    assert after[3, :, 0].sum() / 200 == pytest.approx(0.83 * 80 + 0.37, abs=0.1)


def test_services_shrink_to_their_size_and_never_enlarge(tmp_path: Path) -> None:
    Image.fromarray(scene(2000, 1000)).save(tmp_path / "large.png")
    Image.fromarray(scene(300, 200)).save(tmp_path / "small.png")
    step = BY_NAME["feed 1080 px, jpeg 75"]
    assert pixels_of(step.apply(tmp_path / "large.png", tmp_path)).shape == (540, 1080, 3)
    assert pixels_of(step.apply(tmp_path / "small.png", tmp_path)).shape == (200, 300, 3)
    assert pixels_of(BY_NAME["chat 1600 px, jpeg 70 twice"].apply(tmp_path / "large.png", tmp_path)).shape[1] == 1600


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (161, 121), (17, 300)])
@pytest.mark.parametrize("codec", ["h264 crf 23", "h265 crf 28"])
def test_odd_and_tiny_pictures_go_through_codecs_at_their_own_size(
    tmp_path: Path, size: tuple[int, int], codec: str
) -> None:
    Image.fromarray(scene(*size)).save(tmp_path / "odd.png")
    after = pixels_of(BY_NAME[codec].apply(tmp_path / "odd.png", tmp_path))
    assert after.shape == (size[1], size[0], 3)
    assert psnr(after, scene(*size)) > 20


def test_every_step_takes_a_picture_of_one_pixel_or_says_so(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (90, 120, 150)).save(tmp_path / "dot.png")
    for step in steps():
        if "image" in step.takes:
            assert pixels_of(step.apply(tmp_path / "dot.png", tmp_path)).shape == (1, 1, 3)


def test_orientation_and_transparency_are_carried_out_and_metadata_is_gone(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    Image.fromarray(scene(64, 48)).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    after = BY_NAME["jpeg 90"].apply(tmp_path / "turned.jpg", tmp_path)
    opened = media.open_media(after)
    assert (opened.width, opened.height, opened.rotation_deg) == (48, 64, 0)
    assert "Maker" not in dict(opened.facts).values()
    assert pixels_of(BY_NAME["crop 90 %"].apply(tmp_path / "clear.png", tmp_path)).tolist() == [[[128] * 3] * 36] * 36


def test_sixteen_bits_palettes_and_cmyk_pass(tmp_path: Path) -> None:
    Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64) * 16).save(tmp_path / "deep.png")
    Image.fromarray(scene(40, 40)).convert("P").save(tmp_path / "palette.png")
    Image.fromarray(scene(40, 40)).convert("CMYK").save(tmp_path / "cmyk.jpg")
    for name in ("deep.png", "palette.png", "cmyk.jpg"):
        after = pixels_of(BY_NAME["jpeg 90"].apply(tmp_path / name, tmp_path))
        assert psnr(after, pixels_of(tmp_path / name)) > 20  # chroma is halved; a palette dithers


def test_the_same_file_gives_the_same_bytes(photo: Path, sample: Path, tmp_path: Path) -> None:
    for name, source in (("jpeg 50", photo), ("h265 crf 33", photo), ("h264 crf 28", sample), ("h265 crf 33", sample)):
        first, second = (BY_NAME[name].apply(source, tmp_path / turn) for turn in ("a", "b"))
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes()


def test_steps_do_not_overwrite_each_other_nor_leave_pieces(photo: Path, tmp_path: Path) -> None:
    written = {step.apply(photo, tmp_path / "out") for step in steps() if "image" in step.takes}
    assert len(written) == sum("image" in step.takes for step in steps())
    assert set((tmp_path / "out").iterdir()) == written


@pytest.mark.parametrize("name", ["h264 crf 23", "h265 crf 33", "noise 10", "resize 0.5 area", "feed 480p, crf 30"])
def test_a_clip_keeps_its_frames_times_duration_and_sound(sample: Path, tmp_path: Path, name: str) -> None:
    before, path = media.open_media(sample), BY_NAME[name].apply(sample, tmp_path)
    after = media.open_media(path)
    assert media.frame_times(after) == pytest.approx(media.frame_times(before), abs=1e-3)
    assert after.frame_count == 12
    assert after.duration_s == pytest.approx(before.duration_s, abs=0.05)
    assert after.codec == ("hevc" if "h265" in name else "h264")
    assert audio_packets(path) == audio_packets(sample)


def audio_packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_clips_lose_more_and_shrink_at_higher_rate_factors(sample: Path, tmp_path: Path) -> None:
    before = frames_of(sample)
    for codec in ("h264", "h265"):
        files = [step.apply(sample, tmp_path) for step in families(steps(), (codec,))]
        quality = [np.mean([psnr(a, b) for a, b in zip(before, frames_of(f), strict=True)]) for f in files]
        assert quality == sorted(quality, reverse=True)
        sizes = [f.stat().st_size for f in files]
        assert sizes == sorted(sizes, reverse=True)


def test_changes_reach_every_frame_of_a_clip(sample: Path, tmp_path: Path) -> None:
    before = frames_of(sample)
    after = frames_of(BY_NAME["brightness 0.7"].apply(sample, tmp_path))
    assert [a.mean() / b.mean() for a, b in zip(after, before, strict=True)] == pytest.approx([0.7] * 12, abs=0.02)
    crop = frames_of(BY_NAME["crop 90 %"].apply(sample, tmp_path))
    assert {image.shape for image in crop} == {(86, 116, 3)}  # 115 is made up to an even number


def test_noise_differs_from_frame_to_frame() -> None:
    flat = np.full((40, 40, 3), 128, np.uint8)
    a, b = (BY_NAME["noise 10"].change(flat, "ab" * 32, number) for number in (0, 1))
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.1


def test_sound_that_begins_late_stays_in_step(tmp_path: Path) -> None:
    """The tone starts 0.2 s after the pictures: where it sets in is read from the samples."""
    late = tmp_path / "late.mkv"
    with av.open(str(write_video(tmp_path / "plain.mp4"))) as plain, av.open(str(late), "w") as output:
        copies = {s.index: output.add_stream_from_template(s) for s in plain.streams}
        for packet in plain.demux():
            if packet.size:
                if packet.stream.type == "audio":
                    packet.pts, packet.dts = (packet.pts or 0) + 3200, (packet.dts or 0) + 3200
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
    path = BY_NAME["h264 crf 33"].apply(late, tmp_path)
    begins = [onset(file) for file in (late, path)]
    assert begins[0] > 0.1
    assert begins[1] == pytest.approx(begins[0], abs=0.01)


def onset(path: Path) -> float:
    audio = media.read_audio(media.open_media(path))
    return float(np.argmax(np.abs(audio.samples[0]) > 0.1)) / audio.rate_hz


def test_sound_that_mp4_cannot_hold_is_encoded_again(tmp_path: Path) -> None:
    source = write_video(tmp_path / "old.mov", audio="pcm_mulaw")
    after = media.open_media(BY_NAME["h264 crf 28"].apply(source, tmp_path))
    assert after.audio_codec == "aac"
    heard, before = (media.read_audio(media.open_media(p)) for p in (after.path, source))
    assert heard.duration_s == pytest.approx(before.duration_s, abs=0.1)
    assert np.std(heard.samples) == pytest.approx(np.std(before.samples), rel=0.1)


def test_an_animated_picture_is_shipped_as_a_clip(tmp_path: Path) -> None:
    first, *rest = (Image.fromarray(np.roll(scene(32, 24), i, axis=1)) for i in range(3))
    first.save(tmp_path / "moving.webp", save_all=True, append_images=rest, duration=[100, 200, 300], lossless=True)
    after = media.open_media(BY_NAME["h264 crf 23"].apply(tmp_path / "moving.webp", tmp_path))
    assert media.frame_times(after) == pytest.approx([0.0, 0.1, 0.3], abs=1e-3)
    assert not after.audio_codec


def test_an_excerpt_holds_the_first_seconds_as_they_are(sample: Path, tmp_path: Path) -> None:
    cut = media.open_media(excerpt(media.open_media(sample), tmp_path, 0.39))
    whole = [t for t in media.frame_times(media.open_media(sample)) if t < 0.39]
    assert media.frame_times(cut) == pytest.approx(whole, abs=1e-3)
    assert all(np.array_equal(a, b) for a, b in zip(frames_of(Path(cut.path)), frames_of(sample), strict=False))
    assert cut.audio_codec == "aac"
    assert excerpt(media.open_media(sample), tmp_path, 60.0) == sample


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    peaks = []
    for frames in (20, 120):
        source = write_video(tmp_path / f"{frames}.mp4", frames=frames, audio="")
        tracemalloc.start()
        BY_NAME["blur 1"].apply(source, tmp_path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 500_000  # 100 frames more are 3.7 MB


def test_what_cannot_be_read_or_written_is_said(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "fake.jpg").write_text("no picture at all")
    for bad in (tmp_path / "fake.jpg", tmp_path / "gone.png", tmp_path):
        with pytest.raises(MediaError):
            BY_NAME["jpeg 50"].apply(bad, tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="written"):
        BY_NAME["jpeg 50"].apply(photo, tmp_path / "file")
    with pytest.raises(UsageError, match="family"):
        families(steps(), ("jpg",))


def test_a_step_says_what_it_does_not_take(sample: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="video"):
        BY_NAME["jpeg 50"].apply(sample, tmp_path)


def test_a_clip_without_pictures_leaves_no_file(tmp_path: Path, sample: Path) -> None:
    """Every byte of the pictures is blanked: the container says 12 frames, none can be decoded."""
    data = bytearray(sample.read_bytes())
    with av.open(str(sample)) as container:
        for packet in container.demux(video=0):
            if packet.size and packet.pos is not None:
                data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    (tmp_path / "blank.mp4").write_bytes(data)
    with pytest.raises(MediaError):
        BY_NAME["h264 crf 28"].apply(tmp_path / "blank.mp4", tmp_path / "out")
    assert not list((tmp_path / "out").glob("*"))


def test_a_delivery_is_a_value() -> None:
    assert BY_NAME["jpeg 50"] == next(s for s in steps() if s.name == "jpeg 50")
    assert hash(BY_NAME["jpeg 50"]) == hash(Degradation(**{f: getattr(BY_NAME["jpeg 50"], f) for f in FIELDS}))
    assert json.dumps(BY_NAME["jpeg 50"].amount) == "50"


FIELDS = ("family", "name", "amount", "takes", "changes", "saved")
