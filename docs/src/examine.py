# ruff: noqa: T201
import zhenwei

report = zhenwei.examine("examples/media/astronaut-forged.jpg")

print(report.verdict.decision)  # "forged", "genuine" or "inconclusive"
print(report.verdict.llr)  # > 0 speaks for forged; None if nothing could be said
print(report.verdict.explanation)
for evidence in report.evidence:
    print(evidence.detector, evidence.llr, evidence.finding, evidence.reason)
