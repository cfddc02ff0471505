"""Attempts to get a forgery out without its marks: by parameters, damage on the way, commands, other writers."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import zhenwei.forge
from zhenwei import media
from zhenwei.cli import main
from zhenwei.defence import credential, keys, labels, visible, watermark
from zhenwei.errors import DataError, MediaError
from zhenwei.forge import export
from zhenwei.forge.export import Door, Origin, export_image, open_door
from zhenwei.testing.made import portrait
from zhenwei.types import Pixels

ROOT = Path(__file__).parents[2]
FORGE = Path(next(iter(zhenwei.forge.__path__)))
PORTRAIT = ROOT / "tests" / "data" / "astronaut.jpg"
MARKED = (".png", ".jpg", ".jpeg", ".webp", ".mp4", ".wav", ".mp3", ".gif")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("ZHENWEI_HOME", str(folder))
    return folder


@pytest.fixture
def door(home: Path) -> Door:
    import datetime

    return open_door(home, datetime.date(2026, 11, 27))


def unmarked(folder: Path) -> Iterator[Path]:
    """Files of media below ``folder`` that lack a mark; one-bit masks show no face and need none."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in MARKED or not path.is_file():
            continue
        if path.name.endswith(".mask.png") and mode_of(path) == "1":
            continue
        if not is_marked(path):
            yield path


def mode_of(path: Path) -> str:
    with Image.open(path) as image:
        return image.mode


def is_marked(path: Path) -> bool:
    data = path.read_bytes()
    said, held = labels.read_labels(data), credential.read_credential(data)
    if said.aigc is None or held.state not in ("valid", "trusted"):
        return False
    try:
        opened = media.open_media(path)
    except MediaError:
        return False
    if opened.kind == "audio":
        audio = media.read_audio(opened)
        mark = watermark.read_audio(audio.samples, audio.rate_hz, keys.PUBLIC_KEY)
        return mark is not None and visible.has_tones(audio.samples, audio.rate_hz)
    frames = [frame.pixels for frame in media.sample_frames(opened, 8)]
    found = watermark.read_frames(frames, keys.PUBLIC_KEY)
    return found is not None and all(visible.has_label(pixels) for pixels in frames)


def test_this_suite_knows_an_unmarked_file(tmp_path: Path) -> None:
    Image.fromarray(portrait(300, 300)).save(tmp_path / "plain.png")
    assert [path.name for path in unmarked(tmp_path)] == ["plain.png"]


# By parameters.


def test_no_parameter_of_the_door_speaks_of_a_mark() -> None:
    doors = [getattr(export, name) for name in dir(export) if name.startswith(("export_", "open_"))]
    assert len(doors) == 5
    allowed = {"pixels", "rows", "frames", "fps", "samples", "rate_hz", "audio", "mask", "titles"}
    allowed |= {"origin", "path", "door", "home", "today"}
    for one in doors:
        parameters = inspect.signature(one).parameters.values()
        assert {p.name for p in parameters} <= allowed
        assert not any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters)
        assert not any(p.annotation in (bool, "bool") for p in parameters)


def test_the_environment_turns_nothing_off(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZHENWEI_NO_WATERMARK", "ZHENWEI_UNMARKED", "ZHENWEI_DEBUG", "NO_LABEL", "C2PA_DISABLE", "CI"):
        monkeypatch.setenv(name, "1")
    assert main(["forge", "make", "self_blend", str(PORTRAIT), "--output", str(tmp_path / "out")]) == 0
    assert len(list((tmp_path / "out").glob("*.png"))) == 2  # forgery and mask
    assert list(unmarked(tmp_path / "out")) == []


@pytest.mark.parametrize("name", ["a.PNG", "a.jpeg", ".png.png", "a b\u202e.png", "-o.png"])
def test_odd_names_leave_no_gap(name: str, door: Door, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    export_image(portrait(260, 260), Origin("x", {}), folder / name, door)
    assert len([p for p in folder.iterdir() if p.suffix != ".json"]) == 1
    assert list(unmarked(folder)) == []


@pytest.mark.parametrize("image", [np.zeros((300, 300, 3), np.uint8), np.full((300, 300, 3), 255, np.uint8)])
def test_a_picture_that_holds_no_mark_does_not_leave(image: Pixels, door: Door, tmp_path: Path) -> None:
    """All black or all white: either the mark is found again, or there is no file."""
    folder = tmp_path / "out"
    folder.mkdir()
    try:
        export_image(image, Origin("x", {}), folder / "a.png", door)
    except DataError:
        assert list(folder.iterdir()) == []
    assert list(unmarked(folder)) == []


# By damage on the way: each mark is taken away in turn, as a careless change of the source would.


def _same(pixels: Pixels, *_: object) -> Pixels:
    return pixels


@pytest.mark.parametrize(
    ("room", "name", "instead"),
    [
        (visible, "add_label", _same),
        (watermark, "mark_image", _same),
        (labels, "write_labels", lambda data, *_: data),
        (credential, "sign", lambda data, **_: data),
    ],
)
def test_a_file_that_lost_a_mark_is_deleted(
    room: object, name: str, instead: object, door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr(room, name, instead)
    with pytest.raises(DataError, match="could not be read back"):
        export_image(portrait(300, 300), Origin("x", {}), folder / "a.png", door)
    assert list(folder.iterdir()) == []


def test_an_interrupt_leaves_no_half_file(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "out"
    folder.mkdir()
    monkeypatch.setattr(watermark, "read_frames", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export_image(portrait(300, 300), Origin("x", {}), folder / "a.png", door)
    assert list(folder.iterdir()) == []


# By other writers: nothing else in the lab opens a file of media for writing.

_WRITERS = {"imwrite", "VideoWriter", "imsave", "write_videofile", "write_png", "save_image", "write_apng", "tofile"}


def _writes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, of = node.func.attr, ast.unparse(node.func.value)
        if name in _WRITERS:
            yield f"{of}.{name}"
        elif name == "save" and ("Image" in of or "image" in of or "picture" in of):
            yield f"{of}.save"
        elif of in ("soundfile", "sf", "wavfile") and name == "write":
            yield f"{of}.write"
        elif of == "av" and name == "open" and any(getattr(a, "value", "") == "w" for a in node.args):
            yield "av.open(…, 'w')"


def test_nothing_but_the_door_writes_pictures_or_sound() -> None:
    files = [
        *FORGE.rglob("*.py"),
        *(ROOT / "src/zhenwei/cli").glob("_forge_*.py"),
        *(ROOT / "docs/lecture").rglob("*.py"),
    ]
    assert len(files) > 20
    found = {}
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if writes := sorted(set(_writes(tree))):
            found[path.name] = writes
    # The genuine original as bytes in memory, for the credential of its copy: nothing made, and no file.
    assert found.pop("copy_set.py") == ["soundfile.write"]
    assert set(found) == {"export.py"}
    assert len(found["export.py"]) >= 3  # this test would see others


def test_no_option_of_any_command_of_the_lab_turns_a_mark_off(capsys: pytest.CaptureFixture[str]) -> None:
    import typer

    from zhenwei.cli.forge import forge

    def options(command: Any) -> Iterator[str]:
        for parameter in command.params:
            yield from (*parameter.opts, *parameter.secondary_opts)
        for child in getattr(command, "commands", {}).values():
            yield from options(child)

    words = ("label", "mark", "sign", "credential", "c2pa", "raw", "plain", "unmarked", "clean", "skip", "force")
    found = [name for name in options(typer.main.get_command(forge)) if any(word in name for word in words)]
    assert found == []


# By commands: whatever they write is marked.


def test_whatever_make_writes_is_marked(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for method in ("self_blend", "affine_warp", "animated", "regenerate", "attribute"):
        assert main(["forge", "make", method, str(PORTRAIT), "--count", "2", "--output", str(out)]) == 0
    made = [p for p in out.glob("*.png") if not p.name.endswith(".mask.png")]
    assert len(made) == 10
    assert list(unmarked(out)) == []
    for path in made:
        told = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
        assert max(told["height"], told["width"]) < 800  # its face is at the lab's size
    assert not any(path.name.startswith(".") for path in out.iterdir())


def test_a_swap_of_two_people_needs_their_consent(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, donor = tmp_path / "out", tmp_path / "people" / "b" / "donor.jpg"
    donor.parent.mkdir(parents=True)
    donor.write_bytes(PORTRAIT.read_bytes() + b"\0")
    command = ["forge", "make", "mesh_swap", str(PORTRAIT), "--donor", str(donor), "--output", str(out)]
    assert main(command) == 2
    consent = tmp_path / "people" / "consent.json"
    noted = ["forge", "consent", "make", str(donor.parent), "--subject", "b", "--basis", "public-domain"]
    assert main([*noted, "--evidence", "NASA portrait", "--scope", "face", "--expires", "never"]) == 0
    assert main([*command, "--consent", str(consent)]) == 1  # covers the donor only
    assert "not in the consent manifest" in capsys.readouterr().err
    assert not out.exists() or list(out.iterdir()) == []
    ours = tmp_path / "people" / "a"
    ours.mkdir()
    (ours / "target.jpg").write_bytes(PORTRAIT.read_bytes())
    noted = ["forge", "consent", "make", str(ours), "--subject", "a", "--basis", "public-domain"]
    assert main([*noted, "--evidence", "NASA portrait", "--scope", "face", "--expires", "never"]) == 0
    assert main([*command, "--consent", str(consent)]) == 0
    assert len(list(out.glob("*.png"))) == 2
    assert list(unmarked(out)) == []


# Every command of the lab, and what it may leave behind.

WRITES_NO_MEDIA = {"consent make", "consent check", "gan list", "swap prepare", "voice learn", "voice model"}
TRIED_ELSEWHERE = {
    "make": "above",
    "animate": "tests/cli/test_forge_animate.py",
    "swap train": "tests/forge/swap/test_swap_command.py",
    "swap preview": "tests/forge/swap/test_swap_command.py",
    "swap convert": "tests/forge/swap/test_swap_command.py",
    "gan train": "tests/cli/test_forge_gan.py",
    "gan edit": "tests/cli/test_forge_gan.py",
    "motion train": "tests/cli/test_forge_motion.py",
    "translate train": "tests/forge/gan/test_translate.py",
    "translate convert": "tests/forge/gan/test_translate.py",
    "voice copy": "tests/forge/voice/test_copy_set.py",
    "voice convert": "tests/cli/test_forge_voice.py",
    "voice speak": "tests/cli/test_forge_voice.py",
    "voice read": "tests/forge/voice/test_read_aloud.py",
}
TRIED_HERE = {
    "gan sample": ["--count", "4", "--output", "made.png"],
    "gan walk": ["--between", "2", "--output", "made.mp4"],
    "gan mix": ["--rows", "1", "--columns", "2", "--output", "made.jpg"],
}


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    children = getattr(command, "commands", None)
    if children is None:
        yield " ".join(path)
    for name, child in (children or {}).items():
        yield from leaves(child, (*path, name))


def test_no_command_is_left_untried() -> None:
    import typer

    from zhenwei.cli.forge import forge

    assert set(leaves(typer.main.get_command(forge))) == WRITES_NO_MEDIA | set(TRIED_ELSEWHERE) | set(TRIED_HERE)
    for command, place in TRIED_ELSEWHERE.items():
        if place != "above":
            text = (ROOT / place).read_text("utf-8")
            assert "is_marked" in text or "unmarked" in text, command


@pytest.mark.parametrize("command", sorted(TRIED_HERE))
def test_whatever_generators_write_is_marked(
    command: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(out)
    assert main(["forge", *command.split(), *TRIED_HERE[command]]) == 0
    assert len([path for path in out.iterdir() if path.suffix != ".json"]) == 1
    assert list(unmarked(out)) == []


@pytest.mark.parametrize("command", sorted(TRIED_HERE))
@pytest.mark.parametrize("suffix", [".bmp", ".npy", ".avi", ""])
def test_formats_that_hold_no_marks_are_refused(command: str, suffix: str, home: Path, tmp_path: Path) -> None:
    out = tmp_path / f"made{suffix}"
    assert main(["forge", *command.split(), *TRIED_HERE[command][:-1], str(out)]) != 0
    assert list(unmarked(tmp_path)) == []
    assert not out.exists()
