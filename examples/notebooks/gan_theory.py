# %% [markdown]
# # The theory of GANs by toy experiments · 用玩具实验理解 GAN
#
# Goodfellow et al. (2014): a discriminator $D$ and a generator $G$ play for
# $V(D, G) = E_p \log D + E_q \log(1 - D)$. Three claims, each tried in seconds on one CPU core.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from zhenwei.forge.gan.losses import critic_logistic, generator_non_saturating

torch.manual_seed(0)
torch.set_num_threads(1)


def perceptron(inputs, outputs, width=48):
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, outputs),
    )


# %% [markdown]
# ## 1. The best discriminator is $p / (p + q)$
#
# Real is N(0, 1), drawn is N(1.5, 1). A small network learns to tell them; beside it stands the formula.

# %%
critic = perceptron(1, 1)
optimizer = torch.optim.Adam(critic.parameters(), 5e-3)
for _ in range(400):
    real, fake = torch.randn(512, 1), torch.randn(512, 1) + 1.5
    loss = critic_logistic(critic(real), critic(fake))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

x = np.linspace(-4, 6, 201)


def density(mean, width=1.0, at=x):
    return np.exp(-((at - mean) ** 2) / (2 * width**2)) / (width * math.sqrt(2 * math.pi))


p, q = density(0.0), density(1.5)
with torch.no_grad():
    learned = critic(torch.from_numpy(x).float()[:, None]).sigmoid().numpy().ravel()
plt.figure(figsize=(5, 2.5))
plt.plot(x, p / (p + q), label="p / (p + q)")
plt.plot(x, learned, "--", label="learned")
plt.legend()
plt.show()
seen = (p + q) > 0.05
print(f"largest difference where there are samples: {np.abs(learned - p / (p + q))[seen].max():.3f}")

# %% [markdown]
# ## 2. Its value is a divergence
#
# $V(D^*, G) = -2 \log 2 + 2\,\mathrm{JSD}(p, q)$: the better the generator, the nearer to $-2 \log 2 = -1.386$.

# %%
step = x[1] - x[0]
middle = (p + q) / 2
jsd = step * (np.sum(p * np.log(p / middle)) + np.sum(q * np.log(q / middle))) / 2
with torch.no_grad():
    real, fake = torch.randn(20000, 1), torch.randn(20000, 1) + 1.5
    value = critic(real).sigmoid().log().mean() + (1 - critic(fake).sigmoid()).log().mean()
print(f"by the formula {-2 * math.log(2) + 2 * jsd:.3f}, by the network {value:.3f}")

# %% [markdown]
# ## 3. Where p and q do not overlap, JSD has nothing to say - and the Wasserstein distance has
#
# Two narrow bumps a distance apart. JSD is log 2 as soon as they are apart, whatever the distance: no slope to
# learn from. The Wasserstein distance is the distance
# (Arjovsky et al. 2017).

# %%
distances = np.array([0.0, 0.05, 0.1, 0.5, 1.0, 2.0])
grid = np.linspace(-1, 4, 20001)
for distance in distances:
    a, b = density(0.0, 0.02, grid), density(distance, 0.02, grid)
    m = (a + b) / 2
    width = grid[1] - grid[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.nan_to_num(a * np.log(a / m)) + np.nan_to_num(b * np.log(b / m))
    wasserstein = width * np.abs(np.cumsum(a - b) * width).sum()
    print(f"distance {distance:4.2f}   JSD {width * parts.sum() / 2:.3f}   Wasserstein {wasserstein:.3f}")

# %% [markdown]
# ## 4. A ring of eight
#
# Does the generator reach all eight? Where it does not, its modes have collapsed: try a tenth of the steps, or a
# batch of 16.

# %%
angles = torch.arange(8) * (2 * math.pi / 8)
centres = torch.stack([angles.cos(), angles.sin()], 1)
generator, critic = perceptron(8, 2), perceptron(2, 1)
of_generator = torch.optim.Adam(generator.parameters(), 1e-3, betas=(0.5, 0.9))
of_critic = torch.optim.Adam(critic.parameters(), 1e-3, betas=(0.5, 0.9))
for _ in range(700):
    real = centres[torch.randint(8, (256,))] + 0.02 * torch.randn(256, 2)
    fake = generator(torch.randn(256, 8))
    loss = critic_logistic(critic(real), critic(fake.detach()))
    of_critic.zero_grad()
    loss.backward()
    of_critic.step()
    loss = generator_non_saturating(critic(generator(torch.randn(256, 8))))
    of_generator.zero_grad()
    loss.backward()
    of_generator.step()
with torch.no_grad():
    points = generator(torch.randn(1000, 8))
nearest = torch.cdist(points, centres)
hits = torch.bincount(nearest.argmin(1)[nearest.min(1).values < 0.2], minlength=8)
plt.figure(figsize=(3, 3))
plt.scatter(*points.T, s=2)
plt.scatter(*centres.T, marker="x")
plt.show()
print("points near each of the eight:", hits.tolist())
