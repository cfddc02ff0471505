# %% [markdown]
# # Seven families of methods on one picture · 一张图片上的七类方法
#
# The lecture sorts detection into seven families. Here each is asked about one picture (a marked forgery that
# comes with the repository), and
# what it measured is shown. `zhenwei tour` makes a page of the same, with a clip.

# %%
from pathlib import Path

import matplotlib.pyplot as plt

import zhenwei
from zhenwei.types import ImageExhibit

folders = [Path.cwd(), *Path.cwd().parents]
root = next(folder for folder in folders if (folder / "examples" / "media").is_dir())
picture = root / "examples" / "media" / "astronaut-forged.jpg"

report = zhenwei.examine(str(picture))
print(report.verdict.decision, f"LLR {report.verdict.llr:+.2f}")
print(report.verdict.explanation)

# %% [markdown]
# An LLR is the natural logarithm of a likelihood ratio: how many times likelier the evidence is for a forgery
# than for a genuine picture. Above 0 speaks for
# forged. Whoever has nothing to say abstains, with the reason.

# %%
names = {
    "traditional": "1 classical statistics",
    "cnn": "2 features that a network learned",
    "consistency": "3 consistency",
    "attention": "4 attention",
    "fingerprint": "5 fingerprints",
    "temporal": "6 behaviour over time (needs a clip)",
    "warp": "7 warping and blending",
}
for family, name in names.items():
    print(name)
    for evidence in report.evidence:
        if evidence.detector.startswith(f"{family}.") and evidence.asked:
            said = (
                f"{evidence.llr:+5.2f}  {evidence.finding}" if evidence.llr is not None else f"    –  {evidence.reason}"
            )
            print(f"   {evidence.detector:30} {said}")

# %% [markdown]
# Some show what they looked at. A map says where a detector found something; it is no outline of the forgery.

# %%
shown = []
for evidence in report.evidence:
    images = [exhibit for exhibit in evidence.exhibits if isinstance(exhibit, ImageExhibit)]
    if evidence.detector.split(".")[0] in names and images:
        shown.append((evidence.detector, images[0].pixels))
figure, axes = plt.subplots(1, min(5, len(shown)), figsize=(12, 3))
for axis, (detector, pixels) in zip(axes, shown, strict=False):
    axis.imshow(pixels)
    axis.set_title(detector, fontsize=8)
    axis.axis("off")
plt.show()

# %% [markdown]
# ## Together
#
# All detectors see the same pixels, so that they repeat each other. `counted` is what each adds once that was
# subtracted.

# %%
rows = [(e.detector, e.llr, e.counted) for e in report.evidence if e.llr is not None and e.counted is not None]
for detector, llr, counted in sorted(rows, key=lambda row: -abs(row[2])):
    print(f"{detector:30} alone {llr:+5.2f}   adds {counted:+5.2f}")
