"""The repository keeps its own promises: commands exist, links lead somewhere, code in pages runs, sizes stay small."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
from packaging.requirements import Requirement
from typer.core import TyperGroup

from zhenwei import cli, models
from zhenwei.detectors import ids
from zhenwei.report import schema

ROOT = Path(__file__).parents[1]
SCRIPTS = ("setup", "check", "test", "try", "bench", "docs", "lecture", "defence", "stranger")
READMES = ("README.md", "README.zh-CN.md")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def tracked() -> list[Path]:
    """Every file of the repository."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def pages() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *(p for folder in ("docs", "examples", "benchmarks") for p in named(folder))]


def named(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.md"))


def blocks(page: Path, *languages: str) -> list[str]:
    return [code for language, code in _BLOCK.findall(page.read_text(encoding="utf-8")) if language in languages]


def commands(page: Path) -> list[list[str]]:
    """The command lines in the shell blocks of a page, without their comments."""
    lines = "\n".join(blocks(page, "sh", "")).splitlines()
    shell = (line.split("#")[0].split() for line in lines)
    return [words for words in shell if words and (words[0] in ("zhenwei", "pip") or is_script(words))]


def is_script(words: list[str]) -> bool:
    return words[0].startswith("./")


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_command_in_the_pages_exists(page: Path) -> None:
    for words in commands(page):
        if is_script(words):
            assert os.access(ROOT / words[0], os.X_OK), words
        elif words[0] == "zhenwei":
            command: Any = typer.main.get_command(cli._app(words[1:]))
            for word in words[1:]:
                if not isinstance(command, TyperGroup) or word.startswith("-"):
                    break
                command = command.commands[word]
            options = {name for parameter in command.params for name in parameter.opts} | {"--lang", "--debug"}
            assert {word for word in words if word.startswith("--")} <= options, words
            takes_words = any(parameter.param_type_name == "argument" for parameter in command.params)
            assert takes_words or not unasked(command, words), words


def unasked(command: Any, words: list[str]) -> list[str]:
    """What stands behind the name of the command and is neither an option nor the value of one, nor for the shell."""
    flags = {name for p in command.params if getattr(p, "is_flag", False) for name in p.opts}
    behind = words[words.index(command.name) + 1 :]
    found, before = [], ""
    for word in behind:
        if word in (">", "|", "&&", "2>", "\\", "&"):
            break
        if not word.startswith("-") and (not before.startswith("-") or before in flags):
            found.append(word)
        before = word
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    links = [link.split("#")[0] for link in _LINK.findall(text) if "://" not in link]
    missing = [link for link in links if link and not (page.parent / link).exists()]
    assert missing == []


def test_the_two_readmes_show_the_same() -> None:
    english, chinese = (ROOT / name for name in READMES)
    assert commands(english) == commands(chinese)
    assert blocks(english, "python") == blocks(chinese, "python")
    links = []
    for page in (english, chinese):
        found = set(_LINK.findall(page.read_text(encoding="utf-8"))) - set(READMES)
        links.append({link.partition("#")[0].replace("/zh/", "/en/") for link in found})
    assert links[0] == links[1]


def test_the_readme_begins_with_the_two_commands_of_a_newcomer() -> None:
    found = [words for words in commands(ROOT / READMES[0]) if is_script(words)]
    assert found[:2] == [["./scripts/try"], ["./scripts/test"]]


# What stands in the pages is what runs here.


def code_files() -> dict[str, Path]:
    """The Python files of the documentation by their text, as it stands in a page (without the linter's notes)."""
    files = sorted((ROOT / "docs" / "src").glob("*.py"))
    return {re.sub(r"\A# ruff:.*\n", "", path.read_text(encoding="utf-8")): path for path in files}


def test_every_python_block_is_a_file_that_runs_and_every_such_file_is_shown() -> None:
    guides = [page for page in pages() if page.name not in ("CONTRIBUTING.md", "ARCHITECTURE.md")]
    shown = {code for page in guides for code in blocks(page, "python")}
    assert shown == set(code_files())


@pytest.mark.parametrize("path", code_files().values(), ids=lambda p: p.stem)
def test_the_code_in_the_pages_runs(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "examples" / "media", tmp_path / "examples" / "media")
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "index.md", tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    said = capfd.readouterr()
    assert said.err == ""
    assert said.out or list(tmp_path.glob("report.*"))


# What must not be in it.

_WORKPLACE = re.compile("/work" + "/|/root" + "/")
_REGISTRY = re.compile("pypi" + r"\.org|python" + r"hosted\.org|download\.py" + r"torch\.org|conda" + r"\.(io|org)")
_ISSUE = re.compile(r"\b(issue|pull request)s? #?\d+\b(?!\.jpg)", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w#&(/])#\d+\b")


@pytest.mark.parametrize("pattern", [_WORKPLACE, _REGISTRY, _ISSUE], ids=["workplace", "registry", "issue"])
def test_no_file_speaks_of_the_workplace_a_registry_or_an_issue(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}" for path in tracked() for match in pattern.finditer(text(path))
    ]
    assert found == []


def test_no_page_refers_to_an_issue_by_its_number() -> None:
    found = [(page.name, match.group()) for page in pages() for match in _NUMBER.finditer(text(page))]
    assert found == []


def text(path: Path) -> str:
    """The text of a file; "" for pictures, weights and other bytes."""
    data = path.read_bytes()
    return "" if b"\0" in data[:8192] else data.decode("utf-8", "replace")


def test_no_file_is_large() -> None:
    """But for the encoder, which several detectors share and whose weights are what they are."""
    large = {str(p.relative_to(ROOT)): p.stat().st_size for p in tracked() if p.stat().st_size > 20_000_000}
    encoder = large.pop("src/zhenwei/models/weights/face_encoder.onnx", 0)
    assert large == {}
    assert encoder < 90_000_000


# What must be in it.


def test_the_notice_names_every_model_in_the_store() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert [row.file for row in models.manifest() if row.file not in notice] == []
    of_the_lab = {path.parent.relative_to(ROOT) for path in (ROOT / "src/zhenwei/forge").rglob("*.safetensors")}
    assert len(of_the_lab) > 1
    assert [str(folder) for folder in of_the_lab if f"{folder}/" not in notice] == []


def test_the_changelog_knows_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [*(f"scripts/{name}" for name in SCRIPTS), ".ci/run"])
def test_scripts_say_what_they_are_for_and_stop_at_the_first_error(path: str) -> None:
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    assert os.access(ROOT / path, os.X_OK)
    assert lines[0] == "#!/usr/bin/env bash"
    assert re.match(r"# \w", lines[1])
    assert lines[2] == "set -euo pipefail"


def test_continuous_integration_runs_the_gates_the_lecture_and_both_ends_of_the_libraries() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("./")] == [
        "./scripts/check",
        "./scripts/test --all",
        "./scripts/lecture --check",
        "./scripts/test --lowest",
        "./scripts/test --newest",
        "./scripts/stranger",
    ]


def setup_in(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``scripts/setup`` in a bare copy, called from another place."""
    (folder / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", folder / "scripts")
    shutil.copy(ROOT / "pyproject.toml", folder)
    command = [str(folder / "scripts" / "setup"), *arguments]
    return subprocess.run(command, cwd="/", env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name != "posix", reason="the scripts are for bash")
def test_setup_names_the_cure_where_python_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python-old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" && exit 0\nexit 1\n', encoding="utf-8")
    old.chmod(0o755)
    (tmp_path / "copy").mkdir()
    ended = setup_in(tmp_path / "copy", "core", PYTHON=str(old))
    assert ended.returncode == 1
    assert "Python 3.11 or newer is needed" in ended.stderr
    assert "Python 3.9.2" in ended.stderr
    assert "apt-get install" in ended.stderr
    assert not (tmp_path / "copy" / ".venv").exists()


@pytest.mark.skipif(os.name != "posix", reason="the scripts are for bash")
def test_setup_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    ended = setup_in(tmp_path, "everything")
    assert ended.returncode == 1
    assert "scripts/setup dev" in ended.stderr


# Every range that is declared has both its ends tested.


def project() -> dict[str, Any]:
    described: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return described


def oldest(*groups: str) -> list[str]:
    command = [sys.executable, str(ROOT / "scripts" / "lowest.py"), *groups]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_the_oldest_releases_are_those_of_the_ranges() -> None:
    """The script reads the lines by itself, since it runs before anything is installed; here they are read rightly."""
    wanted = {Requirement(line).name: Requirement(line).specifier for line in project()["dependencies"]}
    exact = [Requirement(line) for line in oldest()]
    assert [line.name for line in exact] == list(wanted)
    for line in exact:
        (bound,) = line.specifier
        assert bound.operator == "=="
        assert wanted[line.name].contains(bound.version)
        assert f">={bound.version}" in str(wanted[line.name]).split(",")


def test_the_oldest_releases_include_what_an_extra_names() -> None:
    assert {Requirement(line).name for line in oldest("test")} >= {"numpy", "pytest", "hypothesis", "matplotlib"}


def test_every_library_and_tool_has_a_lower_bound() -> None:
    groups = [project()["dependencies"], *project()["optional-dependencies"].values()]
    lines = [Requirement(line) for group in groups for line in group]
    free = {line.name for line in lines if not line.specifier and not line.extras}
    assert free == {"types-jsonschema", "scipy-stubs"}  # they follow the versions of what they describe


def test_a_plain_install_brings_what_the_plain_commands_import() -> None:
    core = {Requirement(line).name for line in project()["dependencies"]}
    assert {"c2pa-python", "cryptography"} <= core  # zhenwei verify, zhenwei protect sign
    assert project()["optional-dependencies"]["provenance"] == []
    shown = {" ".join(words) for words in commands(ROOT / READMES[0]) if words[0] == "pip"}
    assert shown == {"pip install '.[report,server]'"}  # zhenwei evaluate draws its charts, zhenwei serve serves


@pytest.mark.parametrize("path", sorted(ROOT.glob("benchmarks/results/*.json")), ids=lambda p: p.stem)
def test_kept_measurements_obey_their_schema(path: Path) -> None:
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    measured = json.loads((ROOT / "benchmarks" / "schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(kept, measured, cls=jsonschema.Draft202012Validator)
    for measure in kept["measures"]:
        low, high = measure["quartiles"]
        assert min(measure["values"]) <= low <= measure["median"] <= high <= max(measure["values"])
    rounds = kept["protocol"]["rounds"]
    assert all(len(m["values"]) >= min(rounds, 3) for m in kept["measures"])


def test_the_schemas_are_schemas() -> None:
    for found in (schema(), json.loads((ROOT / "benchmarks" / "schema.json").read_text(encoding="utf-8"))):
        jsonschema.Draft202012Validator.check_schema(found)


def test_every_detector_says_how_it_works() -> None:
    told = tomllib.loads((ROOT / "docs" / "detectors" / "how.toml").read_text(encoding="utf-8"))
    assert set(told) == set(ids())
    for id_ in ids():
        page = (ROOT / "docs" / "detectors" / f"{id_}.md").read_text(encoding="utf-8")
        assert told[id_]["how"].strip() in page
        assert "## Measured" in page


def test_no_module_imports_itself_by_a_detour() -> None:
    """As the contract of import-linter, and a package's own ``__init__`` as well."""
    grimp = pytest.importorskip("grimp", reason="import-linter is not installed")
    graph = grimp.build_graph("zhenwei", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # CycleError names the modules of a circle
