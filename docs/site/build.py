"""``scripts/docs``: the documentation as a site in ``build/site``, English and Chinese, made offline and read offline.

The pages of ``docs`` stay where links point. Here they are gathered into a folder for each language, together with the
pages in ``en`` and ``zh`` beside this file and what is generated: the reference of commands and of the package, and the
catalogue of detectors. Links between gathered pages are rewritten; a link to a file that is not a page (source code,
data) becomes its path. MkDocs with the theme Material makes HTML of each folder; nothing is loaded from the network.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from docs.site.reference import api_page, commands_page, detectors_page  # noqa: E402

BUILD = ROOT / "build"
LANGUAGES = ("en", "zh")
_BLOCK = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FETCHED = re.compile(r"https://[^\"'\s]+/iframe-worker/shim")  # a script that the theme would fetch
_IMAGES = (".png", ".jpg", ".jpeg", ".svg", ".webp", ".gif")

# Pages of ``docs`` and of the repository that both languages have, by where they stand on the site.
SHARED = {
    "reading-a-report.md": "docs/reading-a-report.md",
    "screens.md": "docs/screens.md",
    "service.md": "docs/service.md",
    "security.md": "docs/security.md",
    "cases.md": "docs/cases.md",
    "scale.md": "docs/scale.md",
    "fusion.md": "docs/fusion.md",
    "accuracy.md": "docs/accuracy.md",
    "left_out.md": "docs/left_out.md",
    "experiments.md": "docs/experiments.md",
    "evaluating.md": "docs/evaluating.md",
    "foreign.md": "docs/foreign.md",
    "training.md": "docs/training.md",
    "fingerprints.md": "docs/fingerprints.md",
    "lab.md": "docs/lab.md",
    "documentation.md": "docs/index.md",
    "notebooks.md": "examples/notebooks/README.md",
    "examples.md": "examples/README.md",
    "plugin.md": "examples/plugin/README.md",
    "trained-detector.md": "examples/trained_detector/README.md",
    "benchmarks.md": "benchmarks/README.md",
    "architecture.md": "ARCHITECTURE.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
FOLDERS = {
    "detectors": "docs/detectors",
    "lecture": "docs/lecture",
    "defence": "docs/defence",
    "models": "src/zhenwei/models/cards",
}
ENGLISH_ONLY = {"limits.md": "docs/limits.md"}  # Chinese has a page of its own

Nav = list[dict[str, object]]


@dataclass(slots=True)
class Gathered:
    """Pages of one language: ``text`` by place on the site, and where each file of the repository went."""

    language: str
    text: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Path] = field(default_factory=dict)  # place -> the file that it is of
    places: dict[Path, str] = field(default_factory=dict)  # the file -> its place

    def add(self, place: str, source: Path) -> None:
        self.text[place] = source.read_text(encoding="utf-8")
        self.sources[place] = source
        self.places.setdefault(source.resolve(), place)

    def write(self, folder: Path) -> None:
        """Every page with its links rewritten, and the pictures that they show."""
        for place, text in self.text.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            source = self.sources.get(place)
            path.write_text(text if source is None else self._linked(text, place, source, folder), encoding="utf-8")

    def _linked(self, text: str, place: str, source: Path, folder: Path) -> str:
        def one(match: re.Match[str]) -> str:
            return self._link(match, place, source, folder)

        parts = _BLOCK.split(text)
        for number in range(0, len(parts), 2):  # what stands between blocks of code
            parts[number] = _LINK.sub(one, parts[number])
        return "".join(parts)

    def _link(self, match: re.Match[str], place: str, source: Path, folder: Path) -> str:
        shown, label, target = match.groups()
        path, hash_, anchor = target.partition("#")
        if "://" in target or not path or target.startswith("mailto:"):
            return match[0]
        if not shown:
            label = _LINK.sub(lambda inner: self._link(inner, place, source, folder), label)
        file = (source.parent / path).resolve()
        if file.suffix.lower() in _IMAGES and file.is_file():
            to = f"files/{file.relative_to(ROOT).as_posix()}"
            (folder / to).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / to)
            return f"{shown}[{label}]({_relative(to, place)})"
        to = self._place_of(file)
        if not to:
            return label if label.startswith("`") else f"{label} (`{_told(file)}`)"
        return f"[{label}]({_relative(to, place)}{hash_}{anchor})"

    def _place_of(self, file: Path) -> str:
        if file.is_dir():
            for name, folder in FOLDERS.items():
                if file == ROOT / folder:
                    return f"{name}/index.md"
            return self.places.get(file / "README.md", "")
        return self.places.get(file, "")


def _relative(to: str, place: str) -> str:
    return Path(os.path.relpath(to, Path(place).parent)).as_posix()


def _told(file: Path) -> str:
    return file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name


def gather(language: str) -> Gathered:
    """Every page of one language."""
    found = Gathered(language)
    own = HERE / language
    for path in sorted(own.rglob("*.md")):
        found.add(path.relative_to(own).as_posix(), path)
    shared = SHARED | (ENGLISH_ONLY if language == "en" else {})
    for place, source in shared.items():
        if (ROOT / source).is_file():
            found.add(place, ROOT / source)
    for name, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).glob("*.md")):
            if ".head." not in path.name:
                found.add(f"{name}/{'index.md' if path.name == 'README.md' else path.name}", path)
    if language == "zh":
        found.places[ROOT / "docs" / "limits.md"] = "limits.md"
        found.places[ROOT / "README.zh-CN.md"] = "index.md"
    found.places[ROOT / "README.md"] = "index.md"
    found.text["detectors/index.md"] = detectors_page(language)
    found.text["reference/commands.md"] = commands_page(language)
    found.text["reference/package.md"] = api_page(language)
    return found


_TITLES = {
    "en": {
        "start": "Start", "guides": "Guides", "fact-checker": "For fact-checkers", "engineer": "For engineers",
        "examiner": "For examiners", "researcher": "For researchers", "student": "For students",
        "understand": "Understanding", "detectors": "Detectors", "do": "Doing", "reference": "Reference", "faq": "FAQ",
        "limits": "Limits", "glossary": "Glossary", "commands": "Commands", "package": "Python package",
        "lecture": "The lecture's experiments", "project": "Project", "models": "Model cards", "all": "All of them",
    },
    "zh": {
        "start": "快速上手", "guides": "指南", "fact-checker": "事实核查人员", "engineer": "工程师",
        "examiner": "鉴定人", "researcher": "研究人员", "student": "学生", "understand": "理解", "detectors": "检测器",
        "do": "操作（英文）", "reference": "参考", "faq": "常见问题", "limits": "局限", "glossary": "术语表",
        "commands": "命令", "package": "Python 包（英文）", "lecture": "课程实验（英文）", "project": "项目（英文）",
        "models": "模型卡（英文）",
        "all": "总览",
    },
}  # fmt: skip
_READERS = ("fact-checker", "engineer", "examiner", "researcher", "student")


def navigation(found: Gathered) -> Nav:
    """What stands where; every page once."""
    titles = _TITLES[found.language]

    def named(*names: str) -> list[object]:
        return [f"{name}.md" for name in names if f"{name}.md" in found.text]

    def folder(name: str) -> list[object]:
        return [
            place for place in sorted(found.text) if place.startswith(f"{name}/") and not place.endswith("/index.md")
        ]

    understand = ["reading-a-report.md", "screens.md", "fusion.md", {titles["limits"]: "limits.md"}]
    detectors: list[object] = [{titles["all"]: "detectors/index.md"}, *folder("detectors")]
    lecture: list[object] = [{titles["all"]: "lecture/index.md"}, *folder("lecture")]
    doing = named(
        "service",
        "security",
        "cases",
        "scale",
        "evaluating",
        "foreign",
        "training",
        "fingerprints",
        "lab",
        "notebooks",
        "examples",
        "plugin",
        "trained-detector",
    )
    reference = [
        {titles["commands"]: "reference/commands.md"},
        {titles["package"]: "reference/package.md"},
        {titles["glossary"]: "glossary.md"},
        {titles["models"]: folder("models")},
    ]
    project = named("benchmarks", "architecture", "contributing", "changelog", "documentation")
    return [
        {"zhenwei": "index.md"},
        {titles["start"]: "start.md"},
        {titles["guides"]: [{titles[reader]: f"guides/{reader}.md"} for reader in _READERS]},
        {titles["faq"]: "faq.md"},
        {titles["understand"]: [*understand, *named("accuracy", "left_out", "experiments")]},
        {titles["detectors"]: detectors},
        {titles["do"]: [*doing, *folder("defence")]},
        {titles["lecture"]: lecture},
        {titles["reference"]: reference},
        {titles["project"]: project},
    ]


def configuration(found: Gathered, docs: Path, site: Path) -> dict[str, object]:
    """For MkDocs. No fonts and no scripts of others; search works from a folder, without a server."""
    language = found.language
    palette = [
        {
            "media": f"(prefers-color-scheme: {scheme})",
            "scheme": name,
            "primary": "custom",
            "toggle": {"icon": icon, "name": title},
        }
        for scheme, name, icon, title in (
            ("light", "default", "material/weather-night", "Dark"),
            ("dark", "slate", "material/weather-sunny", "Light"),
        )
    ]
    alternate = [
        {"name": "English", "link": "./" if language == "en" else "../en/index.html", "lang": "en"},
        {"name": "中文", "link": "./" if language == "zh" else "../zh/index.html", "lang": "zh"},
    ]
    return {
        "site_name": "zhenwei 真伪",
        "docs_dir": str(docs),
        "site_dir": str(site),
        "use_directory_urls": False,
        "nav": navigation(found),
        "theme": {
            "name": "material",
            "language": language,
            "font": False,
            "palette": palette,
            "features": [
                "navigation.indexes",
                "navigation.top",
                "navigation.tabs",
                "content.code.copy",
                "search.suggest",
            ],
            "icon": {"logo": "material/scale-balance"},
        },
        "extra": {"alternate": alternate, "generator": False},
        "extra_css": ["extra.css"],
        "plugins": [{"search": {"lang": [language], "separator": r"[\s\-_.,:，。；：（）()]+|(?=[一-鿿])"}}, "offline"],
        "markdown_extensions": [
            "attr_list",
            "tables",
            "admonition",
            {"toc": {"permalink": True}},
            "pymdownx.superfences",
        ],
        "validation": {"links": {"anchors": "warn", "unrecognized_links": "warn"}},
        "strict": True,
    }


def _without_strangers(site: Path) -> None:
    """The theme fetches what starts a search from a folder; ours is in the folder."""
    shutil.copyfile(HERE / "worker.js", site / "worker.js")
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        ours = _relative("worker.js", page.relative_to(site).as_posix())
        page.write_text(_FETCHED.sub(ours, text), encoding="utf-8")


def build(target: Path) -> None:
    """Both languages, and a first page that leads to the reader's own."""
    from mkdocs.commands.build import build as made
    from mkdocs.config import load_config

    shutil.rmtree(target, ignore_errors=True)
    for language in LANGUAGES:
        docs, site = BUILD / "site-pages" / language, target / language
        shutil.rmtree(docs, ignore_errors=True)
        docs.mkdir(parents=True)
        found = gather(language)
        found.write(docs)
        shutil.copyfile(HERE / "extra.css", docs / "extra.css")
        settings = docs.with_suffix(".yml")  # JSON is YAML
        settings.write_text(json.dumps(configuration(found, docs, site), ensure_ascii=False), encoding="utf-8")
        made(load_config(str(settings)))
        _without_strangers(site)
        sys.stderr.write(f"→ {site}/index.html, {len(found.text)} pages\n")
    shutil.copyfile(HERE / "index.html", target / "index.html")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    build(BUILD / "site")
