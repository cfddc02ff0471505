"""What the pages on the service show, runs; the tests that they name are there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.server.conftest import MEDIA, Live

from zhenwei.report.printing import find_browser

ROOT = Path(__file__).parents[2]
SERVICE = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
URL = "http://127.0.0.1:8765"


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", SERVICE.partition("## For programs")[2], re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    shutil.copy(MEDIA / "astronaut.jpg", tmp_path / "photo.jpg")
    shutil.copy(MEDIA / "astronaut-forged.jpg", tmp_path / "other.jpg")
    return tmp_path


@pytest.mark.heavy
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_every_line_of_curl_is_answered(service: Live, photos: Path) -> None:
    lines = block("bash").splitlines()
    assert len(lines) > 10
    with service.client() as client:
        id_ = client.wait(client.submit(photos / "photo.jpg", depth="fast")).id
        for line in lines:
            if "format=pdf" in line and not find_browser():
                continue
            command = line.split(" #")[0].replace(URL, service.url).replace("/ID", f"/{id_}").replace("=ID", f"={id_}")
            command = command.replace("curl ", "curl -sS --fail-with-body --max-time 60 ", 1)
            ran = subprocess.run(["bash", "-c", command], cwd=photos, capture_output=True, text=True, check=False)
            assert ran.returncode == 0, (line, ran.stdout, ran.stderr)
        assert 'lang="zh' in (photos / "report.html").read_text(encoding="utf-8")
        for job in client.jobs(state=["queued", "running"]):
            client.cancel(job.id)


@pytest.mark.heavy
def test_the_lines_of_python_run(
    service: Live, photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(photos)
    exec(compile(block("py").replace(URL, service.url), "service.md", "exec"), {})  # noqa: S102
    assert capsys.readouterr().out.split()[0] in ("forged", "genuine", "inconclusive")


def test_the_tests_that_prove_something_are_there() -> None:
    missing = []
    file = ""
    for place, name in re.findall(r"`([\w/]*test_\w+\.py|…)(?:::(test_\w+)…?)?`", SECURITY):
        file = place if place != "…" else file
        path = ROOT / "tests" / (file if "/" in file else f"server/{file}")
        if not path.is_file() or (name and f"def {name}" not in path.read_text(encoding="utf-8")):
            missing.append((file, name))
    assert missing == []
