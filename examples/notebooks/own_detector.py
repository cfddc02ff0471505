# %% [markdown]
# # Evaluating a detector of your own · 评测自己的检测器
#
# Any model can be measured as zhenwei measures its own: write its scores into a table. Here the "model" is a toy
# (how much fine grain a picture has), the pictures
# are made on the spot, and a mistake is built in on purpose, which the evaluation finds.

# %%
import csv
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from zhenwei.evaluation.foreign_results import evaluate_scores
from zhenwei.evaluation.foreign_scores import read_scores

folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)


def picture(forged, grain):
    """Grain over a slope; forgeries have less of it."""
    slope = np.linspace(60, 190, 48)[None, :, None] + np.zeros((48, 48, 3))
    noise = rng.normal(0, grain * (0.75 if forged else 1.0), slope.shape)
    return np.clip(slope + noise, 0, 255).astype(np.uint8)


def score(pixels):
    """Less grain speaks for forged: the higher the score, the more suspicious."""
    luma = pixels.astype(float).mean(2)
    return -float(np.abs(luma[1:] - luma[:-1]).mean())


rows = []
for source, grain in (("studio", 6.0), ("phone", 10.0), ("street", 16.0)):
    for number in range(50):
        forged = number % 2 == 1
        pixels = picture(forged, grain * rng.uniform(0.85, 1.15))
        name = f"{source}-{number}.{'png' if forged else 'jpg'}"  # the mistake: forgeries are PNG, genuine ones JPEG
        Image.fromarray(pixels).save(folder / name)
        rows.append(
            {
                "path": name,
                "score": f"{score(pixels):.4f}",
                "label": "fake" if forged else "real",
                "source": source,
                "group": f"{source}-{number // 2}",
                "original": f"{source}-{number // 2}",
            }
        )
with (folder / "theirs.csv").open("w", newline="") as file:
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)

# %% [markdown]
# On the command line this is `zhenwei evaluate toy --scores theirs.csv --output results/`.

# %%
found = evaluate_scores("toy", read_scores(folder / "theirs.csv"))
figures = found.figures[0]
print(f"AUC of all files together {figures.auc:.3f}")
print(f"pair accuracy             {figures.pair_accuracy:.3f}")
print(f"C_llr                     {figures.c_llr:.3f}   (1 = says nothing)")
print(f"false alarms              {figures.false_alarms:.3f}")

# %% [markdown]
# A forgery scores above its own original nearly always, and yet C_llr is above 1: whoever uses these scores on a
# source that nothing was set on is worse off than
# without them.
#
# ## Source by source
#
# The figure of all files together mixes sources that differ in grain. Within a source the toy is good; across
# sources its threshold is worth little, which is what
# a calibration that never saw the source shows.

# %%
for row in found.by_source:
    if row.of == "source":
        own, others = row.auc_own.value, row.auc.value
        print(f"{row.name:8} AUC against its own genuine files {own:.3f}, against the others' {others:.3f}")
for one in found.over_sources:
    if one.of == "source":
        print(f"{one.figure:14} mean {one.mean.value:.3f}   worst {one.worst.value:.3f} ({one.worst_name})")

# %% [markdown]
# ## The probe
#
# Could the label be told without looking at the picture? Here it can: by the format.

# %%
for finding in found.findings:
    print("ok    " if finding.ok else "NOT OK", finding.check, "-", finding.text)
