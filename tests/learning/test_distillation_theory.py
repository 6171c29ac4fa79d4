"""Where privileged behaviour provably helps a student, where it provably does not, and how much of a gain is shrinkage (experiments E1 to E3).

E1 and E2 are exact; E3 is a toy with a teacher that is told the angle which drives a population, and controls that are told nothing of it.
"""

from __future__ import annotations

import numpy as np
import pytest

from neurodyn.regression.poisson import Rows, poisson_path

Array = np.ndarray


# -- E1: linear, an oracle teacher ------------------------------------------------------------------------------------


@pytest.mark.parametrize("repeats", [1000, pytest.param(4000, marks=pytest.mark.slow)])
def test_an_oracle_teacher_takes_the_noise_out_of_the_targets(repeats: int) -> None:
    """In-sample excess risk (σ_s² + σ_ε²) p / n on the data, σ_s² p / n on E[y | x, z]; a learned teacher lies close to the second."""
    n, p, signal_variance, noise_variance = 60, 20, 0.3, 1.0
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, p))
    hat = x @ np.linalg.pinv(x)
    mean = (x @ rng.normal(size=p))[:, None]
    signal = mean + np.sqrt(signal_variance) * rng.normal(size=(n, repeats))
    y = signal + np.sqrt(noise_variance) * rng.normal(size=(n, repeats))
    slope = (signal * y).sum(0) / (signal * signal).sum(0)  # the teacher that learned y from z = s, repeat by repeat
    risks = [float(np.square(hat @ target - mean).mean()) for target in (y, signal, slope * signal)]
    theory = [(signal_variance + noise_variance) * p / n, signal_variance * p / n]
    assert theory == pytest.approx([0.4333, 0.1000], abs=1e-4)
    assert risks[0] == pytest.approx(theory[0], rel=0.03)
    assert risks[1] == pytest.approx(theory[1], rel=0.03)
    assert theory[1] < risks[2] < theory[1] + 0.03


# -- E2: no gain from an over-fitted teacher of the same family -------------------------------------------------------


def test_an_unregularised_linear_teacher_teaches_exactly_the_data() -> None:
    """Its residuals are orthogonal to x, so X'y = X't: the student is the same whatever z holds."""
    rng = np.random.default_rng(1)
    x, z = rng.normal(size=(80, 10)), rng.normal(size=(80, 4))
    y = x @ rng.normal(size=(10, 6)) + z @ rng.normal(size=(4, 6)) + rng.normal(size=(80, 6))
    both = np.column_stack([x, z])
    taught = both @ np.linalg.lstsq(both, y, rcond=None)[0]
    alone, student = (np.linalg.lstsq(x, target, rcond=None)[0] for target in (y, taught))
    assert np.square(alone - student).mean() < 1e-26
    assert np.square(y - taught).mean() > 0.1, "the teacher did not merely repeat the data"


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_an_unregularised_poisson_teacher_teaches_exactly_the_data(seed: int) -> None:
    toy = Toy(250, seed)
    teacher = fitted(np.column_stack([toy.seen, toy.angle]), toy.y, penalty=1e-9)
    alone = fitted(toy.seen, toy.y, penalty=1e-9)
    student = fitted(toy.seen, teacher(np.column_stack([toy.seen, toy.angle])), penalty=1e-9)
    scores = [co_bps(toy.test_y, model(toy.test_seen)) for model in (alone, student)]
    assert abs(scores[0] - scores[1]) < 1e-4
    informed = fitted(toy.angle, toy.y, penalty=1e-9)  # limited to behaviour, it does help
    helped = fitted(toy.seen, informed(toy.angle), penalty=1e-9)
    assert co_bps(toy.test_y, helped(toy.test_seen)) > scores[0] + 0.05


# -- E3: a Poisson toy with controls ----------------------------------------------------------------------------------


class Toy:
    """Counts driven by one angle: 15 held-in and 30 held-out units; `n` training trials of one bin, many test trials."""

    def __init__(self, n: int, seed: int, test: int = 20_000) -> None:
        rng = np.random.default_rng(seed)
        theta = rng.uniform(0, 2 * np.pi, n + test)
        z = np.column_stack([np.cos(theta), np.sin(theta)])
        self.rates = np.exp(-1.2 + z @ (rng.normal(size=(2, 45)) / np.sqrt(2)))
        counts = rng.poisson(self.rates).astype(float)
        self.n, self.angle = n, z[:n]
        self.seen, self.y, self.true = counts[:n, :15], counts[:n, 15:], self.rates[:n, 15:]
        self.test_seen, self.test_y = counts[n:, :15], counts[n:, 15:]
        self.test_angle, self.test_true = z[n:], self.rates[n:, 15:]
        ring = rng.permutation(n)
        self.order = np.empty(n, int)
        self.order[ring] = np.roll(ring, 1)
        """Another trial for each, whose behaviour stands for shuffled behaviour."""


class Fitted:
    """log rate = x W + b."""

    def __init__(self, mean: Array, weights: Array, bias: Array) -> None:
        self.mean, self.weights, self.bias = mean, weights, bias

    def __call__(self, x: Array) -> Array:
        return np.exp((x - self.mean) @ self.weights + self.bias)


def fitted(x: Array, y: Array, penalty: float = 1.0) -> Fitted:
    """Poisson regression of rates or counts: summed Poisson loss + ½ penalty ‖W‖², the intercept free."""
    mean = x.mean(0)
    _, _, axes = np.linalg.svd(x - mean, full_matrices=False)
    ((_, weights, bias),) = poisson_path(Rows((x - mean) @ axes.T, y), [penalty], tolerance=1e-12)
    return Fitted(mean, axes.T @ weights, bias)


def co_bps(y: Array, rates: Array) -> float:
    """Bits per spike over each unit's mean."""
    null = y.mean(0)
    return float(((y * np.log(rates / null)).sum() - rates.sum() + y.sum()) / (np.log(2) * y.sum()))


def arms(n: int, seed: int) -> dict[str, float]:
    """Held-out bits per spike of every student; by the mixture identity, distilling at α is training on α y + (1 − α) λ_T."""
    toy = Toy(n, seed)
    teacher = fitted(toy.angle, toy.y)
    shuffled = fitted(toy.angle[toy.order], toy.y)
    flat = np.broadcast_to(toy.y.mean(0), toy.y.shape)
    targets = {
        "spikes": toy.y,
        "distilled": teacher(toy.angle),
        "half": (toy.y + teacher(toy.angle)) / 2,
        "oracle": toy.true,
        "shuffled": (toy.y + shuffled(toy.angle[toy.order])) / 2,
        "mean_rate": (toy.y + flat) / 2,
    }
    scores = {name: co_bps(toy.test_y, fitted(toy.seen, target)(toy.test_seen)) for name, target in targets.items()}
    scores["teacher"] = co_bps(toy.test_y, teacher(toy.test_angle))
    scores["true"] = co_bps(toy.test_y, toy.test_true)
    return scores


def averaged(n: int, seeds: range) -> dict[str, float]:
    found = [arms(n, seed) for seed in seeds]
    return {name: float(np.mean([each[name] for each in found])) for name in found[0]}


@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(8), marks=pytest.mark.slow)])
def test_with_many_trials_behaviour_helps_beyond_its_controls(seeds: range) -> None:
    for seed in seeds:
        found = arms(1000, seed)
        assert 0.020 < found["distilled"] - found["spikes"] < 0.038
        assert 0.015 < found["half"] - found["spikes"] < 0.030
        assert found["half"] > found["spikes"] > max(found["shuffled"], found["mean_rate"])
        assert found["true"] > found["teacher"] > found["oracle"] > found["distilled"]


@pytest.mark.parametrize("seeds", [range(3), pytest.param(range(8), marks=pytest.mark.slow)])
def test_with_few_trials_most_of_the_gain_is_shrinkage(seeds: range) -> None:
    """A teacher of shuffled behaviour and the mean rate give it too: no claim without those controls."""
    found = averaged(60, seeds)
    gain = found["half"] - found["spikes"]
    assert gain > 0.3
    assert found["shuffled"] - found["spikes"] > 0.8 * gain
    assert found["mean_rate"] - found["spikes"] > 0.8 * gain
    assert found["oracle"] > found["distilled"] > found["half"]
