from pathlib import Path

import zhenwei

report = zhenwei.examine("examples/media/astronaut-clip.mp4", options=zhenwei.Options(frames=16))

Path("report.html").write_text(zhenwei.to_html(report, "zh"), encoding="utf-8")
Path("report.json").write_text(zhenwei.to_json(report), encoding="utf-8")
