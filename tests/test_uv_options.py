"""Where uv looks, as pip is set up to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "scripts" / "uv_options.py"


def told(*lines: str, page: str = "/dev/null") -> tuple[int, list[str], str]:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), page], input="\n".join(lines), capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.split(), done.stderr


def test_places_constraints_and_trust_are_carried_over() -> None:
    status, options, _ = told(
        "global.extra-index-url='https://one.invalid https://two.invalid'",
        "global.find-links='/wheels'",
        "install.constraint='/etc/constraints.txt'",
        "global.index-url='https://mirror.invalid/simple'",
        "global.trusted-host='mirror.invalid'",
        ":env:.timeout='60'",
    )
    assert status == 0
    pairs = set(zip(options[::2], options[1::2], strict=True))
    assert pairs == {
        ("--index", "https://one.invalid"),
        ("--index", "https://two.invalid"),
        ("--find-links", "/wheels"),
        ("--constraint", "/etc/constraints.txt"),
        ("--default-index", "https://mirror.invalid/simple"),
        ("--allow-insecure-host", "mirror.invalid"),
    }


def test_the_environment_goes_before_the_command_and_that_before_the_rest() -> None:
    lines = [":env:.index-url='https://c.invalid'", "install.index-url='https://b.invalid'"]
    assert told(*lines, "global.index-url='https://a.invalid'")[1] == ["--default-index", "https://c.invalid"]
    assert told(lines[1], "global.index-url='https://a.invalid'")[1] == ["--default-index", "https://b.invalid"]


def test_without_an_index_there_is_none() -> None:
    assert told("global.no-index='true'")[1] == ["--no-index"]
    assert told("global.no-index='false'")[1] == []
    assert told("") == (0, [], "")


def test_what_cannot_be_carried_over_leaves_it_to_pip() -> None:
    status, options, said = told("global.target='/elsewhere'")
    assert (status, options) == (1, [])
    assert "target" in said


def index(folder: Path, *files: str) -> str:
    links = "".join(f'<a href="../../files/{name}#sha256=00">{name}</a>\n' for name in files)
    (folder / "simple" / "sounds").mkdir(parents=True)
    (folder / "simple" / "sounds" / "index.html").write_text(f'<a href="../">up</a>\n{links}')
    return (folder / "simple").as_uri()


def test_indexes_on_this_disk_become_one_page_of_all_their_files(tmp_path: Path) -> None:
    """uv would take the first index's file of a release, though it lacks the library that the second's brings."""
    first = index(tmp_path / "one", "sounds-1.0-py3-none-any.whl")
    second = index(tmp_path / "two", "sounds-1.0-py3-none-manylinux_2_28_x86_64.whl")
    page = tmp_path / "page.html"
    status, options, _ = told(f"global.extra-index-url='{first} {second} https://three.invalid'", page=str(page))
    assert (status, options) == (0, ["--index", "https://three.invalid", "--find-links", page.as_uri()])
    assert [line.split('"')[1] for line in page.read_text().splitlines() if line.startswith("<a ")] == [
        (tmp_path / "one" / "files" / "sounds-1.0-py3-none-any.whl").as_uri() + "#sha256=00",
        (tmp_path / "two" / "files" / "sounds-1.0-py3-none-manylinux_2_28_x86_64.whl").as_uri() + "#sha256=00",
    ]
