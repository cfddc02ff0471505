"""``zhenwei forge make`` as it is typed."""

from __future__ import annotations

import hashlib
import io
import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from tests.forge.latents import untrained_latents
from tests.training.data.test_pack import ASTRONAUT

from zhenwei.cli import main
from zhenwei.cli._forge_make import Method, refuse_other
from zhenwei.defence.credential import read_credential
from zhenwei.errors import DataError
from zhenwei.forge.make import METHODS, forge_image, forge_video, read_sitter


def test_the_methods_that_can_be_typed_are_those_that_there_are() -> None:
    assert sorted(method.value for method in Method) == sorted(METHODS)


def test_a_file_where_the_output_folder_should_be_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_bytes(b"kept")
    assert main(["forge", "make", "self_blend", "portrait.jpg", "--output", str(tmp_path / "taken")]) == 1
    assert "cannot make the folder" in capsys.readouterr().err
    assert (tmp_path / "taken").read_bytes() == b"kept"


def test_files_of_one_name_do_not_replace_each_others_forgeries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(tmp_path / name) for name in ("a/1.jpg", "b/1.png", "b/2.png")]
    assert main(["forge", "make", "self_blend", *files, "--output", str(tmp_path / "out")]) == 2
    assert "would have one name; got 1." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_forgery_of_another_file_is_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / "1.self_blend.0-0.png"
    refuse_other(place, b"one")  # nothing is there
    place.write_bytes(b"a forgery")
    refuse_other(place, b"one")  # whose it is, the door knows
    told = {"recipe": {"source_sha256": hashlib.sha256(b"one").hexdigest()}}
    place.with_name(f"{place.name}.json").write_text(json.dumps(told))
    refuse_other(place, b"one")
    with pytest.raises(DataError, match="a forgery of another file and is not replaced"):
        refuse_other(place, b"two")


def test_a_format_without_a_place_in_a_credential_costs_itself_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b.mkv", "c.mp4"):
        _clip(tmp_path / name, 40)
    given = [str(tmp_path / name) for name in ("b.mkv", "c.mp4")]
    assert main(["forge", "make", "temporal", *given, "-o", str(tmp_path / "o")]) == 1
    assert "b.mkv" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "o").glob("*.mp4")] == ["c.temporal.0-0.mp4"]


@pytest.mark.parametrize("suffix", ["bmp", "tiff", "ppm"])
def test_a_picture_whose_format_holds_no_credential_is_forged(suffix: str, tmp_path: Path) -> None:
    given, out = tmp_path / f"b.{suffix}", tmp_path / "o"
    with Image.open(ASTRONAUT) as image:
        image.save(given)
    assert main(["forge", "make", "self_blend", str(given), "-o", str(out)]) == 0
    made = out / "b.self_blend.0-0.png"
    held = read_credential(made.read_bytes())
    assert (held.state, len(held.history)) == ("valid", 1)
    recipe = json.loads(Path(f"{made}.json").read_text())["recipe"]
    assert recipe["source_sha256"] == hashlib.sha256(given.read_bytes()).hexdigest()


def test_a_picture_that_is_cut_short_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ASTRONAUT.read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) * 2 // 3])
    asked = ["forge", "make", "self_blend", str(tmp_path / "cut.jpg"), "-o", str(tmp_path / "o")]
    assert main(["--lang", "zh", *asked]) == 1
    assert "cut.jpg 不完整" in capsys.readouterr().err
    assert list((tmp_path / "o").iterdir()) == []


def test_forgeries_are_counted_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=100)
    monkeypatch.setattr("zhenwei.cli._forge_make.notes_console", lambda: console)
    files = [str(ASTRONAUT), str(tmp_path / "nope.jpg")]
    assert main(["forge", "make", "self_blend", *files, "--count", "2", "-o", str(tmp_path / "o")]) == 1
    assert "2/4" in shown.getvalue()
    assert ASTRONAUT.name in shown.getvalue()
    assert capsys.readouterr().out.count("mark ") == 2


def _clip(path: Path, gap: int) -> None:
    """20 frames of a face, 40 ms from one to the next and ``gap`` ms from every sixth."""
    with Image.open(ASTRONAUT) as image:
        frame = av.VideoFrame.from_ndarray(np.asarray(image.convert("RGB").resize((480, 480))), "rgb24")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width = stream.height = 480
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 1000)
        for number in range(20):
            frame.pts, frame.time_base = 40 * number + (gap - 40) * (number // 6), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def test_a_clip_of_uneven_times_is_refused_where_its_course_is_forged(tmp_path: Path) -> None:
    for name, gap in (("even", 40), ("uneven", 300)):
        _clip(tmp_path / f"{name}.mp4", gap)
    video, rate_hz = forge_video(tmp_path / "even.mp4", np.random.default_rng(0))
    assert (len(video.frames), round(rate_hz)) == (20, 25)
    with pytest.raises(DataError, match="not evenly spaced"):
        forge_video(tmp_path / "uneven.mp4", np.random.default_rng(0))


def test_a_donor_is_refused_where_none_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["forge", "make", "self_blend", str(ASTRONAUT), "--donor", "nope.jpg", "-o", str(tmp_path / "o")]
    assert main(asked) == 2
    assert "--donor" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("method", ["decoded", "rendered"])
def test_what_networks_draw_is_made_marked_and_repeated(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["forge", "make", method, str(ASTRONAUT), "--count", "2", "--output", str(tmp_path / "out")]
    if method == "decoded":
        (tmp_path / "net").mkdir()
        asked += ["--latents", str(untrained_latents(tmp_path / "net"))]
    assert main(asked) == 0
    made = sorted((tmp_path / "out").glob("*.png"))
    told = [json.loads(path.with_name(f"{path.name}.json").read_text()) for path in made if "mask" not in path.name]
    assert len(told) == 2
    assert {one["recipe"]["method"] for one in told} == {method}
    assert told[0]["recipe"]["seed"] != told[1]["recipe"]["seed"]
    sitter = read_sitter(ASTRONAUT)
    again = [
        forge_image(method, sitter, np.random.default_rng(7), latents=tmp_path / "net" if method == "decoded" else None)
        for _ in range(2)
    ]
    assert (again[0].pixels == again[1].pixels).all()
    changed = (again[0].pixels != sitter.pixels).any(-1)
    assert changed.any()
    assert not changed[again[0].mask == 0].any()
    capsys.readouterr()


def test_an_autoencoder_is_asked_for_where_it_is_needed_and_nowhere_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--output", str(tmp_path / "out")]
    assert main(["forge", "make", "decoded", str(ASTRONAUT), *out]) == 2
    assert "--latents" in capsys.readouterr().err
    assert main(["forge", "make", "decoded", str(ASTRONAUT), "--latents", str(tmp_path), *out]) == 1
    assert "taef2_encoder.safetensors" in capsys.readouterr().err
    assert main(["forge", "make", "self_blend", str(ASTRONAUT), "--latents", str(tmp_path), *out]) == 2
    assert "not for this method" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
