"""The API against its own description, by requests that schemathesis makes up: no fault, only answers that it tells.

ZHENWEI_API_CASES: how many for each operation; 4 unless told, some hundred before a release
(``ZHENWEI_API_CASES=300 pytest tests/server/test_openapi.py``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("schemathesis", reason="schemathesis is not installed: pip install 'zhenwei[dev]'")

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from tests.hazard import draw
from tests.server.conftest import QUICK, Live, live

from zhenwei.report.printing import find_browser

CASES = int(os.environ.get("ZHENWEI_API_CASES", "4"))
_PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def known(plugin: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, list[str]]]:
    """A service with some examinations that are over, and their ids."""
    folder = tmp_path_factory.mktemp("known")
    with live(folder / "service") as made:
        with made.client() as client:
            damaged = folder / "damaged.png"
            damaged.write_bytes(_PNG + b"broken")
            files = [draw(folder, "calm", number) for number in range(3)] + [str(damaged)]
            jobs = [client.submit(file, detectors=QUICK["detectors"].split()) for file in files]
            for job in jobs:
                client.wait(job)
        yield made, [job.id for job in jobs]


def aimed(case: Any, id_: str) -> None:
    """At something that is there, and, of uploads, with a picture."""
    for place in (case.path_parameters, case.query):
        for name in ("id", "first", "second"):
            if place and name in place and case.operation.method == "get":
                place[name] = id_
    if isinstance(case.body, dict) and "file" in case.body:
        case.body["file"] = [_PNG] if isinstance(case.body["file"], list) else _PNG


@pytest.mark.heavy
def test_every_operation_answers_as_it_is_described(known: tuple[Live, list[str]]) -> None:
    """By description, so that one that breaks its promise hides no other."""
    service, ids = known
    described = schemathesis.openapi.from_url(f"{service.url}/api/v1/openapi.json")
    found: dict[str, str] = {}
    for each in described.get_all_operations():
        outcome: Any = each
        operation = outcome.ok()

        @settings(
            max_examples=CASES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(), id_=st.sampled_from(["", *ids]))
        def ask(case: Any, id_: str) -> None:
            if id_:
                aimed(case, id_)
            if case.query and case.query.get("format") == "pdf" and not find_browser():
                return  # 501
            # What is right in form may lead nowhere: a cursor of nothing, bytes that are no picture.
            case.call_and_validate(timeout=60, excluded_checks=[CHECKS.get_one("positive_data_acceptance")])

        try:
            ask()
        except schemathesis.errors.SchemathesisError as error:
            found[operation.label] = str(error)
        except schemathesis.core.failures.FailureGroup as group:
            found[operation.label] = "; ".join([f"{one.title}: {one.message}" for one in group.exceptions])
    assert found == {}
