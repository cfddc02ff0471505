# %% [markdown]
# # A detector trained on self-blends · 用自融合样本训练检测器
#
# No forgery was collected for this. A face is blended with a slightly changed copy of itself (Shiohara & Yamasaki
# 2022): what is left is what swaps have in
# common, an edge and two halves that do not quite agree. A small network learns to see that in a minute on one core.
#
# One portrait is all there is here, cut and lit in many ways. The network therefore learns this face; what it
# shows is that the *trace* can be learned from genuine
# pictures alone. `zhenwei train cnn.face_forgery` does it with thousands of people, and measures on others.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from zhenwei import faces, media
from zhenwei.forge.synthesis.self_blend import self_blend
from zhenwei.stats.metrics import auc

torch.manual_seed(0)
torch.set_num_threads(1)
folders = [Path.cwd(), *Path.cwd().parents]
root = next(folder for folder in folders if (folder / "examples" / "media").is_dir())
frames = tuple(media.sample_frames(media.open_media(root / "examples" / "media" / "astronaut.jpg"), 1))
(track,) = faces.find_people(frames)
face = track.faces[0]
pixels, landmarks = frames[0].pixels, face.landmarks
print(f"one face of {face.quality.face_px:.0f} px, {len(landmarks)} landmarks")

# %% [markdown]
# ## Pairs: genuine and forged, treated the same
#
# Whatever is done to the genuine crop is done to its forgery: else the network would learn the treatment.

# %%
SIDE = 96


def pair(rng):
    """A genuine crop and its self-blend, (96, 96, 3), with the mask."""
    forged = self_blend(pixels, landmarks, rng)
    box = face.box.expanded(0.25)
    left, top = int(box.left + rng.integers(-3, 4)), int(box.top + rng.integers(-3, 4))
    size = int(max(box.width, box.height))
    gain, turned = rng.uniform(0.9, 1.1), rng.random() < 0.5
    crops = []
    for source in (pixels, forged.pixels, (forged.mask * 255).astype(np.uint8)[..., None].repeat(3, axis=2)):
        crop = torch.from_numpy(source[top : top + size, left : left + size].copy()).permute(2, 0, 1)[None].float()
        crop = nn.functional.interpolate(crop, (SIDE, SIDE), mode="area")[0].permute(1, 2, 0).numpy()
        crops.append(crop[:, ::-1] if turned else crop)
    genuine, blended, mask = crops
    return np.clip(genuine * gain, 0, 255), np.clip(blended * gain, 0, 255), mask


genuine, blended, mask = pair(np.random.default_rng(4))
figure, axes = plt.subplots(1, 3, figsize=(7, 2.4))
for axis, crop, title in zip(axes, (genuine, blended, mask), ("genuine", "blended with itself", "mask"), strict=True):
    axis.imshow(crop.astype(np.uint8))
    axis.set_title(title, fontsize=8)
    axis.axis("off")
plt.show()

# %% [markdown]
# ## A small network that says where
#
# Masks come for free, so the network is taught where, not only whether: 12 x 12 cells, each asked how much of it
# was blended in. The score of a face
# is the mean of its most suspicious cells.


# %%
def batch(seeds):
    made = [pair(np.random.default_rng(seed)) for seed in seeds]
    images = np.stack([crop for genuine, forged, _ in made for crop in (genuine, forged)])
    masks = np.stack([crop[..., 0] for _, _, mask in made for crop in (0 * mask, mask)])
    targets = nn.functional.adaptive_avg_pool2d(torch.from_numpy(masks)[:, None] / 255, 12)
    return torch.from_numpy(images / 127.5 - 1).permute(0, 3, 1, 2).float(), targets.float()


layers = []
for inputs, outputs, stride in ((3, 24, 2), (24, 32, 2), (32, 48, 2), (48, 48, 1)):
    layers += [nn.Conv2d(inputs, outputs, 3, stride, 1), nn.GroupNorm(4, outputs), nn.ReLU()]
net = nn.Sequential(*layers, nn.Conv2d(48, 1, 1))
epochs, size = 18, 32
optimizer = torch.optim.AdamW(net.parameters(), 4e-3, weight_decay=1e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * (2 * 224 // size))
images, targets = batch(range(224))
for epoch in range(epochs):
    for rows in torch.randperm(len(images)).split(size):
        loss = nn.functional.binary_cross_entropy_with_logits(net(images[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    if epoch % 6 == 5:
        print(f"epoch {epoch + 1}: loss {loss:.3f}")

# %% [markdown]
# ## On blends that it never saw

# %%
unseen, truth = batch(range(1000, 1060))
with torch.no_grad():
    maps = net(unseen)[:, 0]
scores = maps.flatten(1).topk(14).values.mean(1).numpy()
forged = truth.flatten(1).sum(1).numpy() > 0
above = float((scores[1::2] > scores[::2]).mean())
print(f"AUC {auc(forged, scores):.3f}; a forgery scores above its own original in {above:.0%} of pairs")

figure, axes = plt.subplots(2, 4, figsize=(7, 3.6))
for column, place in enumerate((1, 3, 5, 7)):
    axes[0, column].imshow(((unseen[place].permute(1, 2, 0) + 1) / 2).numpy())
    axes[1, column].imshow(maps[place].sigmoid().numpy(), vmin=0, vmax=1)
    for axis in axes[:, column]:
        axis.axis("off")
plt.show()

# %% [markdown]
# Many of these blends are so slight that nobody sees them. On other people, other cameras and other codecs this
# network would be near chance: for that it
# takes the people, the cameras and the codecs. What a detector is worth is measured on *sources left out*.
