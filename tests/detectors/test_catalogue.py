"""The catalogue: ids from paths, entry points, clashes, options."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zhenwei import detectors
from zhenwei.detectors import build, catalogue, ids
from zhenwei.errors import DetectorClashError, UsageError

PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar
from zhenwei.types import Detector, DetectorInfo, Evidence, Subject

@dataclass(frozen=True, slots=True)
class Moon:
    phase: float = 0.5
    waxing: bool = True
    name: str = "full"
    nights: int = 1
    info: ClassVar[DetectorInfo] = DetectorInfo(
        id={id!r}, question="Is it the moon?", takes=("image",), level="file", needs=(), reference="none",
        blind_spots=("clouds",))

    def examine(self, subject: Subject) -> Evidence:
        return Evidence(self.info.id, None, "No answer.", "clouds")

detector: type[Detector] = Moon
"""


@pytest.fixture(autouse=True)
def _fresh_catalogue() -> Iterator[None]:
    catalogue.cache_clear()
    yield
    catalogue.cache_clear()


def install(where: Path, name: str, entry: str, module: str, source: str) -> None:
    """A distribution as an installer would leave it: a module and a dist-info folder."""
    (where / f"{module}.py").write_text(source)
    info = where / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[zhenwei.detectors]\n{entry} = {module}:detector\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to install into, and a catalogue with nothing built in."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(detectors, "__path__", [])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_every_file_is_a_detector_and_its_path_its_id() -> None:
    root = Path(detectors.__file__).parent
    files = {f"{p.parent.name}.{p.stem}" for p in root.glob("*/*.py") if not p.name.startswith("_")}
    assert set(ids()) == files
    assert list(ids()) == sorted(ids())
    assert set(ids()) <= set(catalogue())
    for id_, kind in catalogue().items():
        assert kind.info.id == id_


def test_listing_ids_imports_no_detector() -> None:
    code = (
        "import sys; from zhenwei.detectors import ids; found = ids(); "
        "heavy = {'cv2', 'torch', 'onnxruntime'} | {f'zhenwei.detectors.{i}' for i in found}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_another_package_adds_a_detector(site: Path) -> None:
    install(site, "moonlight", "temporal.moon", "moonlight", PLUGIN.format(id="temporal.moon"))
    assert "temporal.moon" in catalogue()
    assert list(catalogue()) == sorted(catalogue())
    assert "temporal.moon" not in ids()
    assert build("temporal.moon", phase=0.25, waxing=False) == catalogue()["temporal.moon"](
        phase=0.25,  # type: ignore[call-arg]
        waxing=False,
    )


def test_two_packages_with_one_id_clash_and_both_are_named(site: Path) -> None:
    install(site, "moonlight", "temporal.moon", "moonlight", PLUGIN.format(id="temporal.moon"))
    install(site, "sunrise", "temporal.moon", "sunrise", PLUGIN.format(id="temporal.moon"))
    with pytest.raises(DetectorClashError, match=r"temporal\.moon") as caught:
        catalogue()
    assert "moonlight" in str(caught.value)
    assert "sunrise" in str(caught.value)


def test_a_package_cannot_replace_a_built_in(
    site: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_room(tmp_path_factory.mktemp("room"), monkeypatch, "skies", "moon", PLUGIN.format(id="skies.moon"))
    install(site, "moonlight", "skies.moon", "moonlight", PLUGIN.format(id="skies.moon"))
    assert ids() == ("skies.moon",)
    with pytest.raises(DetectorClashError, match=r"zhenwei\.detectors\.skies\.moon:Moon and moonlight:detector"):
        catalogue()


def add_room(where: Path, monkeypatch: pytest.MonkeyPatch, family: str, file: str, source: str) -> None:
    """A folder of built-in detectors in place of the real one, with one family and one file."""
    folder = where / family
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / f"{file}.py").write_text(source)
    (folder / "_shared.py").write_text("raise RuntimeError('not a detector')\n")
    monkeypatch.setattr(detectors, "__path__", [str(where)])
    for name in (f"zhenwei.detectors.{family}", f"zhenwei.detectors.{family}.{file}"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_a_file_whose_info_names_another_path_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_room(tmp_path, monkeypatch, "tides", "moon", PLUGIN.format(id="skies.moon"))
    with pytest.raises(UsageError, match=r"got info\.id 'skies\.moon'; want info\.id 'tides\.moon'"):
        catalogue()


def test_a_file_without_a_detector_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_room(tmp_path, monkeypatch, "winds", "breeze", "answer = 42\n")
    with pytest.raises(UsageError, match="no attribute 'detector'"):
        catalogue()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (PLUGIN.format(id="skies.moon"), r"info\.id 'skies\.moon'"),
        ("import a_package_that_is_not_there\n", "does not load.*Repair or uninstall"),
        ("answer = 42\n", "does not load"),
        ("def broken(:\n", "does not load.*SyntaxError"),
        ("1 / 0\n", "does not load.*ZeroDivisionError"),
        ("raise SystemExit(3)\n", "does not load.*SystemExit"),
        ("open('/a/file/that/is/not/there')\n", "does not load.*No such file"),
        ("detector = 42\n", "left out"),
        (PLUGIN.format(id="temporal.moon").replace("phase: float = 0.5", "phase: float"), "does not load.*TypeError"),
        (
            PLUGIN.format(id="temporal.moon").replace("needs=()", "needs=(), models=('moon',)"),
            "left out.*no such model",
        ),
        (
            PLUGIN.format(id="temporal.moon").replace("    info:", "    store = '/nowhere'\n    info:"),
            r"left out.*manifest cannot be read.*/nowhere",
        ),
    ],
    ids=[
        "other-id",
        "import-error",
        "no-attribute",
        "syntax",
        "raises",
        "exits",
        "file",
        "no-class",
        "no-default",
        "no-model",
        "no-store",
    ],
)
def test_a_faulty_plug_in_is_named(site: Path, source: str, message: str) -> None:
    install(site, "moonlight", "temporal.moon", "moonlight", source)
    with pytest.raises(UsageError, match=message) as caught:
        build("temporal.moon")
    assert "temporal.moon" in str(caught.value)
    assert "moonlight" in str(caught.value)
    assert [(lost.id, lost.package) for lost in catalogue().left_out] == [("temporal.moon", "moonlight")]
    assert not catalogue()


def test_a_broken_plug_in_leaves_all_others_alone(site: Path) -> None:
    install(site, "moonlight", "temporal.moon", "moonlight", PLUGIN.format(id="temporal.moon"))
    install(site, "sunrise", "temporal.sun", "sunrise", "import a_package_that_is_not_there\n")
    assert list(catalogue()) == ["temporal.moon"]
    build("temporal.moon")
    with pytest.raises(UsageError, match=r"temporal\.sun.*sunrise.*a_package_that_is_not_there"):
        build("temporal.sun")


def test_a_clash_ends_only_what_needs_the_id(site: Path) -> None:
    install(site, "moonlight", "temporal.moon", "moonlight", PLUGIN.format(id="temporal.moon"))
    install(site, "eclipse", "temporal.moon", "eclipse", PLUGIN.format(id="temporal.moon"))
    install(site, "stars", "temporal.star", "stars", PLUGIN.format(id="temporal.star"))
    build("temporal.star")
    assert list(catalogue(strict=False)) == ["temporal.star"]
    with pytest.raises(DetectorClashError, match=r"temporal\.moon"):
        build("temporal.moon")
    with pytest.raises(DetectorClashError, match=r"temporal\.moon"):
        catalogue()


def test_unknown_ids_get_near_matches(site: Path) -> None:
    install(site, "moonlight", "temporal.moon", "moonlight", PLUGIN.format(id="temporal.moon"))
    with pytest.raises(UsageError, match=r"no detector 'temporal\.mon'.*Did you mean temporal\.moon"):
        build("temporal.mon")
    with pytest.raises(UsageError, match=r"There are .*temporal\.moon"):
        build("zzz")


def test_unknown_and_mistyped_options_are_refused(site: Path) -> None:
    install(site, "moonlight", "temporal.moon", "moonlight", PLUGIN.format(id="temporal.moon"))
    with pytest.raises(UsageError, match=r"no option 'fase'; got fase=1; want phase, waxing, name, nights"):
        build("temporal.moon", fase=1)
    with pytest.raises(UsageError, match="no option 'info'"):
        build("temporal.moon", info="x")
    with pytest.raises(UsageError, match="wrong type; got 'half'; want float"):
        build("temporal.moon", phase="half")
    with pytest.raises(UsageError, match="got True; want int"):
        build("temporal.moon", nights=True)
    build("temporal.moon", phase=1, nights=3, name="new")
