"""The documentation site: the same pages in both languages, links that lead somewhere, nothing from elsewhere."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "docs" / "site"
_ELSEWHERE = re.compile(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']?(?:https?:)?//""")


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    sys.path.insert(0, str(SITE))
    try:
        build = importlib.import_module("build")
    finally:
        sys.path.remove(str(SITE))
    return build


def own(language: str) -> set[str]:
    return {path.relative_to(SITE / language).as_posix() for path in (SITE / language).rglob("*.md")}


def test_what_is_written_by_hand_is_there_in_both_languages() -> None:
    assert own("en") | {"limits.md"} == own("zh")  # the English one lies in docs


def test_guides_show_the_same_commands() -> None:
    for name in own("en"):
        texts = [(SITE / language / name).read_text(encoding="utf-8") for language in ("en", "zh")]
        shown = []
        for text in texts:
            lines = re.findall(r"^(?:zhenwei|pip|\./scripts)[^#\n]*", text, re.MULTILINE)
            shown.append([line.replace(" --lang zh", "").strip() for line in lines])
        assert set(shown[1]) <= set(shown[0]), name


def test_the_glossary_has_every_term_in_both() -> None:
    terms = []
    for language, columns in (("en", (0, 1)), ("zh", (1, 0))):
        rows = (SITE / language / "glossary.md").read_text(encoding="utf-8").splitlines()[6:]
        cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row.startswith("|")]
        terms.append([(row[columns[0]], row[columns[1]]) for row in cells])
        assert all(len(row) == 3 and all(row) for row in cells)
    assert terms[0] == terms[1]


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_the_site_is_built_and_fetches_nothing(
    builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mkdocs", reason="what the site is built with is not installed: the extra docs")
    monkeypatch.setattr(builder, "BUILD", tmp_path)
    monkeypatch.setattr(builder, "commands_page", lambda _language: "# Commands\n")  # a test of its own
    builder.build(tmp_path / "site")  # strict: a link that leads nowhere ends it
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 150
    found = [page for page in pages if _ELSEWHERE.search(page.read_text(encoding="utf-8"))]
    assert found == []


def test_the_reference_has_every_command(builder: ModuleType) -> None:
    page = builder.commands_page("en")
    for command in ("scan", "models add", "models convert", "forge make", "evaluate"):
        assert f"## zhenwei {command}\n" in page
    assert page.count("--help") > 15
    assert "\x1b" not in page
