"""The generative models before deep learning, each on data whose truth is known."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from docs.lecture.page import Bench, Check, Figure, Page
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import multivariate_normal

ORDER = 5
NEEDS_DATA = False
COUNT = {"cpu": 3000, "gpu": 30_000}
Reals = NDArray[np.float64]
CENTRES = np.array([[-3.0, 0.0], [2.0, 2.5], [2.0, -2.5]])
WEIGHTS = np.array([0.5, 0.3, 0.2])
SPREAD = np.array([[1.2, 0.5], [0.5, 0.6]])
LEVELS, STAY = np.array([-2.0, 0.0, 2.0]), 0.95
NAIVE_GAP, LINEAR_GAP = np.array([0.8, 0.5, 0.3]), np.array([1.0, 0.6])
LINEAR_SPREAD = np.array([[1.0, 0.6], [0.6, 1.0]])
SIDE, FLIPPED = 6, 0.05


@dataclass(frozen=True, slots=True)
class Sequence:
    """A hidden Markov chain as it was drawn, as a mixture without memory and as the model with memory read it."""

    seen: Reals
    truth: NDArray[np.int64]
    viterbi: NDArray[np.int64]
    right: float
    without_memory: float


def experiment(bench: Bench) -> Page:
    logging.getLogger("hmmlearn").setLevel(logging.ERROR)
    count, seed = COUNT[bench.profile], bench.seed
    mixture = _mixture(count, np.random.default_rng([seed, 0]))
    chain = _chain(count, np.random.default_rng([seed, 1]))
    naive = _naive_bayes(count, np.random.default_rng([seed, 2]))
    linear = _discriminant(count, np.random.default_rng([seed, 3]))
    machine = _boltzmann(count, np.random.default_rng([seed, 4]))
    _draw(bench, mixture, chain, machine)
    checks = (
        *_of_mixture(mixture),
        Check("HMM: hidden states found", chain.right, "> 0.9", chain.right > 0.9),
        Check("the same without memory (each value by itself)", chain.without_memory, "less", _less(chain)),
        *_of_classifier("naive Bayes", naive),
        *_of_classifier("LDA", linear),
        *_of_machine(machine),
    )
    protocol = {
        "data": f"drawn from known distributions, n = {count} to learn from and {count} held out, seed {seed}",
        "GMM": "3 normals in 2 dimensions, weights 0.5, 0.3, 0.2; scikit-learn GaussianMixture, 3 restarts",
        "HMM": f"3 states, each kept with {STAY}, levels -2, 0, 2, noise of deviation 1; hmmlearn GaussianHMM that "
        "begins with 0.8 to stay (from random transitions it ended in a maximum that finds a third of the states)",
        "naive Bayes": "3 independent normals a class; LDA: 2 that depend on each other, the same in both classes",
        "RBM": f"bars of {SIDE} x {SIDE} px, {FLIPPED:g} of pixels flipped; BernoulliRBM, 36 hidden units, 30 passes",
        "intervals": "none: one draw each; the tolerances hold over the seeds 1 to 5",
    }
    return Page(_TITLE, _LECTURE, _EQUATION, _BODY, checks, _FIGURES, protocol)


def _less(chain: Sequence) -> bool:
    return chain.without_memory < chain.right


# A mixture of normals, by expectation-maximisation.


@dataclass(frozen=True, slots=True)
class Mixture:
    """Held-out log-likelihoods a point in nats: of the mixture that was learned, one normal, and the truth."""

    points: Reals
    centres: Reals
    learned: float
    single: float
    truth: float


def _mixture(count: int, rng: np.random.Generator) -> Mixture:
    from sklearn.mixture import GaussianMixture

    def drawn() -> Reals:
        part = rng.choice(3, count, p=WEIGHTS)
        return CENTRES[part] + rng.multivariate_normal([0, 0], SPREAD, count)

    seen, held = drawn(), drawn()
    learned = GaussianMixture(3, n_init=3, random_state=0).fit(seen)
    single = GaussianMixture(1, random_state=0).fit(seen)
    density = sum(w * multivariate_normal(c, SPREAD).pdf(held) for w, c in zip(WEIGHTS, CENTRES, strict=True))
    return Mixture(held, learned.means_, learned.score(held), single.score(held), float(np.log(density).mean()))


def _of_mixture(mixture: Mixture) -> tuple[Check, ...]:
    gain, left = mixture.learned - mixture.single, mixture.truth - mixture.learned
    off = max(float(np.linalg.norm(mixture.centres - c, axis=1).min()) for c in CENTRES)
    return (
        Check("GMM over one normal, held out, nats a point", gain, "> 0.2", gain > 0.2),
        Check("what the GMM lacks to the truth, nats a point", left, "< 0.02", left < 0.02),
        Check("planted centres beside the learned, at most", off, "< 0.2", off < 0.2),
    )


# A hidden Markov model, by Baum and Welch.


def _chain(count: int, rng: np.random.Generator) -> Sequence:
    from hmmlearn.hmm import GaussianHMM
    from sklearn.mixture import GaussianMixture

    state = np.zeros(2 * count, np.int64)
    for k in range(1, len(state)):
        state[k] = state[k - 1] if rng.random() < STAY else (state[k - 1] + rng.integers(1, 3)) % 3
    values = (LEVELS[state] + rng.standard_normal(len(state)))[:, None]
    learned = GaussianHMM(3, n_iter=100, random_state=0, init_params="smc")
    learned.transmat_ = np.full((3, 3), 0.1) + 0.7 * np.eye(3)  # a random start ended in a maximum without order
    learned.fit(values[:count])
    plain = GaussianMixture(3, random_state=0).fit(values[:count])
    held, truth = values[count:], state[count:]
    found = np.argsort(np.argsort(learned.means_.ravel()))[learned.predict(held)]  # states are named by their level
    alone = np.argsort(np.argsort(plain.means_.ravel()))[plain.predict(held)]
    return Sequence(held.ravel(), truth, found, float((found == truth).mean()), float((alone == truth).mean()))


# Classifiers that model each class, against the best that is possible.


def _naive_bayes(count: int, rng: np.random.Generator) -> tuple[float, float]:
    """Accuracy held out, and the closed form's: two normals d apart are told apart in Phi(d / 2) of cases."""
    from sklearn.naive_bayes import GaussianNB

    def drawn() -> tuple[Reals, NDArray[np.int64]]:
        label = rng.integers(0, 2, count)
        return rng.standard_normal((count, 3)) + np.outer(label, 2 * NAIVE_GAP), label

    (seen, label), (held, truth) = drawn(), drawn()
    best = float(ndtr(np.linalg.norm(NAIVE_GAP)))
    return float(GaussianNB().fit(seen, label).score(held, truth)), best


def _discriminant(count: int, rng: np.random.Generator) -> tuple[float, float]:
    """As above, where distances are Mahalanobis' because the two dimensions depend on each other."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    def drawn() -> tuple[Reals, NDArray[np.int64]]:
        label = rng.integers(0, 2, count)
        noise = rng.multivariate_normal([0, 0], LINEAR_SPREAD, count)
        return noise + np.outer(label, 2 * LINEAR_GAP), label

    (seen, label), (held, truth) = drawn(), drawn()
    half = float(np.sqrt(LINEAR_GAP @ np.linalg.solve(LINEAR_SPREAD, LINEAR_GAP)))
    return float(LinearDiscriminantAnalysis().fit(seen, label).score(held, truth)), float(ndtr(half))


def _of_classifier(name: str, scores: tuple[float, float]) -> tuple[Check, ...]:
    got, best = scores
    return (Check(f"{name}: accuracy, held out", got, f"{best:.3f} (closed form) within 0.02", abs(got - best) < 0.02),)


# A restricted Boltzmann machine.


@dataclass(frozen=True, slots=True)
class Machine:
    """``pseudo``: log pseudo-likelihood a picture, held out, after each pass. Errors: mean square of reconstruction,
    by the machine and by the mean picture. ``shown``: pictures and what the machine makes of them."""

    pseudo: tuple[float, ...]
    error: float
    by_mean: float
    shown: tuple[Reals, Reals]


def _bars(count: int, rng: np.random.Generator) -> Reals:
    """``(count, SIDE * SIDE)`` of 0 and 1: one horizontal and one vertical bar, some pixels flipped."""
    images = np.zeros((count, SIDE, SIDE))
    at = np.arange(count)
    images[at, rng.integers(0, SIDE, count)] = 1
    images[at, :, rng.integers(0, SIDE, count)] = 1
    return np.abs(images - (rng.random(images.shape) < FLIPPED)).reshape(count, -1)


def _boltzmann(count: int, rng: np.random.Generator) -> Machine:
    from sklearn.neural_network import BernoulliRBM

    seen, held = _bars(count, rng), _bars(count, rng)
    machine = BernoulliRBM(36, learning_rate=0.05, batch_size=20, random_state=0)
    pseudo = []
    for _ in range(30):
        for start in range(0, count, 20):
            machine.partial_fit(seen[start : start + 20])
        pseudo.append(float(machine.score_samples(held).mean()))
    hidden = machine.transform(held)
    back = 1 / (1 + np.exp(-(hidden @ machine.components_ + machine.intercept_visible_)))
    by_mean = float(np.square(held - seen.mean(axis=0)).mean())
    return Machine(tuple(pseudo), float(np.square(held - back).mean()), by_mean, (held[:6], back[:6]))


def _of_machine(machine: Machine) -> tuple[Check, ...]:
    rise, share = machine.pseudo[-1] - machine.pseudo[0], machine.error / machine.by_mean
    return (
        Check("RBM: rise of the held-out pseudo-likelihood, nats a picture", rise, "> 1", rise > 1),
        Check("RBM: error of reconstruction, of the mean picture's", share, "< 0.5", share < 0.5),
    )


def _draw(bench: Bench, mixture: Mixture, chain: Sequence, machine: Machine) -> None:
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(10, 5.4), layout="constrained")
    (first, second), (third, fourth) = drawing.subplots(2, 2)
    first.plot(*mixture.points[:800].T, ".", color="#99a", markersize=3)
    first.plot(*mixture.centres.T, "x", color="#c44", markersize=10, markeredgewidth=2)
    first.set_title("GMM: held-out points and the centres it learned", fontsize=9)
    shown = slice(0, 200)
    second.plot(chain.seen[shown], ".", color="#99a", markersize=3)
    second.step(np.arange(200), LEVELS[chain.truth[shown]], "k", where="mid", linewidth=3, alpha=0.3, label="planted")
    second.step(np.arange(200), LEVELS[chain.viterbi[shown]], "#c44", where="mid", linewidth=1, label="found (Viterbi)")
    second.legend(fontsize=7)
    second.set_title("HMM: states behind what is seen", fontsize=9)
    third.plot(np.arange(1, len(machine.pseudo) + 1), machine.pseudo)
    third.set_title("RBM: log pseudo-likelihood, held out, after each pass", fontsize=9)
    rows = [np.hstack([np.pad(p.reshape(SIDE, SIDE), 1, constant_values=0.5) for p in part]) for part in machine.shown]
    fourth.imshow(np.vstack(rows), cmap="gray_r", vmin=0, vmax=1)
    fourth.set_axis_off()
    fourth.set_title("RBM: held-out pictures, and what comes back from its hidden units", fontsize=9)
    drawing.savefig(bench.out / "generative_models.png", dpi=80)


_FIGURES = (Figure("generative_models.png", "What three of the models made of data whose truth is known"),)
_TITLE = "Generative models before deep learning"
_LECTURE = (
    "The lecture's list of generative models: Gaussian mixture, hidden Markov model, naive Bayes, linear discriminant "
    "analysis, restricted Boltzmann machine."
)
_EQUATION = """
GMM          p(x) = sum_k  w_k N(x; m_k, S_k)
HMM          p(x, s) = p(s_1) prod_t p(s_t | s_t-1) N(x_t; m_s, v_s)
naive Bayes  p(x, y) = p(y) prod_i p(x_i | y);   LDA  p(x | y) = N(x; m_y, S);   best accuracy  Phi(d / 2)
RBM          p(v, h) ~ exp(a v + b h + h W v)
"""
_BODY = """
A generative model says how data came about; whoever has it can draw more of them. These five say it in a few numbers,
and are fitted in seconds. Here each of them gets data that were drawn from a known distribution, so that it can be said
whether it found the truth, and not only whether it looks well: the mixture is held against the true density, the hidden
states against the planted ones, the two classifiers against the accuracy that no classifier can beat. `d` is the
distance between the classes in deviations (Mahalanobis).

Mixtures and hidden Markov models carried speech synthesis for two decades; the networks of the pages that follow take
their place where faces and voices have too many dimensions for a formula.
"""
