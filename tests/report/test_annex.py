"""The examiner's annex: each method with the figures of its own calibration, in the language of the page."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from zhenwei.detectors import catalogue
from zhenwei.report.annex import methods
from zhenwei.types import Evidence, Language, Report


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_method_has_the_calibration_of_its_own_part(two_people: Report, language: Language) -> None:
    known = {id_: kind.info for id_, kind in catalogue().items()}
    evidence = tuple(Evidence(id_, 1.0, "Found.", counted=1.0) for id_ in known)
    told = {each.info.id: each.measured for each in methods(replace(two_people, evidence=evidence), known, language)}
    parts = [f"encoder.{name}" for name in ("blended", "animated", "generated")]
    parts += ["attention.manipulation_map", "warp.boundary", "warp.affine", "warp.self_blend"]
    assert len({told[id_] for id_ in parts}) == len(parts)
    assert not any("`" in text or re.match(r"\w+: C_llr", text) for text in told.values())
    calibrated = [text for text in told.values() if text]
    assert len(calibrated) > 15
    if language == "zh":
        assert [
            text for text in calibrated if "真实样本" not in text or re.search("[a-z]{4}", text.replace("C_llr", ""))
        ] == []
