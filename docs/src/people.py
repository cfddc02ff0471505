# ruff: noqa: T201
import zhenwei

report = zhenwei.examine("examples/media/astronaut.jpg")

for verdict in report.verdict.by_person:
    print(f"person {verdict.person}: {verdict.decision}, llr {verdict.llr}, wrong in {verdict.error_rate}")
for evidence in report.evidence:
    if evidence.llr is None:
        print(f"{evidence.detector} abstains: {evidence.reason}")
